"""Run by river's own Python: scores a file of values and prints what it found."""

import copy
import json
import math
import sys
import time
from statistics import median
from typing import Any

import numpy as np
from river import anomaly, compose, preprocessing, time_series

values = np.load(sys.argv[1])
way = sys.argv[2]
STEP = float(values["step"])
WARM = 576
"""values after which alarms count: two days, as with us"""
WEEK = 7 * 86_400
CALM = 4
"""scores below the threshold that end an alarm, as with us"""
q = 1 - float(values["per_week"]) * STEP / WEEK


class Detector:
    """A score for each value, and an alarm where it exceeds all but ``1 - q`` of those before."""

    def __init__(self) -> None:
        self.model: Any
        self.n = self.open = 0
        if way == "trees":
            self.model = anomaly.QuantileFilter(
                compose.Pipeline(
                    preprocessing.MinMaxScaler(),
                    anomaly.HalfSpaceTrees(seed=1, n_trees=25, height=8, window_size=250),
                ),
                q=q, protect_anomaly_detector=False,
            )  # fmt: skip
        else:
            self.model = time_series.HoltWinters(
                alpha=0.1, beta=0.001, gamma=0.1, seasonality=int(86_400 / STEP)
            )
            self.quantile = anomaly.GaussianScorer(grace_period=WARM)

    def step(self, value: float) -> bool:
        self.n += 1
        if way == "trees":
            hour = 2 * math.pi * (self.n * STEP % 86_400) / 86_400
            x = {"value": value, "sin": math.sin(hour), "cos": math.cos(hour)}
            score = self.model.score_one(x)
            far = self.model.classify(score)
            self.model.learn_one(x)
        else:
            far = False
            if self.n > 2 * int(86_400 / STEP):
                error = value - self.model.forecast(horizon=1)[0]
                score = self.quantile.score_one(None, error)
                far = score > q
                self.quantile.learn_one(None, error)
            self.model.learn_one(value)
        if self.n < WARM:
            return False
        if far:
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
    begin = time.process_time()
    cpu = 0.0
    for s, one in enumerate(value):
        detector = Detector()
        at: dict[int, list[int]] = {}
        for fault in map(int, np.flatnonzero(stream == s)):
            at.setdefault(int(row[fault]), []).append(fault)
        for i, x in enumerate(one):
            if i in at:
                cpu += time.process_time() - begin
                for fault in at[i]:
                    other = copy.deepcopy(detector)
                    for k, y in enumerate(spoilt[ends[fault] - length[fault] : ends[fault]]):
                        if other.step(float(y)):
                            delays.append(k)
                            break
                begin = time.process_time()
            false += detector.step(float(x))
            done += 1
    cpu += time.process_time() - begin
    weeks = value.size * STEP / WEEK
    print(
        json.dumps(
            {
                "values": done, "cpu_seconds": cpu, "false_per_week": false / weeks,
                "found": len(delays) / len(stream), "delay": median(delays) if delays else 0,
            }
        )
    )  # fmt: skip


main()
