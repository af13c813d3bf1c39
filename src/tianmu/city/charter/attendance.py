"""How often control rooms are asked whether anybody is there (查岗): the pack's ``[attendance]``.
All figures are defaults, to be set by the city."""

from __future__ import annotations

import msgspec

from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader

FILE = "city.toml"
TABLE = "attendance"


class Attendance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Checks that nobody orders: their times are drawn anew each day, for each control room."""

    per_day: float = 0.0
    """of each control room on average; 0: only people ask"""
    minutes: int = 5
    """within which somebody has to answer (GB/T 26875.3-2011, type 91: 1 to 255)"""
    hours: tuple[float, float] = (0.0, 24.0)
    """of the day between which rooms are asked"""
    late_min: float = 30.0
    """what fell due while the city was down is asked after all where it is no older"""
    basis: str = ""


def check(reader: PackReader, document: Document, found: Attendance) -> None:
    """Faults of what can be read but cannot be meant."""
    for key, least, most in (("per_day", 0, 24), ("minutes", 1, 255), ("late_min", 0, 1440)):
        value = getattr(found, key)
        if not least <= value <= most:
            line = document.line(TABLE, key)
            reader.fault(FILE, line, f"{key} is {value:g}", f"give {least:g} to {most:g}")
    first, last = found.hours
    if not 0 <= first < last <= 24:
        line = document.line(TABLE, "hours")
        reader.fault(FILE, line, f"hours {first:g} to {last:g}", "give two hours, such as [0, 24]")
