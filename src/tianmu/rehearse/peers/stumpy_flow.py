"""Run by stumpy's own Python: a matrix profile over a file of values, value by value."""

import copy
import json
import math
import sys
import time
from statistics import median
from typing import Any

import numpy as np
import stumpy

values = np.load(sys.argv[1])
STEP = float(values["step"])
WEEK = 7 * 86_400
WINDOW = 24
"""values that are compared as one shape"""
WARM = 576
CALM = 4
q = 1 - float(values["per_week"]) * STEP / WEEK


class Detector:
    """A value alarms where the shape that it ends is farther from all before than nearly any."""

    def __init__(self, first: Any) -> None:
        self.profile = stumpy.stumpi(np.array(first, float), m=WINDOW, egress=True)
        self.seen = [float(x) for x in self.profile.P_ if math.isfinite(x)]
        self.open = 0

    def step(self, value: float) -> bool:
        self.profile.update(value)
        far = float(self.profile.P_[-1])
        limit = np.quantile(self.seen, q)
        self.seen.append(far)
        if far > limit:
            begins = self.open == 0
            self.open = CALM
            return bool(begins)
        self.open = max(self.open - 1, 0)
        return False


def main() -> None:
    value, stream, row, length = (values[n] for n in ("value", "stream", "row", "length"))
    ends = np.cumsum(length)
    spoilt = values["spoilt"]
    false = done = 0
    delays = []
    Detector(value[0][:WARM]).step(0.0)  # compiles
    cpu, begin = 0.0, time.process_time()
    for s, one in enumerate(value):
        detector = Detector(one[:2016])
        at: dict[int, list[int]] = {}
        for fault in map(int, np.flatnonzero(stream == s)):
            at.setdefault(int(row[fault]), []).append(fault)
        for i in range(2016, len(one)):
            if i in at:
                cpu += time.process_time() - begin
                for fault in at[i]:
                    other = copy.deepcopy(detector)
                    for k, y in enumerate(spoilt[ends[fault] - length[fault] : ends[fault]]):
                        if other.step(float(y)):
                            delays.append(k)
                            break
                begin = time.process_time()
            false += detector.step(float(one[i]))
            done += 1
    cpu += time.process_time() - begin
    weeks = done * STEP / WEEK
    print(
        json.dumps(
            {
                "values": done, "cpu_seconds": cpu, "false_per_week": false / weeks,
                "found": len(delays) / len(stream), "delay": median(delays) if delays else 0,
            }
        )
    )  # fmt: skip


main()
