"""Rules as data: those in force, trying others, publishing them, going back."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Depends

from tianmu.facts.encoding import decode
from tianmu.facts.registry import RulesPublished
from tianmu.facts.topic import REGISTRY
from tianmu.prevent.rule import RuleError, Vocabulary, dump, load, read
from tianmu.store.records import Transaction
from tianmu.web import moment
from tianmu.web.hub import Hub
from tianmu.web.moment import Instant
from tianmu.web.problem import Fault, Problem, changed, not_found
from tianmu.web.route import Ask, Asking, Reply, Routes, taken

routes = Routes("rules")


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
    """all that were published, newest first"""


class RulesAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rules: list[dict[str, Any]]
    """the whole set: what is left out is no longer in force"""
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=1000)]


class BackAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Annotated[int, msgspec.Meta(ge=1)]
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=1000)]


class TestAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rules: list[dict[str, Any]]
    hours: Annotated[float, msgspec.Meta(gt=0, le=24 * 31)] = 24.0
    """how far back"""
    devices: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 500
    """at most so many devices of each rule's kind"""


class RuleFault(msgspec.Struct, frozen=True, kw_only=True):
    rule: str
    field: str
    what: str
    remedy: str


class TestSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules would have done. ``tested`` is false where only their form was checked."""

    faults: list[RuleFault]
    tested: bool
    result: Any = None


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


def vocabulary(hub: Hub) -> Vocabulary:
    """What rules may speak of in this city."""
    city = hub.city
    return Vocabulary(
        properties={code: frozenset(kind.properties) for code, kind in city.kinds.items()},
        heartbeats={
            code: kind.heartbeat_s for code, kind in city.kinds.items() if kind.heartbeat_s
        },
        matters=frozenset(city.matters),
        severities=frozenset(level.name for level in city.profile.levels),
        divisions=frozenset(city.divisions),
    )


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
        ],
    )


@routes("GET", "/api/rules", may="rule.read", gives=RulesSaid)
def get_rules(ask: Asking) -> Reply:
    """The rules in force, and all versions there were."""
    said = _said(ask.hub)
    return Reply(said, etag=said.version)


def _publish(ask: Ask, rules: list[dict[str, Any]], reason: str, verb: str) -> Reply:
    hub = ask.hub
    try:
        made = dump(load(rules, vocabulary(hub)))
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
    """Publish an earlier set again, as a new version."""
    earlier = next((one for one in published(ask.hub) if one.version == body.version), None)
    if earlier is None:
        raise not_found("version of the rules", str(body.version))
    return _publish(ask, [dict(rule) for rule in earlier.rules], body.reason, "rule.rollback")


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
    rules, faults = read(body.rules, vocabulary(hub))
    said = [
        RuleFault(rule=one.rule, field=one.field, what=one.what, remedy=one.remedy)
        for one in faults
    ]
    if said or hub.try_rules is None:
        return TestSaid(faults=said, tested=False)
    return TestSaid(
        faults=[], tested=True, result=hub.try_rules(hub, rules, body.hours, body.devices)
    )
