"""Warnings as the API and push say them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tianmu.access.scope import Extent
from tianmu.command import warned
from tianmu.facts.text import Text
from tianmu.facts.warning import Content, Message, Ring
from tianmu.prevent.warning import publish
from tianmu.prevent.warning.state import Warning
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.hub import Hub

Words = Annotated[str, msgspec.Meta(max_length=4000)]


class WarningAreaSaid(msgspec.Struct, frozen=True, kw_only=True):
    name: Text
    code: str
    """of the division, or empty: drawn within what is named"""
    rings: list[Ring]
    """longitude, latitude; outer outlines"""


class WarningContentSaid(msgspec.Struct, frozen=True, kw_only=True):
    event: str
    event_name: Text
    colour: str
    colour_name: Text
    level: Text
    severity: str
    """of CAP"""
    status: str
    urgency: str
    certainty: str
    headline: Text
    description: Text
    instruction: Text
    onset: Instant | None
    expires: Instant | None
    divisions: list[str]
    areas: list[WarningAreaSaid]
    source: str
    """``scenario:<id>``, ``case:<case>``, or sender and identifier of another body's message that
    it was drafted from; empty: none, or once published one that is not for the public"""
    restriction: str
    """of a draft: for whom that message is, where it is not for the public"""


class WarningPending(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a second person."""

    kind: str
    """``Alert``, ``Update`` or ``Cancel``"""
    content: WarningContentSaid
    note: str
    by: str
    by_name: str
    at: Instant | None


class WarningSent(msgspec.Struct, frozen=True, kw_only=True):
    """To how many of the systems that asked for warnings (webhooks) a message came."""

    done: int = 0
    waiting: int = 0
    """it is tried again"""
    dead: int = 0
    """given up: listed under *Connections* of `/admin`, until somebody sends it again"""
    discarded: int = 0


class WarningMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What was published."""

    number: int
    kind: str
    identifier: str
    sent: Instant | None
    colour: str
    headline: Text
    note: str
    drafted_by: Text
    confirmed_by: Text
    """offices"""
    alone: bool
    """one person did both, in an emergency"""
    cap: str
    """path of the CAP document: the same for ever"""
    national: str
    """path of it in the national format, empty where the pack has no codes for that"""
    sent_to: WarningSent | None = None
    """as it is when asked; for accounts that draft"""


class WarningItemSaid(msgspec.Struct, frozen=True, kw_only=True):
    warning: str
    version: int
    stage: str
    """``draft``, ``in_force``, ``expired``, ``cancelled``, ``dropped``"""
    content: WarningContentSaid
    """what holds; before anything does, what is drafted"""
    pending: WarningPending | None
    """for accounts that draft, and answer for all of where it would hold"""
    messages: list[WarningMessage]
    opened_at: Instant | None
    changed_at: Instant | None


class WarningWritten(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person writes of a warning."""

    event: str
    colour: str
    headline: dict[str, Words]
    """in every language of the city"""
    divisions: Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)]
    expires: Instant
    onset: Instant | None = None
    description: dict[str, Words] = {}
    instruction: dict[str, Words] = {}
    """left out: the pack's for this event"""
    status: str = "Actual"
    urgency: str = "Expected"
    certainty: str = "Likely"
    rings: Annotated[list[Ring], msgspec.Meta(max_length=20)] = []
    """drawn outlines, in place of those of the divisions"""
    source: Annotated[str, msgspec.Meta(max_length=100)] = ""
    restriction: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    """for whom the source is, where it is not for the public; of a message that is here it is known
    anyway"""
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """of an update: what is new"""


def content_of(told: WarningWritten) -> Content:
    """What was written, as it is kept. ``ValueError`` where a time is none."""
    return Content(
        event=told.event,
        colour=told.colour,
        status=told.status,
        urgency=told.urgency,
        certainty=told.certainty,
        headline={key: words.strip() for key, words in told.headline.items()},
        description=told.description,
        instruction=told.instruction,
        onset=moment.read(told.onset) if told.onset else 0,
        expires=moment.read(told.expires),
        divisions=tuple(dict.fromkeys(told.divisions)),
        rings=tuple(told.rings),
        source=told.source,
        restriction=told.restriction.strip(),
    )


