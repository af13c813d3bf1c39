"""A contact ladder as its events leave it: who is being called, by what, since when. Plain data."""

from __future__ import annotations

import msgspec

CONTACT = "contact:"
"""clocks of contact ladders begin so: they wait for an answer, and are no limit of work either"""


class Contact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A contact ladder of the case, as its last move left it."""

    contact: str
    """name within the case: ``k1``, ``k2``…; ``c7-k1`` where it came with the merged case
    ``c7``"""
    ladder: str
    """code of the pack's ladder"""
    cause: str
    """``level`` or ``alarm``, or ``advice``: the rules ask for a graver level than a person has
    set"""
    since: int
    state: str = "running"
    """``running``, ``answered``, ``exhausted`` (nobody is left), ``replaced``, ``over`` (its case
    has ended, went back to filing, or is as grave no more as a merge had made it)"""
    unit: str = ""
    """department whose duty is being called"""
    account: str = ""
    """who is being called now"""
    post: str = ""
    rung: int = -1
    by: str = ""
    """means of the rung"""
    at: int = 0
    """so many persons of the unit were called"""
    units: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    """accounts that were called"""
    moved_at: int = 0
    due: int = 0
    """until when an answer is waited for"""
    answered_by: str = ""
    ended_at: int = 0
    strangers: bool = False
    """it is at its end because nobody on it has an account here, and nothing else is set"""

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def waits(self) -> bool:
        """Whether somebody still has to answer it."""
        return self.state in ("running", "exhausted")

    @property
    def clock(self) -> str:
        return f"{CONTACT}{self.contact}"
