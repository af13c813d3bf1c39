"""Rules as data: those in force, trying others, publishing them, going back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from fastapi import Depends

from tianmu.access.scope import Scope
from tianmu.facts.encoding import decode
from tianmu.facts.registry import RulesPublished
from tianmu.facts.topic import REGISTRY
from tianmu.prevent.rule.edition import heartbeats, parents, vocabulary
from tianmu.prevent.rule.reading import dump, load, read
from tianmu.prevent.rule.rule import AnyRule
from tianmu.prevent.rule.vocabulary import RuleError
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.problem import Fault, Problem, changed, not_found
from tianmu.web.devices.signs import device_mask
from tianmu.web.hub import Hub
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

if TYPE_CHECKING:
    from tianmu.prevent.kernel.trial import Series

routes = Routes("rules")

HOUR = 3_600_000_000
RAW_POINTS = 200_000
"""observations of one datastream up to which the past is played as it was; more than that in the
span are left out, and the count of observations says so"""


class VersionSaid(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    rules: int
    at: Instant | None
    actor: str
    reason: str


class RulesSaid(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    """0: the pack's defaults, nobody has published any"""
    at: Instant | None
    actor: str
    reason: str
    rules: list[dict[str, Any]]
    """the schema is told in docs/rules.md"""
    versions: list[VersionSaid]
    """all that were published, newest first; the last, 0, is the pack's own"""


class RulesAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rules: list[dict[str, Any]]
    """the whole set: what is left out is no longer in force"""
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=1000)]


class BackAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Annotated[int, msgspec.Meta(ge=0)]
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=1000)]


class TestAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rules: list[dict[str, Any]]
    hours: Annotated[float, msgspec.Meta(gt=0, le=24 * 31)] = 24.0
    """how far back"""
    devices: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    """at most so many devices of each kind"""


class RuleFault(msgspec.Struct, frozen=True, kw_only=True):
    rule: str
    field: str
    what: str
    remedy: str


