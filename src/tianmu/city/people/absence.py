"""Absences: who is away from when to when, why, and who stands in."""

from __future__ import annotations

import msgspec


class Absence(msgspec.Struct, frozen=True, kw_only=True):
    """``account`` is away. Why is personal: shown only to who writes the roster."""

    absence: int
    """number; of two that overlap the higher one counts"""
    account: str
    since: int
    until: int
    """µs; from ``since`` on, up to and without ``until``"""
    substitute: str = ""
    """account that stands in; empty: nobody does"""
    why: str = ""

    def covers(self, at: int) -> bool:
        return self.since <= at < self.until

    def meets(self, since: int, until: int) -> bool:
        return self.since < until and since < self.until
