"""What is wrong in a file, by row and column, up to a bound."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

MOST = 100
"""faults that are told one by one; the rest are counted"""


@dataclass(frozen=True, order=True)
class Fault:
    """``row`` counts from 1, the first below the head; 0 is the head or the file itself."""

    row: int
    column: str
    what: str
    remedy: str

    def __str__(self) -> str:
        where = f"row {self.row}" if self.row else "the file"
        column = f", column {self.column}" if self.column else ""
        return f"{where}{column}: {self.what}: {self.remedy}"


@dataclass
class Faults:
    """Faults as they are found: the first ``MOST`` in full, all of them counted."""

    told: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, row: int, column: str, what: str, remedy: str) -> None:
        self.count += 1
        if len(self.told) < MOST:
            self.told.append(Fault(row, column, what, remedy))

    def many(self, rows: Iterable[int], count: int, column: str, what: str, remedy: str) -> None:
        """``count`` faults of one sort, the first of which are at ``rows``."""
        room = min(count, MOST - len(self.told))
        self.told += [Fault(row, column, what, remedy) for row in itertools.islice(rows, room)]
        self.count += count

    def __bool__(self) -> bool:
        return self.count > 0


class Unusable(ValueError):
    """The file cannot be read at all, or not beyond some row: says where, and how to mend it."""

    def __init__(self, row: int, column: str, what: str, remedy: str) -> None:
        self.fault = Fault(row, column, what, remedy)
        super().__init__(str(self.fault))
