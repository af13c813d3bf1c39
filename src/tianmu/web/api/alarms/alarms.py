"""Alarms: the list, one of them, what a person does to them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import Depends, Query

from tianmu.access.masking import mask_text
from tianmu.access.scope import Extent, Scope, covers, restrict
from tianmu.facts.deed import Deed
from tianmu.facts.origin import Origin
from tianmu.facts.text import Text
from tianmu.prevent.alarm import alarm as machine
from tianmu.prevent.alarm import table as alarm_table
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.alarm.table import ALARM
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Cursor, Limit, Page, bad_cursor
from tianmu.web.answer.place import PlaceSaid, department_name, division_name
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.cases.cases import cases_of
from tianmu.web.hub import Hub
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

routes = Routes("alarms")

MINUTE = 60_000_000
SHELVE_MOST = 7 * 24 * 60
"""minutes; a default, to be set by the city"""


class AlarmSaid(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm, from its rise to its return to normal."""

    alarm: str
    identity: str
    state: str
    priority: int
    """1 highest … 4 lowest"""
    severity: str
    rule: str
    text: Text
    device: str
    device_kind: str
    datastream: str
    value: float | None
    limit: float | None
    unit: str
    place: PlaceSaid
    division_name: Text | None
    department: str
    department_name: Text | None
    raised_at: Instant | None
    observed_at: Instant | None
    changed_at: Instant | None
    returned_at: Instant | None
    cleared_at: Instant | None
    acknowledged_at: Instant | None
    acknowledged_by: str | None
    shelved_until: Instant | None
    actor: str
    reason: str
    count: int
    chattering: bool
    grouped: str
    """the flood alarm it belongs to, or empty"""
    case: str | None
    source: str
    origin: str
    system: bool
    """of the platform itself, not of the city"""
    test: bool
    probe: str
    actions: list[str]
    """what its state allows; the account's permissions decide besides"""
    version: int


class AlarmStep(msgspec.Struct, frozen=True, kw_only=True):
    transition: str
    state: str
    before: str
    at: Instant | None
    actor: str
    reason: str
    until: Instant | None
    value: float | None


class AlarmRefusal(msgspec.Struct, frozen=True, kw_only=True):
    verb: str
    actor: str
    at: Instant | None
    why: str


class AlarmWhole(msgspec.Struct, frozen=True, kw_only=True):
    alarm: AlarmSaid
    transitions: list[AlarmStep]
    refusals: list[AlarmRefusal]
    """deeds that could not be done when their turn came"""


class AlarmDeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: str = ""
    minutes: Annotated[int, msgspec.Meta(ge=1, le=SHELVE_MOST)] | None = None
    """how long to shelve"""


class DeedTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The deed is on disk; its effect comes by push."""

    deed: str
    position: int
    """of topic deed"""


EXAMPLE = {
    "alarm": "a7c0",
    "identity": "smoke.fire@smoke-0001/state",
    "state": "unacknowledged",
    "priority": 1,
    "text": {"zh": "火警", "en": "Fire alarm"},
    "device": "smoke-0001",
    "raised_at": "2026-11-23T01:02:03.456Z",
}

DEEDS = {
    "acknowledge": "alarm.acknowledge",
    "reset": "alarm.acknowledge",
    "shelve": "alarm.shelve",
    "unshelve": "alarm.shelve",
    "suppress": "alarm.service",
    "unsuppress": "alarm.service",
    "remove_from_service": "alarm.service",
    "return_to_service": "alarm.service",
}
"""transition → permission"""
REASONED = frozenset({"shelve", "suppress", "remove_from_service"})


class Within(alarm_table.Scope, frozen=True, kw_only=True):
    """A question about alarms, within what an account sees."""

    within: Scope

    def where(self) -> list[sa.ColumnElement[bool]]:
        return [
            *super().where(),
            restrict(
                self.within,
                division=ALARM.c.division,
                departments=[ALARM.c.department],
                probe=ALARM.c.probe,
            ),
        ]


def extent(alarm: Alarm) -> Extent:
    """Where an alarm stands."""
    return Extent(alarm.division, (alarm.department,), alarm.probe)


def said(hub: Hub, alarm: Alarm, case: str | None) -> AlarmSaid:
    """An alarm as the API and push say it."""
    city = hub.city
    return AlarmSaid(
        alarm=alarm.alarm,
        identity=alarm.identity,
        state=alarm.state.value,
        priority=alarm.priority,
        severity=alarm.severity,
        rule=alarm.rule,
        text=alarm.text,
        device=alarm.device,
        device_kind=alarm.device_kind,
        datastream=alarm.datastream,
        value=alarm.value,
        limit=alarm.limit,
        unit=alarm.unit,
        place=PlaceSaid(
            longitude=alarm.longitude,
            latitude=alarm.latitude,
            precision=alarm.precision,
            division=alarm.division,
            address=alarm.address,
        ),
        division_name=division_name(city, alarm.division),
        department=alarm.department,
        department_name=department_name(city, alarm.department),
        raised_at=moment.say(alarm.raised_at),
        observed_at=moment.say(alarm.observed_at),
        changed_at=moment.say(alarm.changed_at),
        returned_at=moment.say(alarm.returned_at),
        cleared_at=moment.say(alarm.cleared_at),
        acknowledged_at=moment.say(alarm.acknowledged_at),
        acknowledged_by=alarm.acknowledged_by or None,
        shelved_until=moment.say(alarm.shelved_until),
        actor=alarm.actor,
        reason=mask_text(alarm.reason),
        count=alarm.count,
        chattering=alarm.chattering,
        grouped=alarm.grouped,
        case=case,
        source=alarm.source,
        origin=Origin(alarm.origin).value,
        system=alarm.system,
        test=alarm.test,
        probe=alarm.probe,
        actions=list(machine.permitted(alarm.state, shelvable=alarm.shelvable)),
        version=alarm.version,
    )


def saids(hub: Hub, alarms: Sequence[Alarm]) -> list[AlarmSaid]:
    """Alarms with the cases that hold them, asked for at once."""
    cases = cases_of(hub, "alarm", [one.alarm for one in alarms])
    return [said(hub, one, cases.get(one.alarm)) for one in alarms]


@routes(
    "GET",
    "/api/alarms",
    may="alarm.read",
    gives=Page[AlarmSaid],
    given={"items": [EXAMPLE], "next": None, "total": 1},
)
def list_alarms(
    ask: Asking,
    state: Annotated[str, Query(pattern="^(active|all)$")] = "active",
    priority: Annotated[int | None, Query(ge=1, le=4)] = None,
    division: str = "",
    department: str = "",
    device: str = "",
    rule: str = "",
    q: Annotated[str, Query(max_length=100)] = "",
    system: bool = True,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[AlarmSaid]:
    """Alarms in the account's scope: open ones by priority, or all, newest first."""
    hub = ask.hub
    question = Within(
        within=ask.who.scope,
        priority=priority,
        divisions=hub.below(division) if division else None,
        department=department,
        device=device,
        rule=rule,
        q=q,
        system=system,
    )

    def find(connection: sa.Connection) -> alarm_table.Page:
        if state == "active":
            return alarm_table.active(connection, question, cursor=cursor, limit=limit)
        return alarm_table.every(connection, question, cursor=cursor, limit=limit)

    try:
        found: alarm_table.Page = hub.ask("watch", find, alarm_table.Page([], None))
    except alarm_table.BadCursor as error:
        raise bad_cursor() from error
    return Page(items=saids(hub, found.items), next=found.next)


