"""Gateways for messages and calls: a connection (webhook) of the city's SMS or voice gateway, named
for what it does. What a contact ladder hands over is sent to it like any other message: signed,
tried until it is taken, its dead letters visible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tianmu.access.masking import mask_text
from tianmu.city.city import City
from tianmu.command import table, webhook
from tianmu.facts.case import CaseEvent
from tianmu.facts.text import Text
from tianmu.facts.topic import CASE
from tianmu.manage.case.state import CaseState
from tianmu.manage.contact import notice
from tianmu.manage.contact.ladder import ADVICE, STEP
from tianmu.manage.contact.reach import HANDED
from tianmu.manage.kept.table import event as case_event
from tianmu.manage.kept.table import serial_of
from tianmu.manage.view import moment
from tianmu.manage.words import phrase
from tianmu.store.records import position_of

KINDS = ("message", "call")
provider = sa.Table(
    "contact_provider",
    table.metadata,
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("webhook", sa.String, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
)


class Summons(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway is asked: reach this person, with these words."""

    type: str
    """``contact.message`` or ``contact.call``"""
    case: str
    number: str
    contact: str
    level: str
    name: str
    phone: str
    """in clear: it is the gateway's work to call it"""
    unit: str
    post: str
    text: Text
    until: str | None
    """when the ladder goes on without an answer: later it need not be sent any more; none where a
    plan tells"""


def given(connection: Connection) -> dict[str, str]:
    """Kind → the connection that is set for it, on or off."""
    rows = connection.execute(sa.select(provider.c.kind, provider.c.webhook))
    return {row.kind: row.webhook for row in rows}


def ready(connection: Connection) -> Mapping[str, str]:
    """Kind → the connection that is set for it and is on."""
    found = given(connection)
    on = {one.webhook for one in webhook.listed(connection, on=True)} if found else set()
    return {kind: name for kind, name in found.items() if name in on}


def put(connection: Connection, wanted: Mapping[str, str], actor: str, at: int) -> None:
    """Set the gateways, whole; a kind that is not named has none. Raises ``NoWebhook``."""
    for name in wanted.values():
        webhook.get(connection, name)
    connection.execute(sa.delete(provider))
    rows = [
        {"kind": kind, "webhook": name, "at": at, "actor": actor}
        for kind, name in sorted(wanted.items())
    ]
    if rows:
        connection.execute(sa.insert(provider), rows)


def handed(event: CaseEvent) -> dict[str, Any] | None:
    """The rung of a ladder, or the person told by a plan, that an event hands to a gateway, if it
    does: at most one."""
    if event.step == notice.STEP:
        told: dict[str, Any] | None = event.data.get("try")  # none: gathered, told of later
        return told if told is not None and told["outcome"] == HANDED else None
    if event.step != STEP:
        return None
    tries = event.data.get("tries", ())
    return next((one for one in tries if one["outcome"] == HANDED), None)


def outcome(connection: Connection, via: str, case: str, sequence: int) -> str:
    """What became of what an event handed over: ``waiting``, ``done`` (the gateway took it),
    ``dead``, ``discarded``; ``unknown`` where nothing of it is kept: it was settled longer ago than
    the pack's ``keep_days``, or its connection was off when it was to be made."""
    c, serial = table.delivery.c, serial_of(case)
    asked = sa.select(c.state).where(
        table.OF_SUMMONS, c.webhook == via, c.serial == serial, c.sequence == sequence
    )
    state: str | None = connection.scalar(asked)
    if state is not None:
        return state
    e = case_event.c
    at = sa.select(e.position).where(e.serial == serial, e.sequence == sequence)
    read = position_of(connection, table.READER, CASE.name)
    return "unknown" if (connection.scalar(at) or 0) <= read else "waiting"


def trial(kind: str, name: str, phone: str, until: int) -> Summons:
    """A summons of nobody's case, to try a gateway with."""
    return Summons(
        type=f"contact.{kind}",
        case="",
        number="",
        contact="",
        level="",
        name=name,
        phone=phone,
        unit="",
        post="",
        text=phrase("contact.test"),
        until=moment(until),
    )


def summons(city: City, event: CaseEvent, state: CaseState, told: dict[str, Any]) -> Summons:
    """The words for the gateway; the number is looked up now, for it is kept in no event."""
    person = city.roster.person(told["account"])
    contact = event.data.get("contact", {"contact": "", "post": told.get("post", "")})
    title = {language: mask_text(words) for language, words in state.title.items()}
    words: dict[str, Any] = {"level": state.level, "title": title, "number": state.number}
    said = "message"
    if more := told.get("more", 0):
        said, words["more"] = "more", more
    elif contact.get("cause") == ADVICE and state.advised:
        said, words["level"] = "advised", city.profile.numbered(state.advised).name
    return Summons(
        type=f"contact.{told['by']}",
        case=event.case,
        number=state.number,
        contact=contact["contact"],
        level=state.level,
        name=told["name"],
        phone=person.phone if person else "",
        unit=told["unit"],
        post=contact.get("post", ""),
        text=phrase(f"contact.{said}", **words),
        until=moment(contact.get("due", 0)),
    )
