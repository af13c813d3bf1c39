"""How long messages of other bodies are kept: those that are over go after the pack's
``bulletin_days``, but for those that a case or a warning of ours cites, and what ended these."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tianmu.facts.bulletin import Bulletin
from tianmu.sense.cap.held import BULLETIN, PUBLIC_REFERENCE, REFERENCE
from tianmu.store.records import Transaction

DAY = 86_400_000_000
AT_ONCE = 500
"""messages looked at, and let go, in one commit"""

Cited = Callable[[Sequence[Bulletin], Sequence[str]], Collection[str]]
"""(messages, devices that say what holds) → names of those that must stay. Raises ``OSError`` where
that cannot be said now: then all do."""

_states = msgspec.msgpack.Decoder(Bulletin)


class Over(NamedTuple):
    """A message that is over."""

    over: int
    """µs"""
    serial: int
    ended_by: tuple[str, str]
    """what ended it for those who see all, and for the public; each may be empty"""
    bulletin: Bulletin

    @property
    def name(self) -> str:
        return f"b{self.serial}"


def over(connection: Connection, horizon: int, after: tuple[int, int] = (0, 0)) -> list[Over]:
    """Messages that are over since before ``horizon`` (µs), the oldest first, ``AT_ONCE`` at most,
    behind ``after`` (when it was over, serial)."""
    b = BULLETIN.c
    rows = connection.execute(
        sa.select(b.over, b.serial, b.ended_by, b.public_ended_by, b.state)
        .where(b.over < horizon, sa.tuple_(b.over, b.serial) > sa.tuple_(*after))
        .order_by(b.over, b.serial)
        .limit(AT_ONCE)
    )
    return [
        Over(at, serial, (by, public_by), _states.decode(state))
        for at, serial, by, public_by, state in rows
    ]


def let_go(tx: Transaction, serials: Sequence[int]) -> int:
    """Remove messages, and what they said of others; how many. The newest stays, so that no name is
    given twice."""
    newest = tx.connection.scalar(sa.select(sa.func.max(BULLETIN.c.serial)))
    serials = [one for one in serials if one != newest]
    names = [f"b{serial}" for serial in serials]
    for references in (REFERENCE, PUBLIC_REFERENCE):
        tx.connection.execute(sa.delete(references).where(references.c.by.in_(names)))
    gone = sa.delete(BULLETIN).where(BULLETIN.c.serial.in_(serials))
    return tx.connection.execute(gone).rowcount
