"""Anomalies: where each kind's threshold stands and why, what was found, what people say of it."""

from __future__ import annotations

import math
import uuid
from typing import Annotated, Any

import msgspec
from fastapi import Depends

from tianmu.access.scope import covers
from tianmu.facts.deed import Deed
from tianmu.facts.finding import FOUND, MISSED, RULE
from tianmu.facts.text import Text
from tianmu.manage.kept import deed_key
from tianmu.prevent.alarm import table as alarm_table
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.anomaly import record
from tianmu.prevent.anomaly.policy import LAXEST, STRICTEST, WEEK, Policy, eased, rate
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.alarms import alarms
from tianmu.web.api.devices import devices
from tianmu.web.route.deed import deed_of, reused
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

routes = Routes("alarms")


class AnomalyPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How unusual a value must be to alarm, for the devices of one kind."""

    kind: str
    kind_name: Text
    properties: list[str]
    priority: int
    matter: str
    """an alarm opens a case of it; empty: listed only"""
    false_alarms_per_week: float
    """tolerable, of all devices of the kind together"""
    basis: str
    datastreams: int
    """learnt"""
    told_last_week: int
    told: int
    false: int
    real: int
    missed: int
    stricter: float
    """what alarms must be so many times rarer than the tolerable rate alone asks; below 1: less"""
    stricter_most: float
    stricter_least: float
    per_week: float
    """alarms a week of one datastream that its threshold is reckoned from now"""
    changed_at: Instant | None
    changed_by: str
    """what moved it last: ``told``, ``false``, ``real``, ``missed``; empty: nothing yet"""
    actor: str


class AnomalyPolicies(msgspec.Struct, frozen=True, kw_only=True):
    items: list[AnomalyPolicy]
    totals: dict[str, int]
    """observations since the data folder began: ``learnt``, ``late``, ``ahead``, ``bad``,
    ``no_room``"""


class AnomalySaid(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of the datastream of an alarm."""

    datastream: str
    since: Instant | None
    ended_at: Instant | None
    value: float | None
    expected: float | None
    low: float | None
    high: float | None
    chance: float
    why: str
    real: bool | None
    """what people found it to be; null: nobody has said"""
    judged_by: str
    judged_at: Instant | None


class Judgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    real: bool
    reason: str = ""


class Missing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    property: str
    reason: str = ""


@routes("GET", "/api/anomalies", may="alarm.read", gives=AnomalyPolicies)
def get_anomalies(ask: Asking) -> AnomalyPolicies:
    """Where the threshold of each kind stands, and why."""
    hub = ask.hub
    now = hub.clock()
    held: dict[str, Policy] = hub.ask("works", record.policies, {})
    learnt: dict[str, int] = hub.ask("works", record.learnt, {})
    lately: dict[str, int] = hub.ask("works", lambda c: record.told_since(c, now - WEEK), {})
    items = []
    for code, kind in hub.city.kinds.items():
        watched = [one.code for one in kind.properties.values() if one.anomaly]
        if not watched:
            continue
        asked = kind.anomaly
        policy = eased(held.get(code) or Policy(kind=code), now)
        streams = learnt.get(code, 0)
        items.append(
            AnomalyPolicy(
                kind=code,
                kind_name=kind.name,
                properties=watched,
                priority=asked.priority,
                matter=asked.matter,
                false_alarms_per_week=asked.false_alarms_per_week,
                basis=asked.basis,
                datastreams=streams,
                told_last_week=lately.get(code, 0),
                told=policy.told,
                false=policy.false,
                real=policy.real,
                missed=policy.missed,
                stricter=math.exp(policy.strict),
                stricter_most=math.exp(STRICTEST),
                stricter_least=math.exp(LAXEST),
                per_week=rate(policy, asked.false_alarms_per_week, streams),
                changed_at=moment.say(policy.changed_at),
                changed_by=policy.changed_by,
                actor=policy.actor,
            )
        )
    return AnomalyPolicies(items=items, totals=hub.ask("works", record.totals, {}))


