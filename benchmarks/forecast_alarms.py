"""Alarms ahead on real streams: told before a limit is passed, at one tolerable false alarm a week.

``python benchmarks/forecast_alarms.py [--data DIR]``

The city's own code (``scenarios/foresight/alarm.py``) walks through hourly streams in the order of
time, a forecast of 24 hours every three hours, judged when its values have come. Streams as in
``forecast.py``; the limit is what 2 % of the first half of a stream reached, and only the second
half is walked through. A passing begins where a value reaches the limit and none of the 12 hours
before did; it counts as foretold where an alarm told before it stood when it came. Prints one JSON
object.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.forecast import DATA, STREAMS, column
from tianmu.prevent.forecast.outlook import outlook
from tianmu.prevent.forecast.walk import Course, Lead, walk
from tianmu.scenarios.folder.manifest import Forecast
from tianmu.scenarios.foresight import alarm as alarms
from tianmu.scenarios.foresight.table import METADATA, Kept
from tianmu.store.records import Records, Transaction

WARN = (0.5, 0.7)
APART = 12
"""hours below the limit after which reaching it is a new passing"""
AHEAD, EVERY = 24, 3
HOUR = 3_600_000_000
SHARE = 0.02
CHOSEN = {"air": ("TEMP", "PM2.5", "O3"), "load": ("non_shiftable_load",)}


def measure(value: np.ndarray) -> dict[str, dict[str, Any]]:
    """Figures of one stream, by the chance from which an alarm is told."""
    half = len(value) // 2
    limit = float(np.nanquantile(value[:half], 1 - SHARE))
    leads = walk(value, Course(24), range(1, AHEAD + 1), AHEAD, half)
    return {f"p {warn:g}": _played(value, half, limit, leads, warn) for warn in WARN}


def _played(
    value: np.ndarray, half: int, limit: float, leads: list[Lead], warn: float
) -> dict[str, Any]:
    asked = Forecast(
        code="trial", name={"en": "trial"}, kind="k", property="p", hours=AHEAD, rule="r",
        warn=warn, false_alarms_per_week=1.0,
    )  # fmt: skip
    origins = range(half, len(value) - AHEAD, EVERY)
    with tempfile.TemporaryDirectory() as folder, Records(Path(folder) / "works.sqlite") as records:
        records.create(METADATA)

        def play(tx: Transaction) -> None:
            waiting: list[Kept] = []
            for at in origins:
                now = at * HOUR
                while waiting and waiting[0].origin + AHEAD * HOUR <= now:
                    due = waiting.pop(0)
                    first = due.origin // HOUR
                    came = value[first : first + AHEAD]
                    alarms.judge(tx, "trial", asked, due, came, now)
                said = outlook(leads, at - 1, high=limit)
                kept = Kept(1, now, now, HOUR, said, None, limit, None)
                last = value[max(at - 3, 0) : at]
                last = last[np.isfinite(last)]
                newest = float(last[-1]) if len(last) else float("nan")
                alarms.tell(tx, "trial", asked, kept, newest, now)
                waiting.append(kept)

        records.transact(play)
        rows = records.read(lambda c: c.execute(alarms.ALARM.select()).all())
    judged = [row for row in rows if row.passed is not None]
    stood = [(row.told_at // HOUR, (row.ended_at or row.until) // HOUR) for row in rows]
    over = value >= limit
    begun = [
        t for t in range(half + APART, len(value)) if over[t] and not over[t - APART : t].any()
    ]
    leads_h = [
        t - max(told for told, end in stood if told <= t <= end)
        for t in begun
        if any(told <= t <= end for told, end in stood)
    ]
    weeks = (len(value) - half) / 168
    real = sum(row.passed for row in judged)
    return {
        "weeks": round(weeks, 1), "limit": round(limit, 2), "told": len(rows), "came_true": real,
        "false_per_week": round((len(judged) - real) / weeks, 2), "passings": len(begun),
        "foretold": len(leads_h),
        "foretold_share": round(len(leads_h) / len(begun), 2) if begun else None,
        "ahead_h_median": statistics.median(leads_h) if leads_h else None,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    found = {}
    for kind, columns in CHOSEN.items():
        path = given.data / STREAMS[kind][0]
        if not path.exists():
            print(f"{path} is not there: give its folder by --data", file=sys.stderr)
            return 2
        with path.open(encoding="utf-8") as text:
            rows = list(csv.DictReader(text))
        for one in columns:
            for how, figures in measure(column(rows, one)).items():
                found[f"{kind} {one}, {how}"] = figures
                print(f"{kind} {one}, {how}: {figures}", file=sys.stderr)
    print(json.dumps({"streams": found}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
