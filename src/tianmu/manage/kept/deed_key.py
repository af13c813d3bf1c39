"""Deeds that may come twice: a phone that got no answer sends again, and it counts once.

Who makes a deed gives it a key. The key and what the deed did are one commit, so a deed is done
with its key kept, or neither; kept with it is what it was, so that a key used for two different
deeds is refused, and which versions of the case it stood between, so that whoever made several in
a row without a line knows whether somebody else came between them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    delete,
    insert,
    select,
)

from tianmu.facts.case import CaseEvent
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept.table import metadata
from tianmu.store.records import Transaction

KEPT = 30 * 86_400 * 1_000_000
"""µs for which a key is known: longer than any phone is away. It guards what is sent twice, and
shows nobody: no city need choose it."""
SKEW = 60 * 1_000_000
"""µs by which a told time may lie ahead of our clock and is taken for now"""

table = Table(
    "case_deed_key",
    metadata,
    Column("account", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("case", String, nullable=False),
    Column("before", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("case_deed_key_at", "at"),
)
"""not rebuilt from events: keys that came before a rebuild stay"""


AGAIN = frozenset(("note", "urge", "escalate"))
"""steps that may be taken again at once: a second one that says the same may be a second sending"""


class OtherDeed(ValueError):
    """The key was used before for another deed."""


@dataclass(frozen=True)
class Deed:
    """How a deed was sent."""

    key: str = ""
    """made by whoever sends it; empty: it is not sent twice"""
    done_at: int = 0
    """µs: when it was done, as told; 0: now"""
    beside: Callable[[Transaction], None] | None = None
    """what else is written in the commit of the deed, once it is done: the note in the audit trail.
    A crash leaves both or neither"""

    def write(self, tx: Transaction) -> None:
        if self.beside is not None:
            self.beside(tx)


@dataclass(frozen=True)
class Done:
    """What a deed did."""

    state: CaseState
    """the case as it is now"""
    before: int
    """version that the deed was done on"""
    version: int
    """version that it led to"""
    again: bool = False
    """it had been done before; nothing was done now"""


@dataclass(frozen=True, kw_only=True)
class Regrouped(Done):
    """What a merge, a split or an undo did; ``state`` is the case it was asked of."""

    other: CaseState
    """the case that the signals are in now, as it is now"""


def digest(*parts: Any) -> str:
    """What a deed is, to tell two apart."""
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def unnamed(
    connection: Connection, account: str, step: str, content: str, now: int, within: int
) -> Deed:
    """The key of a deed that came without one: its content, for so long (µs) as the same from the
    same account is taken for the same sent again."""
    if step not in AGAIN or within <= 0:
        return Deed()
    key = f"unnamed {content}"  # no key that is sent has a space
    mine = (table.c.account == account, table.c.key == key)
    connection.execute(delete(table).where(*mine, table.c.at < now - within))
    return Deed(key=key)


def known(
    connection: Connection, account: str, deed: Deed, content: str
) -> tuple[str, int, int] | None:
    """(case, before, version) of a deed that was done, or None. ``OtherDeed`` where its key was
    another deed's."""
    if not deed.key:
        return None
    c = table.c
    row = connection.execute(
        select(c.digest, c.case, c.before, c.version).where(c.account == account, c.key == deed.key)
    ).first()
    if row is None:
        return None
    if row.digest != content:
        raise OtherDeed(f"the key {deed.key!r} was used for another deed")
    return row.case, row.before, row.version


def sent_before(connection: Connection, account: str, key: str, case: str) -> bool:
    """Whether the account has done a deed of this key on the case."""
    c = table.c
    mine = (c.account == account, c.key == key, c.case == case)
    return connection.execute(select(c.version).where(*mine)).first() is not None


def keep(
    connection: Connection,
    account: str,
    deed: Deed,
    content: str,
    done: tuple[str, int, int],
    now: int,
) -> None:
    """Keep the key of what is done in this transaction (``done`` as ``known`` gives it back); let
    go of those that nobody sends again."""
    if not deed.key:
        return
    case, before, version = done
    connection.execute(
        insert(table).values(
            account=account,
            key=deed.key,
            digest=content,
            case=case,
            before=before,
            version=version,
            at=now,
        )
    )
    connection.execute(delete(table).where(table.c.at < now - KEPT))


def stamped(
    events: list[CaseEvent], actor: str, told: int, now: int, since: int
) -> list[CaseEvent]:
    """The events, the actor's first with ``done_at``: when it was done, as against when it came
    (its ``at``). A told time before the case was (``since``) or after ours is not believed: it is
    kept as ``told_at`` and changes nothing."""
    if not told:
        return events
    good = since - SKEW <= told <= now + SKEW
    mark = {"done_at": min(told, now)} if good else {"told_at": told}
    own = next((n for n, one in enumerate(events) if one.actor == actor), None)
    if own is None:
        return events
    marked = msgspec.structs.replace(events[own], data={**events[own].data, **mark})
    return [*events[:own], marked, *events[own + 1 :]]
