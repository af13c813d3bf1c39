"""Messages of other bodies as the API and push say them."""

from __future__ import annotations

import msgspec

from tianmu.facts.bulletin import Part
from tianmu.facts.text import Text
from tianmu.sense.cap.held import Standing
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.api.warnings.said import WarningAreaSaid
from tianmu.web.hub import Hub


class BulletinPart(msgspec.Struct, frozen=True, kw_only=True):
    """One danger that a message warns of."""

    event: str
    """code of the pack's event, or empty: it has none"""
    event_name: Text
    colour: str
    """empty: it names none, and its severity is none of the pack's"""
    colour_name: Text
    severity: str
    urgency: str
    certainty: str
    headline: Text
    description: Text
    instruction: Text
    start: Instant | None
    onset: Instant | None
    until: Instant | None
    divisions: list[str]
    """where it holds in the city; empty: nobody knows where"""
    areas: list[WarningAreaSaid]
    """as it told them"""


class BulletinSaid(msgspec.Struct, frozen=True, kw_only=True):
    bulletin: str
    source: str
    """who brought it"""
    source_name: Text
    sender: str
    sender_name: Text
    identifier: str
    sent: Instant | None
    received: Instant | None
    kind: str
    """``Alert``, ``Update``, ``Cancel``"""
    status: str
    public: bool
    restriction: str
    """for whom it is, where it is not for the public"""
    stage: str
    """``in_force``, ``ahead``, ``expired``, ``updated``, ``cancelled``; ``cancel``: it ends others
    itself"""
    ended_by: str
    public_until: Instant | None
    """until when it holds on for the public, where what ended it is not for the public"""
    note: str
    parts: list[BulletinPart]


def said(hub: Hub, one: Standing) -> BulletinSaid:
    told = one.bulletin
    source = hub.registry.sources.get(told.source)
    names = [part.sender_name for part in told.parts if part.sender_name]
    return BulletinSaid(
        bulletin=told.bulletin,
        source=told.source,
        source_name=source.name if source else {},
        sender=told.sender,
        sender_name=names[0] if names else {},
        identifier=told.identifier,
        sent=moment.say(told.sent),
        received=moment.say(told.received),
        kind=told.kind,
        status=told.status,
        public=told.public,
        restriction=told.restriction,
        stage=one.stage(hub.clock()),
        ended_by=one.ended_by,
        public_until=moment.say(one.on),
        note=told.note,
        parts=[_part(hub, part) for part in told.parts],
    )


def _part(hub: Hub, part: Part) -> BulletinPart:
    warnings = hub.city.warnings
    event, colour = warnings.events.get(part.event), warnings.colours.get(part.colour)
    return BulletinPart(
        event=part.event,
        event_name=event.name if event else part.event_name,
        colour=part.colour,
        colour_name=colour.name if colour else {},
        severity=part.severity,
        urgency=part.urgency,
        certainty=part.certainty,
        headline=part.headline,
        description=part.description,
        instruction=part.instruction,
        start=moment.say(part.start),
        onset=moment.say(part.onset),
        until=moment.say(part.until),
        divisions=list(part.divisions),
        areas=[
            WarningAreaSaid(name=one.name, code=one.code, rings=list(one.rings))
            for one in part.areas
        ],
    )
