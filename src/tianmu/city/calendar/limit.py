"""A time limit in the units of the field's standards."""

from __future__ import annotations

from enum import StrEnum

import msgspec

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class LimitUnit(StrEnum):
    """How a limit's time runs. Natural time runs always; working time only in working hours."""

    MINUTE = "minute"
    """natural minutes"""
    URGENT_HOUR = "urgent_hour"
    """natural hours, nights and holidays included"""
    URGENT_DAY = "urgent_day"
    """24 natural hours"""
    NATURAL_DAY = "natural_day"
    """24 natural hours"""
    WORK_HOUR = "work_hour"
    """60 minutes inside working hours"""
    WORK_DAY = "work_day"
    """as many working hours as an ordinary working day has"""

    @property
    def working(self) -> bool:
        return self in (LimitUnit.WORK_HOUR, LimitUnit.WORK_DAY)


NATURAL: dict[LimitUnit, int] = {
    LimitUnit.MINUTE: MINUTE,
    LimitUnit.URGENT_HOUR: HOUR,
    LimitUnit.URGENT_DAY: DAY,
    LimitUnit.NATURAL_DAY: DAY,
}
"""µs in one of each natural unit."""


class Limit(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """``value`` of ``unit``. A value of 0 means at once."""

    value: float
    unit: LimitUnit
    basis: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.value < 100_000:
            raise ValueError(f"a limit of {self.value:g} is out of range: 0 … 100000")
