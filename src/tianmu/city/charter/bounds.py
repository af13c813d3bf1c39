"""What the city takes on at once: the pack's ``[asking]`` (of the past) and ``[taking]`` (of what
sources send)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader

FILE = "city.toml"
Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=1e9)]


class Asking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one question about the past may cost."""

    datastreams: Count = 200
    """asked for by name"""
    points: Count = 100_000
    """of all series of one answer, or rows of one table"""
    days: Count = 1098
    """span"""
    rows: Count = 50_000_000
    """read from files for one answer"""
    light: Count = 300_000
    """rows read up to which a question needs no turn"""
    apart: Count = 2_000_000
    """rows read up to which observations that count in no stretch are looked for"""
    each: Count = 3
    """heavy questions and exports of one account under way"""
    all: Count = 6
    """of all accounts"""
    seconds: Seconds = 15.0
    """until an answer that has not come is given up"""
    export_rows: Count = 20_000_000
    """of one file"""
    export_read: Count = 500_000_000
    """rows read from files for it"""
    stall_seconds: Seconds = 60.0
    """until an export that its reader does not take is given up"""
    basis: str = ""


class Taking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much sources may have on the way to disk, and how far readers may be behind."""

    messages: Count = 1024
    """under way at once, of all ordinary sources together; as many again of life-safety ones"""
    size_mib: Count = 192
    """of them, as sent"""
    reserve: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.25
    """of both, beyond them, for small messages of sources that have nothing under way"""
    small_kib: Count = 256
    """of those"""
    watch_s: Seconds = 20.0
    """seconds that the rules may be behind what is on disk before sources are slowed"""
    history_s: Seconds = 600.0
    """the same for history, which catches up after a burst"""
    basis: str = ""


def check(reader: PackReader, document: Document, asking: Asking, taking: Taking) -> None:
    """Faults of what can be read but cannot be meant."""
    for less, more in (("light", "rows"), ("each", "all"), ("rows", "export_read")):
        low, high = getattr(asking, less), getattr(asking, more)
        if low > high:
            reader.fault(
                FILE,
                document.line("asking", less),
                f"{less} is {low}, more than {more} ({high})",
                f"give {more} at least, or raise {more}",
            )
    if taking.small_kib > taking.size_mib << 10:
        reader.fault(
            FILE,
            document.line("taking", "small_kib"),
            f"a small message may have {taking.small_kib} KiB, all together {taking.size_mib} MiB",
            "give less than size_mib",
        )
