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
    """Checks that ``rows`` (from 1) of (``month``, ``day``) are days in order, and counts those
    left out.

    Raises ``BadInput`` where a day does not exist, or is the same as the one before it or a few
    weeks earlier: a file that is sorted wrong would give wrong codes without a word.
    """

    def __init__(
        self, month: NDArray[np.int64], day: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> None:
        self.missing = 0
        self.first_missing = 0
        """the row before which the first day is missing"""
        before: tuple[int, int] | None = None
        for m, d, row in zip(month.tolist(), day.tolist(), rows.tolist(), strict=True):
            if before is not None and (m, d) == before:
                raise BadInput(
                    row,
                    "day",
                    "the same day as the row before",
                    "give one row a day, of noon; name several stations in a column station",
                )
            try:
                date(_YEARS[1], m, d)
            except ValueError:
                raise BadInput(row, "day", f"{m}-{d} is no day of a year", "correct it") from None
            if before is not None:
                self._count(before, (m, d), row)
            before = (m, d)

    def _count(self, before: tuple[int, int], now: tuple[int, int], row: int) -> None:
        """A new year may begin between two rows; of a year it is not said how long it is."""
        gaps = []
        for year in _YEARS:
            try:
                first, then = date(year, *before), date(year, *now)
                following = first + timedelta(days=1)
            except ValueError:  # 29 February in an ordinary year
                continue
            if (following.month, following.day) == now:
                return
            back = (first - then).days
            if 0 < back <= BACK:
                raise BadInput(
                    row, "day", f"{now[0]}-{now[1]} comes after {before[0]}-{before[1]}",
                    "sort the rows by their days; name several stations in a column station",
                )  # fmt: skip
            length = 366 if year % 4 == 0 else 365
            gaps.append((-back if back <= 0 else length - back) - 1)
        self.missing += min(gaps, default=0)
        self.first_missing = self.first_missing or row
