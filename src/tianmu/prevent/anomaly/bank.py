"""Detectors of many datastreams, judged together in batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.prevent.anomaly.kernel import STRICTEST, judge
from tianmu.prevent.anomaly.layout import STRICT, Memory, memory
from tianmu.prevent.anomaly.policy import STRICTER

REASONS = (
    "", "warming up", "above", "below", "drifts up", "drifts down", "stuck", "no value", "late",
)  # fmt: skip
"""words for ``Judged.why``"""


@dataclass(frozen=True)
class Judged:
    """What a batch was found to be, shape (rows,) each."""

    score: NDArray[np.float64]
    """0–1: one less the probability of a value at least as unusual; nan without a value"""
    alarm: NDArray[np.uint8]
    """1 where it is to be told"""
    expected: NDArray[np.float64]
    """nan for the first value of a stream"""
    why: NDArray[np.uint8]
    """index into ``REASONS``"""


class Bank:
    """The detectors of ``n`` datastreams; ``per_week`` false alarms of each are tolerable."""

    def __init__(self, n: int, per_week: float = 1.0) -> None:
        self.memory: Memory = memory(n)
        self.per_week = per_week

    def judge(
        self, index: NDArray[np.uint32], time: NDArray[np.int64], value: NDArray[np.float64]
    ) -> Judged:
        """Judge and learn, in order; ``time`` in µs since 1970, by the clock that days and
        weeks are to be learnt by. Raises ``IndexError`` for a datastream that is not there, and
        nothing is learnt then."""
        rows, known = len(index), len(self.memory.exact)
        if rows and int(index.max()) >= known:
            raise IndexError(f"datastream {int(index.max())}: the bank has {known}")
        judged = Judged(
            np.empty(rows), np.empty(rows, np.uint8), np.empty(rows), np.empty(rows, np.uint8)
        )
        judge(
            self.memory.exact, self.memory.small, index, time, value,
            np.full(rows, float(self.per_week)), 0.0, False,
            judged.score, judged.alarm, judged.expected, judged.why, np.empty(rows),
        )  # fmt: skip
        return judged

    def found(self, datastream: int, real: bool) -> None:
        """What people found an alarm to be: a false one makes the next less easy, a real one
        easier again, for as long as an alarm of its own does."""
        strict = float(self.memory.small[datastream, STRICT])
        moved = strict - STRICTER if real else strict + STRICTER
        self.memory.small[datastream, STRICT] = min(max(moved, 0.0), STRICTEST)
