"""From entries of topic ``warning`` to messages: what is published goes to every receiver that
wants it, whatever its department. A warning is for all."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from tianmu.command import delivery, table
from tianmu.command.delivery import Delivery
from tianmu.command.webhook import Webhook
from tianmu.facts.encoding import decode
from tianmu.facts.text import Text
from tianmu.facts.warning import Message, WarningEvent
from tianmu.manage.view import moment
from tianmu.store.journal.contract import Entry

log = logging.getLogger("tianmu.command")
EVENT = "warning"
"""what a receiver asks for to be told"""
_encode = msgspec.json.Encoder(order="deterministic").encode


class WarningTold(msgspec.Struct, frozen=True, kw_only=True):
    warning: str
    identifier: str
    number: int
    status: str
    event: str
    event_name: Text
    colour: str
    severity: str
    urgency: str
    certainty: str
    headline: Text
    description: Text
    instruction: Text
    onset: str | None
    expires: str | None
    divisions: list[str]
    areas: list[dict[str, Any]]
    """``name``, ``code``, ``rings`` (longitude, latitude)"""
    references: list[str]
    """identifiers of the messages before it"""
    note: str
    cap: str
    """path of the CAP document"""


class WarningMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a webhook (Standard Webhooks 1.0)."""

    type: str
    """``warning.alert``, ``warning.update``, ``warning.cancel``"""
    timestamp: str | None
    data: WarningTold


def became(connection: sa.Connection, warning: str) -> dict[int, dict[str, int]]:
    """Number of a published message → state → of how many receivers."""
    c = table.delivery.c
    found: dict[int, dict[str, int]] = {}
    for number, state, many in connection.execute(
        sa.select(c.sequence, c.state, sa.func.count())
        .where(table.OF_WARNING, c.serial == _serial(warning))
        .group_by(c.sequence, c.state)
    ):
        found.setdefault(number, {})[state] = many
    return found


def _serial(warning: str) -> int:
    """Below 0: cases have the serials above; those of one warning go out one after another."""
    return -int(warning.removeprefix("w"))


def make(webhooks: Sequence[Webhook], entries: Sequence[Entry], at: int) -> list[Delivery]:
    """The messages that entries of topic ``warning`` make."""
    made = []
    for entry in entries:
        try:
            event = decode(entry.payload)
        except msgspec.MsgspecError:
            log.exception(
                "the entry at %d of topic warning cannot be read; nobody is told", entry.position
            )
            continue
        if not isinstance(event, WarningEvent) or event.message is None:
            continue
        told = _told(event.warning, event.message)
        body = _encode(told)
        serial = _serial(event.warning)
        made += [
            delivery.of_event(
                one.webhook, serial, entry.position, event.message.number, told.type, body, at
            )
            for one in webhooks
            if one.wants(EVENT) and entry.position > one.since
        ]
    return made


def _told(warning: str, message: Message) -> WarningMessage:
    content = message.content
    return WarningMessage(
        type=f"warning.{message.kind.lower()}",
        timestamp=moment(message.sent),
        data=WarningTold(
            warning=warning,
            identifier=message.identifier,
            number=message.number,
            status=content.status,
            event=content.event,
            event_name=message.event_name,
            colour=content.colour,
            severity=message.severity,
            urgency=content.urgency,
            certainty=content.certainty,
            headline=content.headline,
            description=content.description,
            instruction=content.instruction,
            onset=moment(content.onset),
            expires=moment(content.expires),
            divisions=list(content.divisions),
            areas=[
                {"name": one.name, "code": one.code, "rings": one.rings} for one in message.areas
            ],
            references=[identifier for _, identifier, _ in message.references],
            note=message.note,
            cap=f"/api/warnings/cap/{message.identifier}.xml",
        ),
    )
