"""Messages to receivers: made once, tried until they are taken or given up, then looked at."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from tianmu.command.table import CALLING, OF_SUMMONS, SUMMONS
from tianmu.command.table import delivery as table

WITHDRAWN = "case.withdrawn"
"""type of the last message of a case to a department that it concerns no more"""
LATE = "it was not taken in time: nobody waits for an answer to it any more"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    delivery: str
    """its id: the same at every try"""
    webhook: str
    serial: int
    position: int
    sequence: int
    type: str
    body: bytes
    state: str = "waiting"
    made_at: int
    first_at: int = 0
    next_at: int = 0
    settled_at: int = 0
    attempts: int = 0
    status: int = 0
    error: str = ""
    reason: str = ""
    actor: str = ""
    contact: str = ""
    """of a summons: the ladder that calls, with the case it began in: it keeps its name where cases
    are merged"""
    until: int = 0
    """µs after which it is of no use, 0: always of use"""

    @property
    def summons(self) -> bool:
        return self.type in SUMMONS


class NoDelivery(LookupError):
    """There is none of this name in a state that allows it."""


def of_event(
    webhook: str, serial: int, position: int, sequence: int, type: str, body: bytes, at: int
) -> Delivery:
    """The one message of an event to a receiver: its id follows from both, so it is never made
    twice. That the case is withdrawn may follow another message of the same event."""
    return Delivery(
        delivery=f"msg_{webhook}_{position}{'w' if type == WITHDRAWN else ''}",
        webhook=webhook,
        serial=serial,
        position=position,
        sequence=sequence,
        type=type,
        body=body,
        made_at=at,
        next_at=at,
    )


def of_test(webhook: str, body: bytes, at: int) -> Delivery:
    """A message that tells of nothing."""
    return Delivery(
        delivery=f"msg_{webhook}_t{secrets.token_hex(6)}",
        webhook=webhook,
        serial=0,
        position=at,
        sequence=0,
        type="test",
        body=body,
        made_at=at,
        next_at=at,
    )


def of_trial(webhook: str, type: str, body: bytes, at: int, until: int) -> Delivery:
    """A summons that tells of no case, to see whether the gateway reaches somebody."""
    made = of_test(webhook, body, at)
    return msgspec.structs.replace(made, type=type, until=until)


def keep(connection: Connection, made: Iterable[Delivery]) -> None:
    rows = [msgspec.structs.asdict(one) for one in made]
    if rows:
        connection.execute(insert(table), rows)


def due(
    connection: Connection, webhook: str, now: int, most: int, besides: Collection[str]
) -> tuple[list[Delivery], int]:
    """What may be sent to a receiver now, without those in ``besides``, which are under way: of
    each case only its first that waits, and every summons, for persons do not wait for one another;
    and when the next one will be due, or of no use any more, 0 where none waits."""
    c, e, b = table.c, table.alias().c, table.alias().c
    under_way = sorted(besides)
    busy = select(b.serial).where(b.delivery.in_(under_way), b.type.not_in(SUMMONS))
    earlier = select(e.delivery).where(
        e.webhook == c.webhook,
        e.serial == c.serial,
        e.state == "waiting",
        e.type.not_in(SUMMONS),
        tuple_(e.position, e.delivery) < tuple_(c.position, c.delivery),
    )
    heads = and_(
        c.webhook == webhook,
        c.state == "waiting",
        c.delivery.not_in(under_way),
        or_(c.type.in_(SUMMONS), and_(c.serial.not_in(busy), ~earlier.exists())),
        or_(c.until == 0, c.until > now),
    )
    rows = connection.execute(
        select(table)
        .where(heads, c.next_at <= now)
        .order_by(c.next_at, c.position, c.delivery)
        .limit(most)
    ).mappings()
    found = [Delivery(**{**row}) for row in rows]
    later = connection.execute(select(func.min(c.next_at)).where(heads, c.next_at > now)).scalar()
    calls = select(func.min(c.until)).where(CALLING, c.webhook == webhook, c.until > now)
    end = connection.execute(calls).scalar()
    return found, min((int(at) for at in (later, end) if at), default=0)


def late(connection: Connection, now: int, webhook: str = "") -> bool:
    """Whether something waits that is of no use any more: for one receiver, or for any."""
    return (
        connection.execute(select(table.c.delivery).where(_late(now, webhook))).first() is not None
    )


def expire(connection: Connection, now: int, webhook: str = "") -> int:
    """What was not taken in its time is dead; how many."""
    return connection.execute(
        update(table).where(_late(now, webhook)).values(state="dead", settled_at=now, error=LATE)
    ).rowcount


def _late(now: int, webhook: str) -> ColumnElement[bool]:
    c = table.c
    which = [c.webhook == webhook] if webhook else []
    return and_(CALLING, c.until > 0, c.until <= now, *which)


def overtaken(connection: Connection, contact: str, before: int, reason: str, at: int) -> int:
    """Discard the summons of a ladder that wait and are older than the event at position
    ``before``; how many."""
    return connection.execute(
        update(table)
        .where(_ladder(contact, before))
        .values(state="discarded", settled_at=at, actor="@system", reason=reason)
    ).rowcount


def _ladder(contact: str, before: int) -> ColumnElement[bool]:
    c = table.c
    return and_(OF_SUMMONS, c.contact == contact, c.state == "waiting", c.position < before)


def note(connection: Connection, one: Delivery, **values: Any) -> None:
    """What became of a try; nothing where somebody has settled it meanwhile."""
    connection.execute(
        update(table)
        .where(table.c.delivery == one.delivery, table.c.state == "waiting")
        .values(**values)
    )


def listed(
    connection: Connection,
    webhook: str,
    state: str = "",
    before: tuple[int, str] | None = None,
    most: int = 100,
) -> list[Delivery]:
    """Messages to a receiver, newest first."""
    c = table.c
    wanted = select(table).where(c.webhook == webhook)
    if state:
        wanted = wanted.where(c.state == state)
    if before:
        wanted = wanted.where(tuple_(c.made_at, c.delivery) < tuple_(*before))
    wanted = wanted.order_by(c.made_at.desc(), c.delivery.desc()).limit(most)
    return [Delivery(**{**row}) for row in connection.execute(wanted).mappings()]


def get(connection: Connection, webhook: str, name: str) -> Delivery:
    row = (
        connection.execute(
            select(table).where(table.c.delivery == name, table.c.webhook == webhook)
        )
        .mappings()
        .first()
    )
    if row is None:
        raise NoDelivery(f"there is no delivery {name!r}")
    return Delivery(**{**row})


def counts(connection: Connection) -> dict[str, dict[str, int]]:
    """Receiver → state → how many."""
    c = table.c
    found: dict[str, dict[str, int]] = {}
    for webhook, state, many in connection.execute(
        select(c.webhook, c.state, func.count()).group_by(c.webhook, c.state)
    ):
        found.setdefault(webhook, {})[state] = many
    return found


def redeliver(
    connection: Connection, webhook: str, names: Collection[str], actor: str, at: int
) -> int:
    """Try dead letters again from the beginning, all of the receiver where ``names`` is empty; how
    many. They keep their ids, and their place before later ones of their case. A summons whose time
    is over stays dead."""
    c = table.c
    in_time = or_(c.until == 0, c.until > at)
    wanted = and_(c.webhook == webhook, c.state == "dead", in_time)
    if names:
        wanted = and_(wanted, table.c.delivery.in_(sorted(names)))
    return connection.execute(
        update(table)
        .where(wanted)
        .values(
            state="waiting",
            first_at=0,
            attempts=0,
            next_at=at,
            settled_at=0,
            actor=actor,
            reason="",
        )
    ).rowcount


def discard(
    connection: Connection, webhook: str, name: str, actor: str, reason: str, at: int
) -> None:
    """Give one up for good, dead or waiting; ``NoDelivery`` where it was settled before."""
    done = connection.execute(
        update(table)
        .where(
            table.c.webhook == webhook,
            table.c.delivery == name,
            table.c.state.in_(("dead", "waiting")),
        )
        .values(state="discarded", settled_at=at, actor=actor, reason=reason)
    ).rowcount
    if not done:
        raise NoDelivery(f"there is no delivery {name!r} that waits or is dead")


def forget(connection: Connection, before: int) -> int:
    """Let go of what was settled before then; dead letters stay until somebody decides."""
    return connection.execute(
        delete(table).where(table.c.state.in_(("done", "discarded")), table.c.settled_at < before)
    ).rowcount
