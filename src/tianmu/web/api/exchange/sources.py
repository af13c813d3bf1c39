"""Sources of facts: who may send, by which protocol, and what it stands for; their tokens."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from fastapi import Depends

from tianmu.access import token as tokens
from tianmu.facts.origin import Origin
from tianmu.facts.registry import MaintenanceChanged, SourceChanged
from tianmu.facts.text import Text
from tianmu.sense import state as gate_state
from tianmu.sense.cap import connector as cap
from tianmu.sense.cap import settings as cap_settings
from tianmu.sense.mqtt.password import PASSWORD_HASH, hashed
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Page
from tianmu.web.answer.problem import Fault, Problem, not_found
from tianmu.web.hub import Hub
from tianmu.web.route.route import Asking, Reply, Routes, taken

routes = Routes("sources")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LAST = 65_535
"""sources are counted in 16 bits"""
ALIVE = 120_000_000
"""µs without a message after which a source counts as silent on the wall; its devices' own
heart-beats raise the alarms"""


SECRET = frozenset({PASSWORD_HASH, "password", "sm4_key"})
"""settings that are never shown"""


class SourceSaid(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    number: int
    version: int
    """to be sent in `If-Match` with a change"""
    protocol: str
    name: Text
    origin: str
    """real, replayed, transplanted, seeded or probe: said on the wall beside it"""
    life_safety: bool
    allow: list[str]
    settings: dict[str, Any]
    has_token: bool
    active: bool
    probe: str
    at: Instant | None
    actor: str
    state: str
    """``speaking``, ``silent``, ``never`` or ``closed``"""
    last_seen_at: Instant | None
    observations_total: int
    refused_total: int
    """messages answered with 429: there was more than the city takes, or than is this one's part"""
    delayed_total: int
    """messages that waited for room on a connection that was not read meanwhile"""
    slowed_since: Instant | None
    """since when it is slowed down, null where it is not"""


class NewSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: str
    protocol: str
    name: Text = {}
    origin: Origin = Origin.REAL
    life_safety: bool = False
    allow: tuple[str, ...] = ()
    settings: dict[str, Any] = {}
    active: bool = True
    token: bool = False
    """whether to make a token with it"""


class SourceMade(msgspec.Struct, frozen=True, kw_only=True):
    source: SourceSaid
    token: str | None = None
    """shown this once"""


class SourceTokenMade(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    token: str
    """shown this once: it cannot be read again"""


class NewWindow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    object: str
    """device or source"""
    start: Instant
    end: Instant
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=500)]


EXAMPLE = {
    "source": "panels-east",
    "protocol": "gbt26875",
    "name": {"zh": "东区消防主机", "en": "Fire panels, east"},
    "origin": "real",
    "life_safety": True,
    "allow": ["16777217"],
}


def said(fact: SourceChanged, seen: gate_state.SourceState | None, now: int = 0) -> SourceSaid:
    """A source, and how it is doing (``seen``)."""
    last, total, refused, delayed, slowed = seen or gate_state.SourceState(0, 0)
    state = "never" if not last else "speaking" if now - last < ALIVE else "silent"
    return SourceSaid(
        source=fact.source,
        number=fact.number,
        version=fact.version,
        protocol=fact.protocol,
        name=fact.name,
        origin=str(fact.origin),
        life_safety=fact.life_safety,
        allow=list(fact.allow),
        settings={k: v for k, v in fact.settings.items() if k not in SECRET},
        has_token=bool(fact.token_digest),
        active=fact.active,
        probe=fact.probe,
        at=moment.say(fact.at),
        actor=fact.actor,
        state=state if fact.active else "closed",
        last_seen_at=moment.say(last),
        observations_total=total,
        refused_total=refused,
        delayed_total=delayed,
        slowed_since=moment.say(slowed),
    )


def _with_password(
    protocol: str, settings: dict[str, Any], before: SourceChanged | None, plain: str | None
) -> dict[str, Any]:
    """An MQTT source signs in at the broker, which keeps a hash of the token in its own form."""
    kept = {**settings}
    if before is not None:
        kept = {**{k: v for k, v in before.settings.items() if k in SECRET}, **kept}
    if protocol == "mqtt" and plain:
        kept[PASSWORD_HASH] = hashed(plain)
    return kept


def every(hub: Hub) -> list[SourceSaid]:
    """All sources with how they are doing."""
    seen: dict[str, gate_state.SourceState] = hub.ask("gate", gate_state.sources, {})
    now = hub.clock()
    return [said(fact, seen.get(name), now) for name, fact in sorted(hub.registry.sources.items())]


@routes("GET", "/api/sources", may="source.read", gives=Page[SourceSaid])
def list_sources(ask: Asking, limit: int = 500) -> Page[SourceSaid]:
    """All sources, and how each is doing."""
    found = every(ask.hub)
    return Page(items=found, total=len(found))


class ConnectorSaid(msgspec.Struct, frozen=True, kw_only=True):
    connector: str
    name: Text
    port: int
    at: Instant | None
    state: dict[str, Any]


@routes("GET", "/api/connectors", may="source.read", gives=Page[ConnectorSaid])
def list_connectors(ask: Asking) -> Page[ConnectorSaid]:
    """The doors of gate, their ports and counters."""
    rows = ask.hub.ask("gate", gate_state.connectors, [])
    return Page(
        items=[
            ConnectorSaid(
                connector=row["connector"],
                name=row["name"],
                port=row["port"],
                at=moment.say(row["at"]),
                state=row["state"],
            )
            for row in rows
        ]
    )


