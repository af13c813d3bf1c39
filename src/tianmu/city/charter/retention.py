"""How long the past is kept: the pack's ``[retention]``."""

from __future__ import annotations

import msgspec

from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader

FILE = "city.toml"
TABLE = "retention"


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days from the end of a UTC day; 0 keeps for ever. The journal is kept for ``journal_hours``,
    and no longer than until it has ``journal_gb`` (10^9 bytes) in a lane's file."""

    raw_days: int = 180
    """observations as they came"""
    minute_days: int = 730
    hour_days: int = 0
    day_days: int = 0
    area_days: int = 0
    """hours and days by town, village, kind and department"""
    sighting_days: float = 2.0
    """pictures of recognised events that no alarm needed, and messages of recognisers that were
    refused, which have pictures too"""
    picture_days: float = 30.0
    """pictures of alarms that came to no case; what a case holds is kept with it"""
    bulletin_days: float = 400.0
    """messages of other bodies since they are over; those that a case or a warning cites stay"""
    patrol_days: float = 90.0
    """walks of people in the field, which show where they were"""
    journal_hours: float = 48.0
    journal_gb: float = 20.0
    basis: str = ""


def check(reader: PackReader, document: Document, found: Retention) -> None:
    """Faults of what can be read but cannot be meant."""

    def fault(key: str, what: str, remedy: str) -> None:
        reader.fault(FILE, document.line(TABLE, key), what, remedy)

    days = ("raw_days", "minute_days", "hour_days", "day_days", "area_days")
    for key in days:
        value = getattr(found, key)
        if value < 0:
            fault(key, f"{key} is {value}", "give days from 1, or 0 to keep for ever")
    if found.picture_days < 0:
        fault(
            "picture_days", f"picture_days is {found.picture_days:g}",
            "give days, or 0 to keep for ever: they may show people",
        )  # fmt: skip
    if found.bulletin_days and not 1 <= found.bulletin_days < 1e6:
        fault(
            "bulletin_days", f"bulletin_days is {found.bulletin_days:g}",
            "give days from 1, or 0 to keep for ever",
        )  # fmt: skip
    for key in ("journal_hours", "journal_gb", "sighting_days", "patrol_days"):
        value = getattr(found, key)
        if not 0 < value < 1e9:
            fault(key, f"{key} is {value:g}", "give more than 0: it cannot be kept for ever")
    finer, coarser = found.raw_days, found.hour_days
    if coarser and (finer == 0 or coarser < finer):
        fault(
            "hour_days",
            f"hours go after {coarser} days, before the observations they are made of",
            "keep them as long as raw_days at least, or 0 for ever",
        )