def _one(ask: Ask, name: str) -> Alarm:
    found: Alarm | None = ask.hub.ask("watch", lambda c: alarm_table.one(c, name), None)
    if found is None or not covers(ask.who.scope, extent(found)):
        raise not_found("alarm", name)
    return found


@routes("GET", "/api/alarms/{alarm}", may="alarm.read", gives=AlarmWhole)
def get_alarm(ask: Asking, alarm: str) -> Reply:
    """One alarm with all that happened to it."""
    hub = ask.hub
    found = _one(ask, alarm)
    steps = hub.ask("watch", lambda c: alarm_table.transitions(c, alarm), [])
    refused = hub.ask("watch", lambda c: alarm_table.refusals(c, alarm), [])
    whole = AlarmWhole(
        alarm=saids(hub, [found])[0],
        transitions=[
            AlarmStep(
                transition=one["transition"],
                state=one["state"],
                before=one["before"],
                at=moment.say(one["at"]),
                actor=one["actor"],
                reason=mask_text(one["reason"]),
                until=moment.say(one["until"]),
                value=one["value"],
            )
            for one in steps
        ],
        refusals=[
            AlarmRefusal(
                verb=one["verb"], actor=one["actor"], at=moment.say(one["at"]), why=one["why"]
            )
            for one in refused
        ],
    )
    return Reply(whole, etag=found.version)


def _do(ask: Ask, name: str, transition: str, body: AlarmDeed) -> Reply:
    hub = ask.hub
    found = _one(ask, name)
    ask.check_match(found.version)
    if transition in REASONED and not body.reason.strip():
        raise Problem(
            422, "reason-needed", f"to {transition} an alarm needs a reason", "say why in `reason`"
        )
    if transition == "shelve" and body.minutes is None:
        raise Problem(
            422, "invalid", "shelving needs an end", f"give `minutes`, 1 to {SHELVE_MOST}"
        )
    allowed = machine.permitted(found.state, shelvable=found.shelvable)
    if transition not in allowed:
        raise Problem(
            409,
            "not-permitted",
            f"{transition} is not possible in state {found.state.value}",
            f"possible now: {', '.join(allowed) or 'nothing'}",
        )
    now = hub.clock()
    data: dict[str, Any] = {}
    if body.minutes is not None and transition == "shelve":
        data = {"minutes": body.minutes, "until": now + body.minutes * MINUTE}
    deed = Deed(
        deed=uuid.uuid4().hex,
        verb=f"alarm.{transition}",
        object=name,
        actor=ask.who.account,
        at=now,
        reason=body.reason.strip(),
        data=data,
    )

    def write(tx: Transaction) -> int:
        ask.note(tx, deed.verb, name, reason=deed.reason, **data)
        return hub.deed(tx, deed)

    return Reply(DeedTaken(deed=deed.deed, position=hub.records.transact(write)), status=202)


def _add(transition: str, permission: str) -> None:
    def act(
        ask: Asking, alarm: str, body: Annotated[AlarmDeed, Depends(taken(AlarmDeed))]
    ) -> Reply:
        return _do(ask, alarm, transition, body)

    act.__name__ = f"{transition}_alarm"
    act.__doc__ = f"{transition.replace('_', ' ').capitalize()} an alarm."
    routes(
        "POST",
        f"/api/alarms/{{alarm}}/{transition}",
        may=permission,
        takes=AlarmDeed,
        gives=DeedTaken,
        status=202,
        example={"reason": "sensor is being serviced", "minutes": 30}
        if transition == "shelve"
        else {"reason": "seen on camera"},
    )(act)


for _transition, _permission in DEEDS.items():
    _add(_transition, _permission)
