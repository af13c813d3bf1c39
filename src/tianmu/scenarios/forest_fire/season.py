"""Days in their order, as a file without years tells them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from tianmu.scenarios.contract import BadInput

_YEARS = (2023, 2024)
"""an ordinary year and a leap year"""
BACK = 60
"""so many days back are no new year, but a wrong order"""


class Season:
    """Checks that rows of (``month``, ``day``) are days in order, and counts those left out.

    Raises ``BadInput`` where a day does not exist, or is the same as the one before it or a few
    weeks earlier: a file that is sorted wrong would give wrong codes without a word.
    """

    def __init__(self, month: NDArray[np.int64], day: NDArray[np.int64]) -> None:
        self.missing = 0
        self.first_missing = 0
        """the row before which the first day is missing"""
        before: tuple[int, int] | None = None
        for row, (m, d) in enumerate(zip(month.tolist(), day.tolist(), strict=True), 1):
            if before is not None and (m, d) == before:
                raise BadInput(
                    row, "day", "the same day as the row before", "give one row a day, of noon"
                )
            try:
                date(_YEARS[1], m, d)
            except ValueError:
                raise BadInput(row, "day", f"{m}-{d} is no day of a year", "correct it") from None
            if before is not None:
                self._count(before, (m, d), row)
            before = (m, d)

    def _count(self, before: tuple[int, int], now: tuple[int, int], row: int) -> None:
        """A new year may begin between two rows; of February it is not said how long it is."""
        gaps = []
        for year in _YEARS:
            try:
                first = date(year, *before)
                following = first + timedelta(days=1)
                if (following.month, following.day) == now:
                    return
                then = date(year, *now)
                gaps.append((then - first).days - 1)
            except ValueError:  # 29 February in an ordinary year
                continue
        gap = min(gaps) if gaps else 0
        if -BACK <= gap < 0:
            raise BadInput(
                row, "day", f"{now[0]}-{now[1]} comes after {before[0]}-{before[1]}",
                "sort the rows by their days",
            )  # fmt: skip
        self.missing += gap if gap > 0 else gap + 365
        self.first_missing = self.first_missing or row
