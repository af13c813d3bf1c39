"""A unit as it was told of: where it is, what it does."""

from __future__ import annotations

import msgspec

STATUSES = ("free", "en_route", "on_site", "busy", "off_duty")


class UnitTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="unit/1"):
    """Times in µs. Only what was told stands in it: a place, a status, or both."""

    unit: str
    at: int
    received_at: int
    by: str
    """account that told it"""
    longitude: float | None = None
    latitude: float | None = None
    precision_m: float = 0.0
    """0: unknown"""
    status: str = ""
    """one of ``STATUSES``, empty: not told"""
