"""The questions of ``tianmu bench history``, asked in a process that has what hub has: the files,
the live columns and the registry of a city, read only.

    python -m tianmu.rehearse.past.questions DATA [COLD-QUESTION]

reads what to ask from standard input and prints times in ms, warm of all questions or cold of one:
then the pages of the city's files are dropped right before, after all that has to be imported.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tianmu.rehearse.past.build import MEMBERSHIP
from tianmu.store.history import History, Membership
from tianmu.store.history.manifest import DAY
from tianmu.store.history.rollup import MINUTE_US
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.last import last
from tianmu.store.live import Live
from tianmu.store.registry import Registry


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked about: ``days`` whole UTC days from ``start`` (µs); ``dense`` and ``sparse``
    are datastreams, those that speak once a minute and some of the others."""

    start: int
    days: int
    dense: list[int]
    sparse: list[int]
    repeats: int = 60
    seed: int = 1


class Past:
    """Everything opened, nothing read."""

    def __init__(self, data: Path, given: Given) -> None:
        self.given = given
        self.history = History(data)
        self.random = np.random.default_rng(given.seed)
        membership = Membership.load(data / MEMBERSHIP)
        commonest = np.bincount(membership.property).argmax()
        self.alike: NDArray[np.bool_] = membership.property == commonest
        self.live = Live.open_readonly(data)
        self.registry = Registry(data)
        journal = SqliteJournal(data)
        self.registry.refresh(journal)
        journal.close()

    def day(self) -> tuple[int, int]:
        start = self.given.start + int(self.random.integers(self.given.days)) * DAY
        return start, start + DAY

    @property
    def week(self) -> tuple[int, int]:
        return self.given.start, self.given.start + self.given.days * DAY

    # the questions of the contract

    def series_of_a_day(self) -> int:
        some = self.given.dense if self.random.random() < 0.5 else self.given.sparse
        return len(self.history.series(int(self.random.choice(some)), *self.day()))

    def minutes_of_100_series(self) -> int:
        some = self.random.choice(self.given.dense, min(100, len(self.given.dense)), replace=False)
        return len(self.history.windows(some, *self.day(), MINUTE_US))

    def exceedances_by_town(self) -> int:
        return int(self.history.exceedances("town", *self.week).count.sum())

    def top_20(self) -> int:
        return len(self.history.top(20, *self.week, self.alike))

    def last_values(self) -> int:
        return int((last(self.live, self.registry).count > 0).sum())

    # and besides: what is still being written

    def series_until_now(self) -> int:
        now = time.time_ns() // 1000
        some = self.given.dense if self.random.random() < 0.5 else self.given.sparse
        return len(self.history.series(int(self.random.choice(some)), now - DAY, now))

    def exceedances_until_now(self) -> int:
        end = (time.time_ns() // 1000 // DAY + 1) * DAY
        return int(self.history.exceedances("town", end - 7 * DAY, end).count.sum())

    def top_20_until_now(self) -> int:
        end = (time.time_ns() // 1000 // DAY + 1) * DAY
        return len(self.history.top(20, end - 7 * DAY, end, self.alike))


QUESTIONS: dict[str, Callable[[Past], int]] = {
    "one series over a day": Past.series_of_a_day,
    "minute means of 100 series over a day": Past.minutes_of_100_series,
    "exceedances per town over a week": Past.exceedances_by_town,
    "top 20 over a week": Past.top_20,
    "last value of all": Past.last_values,
    "one series, the last 24 hours": Past.series_until_now,
    "exceedances per town, the last 7 days": Past.exceedances_until_now,
    "top 20, the last 7 days": Past.top_20_until_now,
}
"""the first five are the contract's; the others reach into the day that is being written"""


def timed(past: Past, question: Callable[[Past], int]) -> tuple[float, int]:
    """ms, and rows of the answer."""
    began = time.perf_counter()
    rows = question(past)
    return (time.perf_counter() - began) * 1000, rows


def warm(past: Past) -> dict[str, dict[str, float]]:
    """Each question many times, with other series and days each time."""
    found: dict[str, dict[str, float]] = {}
    for name, question in QUESTIONS.items():
        for _ in range(3):
            timed(past, question)
        times, rows = zip(*(timed(past, question) for _ in range(past.given.repeats)), strict=True)
        found[name] = {
            "warm_p50_ms": round(statistics.median(times), 2),
            "warm_p95_ms": round(float(np.percentile(times, 95)), 2),
            "rows": max(rows),
        }
    return found


def drop_pages(data: Path) -> int:
    """Ask the kernel to forget what it read of history and registry; how many files."""
    files = [*data.glob("history/**/*.parquet"), *data.glob("registry/**/*.*")]
    for path in files:
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
    return len(files)


def main(arguments: list[str]) -> None:
    data = Path(arguments[0])
    past = Past(data, msgspec.json.decode(sys.stdin.buffer.read(), type=Given))
    answer: dict[str, Any]
    if len(arguments) > 1:
        import duckdb  # noqa: F401 - what hub has imported long ago
        import pyarrow.compute
        import pyarrow.parquet  # noqa: F401

        drop_pages(data)
        answer = {"cold_ms": round(timed(past, QUESTIONS[arguments[1]])[0], 2)}
    else:
        answer = {"questions": warm(past), "held_bytes": past.history.held_bytes}
    past.history.close()
    print(msgspec.json.encode(answer).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
