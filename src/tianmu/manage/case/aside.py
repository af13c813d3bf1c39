"""What side paths leave on a case: a longer limit asked for, supervision, an appeal. Plain data."""

from __future__ import annotations

import msgspec


class Extension(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A longer limit that a unit asks for: approved (``extend``) or refused by who commands."""

    order: str
    value: float
    unit: str
    by: str
    """account of whoever asked: it is not the one to approve"""
    at: int


class Supervision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A higher tier watches over the case (督办): its clock is ``supervise``."""

    tier: int
    by: str
    at: int
    due: int
    reason: str = ""


class Review(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One of the two reviews of an appeal."""

    by: str
    at: int
    result: str
    """``pass`` or ``fail``"""
    reason: str = ""


class Appeal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a department says against an overtime, once the case is closed; once per case."""

    unit: str
    by: str
    at: int
    due: int
    """by when the review that is waited for is due, 0 once it is decided"""
    reason: str
    orders: tuple[str, ...] = ()
    """its orders that were late"""
    reviews: tuple[Review, ...] = ()
    """the dispatcher's, then the acceptor's"""

    @property
    def state(self) -> str:
        """``dispatcher`` or ``acceptor`` while that review is waited for, ``approved``,
        ``refused``."""
        if any(one.result == "fail" for one in self.reviews):
            return "refused"
        return ("dispatcher", "acceptor", "approved")[len(self.reviews)]