class HeldSaid(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a condition would have held."""

    rule: str
    device: str
    property: str
    start: Instant | None
    end: Instant | None
    """null: it still held"""
    value: float | None


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    since: Instant | None
    until: Instant | None
    devices: int
    """that were looked at"""
    of_devices: int
    """that the rules are for"""
    observations: int
    alarms: int
    """there would have been"""
    alarms_in_force: int
    """there were in the same play by the rules now in force for the same kinds"""
    per_rule: dict[str, int]
    """how often each would have alarmed"""
    in_force: dict[str, int]
    """the same of the rules now in force"""
    held: list[HeldSaid]
    """the first 500 of them"""


class TestSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules would have done. ``tested`` is false where their form has faults."""

    faults: list[RuleFault]
    tested: bool
    result: TestResult | None = None


EXAMPLE = {
    "code": "gas.high",
    "name": {"zh": "燃气浓度高", "en": "Gas concentration high"},
    "kind": "gas",
    "property": "concentration",
    "type": "threshold",
    "direction": "high",
    "limit": 20.0,
    "deadband": 2.0,
    "on_delay_s": 5,
    "priority": 1,
}


def published(hub: Hub) -> list[RulesPublished]:
    """All rule sets ever published, oldest first."""
    journal = hub.journal()
    found: list[RulesPublished] = []
    after = 0
    try:
        while entries := journal.read(REGISTRY.name, after):
            for entry in entries:
                fact = decode(entry.payload)
                if isinstance(fact, RulesPublished):
                    found.append(fact)
            after = entries[-1].position
    finally:
        close = getattr(journal, "close", None)
        if close is not None:
            close()
    return found


def _said(hub: Hub) -> RulesSaid:
    held = hub.registrar.rules
    return RulesSaid(
        version=held.version if held else 0,
        at=moment.say(held.at) if held else None,
        actor=held.actor if held else "",
        reason=held.reason if held else "",
        rules=[dict(rule) for rule in (held.rules if held else hub.city.rules)],
        versions=[
            VersionSaid(
                version=one.version,
                rules=len(one.rules),
                at=moment.say(one.at),
                actor=one.actor,
                reason=one.reason,
            )
            for one in reversed(published(hub))
        ]
        + [VersionSaid(version=0, rules=len(hub.city.rules), at=None, actor="", reason="")],
    )


@routes("GET", "/api/rules", may="rule.read", gives=RulesSaid)
def get_rules(ask: Asking) -> Reply:
    """The rules in force, and all versions there were."""
    said = _said(ask.hub)
    return Reply(said, etag=said.version)


def _publish(ask: Ask, rules: list[dict[str, Any]], reason: str, verb: str) -> Reply:
    hub = ask.hub
    try:
        made = dump(load(rules, vocabulary(hub.city)))
    except RuleError as error:
        raise Problem(
            422,
            "rules-faulty",
            f"the rules have {len(error.faults)} faults: {error.faults[0]}",
            "mend them all and publish again; nothing was changed",
            faults=[
                Fault(where=f"rule {one.rule}: {one.field}", what=f"{one.what}: {one.remedy}")
                for one in error.faults[:200]
            ],
        ) from error
    given = ask.if_match()

    def make(tx: Transaction) -> RulesPublished:
        held = hub.registrar.rules
        version = held.version if held else 0
        if given is not None and given != version:
            raise changed(version, given)
        ask.note(tx, verb, str(version + 1), rules=len(made), reason=reason, before=version)
        return RulesPublished(
            version=version + 1,
            rules=tuple(made),
            at=hub.clock(),
            actor=ask.who.account,
            reason=reason,
        )

    hub.registrar.write(make)
    said = _said(hub)
    return Reply(said, etag=said.version)


@routes(
    "POST",
    "/api/rules/publish",
    may="rule.publish",
    takes=RulesAsked,
    gives=RulesSaid,
    example={"rules": [EXAMPLE], "reason": "limit lowered after the drill"},
)
def publish_rules(ask: Asking, body: Annotated[RulesAsked, Depends(taken(RulesAsked))]) -> Reply:
    """Put a whole rule set in force; all of it is checked first. `If-Match` guards the version."""
    return _publish(ask, body.rules, body.reason, "rule.publish")


@routes(
    "POST",
    "/api/rules/rollback",
    may="rule.publish",
    takes=BackAsked,
    gives=RulesSaid,
    example={"version": 3, "reason": "too many alarms"},
)
def roll_back_rules(ask: Asking, body: Annotated[BackAsked, Depends(taken(BackAsked))]) -> Reply:
    """Publish an earlier set again, as a new version; 0 is the pack's own set."""
    if body.version == 0:
        own = [dict(rule) for rule in ask.hub.city.rules]
        return _publish(ask, own, body.reason, "rule.rollback")
    earlier = next((one for one in published(ask.hub) if one.version == body.version), None)
    if earlier is None:
        raise not_found("version of the rules", str(body.version))
    return _publish(ask, [dict(rule) for rule in earlier.rules], body.reason, "rule.rollback")


def _past(
    hub: Hub, scope: Scope, kind: str, devices: int, since: int, until: int
) -> tuple[list[Series], int, int]:
    """The past of some devices of a kind, spread over all there are; how many were looked at, and
    how many there are."""
    from tianmu.prevent.kernel.trial import Series

    registry = hub.registry
    if hub.history is None or kind not in registry.kinds:
        return [], 0, 0
    wanted = registry.columns.kind == list(registry.kinds).index(kind)
    seen = device_mask(hub, scope)
    mine = np.flatnonzero(wanted if seen is None else wanted & seen)
    chosen = mine[np.linspace(0, len(mine) - 1, min(devices, len(mine)), dtype=np.int64)]
    found = []
    for index in chosen.tolist():
        division = registry.divisions[registry.columns.division[index]]
        for stream in registry.datastreams_of(index):
            series = hub.history.series(stream, since, until, RAW_POINTS)
            if not series.raw or not len(series):
                continue
            found.append(
                Series(
                    device=registry.device_id(index),
                    kind=kind,
                    property=registry.property_of(stream),
                    time=series.time,
                    value=series.value,
                    division=division,
                    quality=series.quality,
                )
            )
    return found, len(chosen), len(mine)


def play(hub: Hub, scope: Scope, rules: list[AnyRule], hours: float, devices: int) -> TestSaid:
    """The past played to the rules, and to those in force for the same kinds."""
    # the kernels are compiled code that hub needs for nothing else: loaded when first asked for
    from tianmu.prevent.kernel.trial import run_trial

    until = hub.clock()
    since = until - round(hours * HOUR)
    kinds = sorted({_kind(hub, rule) for rule in rules} - {""})
    series: list[Series] = []
    looked = there = 0
    for kind in kinds:
        some, few, all_ = _past(hub, scope, kind, devices, since, until)
        series += some
        looked, there = looked + few, there + all_
    city = hub.city
    more: dict[str, Any] = {
        "parents": parents(city),
        "heartbeats": heartbeats(city),
    }
    trial = run_trial(rules, series, **more)
    held = hub.registrar.rules
    present = [
        rule
        for rule in read(held.rules if held else city.rules, vocabulary(hub.city))[0]
        if rule.kind in kinds
    ]
    before = run_trial(present, series, **more).per_rule if present else {}
    return TestSaid(
        faults=[],
        tested=True,
        result=TestResult(
            since=moment.say(since),
            until=moment.say(until),
            devices=looked,
            of_devices=there,
            observations=trial.observations,
            alarms=sum(trial.per_rule.values()),
            alarms_in_force=sum(before.values()),
            per_rule=trial.per_rule,
            in_force=before,
            held=[
                HeldSaid(
                    rule=one.rule,
                    device=one.device,
                    property=one.property,
                    start=moment.say(one.start),
                    end=moment.say(one.end),
                    value=None if one.value != one.value else one.value,
                )
                for one in trial.tried[:500]
            ],
        ),
    )


def _kind(hub: Hub, rule: AnyRule) -> str:
    """The device kind a rule is for, or that of the first device it names."""
    if rule.kind:
        return rule.kind
    for name in rule.devices:
        index = hub.registry.find(name)
        if index is not None:
            return str(hub.registry.kinds[hub.registry.columns.kind[index]])
    return ""


@routes(
    "POST",
    "/api/rules/test",
    may="rule.test",
    takes=TestAsked,
    gives=TestSaid,
    example={"rules": [EXAMPLE], "hours": 24},
)
def test_rules(ask: Asking, body: Annotated[TestAsked, Depends(taken(TestAsked))]) -> TestSaid:
    """Check rules, and play the past to them: what alarms they would have raised."""
    hub = ask.hub
    rules, faults = read(body.rules, vocabulary(hub.city))
    said = [
        RuleFault(rule=one.rule, field=one.field, what=one.what, remedy=one.remedy)
        for one in faults
    ]
    if said:
        return TestSaid(faults=said, tested=False)
    return play(hub, ask.who.scope, rules, body.hours, body.devices)
