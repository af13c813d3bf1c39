"""How often and how long a case may leave its straight way: the pack's ``[side_paths]``.

All are defaults, to be set by the city, but the appeal against an overtime, whose shape (once,
after closing, two reviews) is the field's (DOMAIN.md §2.2 [S3]).
"""

from __future__ import annotations

import msgspec

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader

FILE = "city.toml"
TABLE = "side_paths"


class SidePaths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    returns_per_unit: int = 1
    """orders of one case that a department may return; after that it handles, or disputes"""
    returns_per_case: int = 3
    """orders of one case that all departments together may return"""
    extensions: int = 1
    """longer limits that one order may get"""
    ask_before_due: bool = True
    """a longer limit is asked for before the limit has passed, not afterwards"""
    suspensions: int = 2
    """times that a case may be suspended"""
    suspended: Limit = Limit(30, LimitUnit.NATURAL_DAY)
    """how long it stands still at most; then it goes on by itself"""
    run_on: tuple[str, ...] = ("supervise", "arrive")
    """clocks that a suspension does not stop"""
    supervise: Limit = Limit(2, LimitUnit.WORK_DAY)
    """by when a case under supervision has to be closed"""
    appeal_within: Limit = Limit(5, LimitUnit.WORK_DAY)
    """how long after closing an overtime may be appealed against"""
    appeal_review: Limit = Limit(2, LimitUnit.WORK_DAY)
    """by when each of the two reviews is due"""
    void_back: Limit = Limit(1, LimitUnit.WORK_DAY)
    """how long what was made void by mistake can be taken back, as it was; later it is reopened"""
    on_the_spot_m: float = 100.0
    """how far from the case's place somebody who checks it there may stand, beyond the imprecision
    of both"""
    basis: str = ""


CLOCKS = (
    "verify",
    "file",
    "dispatch",
    "accept",
    "handle",
    "extension",
    "arrive",
    "feed_back",
    "check",
    "supervise",
    "rule",
    "task",
    "fall",
)
"""clocks that a case can have"""


def check(reader: PackReader, document: Document, found: SidePaths) -> None:
    """Faults of what can be read but cannot be meant."""

    def fault(key: str, what: str, remedy: str) -> None:
        reader.fault(FILE, document.line(TABLE, key), what, remedy)

    for key in ("returns_per_unit", "returns_per_case", "extensions", "suspensions"):
        value = getattr(found, key)
        if not 0 <= value <= 100:
            fault(key, f"{key} is {value}", "give a count from 0 (never) to 100")
    for key in ("suspended", "supervise", "appeal_within", "appeal_review", "void_back"):
        if not getattr(found, key).value:
            fault(key, f"{key} has no length", "give a limit above 0")
    if not 0 < found.on_the_spot_m <= 5000:
        what = f"on_the_spot_m is {found.on_the_spot_m:g}"
        fault("on_the_spot_m", what, "give metres above 0, at most 5000")
    for name in found.run_on:
        if name not in CLOCKS:
            fault("run_on", f"{name!r} is no clock of a case", f"use of {', '.join(CLOCKS)}")