def extent(hub: Hub, content: Content) -> Extent:
    """Whose a draft is: the smallest division that holds all that it names."""
    named = [_upward(hub, code) for code in content.divisions]
    shared = [code for code in named[0] if all(code in other for other in named[1:])]
    return Extent(shared[0] if shared else hub.city.root.code)


def _upward(hub: Hub, code: str) -> list[str]:
    """A division and those around it, the smallest first."""
    found: list[str] = []
    while code in hub.city.divisions:
        found.append(code)
        code = hub.city.divisions[code].parent
    return found


def said(hub: Hub, state: Warning, *, drafts: bool) -> WarningItemSaid:
    """A warning; ``drafts``: with what waits there."""
    last = state.messages[-1] if state.messages else None
    pending = state.pending if drafts else None
    names = hub.names_of({pending.by}) if pending else {}
    sent = None
    if drafts and state.messages:
        sent = hub.records.read(lambda c: warned.became(c, state.warning))
    return WarningItemSaid(
        warning=state.warning,
        version=state.version,
        stage=state.stage(hub.clock()),
        content=_published(last) if last else content_said(hub, state.content),
        pending=WarningPending(
            kind=pending.kind,
            content=content_said(hub, pending.content),
            note=pending.note,
            by=pending.by,
            by_name=names.get(pending.by, pending.by),
            at=moment.say(pending.at),
        )
        if pending
        else None,
        messages=[_message(one, sent) for one in state.messages],
        opened_at=moment.say(state.opened_at),
        changed_at=moment.say(state.changed_at),
    )


def _message(one: Message, sent: dict[int, dict[str, int]] | None) -> WarningMessage:
    """``sent``: number of a message → state → of how many receivers."""
    national = bool(one.national_event and one.national_sender)
    return WarningMessage(
        number=one.number,
        kind=one.kind,
        identifier=one.identifier,
        sent=moment.say(one.sent),
        colour=one.content.colour,
        headline=one.content.headline,
        note=one.note,
        drafted_by=one.drafted_office or one.sender_name,
        confirmed_by=one.confirmed_office or one.sender_name,
        alone=one.drafted_by == one.confirmed_by,
        cap=f"/api/warnings/cap/{one.identifier}.xml",
        national=f"/api/warnings/national/{one.identifier}.xml" if national else "",
        sent_to=None if sent is None else WarningSent(**sent.get(one.number, {})),
    )


def _published(one: Message) -> WarningContentSaid:
    content = one.content
    return WarningContentSaid(
        event=content.event,
        event_name=one.event_name,
        colour=content.colour,
        colour_name=one.colour_name,
        level=one.level,
        severity=one.severity,
        status=content.status,
        urgency=content.urgency,
        certainty=content.certainty,
        headline=content.headline,
        description=content.description,
        instruction=content.instruction,
        onset=moment.say(content.onset),
        expires=moment.say(content.expires),
        divisions=list(content.divisions),
        areas=[WarningAreaSaid(name=a.name, code=a.code, rings=list(a.rings)) for a in one.areas],
        source="" if content.restriction else content.source,
        restriction="",
    )


def content_said(hub: Hub, content: Content) -> WarningContentSaid:
    """A draft, with what the pack in force calls it."""
    told = hub.city.warnings
    kind, colour = told.events.get(content.event), told.colours.get(content.colour)
    known = all(code in hub.city.divisions for code in content.divisions)
    areas = publish.areas(hub.city, content) if known else ()
    return WarningContentSaid(
        event=content.event,
        event_name=kind.name if kind else {},
        colour=content.colour,
        colour_name=colour.name if colour else {},
        level=colour.level if colour else {},
        severity=colour.severity if colour else "Unknown",
        status=content.status,
        urgency=content.urgency,
        certainty=content.certainty,
        headline=content.headline,
        description=content.description,
        instruction=content.instruction or (kind.instruction if kind else {}),
        onset=moment.say(content.onset),
        expires=moment.say(content.expires),
        divisions=list(content.divisions),
        areas=[WarningAreaSaid(name=a.name, code=a.code, rings=list(a.rings)) for a in areas],
        source=content.source,
        restriction=content.restriction,
    )
