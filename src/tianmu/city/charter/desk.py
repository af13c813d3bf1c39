"""How the desks of the city work: the pack's ``[desk]``. All figures are defaults, to be set by the
city."""

from __future__ import annotations

import msgspec

from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader

FILE = "city.toml"
TABLE = "desk"


class Desk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Command rooms, deeds on many cases at once, what counts as due soon."""

    room_level: int = 3
    """a case of this level or a graver one (1 is the gravest) has a command room by itself"""
    here_s: float = 30.0
    """seconds without a sign of life after which somebody has left a command room"""
    bulk_most: int = 50
    """cases that one deed may be done to at once"""
    again_s: float = 10.0
    """within so many seconds the same note, urging or raising by the same person, sent without a
    key, is the same sent again"""
    soon_share: float = 0.75
    """after this share of a limit it is due soon, where the level of the case names no share at
    which whoever is behind is urged (``remind_at``)"""
    basis: str = ""


def check(reader: PackReader, document: Document, found: Desk) -> None:
    """Faults of what can be read but cannot be meant."""
    for key, least, most in (
        ("room_level", 0, 5),
        ("here_s", 10, 600),
        ("bulk_most", 1, 500),
        ("again_s", 0, 600),
        ("soon_share", 0.1, 0.99),
    ):
        value = getattr(found, key)
        if not least <= value <= most:
            line = document.line(TABLE, key)
            reader.fault(FILE, line, f"{key} is {value:g}", f"give {least:g} to {most:g}")