@routes(
    "POST",
    "/api/sources",
    may="source.write",
    takes=NewSource,
    gives=SourceMade,
    status=201,
    example=EXAMPLE,
)
def put_source(ask: Asking, body: Annotated[NewSource, Depends(taken(NewSource))]) -> Reply:
    """Register a source, or change the one of this name (its number and token stay). With its
    version in `If-Match` nobody is overwritten; `0` there: only where it is new."""
    hub = ask.hub
    if not _NAME.fullmatch(body.source):
        raise Problem(
            422,
            "invalid",
            f"{body.source!r} cannot name a source",
            "use 1 to 64 of A-Z a-z 0-9 . _ -, a letter or digit first",
        )
    _check(hub, body)
    plain = tokens.secret() if body.token else None

    def make(tx: Transaction) -> SourceChanged:
        known = hub.registry.sources
        before = known.get(body.source)
        version = before.version if before else 0
        ask.check_match(version)
        number = before.number if before else max((s.number for s in known.values()), default=0) + 1
        if number > LAST:
            raise Problem(
                409, "full", f"there are {LAST} sources already", "use one of those again"
            )
        digest = before.token_digest if before else ""
        fact = SourceChanged(
            source=body.source,
            number=number,
            protocol=body.protocol,
            name=body.name,
            origin=body.origin,
            life_safety=body.life_safety,
            token_digest=tokens.digest(plain) if plain else digest,
            allow=body.allow,
            settings=_with_password(body.protocol, body.settings, before, plain),
            active=body.active,
            probe=before.probe if before else ask.who.probe,
            version=version + 1,
            at=hub.clock(),
            actor=ask.who.account,
        )
        ask.note(tx, "source.put", body.source, protocol=body.protocol, origin=body.origin.value)
        return fact

    fact = hub.registrar.write(make)
    made = SourceMade(source=said(fact, None), token=plain)
    return Reply(made, status=201, etag=fact.version)


def _check(hub: Hub, body: NewSource) -> None:
    """422 for settings that its protocol could not go by."""
    if body.protocol != cap.PROTOCOL:
        return
    try:
        cap_settings.check(body.settings, hub.city.outbound.feeds)
    except ValueError as error:
        what = f"settings of source {body.source}: {error}"
        fault = Fault(where="body.settings", what=str(error))
        remedy = "docs/connectors/cap.md says which there are"
        raise Problem(422, "invalid", what, remedy, faults=[fault]) from error


@routes("POST", "/api/sources/{source}/token", may="source.write", gives=SourceTokenMade)
def make_source_token(ask: Asking, source: str) -> SourceTokenMade:
    """A new token for a source; the one before ends. It is shown this once."""
    hub = ask.hub
    plain = tokens.secret()

    def make(tx: Transaction) -> SourceChanged:
        before = hub.registry.sources.get(source)
        if before is None:
            raise not_found("source", source)
        ask.check_match(before.version)
        ask.note(tx, "source.token", source)
        return msgspec.structs.replace(
            before,
            token_digest=tokens.digest(plain),
            settings=_with_password(before.protocol, before.settings, before, plain),
            version=before.version + 1,
            at=hub.clock(),
            actor=ask.who.account,
        )

    hub.registrar.write(make)
    return SourceTokenMade(source=source, token=plain)


@routes("POST", "/api/sources/{source}/close", may="source.write", gives=SourceSaid)
def close_source(ask: Asking, source: str) -> SourceSaid:
    """Shut a source out; what it sends from now on is refused."""
    hub = ask.hub

    def make(tx: Transaction) -> SourceChanged:
        before = hub.registry.sources.get(source)
        if before is None:
            raise not_found("source", source)
        ask.check_match(before.version)
        ask.note(tx, "source.close", source)
        return msgspec.structs.replace(
            before, active=False, version=before.version + 1, at=hub.clock(), actor=ask.who.account
        )

    return said(hub.registrar.write(make), None)


@routes(
    "POST",
    "/api/maintenance",
    may="device.write",
    takes=NewWindow,
    status=204,
    example={
        "object": "smoke-0001",
        "start": "2026-11-23T01:00:00Z",
        "end": "2026-11-23T03:00:00Z",
        "reason": "yearly test",
    },
)
def set_maintenance(ask: Asking, body: Annotated[NewWindow, Depends(taken(NewWindow))]) -> None:
    """A maintenance window of a device or source: its signals are shown, never dispatched."""
    hub = ask.hub
    try:
        start, end = moment.read(body.start), moment.read(body.end)
    except ValueError as error:
        raise Problem(422, "invalid", str(error), "give RFC 3339 times") from error
    if end <= start:
        raise Problem(422, "invalid", "the window ends before it begins", "swap start and end")
    if body.object not in hub.registry.sources and hub.registry.find(body.object) is None:
        raise not_found("device or source", body.object)

    def make(tx: Transaction) -> MaintenanceChanged:
        ask.note(tx, "maintenance.set", body.object, start=start, end=end, reason=body.reason)
        return MaintenanceChanged(
            object=body.object,
            start=start,
            end=end,
            at=hub.clock(),
            actor=ask.who.account,
            reason=body.reason,
        )

    hub.registrar.write(make)
