"""What gate could not place: kept, counted and offered, never dropped."""

from __future__ import annotations

from typing import Any

import msgspec


class Quarantined(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="bad/1"):
    """Input that could not be read, with its bytes."""

    quarantine: str
    at: int
    protocol: str
    source: str = ""
    peer: str = ""
    reason: str
    """what is wrong, where, and how to mend it"""
    offset: int = 0
    restricted: bool = False
    """whether its words, and so the reason, may not be for everybody who sees the quarantine"""
    payload: bytes = b""


class UnknownSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="unknown/1"):
    """A device nobody registered has spoken; its signals are held until somebody does."""

    unknown: str
    """the address it used"""
    at: int
    protocol: str
    source: str = ""
    peer: str = ""
    count: int = 1
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    """what it said last, and what it may be (kind, properties)"""