@routes("GET", "/api/alarms/{alarm}/anomaly", may="alarm.read", gives=AnomalySaid)
def get_anomaly(ask: Asking, alarm: str) -> AnomalySaid:
    """What was found of an alarm of anomaly detection: what was expected, and how unusual it is."""
    _, found = _anomaly(ask, alarm)
    return AnomalySaid(
        datastream=found.datastream,
        since=moment.say(found.since),
        ended_at=moment.say(found.ended_at),
        value=found.value,
        expected=found.expected,
        low=found.low,
        high=found.high,
        chance=found.chance,
        why=found.why,
        real=found.real,
        judged_by=found.judged_by,
        judged_at=moment.say(found.judged_at),
    )


def _anomaly(ask: Ask, name: str) -> tuple[Alarm, record.Record]:
    hub = ask.hub
    alarm: Alarm | None = hub.ask("watch", lambda c: alarm_table.one(c, name), None)
    if alarm is None or not covers(ask.who.scope, alarms.extent(alarm)):
        raise not_found("alarm", name)
    if alarm.rule != RULE:
        raise Problem(
            409,
            "no-anomaly",
            f"alarm {name} is of the rule {alarm.rule}, not of anomaly detection",
            "rules are changed on their own page; only anomalies are judged real or false",
        )
    found: record.Record | None = hub.ask(
        "works", lambda c: record.latest(c, alarm.datastream, alarm.raised_at), None
    )
    if found is None:
        raise not_found("anomaly of the alarm", name)
    return alarm, found


@routes(
    "POST",
    "/api/alarms/{alarm}/found",
    may="alarm.acknowledge",
    takes=Judgement,
    gives=alarms.DeedTaken,
    status=202,
    example={"real": False, "reason": "the sensor was being cleaned"},
)
def judge_anomaly(
    ask: Asking, alarm: str, body: Annotated[Judgement, Depends(taken(Judgement))]
) -> Reply:
    """Say whether an alarm of anomaly detection was real or false: it moves the threshold of its
    datastream and of its kind. With an `Idempotency-Key` what is sent again takes effect once."""
    _, found = _anomaly(ask, alarm)
    data = {"datastream": found.datastream, "since": found.since, "real": body.real}
    return _done(ask, FOUND, alarm, body.reason, data)


@routes(
    "POST",
    "/api/devices/{device}/missed",
    may="alarm.acknowledge",
    takes=Missing,
    gives=alarms.DeedTaken,
    status=202,
    example={"property": "level", "reason": "the pump had failed since noon"},
)
def report_missed(
    ask: Asking, device: str, body: Annotated[Missing, Depends(taken(Missing))]
) -> Reply:
    """Say that anomaly detection should have told of a datastream and did not: it lowers the
    threshold of its kind. With an `Idempotency-Key` what is sent again takes effect once."""
    hub, index = ask.hub, devices.find(ask, device)
    kind = hub.city.kinds.get(hub.registry.kinds[hub.registry.kind[index]])
    known = kind.properties.get(body.property) if kind is not None else None
    names = {hub.registry.property_of(one) for one in hub.registry.datastreams_of(index)}
    if known is None or not known.anomaly or body.property not in names:
        raise Problem(
            422,
            "not-watched",
            f"{body.property} of {device} is not watched for anomalies",
            "say `anomaly = true` of the property in kinds.toml of the pack",
        )
    return _done(ask, MISSED, f"{device}/{body.property}", body.reason, {})


def _done(ask: Ask, verb: str, name: str, reason: str, data: dict[str, Any]) -> Reply:
    """Once for each Idempotency-Key: what is sent again is answered as it was."""
    hub, key, account = ask.hub, deed_of(ask), ask.who.account
    deed = Deed(
        deed=uuid.uuid4().hex,
        verb=verb,
        object=name,
        actor=account,
        at=hub.clock(),
        reason=reason.strip(),
        data=data,
    )
    content = deed_key.digest(verb, name, deed.reason, data)

    def write(tx: Transaction) -> tuple[str, int]:
        if before := deed_key.known(tx.connection, account, key, content):
            return before[0], before[2]
        ask.note(tx, verb, name, reason=deed.reason, **data)
        position = hub.deed(tx, deed)
        deed_key.keep(tx.connection, account, key, content, (deed.deed, 0, position), deed.at)
        return deed.deed, position

    try:
        made, position = hub.records.transact(write)
    except deed_key.OtherDeed as error:
        raise reused(error) from error
    return Reply(alarms.DeedTaken(deed=made, position=position), status=202)
