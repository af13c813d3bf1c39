"""From entries of topic ``case`` to messages: for receivers, and for who asks for changes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, select, tuple_

from tianmu.access.scope import Scope
from tianmu.command import delivery, number, provider
from tianmu.command.delivery import Delivery
from tianmu.command.message import Message, Teller, ends, parted, withdrawn
from tianmu.command.table import told as told_table
from tianmu.command.webhook import Webhook
from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import decode
from tianmu.facts.topic import CASE
from tianmu.manage.case.state import CaseState
from tianmu.manage.contact.ladder import STEP
from tianmu.manage.kept import table as case_table
from tianmu.manage.kept.ledger import decode_state
from tianmu.manage.kept.query import positions_of
from tianmu.store.journal.contract import Entry, Journal

log = logging.getLogger("tianmu.command")
CHUNK = 400
OVERTAKEN = "the ladder has gone on, was answered or has ended"
_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True)
class Read:
    """A batch of events with what is known of their cases now."""

    events: list[tuple[int, CaseEvent]]
    """each with its position"""
    states: dict[str, CaseState]
    numbers: dict[str, str]
    later: list[tuple[int, CaseEvent]]
    """events after the batch by which a department may lose a case, of those that one may have lost
    by the batch"""


@dataclass
class Made:
    deliveries: list[Delivery] = field(default_factory=list)
    told: set[tuple[str, int]] = field(default_factory=set)
    """(webhook, serial): from now on it knows of the case"""
    untold: set[tuple[str, int]] = field(default_factory=set)
    moved: list[tuple[int, str]] = field(default_factory=list)
    """(position of an event, ladder that moves or ends by it): what was to be sent for the ladder
    before that is not sent any more"""


def read(connection: Connection, entries: Sequence[Entry], journal: Journal) -> Read:
    """The events among the entries (of ``journal``), and the states of their cases."""
    events = _events(entries)
    names = sorted({event.case for _, event in events})
    states: dict[str, CaseState] = {}
    for start in range(0, len(names), CHUNK):
        serials = [case_table.serial_of(one) for one in names[start : start + CHUNK]]
        wanted = select(case_table.STATE).where(case_table.case.c.serial.in_(serials))
        for row in connection.execute(wanted).scalars():
            state = decode_state(row)
            states[state.case] = state
    numbers: dict[str, str] = {}
    orders = [order.order for state in states.values() for order in state.orders]
    for start in range(0, len(orders), CHUNK):
        numbers |= number.of(connection, orders[start : start + CHUNK])
    return Read(events, states, numbers, _losses_after(connection, journal, events, states))


def _events(entries: Sequence[Entry]) -> list[tuple[int, CaseEvent]]:
    events: list[tuple[int, CaseEvent]] = []
    for entry in entries:
        try:
            fact = decode(entry.payload)
        except msgspec.MsgspecError:
            log.exception(
                "the entry at %d of topic case cannot be read; nobody is told", entry.position
            )
            continue
        if isinstance(fact, CaseEvent):
            events.append((entry.position, fact))
    return events


def _losses_after(
    connection: Connection,
    journal: Journal,
    events: Sequence[tuple[int, CaseEvent]],
    states: Mapping[str, CaseState],
) -> list[tuple[int, CaseEvent]]:
    """What ``Read.later`` is. Only a case that has gone on since is read on."""
    last: dict[str, int] = {}
    for _, event in events:
        if event.case in last or _may_part(event):
            last[event.case] = event.sequence
    found: list[tuple[int, CaseEvent]] = []
    for case, sequence in last.items():
        if case not in states or states[case].version <= sequence:
            continue
        for position in positions_of(connection, case):
            if position > events[-1][0]:
                later = _events(journal.read(CASE.name, position - 1, entries=1))
                found += [(at, event) for at, event in later if _may_part(event)]
    return found


def _may_part(event: CaseEvent) -> bool:
    return bool(ends(event) or parted(event))


def known(connection: Connection, webhooks: Sequence[Webhook], found: Read) -> set[tuple[str, int]]:
    """(webhook, serial) of the cases of a batch that receivers were told of."""
    c = told_table.c
    serials = sorted({case_table.serial_of(case) for case in found.states})
    pairs: set[tuple[str, int]] = set()
    for start in range(0, len(serials), CHUNK):
        rows = connection.execute(
            select(c.webhook, c.serial).where(
                c.webhook.in_([one.webhook for one in webhooks]),
                c.serial.in_(serials[start : start + CHUNK]),
            )
        )
        pairs |= {(webhook, serial) for webhook, serial in rows}
    return pairs


def ladder(case: str, contact: str) -> str:
    """What a ladder is called in every case it goes over to (``manage/merging/bequest.py``)."""
    return contact if "-" in contact else f"{case}-{contact}"


def make(
    teller: Teller, webhooks: Sequence[Webhook], found: Read, before: set[tuple[str, int]], at: int
) -> Made:
    """The messages that a batch makes. Who was told of a case that is no longer theirs is told
    that, once."""
    made = Made()
    bodies: dict[tuple[int, str], bytes] = {}

    def add(one: Webhook, position: int, event: CaseEvent, kind: str, body: bytes) -> None:
        serial = case_table.serial_of(event.case)
        made.deliveries.append(
            delivery.of_event(one.webhook, serial, position, event.sequence, kind, body, at)
        )

    for position, event in found.events:
        state = found.states.get(event.case)
        if state is None:
            continue  # its case was rebuilt away: there is nothing to tell of
        serial = case_table.serial_of(event.case)
        if event.step == STEP:
            made.moved.append((position, ladder(event.case, event.data["contact"]["contact"])))
        elif not state.open and state.outcome != "merged":  # else its ladders have gone over
            made.moved += [(position, ladder(event.case, one.contact)) for one in state.contacts]
        call = provider.handed(event)
        for one in webhooks:
            if call is not None and one.webhook == call["via"]:
                made.deliveries.append(_summons(teller, one, position, event, state, call, at))
                continue
            if position <= one.since:
                continue
            scope, pair = teller.scope(one.department), (one.webhook, serial)
            step = event.step
            if teller.concerns(state, scope):
                if one.wants(step):
                    body = bodies.get((position, one.department))
                    if body is None:
                        message = teller.message(event, state, scope, found.numbers)
                        body = bodies[position, one.department] = _encode(message)
                    made.told.add(pair)
                    add(one, position, event, f"case.{step}", body)
                continue
            order = teller.left(event, state, scope)
            if pair in made.untold or not (order or pair in before or pair in made.told):
                continue
            if order is not None and one.wants(step):
                parting = teller.parting(event, state, order, found.numbers)
                add(one, position, event, parting.type, _encode(parting))
            if _lost_later(teller, found, position, state, scope):
                made.told.add(pair)  # by then it knows of the case, and is told that it is gone
            else:
                made.told.discard(pair)
                made.untold.add(pair)
                add(one, position, event, delivery.WITHDRAWN, _encode(withdrawn(event)))
    return made


def _lost_later(teller: Teller, found: Read, position: int, state: CaseState, scope: Scope) -> bool:
    """Whether by a later event, of the batch or after it, the case is gone from the scope: that one
    tells it."""
    return any(
        at > position and event.case == state.case and teller.lost(event, state, scope)
        for at, event in (*found.events, *found.later)
    )


def _summons(
    teller: Teller,
    webhook: Webhook,
    position: int,
    event: CaseEvent,
    state: CaseState,
    call: dict[str, Any],
    at: int,
) -> Delivery:
    """The message by which the gateway calls somebody; what a ladder calls by is overtaken by its
    next move."""
    asked = provider.summons(teller.city, event, state, call)
    serial = case_table.serial_of(event.case)
    made = delivery.of_event(
        webhook.webhook, serial, position, event.sequence, asked.type, _encode(asked), at
    )
    contact = event.data.get("contact")
    if contact is None:  # a plan that tells is overtaken by nothing
        return made
    name = ladder(event.case, contact["contact"])
    return msgspec.structs.replace(made, contact=name, until=contact.get("due", 0))


def keep(connection: Connection, made: Made, at: int) -> None:
    """Keep what was made, in the caller's transaction."""
    delivery.keep(connection, made.deliveries)
    for position, contact in made.moved:
        delivery.overtaken(connection, contact, position, OVERTAKEN, at)
    for pairs in (made.told, made.untold):
        for start in range(0, len(pairs), CHUNK):
            some = sorted(pairs)[start : start + CHUNK]
            connection.execute(
                told_table.delete().where(
                    tuple_(told_table.c.webhook, told_table.c.serial).in_(some)
                )
            )
    if made.told:
        connection.execute(
            told_table.insert(), [{"webhook": w, "serial": s} for w, s in sorted(made.told)]
        )


def changes(teller: Teller, found: Read, scope: Scope) -> list[Message]:
    """The messages of a batch for one scope: what its receiver would have been sent."""
    told: list[Message] = []
    for position, event in found.events:
        state = found.states.get(event.case)
        if state is None:
            continue
        if teller.concerns(state, scope):
            told.append(teller.message(event, state, scope, found.numbers))
        elif teller.lost(event, state, scope):
            if (order := teller.left(event, state, scope)) is not None:
                told.append(teller.parting(event, state, order, found.numbers))
            if not _lost_later(teller, found, position, state, scope):
                told.append(withdrawn(event))
    return told
