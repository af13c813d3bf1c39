"""What gate could not place: unknown devices and the quarantine."""

from __future__ import annotations

import base64
import uuid
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import Depends, Query
from starlette.responses import Response

from tianmu.facts.deed import Deed
from tianmu.facts.registry import Device
from tianmu.sense import hold
from tianmu.sense.cap import connector as cap
from tianmu.store.records import Transaction
from tianmu.web.answer import moment, page
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Cursor, Limit, Page
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.devices.devices import NewDevice, fact_of, register
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken
from tianmu.web.sight.restricted import NOT_PUBLIC, RESTRICTED

routes = Routes("intake")


class UnknownSaid(msgspec.Struct, frozen=True, kw_only=True):
    """An address that speaks and that nobody has registered; what it says is held."""

    unknown: str
    protocol: str
    source: str
    peer: str
    first_at: Instant | None
    last_at: Instant | None
    count: int
    let_go: int
    """messages let go because more were held than the limit allows"""
    data: dict[str, Any]
    """what it said last, and what it may be"""


class QuarantinedSaid(msgspec.Struct, frozen=True, kw_only=True):
    """Input that could not be read, kept with its bytes."""

    quarantine: str
    at: Instant | None
    protocol: str
    source: str
    peer: str
    reason: str
    offset: int
    size: int
    state: str
    payload: str
    """base64 of at most the first 1,024 bytes"""
    masked: bool
    """it came as a warning of another body that may not be for the public: without
    `restricted.read` its bytes and what is wrong with them are not shown"""


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class DeedDone(msgspec.Struct, frozen=True, kw_only=True):
    """The deed is on disk; gate does it as soon as it reads it."""

    deed: str
    position: int


@routes("GET", "/api/unknown", may="device.read", gives=Page[UnknownSaid])
def list_unknown(ask: Asking, cursor: Cursor = None, limit: Limit = 100) -> Page[UnknownSaid]:
    """Addresses nobody has registered, the last to speak first."""
    table = hold.unknown
    after = page.read(cursor, int, str)
    # the probe's own panel is nobody's device to register
    probes = [name for name, one in ask.hub.registry.sources.items() if one.probe]
    of_the_city = table.c.source.not_in(probes)
    wanted = sa.select(table).where(of_the_city)
    wanted = wanted.order_by(table.c.last_at.desc(), table.c.unknown).limit(limit + 1)
    if after is not None:
        wanted = wanted.where(
            sa.or_(
                table.c.last_at < after[0],
                sa.and_(table.c.last_at == after[0], table.c.unknown > after[1]),
            )
        )

    def find(connection: sa.Connection) -> tuple[list[Any], int]:
        counted = sa.select(sa.func.count()).select_from(table).where(of_the_city)
        total = connection.execute(counted).scalar_one()
        return list(connection.execute(wanted)), total

    rows, total = ask.hub.ask("gate", find, ([], 0))
    more = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=[
            UnknownSaid(
                unknown=row.unknown,
                protocol=row.protocol,
                source=row.source,
                peer=row.peer,
                first_at=moment.say(row.first_at),
                last_at=moment.say(row.last_at),
                count=row.count,
                let_go=row.let_go,
                data=row.data,
            )
            for row in rows[:limit]
        ],
        next=page.write(more.last_at, more.unknown) if more is not None else None,
        total=total,
    )


def _waiting(ask: Ask, address: str) -> Any:
    return _held(ask, hold.unknown.c.unknown, address, "unknown address")


def _held(ask: Ask, key: sa.Column[str], name: str, what: str) -> Any:
    """The row of gate that is called so."""
    statement = sa.select(key.table).where(key == name)
    row = ask.hub.ask("gate", lambda c: c.execute(statement).first(), None)
    if row is None:
        raise not_found(what, name)
    return row


@routes(
    "POST",
    "/api/unknown/{unknown:path}/register",
    may="device.write",
    takes=NewDevice,
    gives=Device,
    status=201,
    example={"device": "smoke-0001", "kind": "smoke", "place": {"longitude": 119.48}},
)
def register_unknown(
    ask: Asking, unknown: str, body: Annotated[NewDevice, Depends(taken(NewDevice))]
) -> Device:
    """Register the device behind an address; what was held for it is played then."""
    row = _waiting(ask, unknown)
    labels = {**body.labels, "address": body.labels.get("address") or unknown}
    made = msgspec.structs.replace(body, labels=labels, source=body.source or row.source)
    device = fact_of(ask, made)
    register(ask, [device], "unknown.register", address=unknown)
    return device


def do_deed(ask: Ask, verb: str, target: str, reason: str, **data: Any) -> DeedDone:
    """Write a deed for gate, and that it was done into the trail, in one commit."""
    deed = Deed(
        deed=uuid.uuid4().hex,
        verb=verb,
        object=target,
        actor=ask.who.account,
        at=ask.hub.clock(),
        reason=reason,
        data=data,
    )

    def write(tx: Transaction) -> int:
        ask.note(tx, verb, target, reason=reason, **data)
        return ask.hub.deed(tx, deed)

    return DeedDone(deed=deed.deed, position=ask.hub.records.transact(write))


@routes(
    "POST",
    "/api/unknown/{unknown:path}/discard",
    may="device.write",
    takes=Reason,
    gives=DeedDone,
    status=202,
    example={"reason": "a test rig, taken away"},
)
def discard_unknown(
    ask: Asking, unknown: str, body: Annotated[Reason, Depends(taken(Reason))]
) -> Reply:
    """Put away an address and what was held for it."""
    _waiting(ask, unknown)
    return Reply(do_deed(ask, "unknown.discard", unknown, body.reason), status=202)


@routes("GET", "/api/quarantine", may="quarantine.read", gives=Page[QuarantinedSaid])
def list_quarantine(
    ask: Asking,
    state: Annotated[str, Query(max_length=20)] = "kept",
    protocol: str = "",
    source: str = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[QuarantinedSaid]:
    """Input that could not be read, newest first: why, from whom, and its bytes. Of a warning that
    may not be for the public (or says not for whom it is) those take `restricted.read`."""
    table = hold.quarantine
    conditions = [table.c.state == state] if state != "all" else []
    if protocol:
        conditions.append(table.c.protocol == protocol)
    if source:
        conditions.append(table.c.source == source)
    counted = sa.select(sa.func.count()).select_from(table).where(*conditions)
    after = page.read(cursor, int, str)
    if after is not None:
        conditions.append(sa.tuple_(table.c.at, table.c.quarantine) < sa.tuple_(*after))
    wanted = _QUARANTINED.where(*conditions).limit(limit + 1)

    def find(connection: sa.Connection) -> tuple[list[Any], int]:
        return list(connection.execute(wanted)), connection.execute(counted).scalar_one()

    rows, total = ask.hub.ask("gate", find, ([], 0))
    more = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=[_quarantined(ask, row) for row in rows[:limit]],
        next=page.write(more.at, more.quarantine) if more is not None else None,
        total=total,
    )


_QUARANTINED = sa.select(
    *(column for column in hold.quarantine.c if column.name != "payload"),
    sa.func.substr(hold.quarantine.c.payload, 1, 1024).label("beginning"),
    sa.func.length(hold.quarantine.c.payload).label("size"),
).order_by(hold.quarantine.c.at.desc(), hold.quarantine.c.quarantine.desc())
"""what is held, the newest first, with the first bytes of each"""


def _quarantined(ask: Ask, row: Any) -> QuarantinedSaid:
    masked = _masked(ask, row)
    return QuarantinedSaid(
        quarantine=row.quarantine,
        at=moment.say(row.at),
        protocol=row.protocol,
        source=row.source,
        peer=row.peer,
        reason=_why(ask) if masked else row.reason,
        offset=row.offset,
        size=row.size,
        state=row.state,
        payload=base64.b64encode(b"" if masked else row.beginning or b"").decode(),
        masked=masked,
    )


def _masked(ask: Ask, row: Any) -> bool:
    """Whether what is in it is not for this account. Of what nobody looked into (it was kept
    before that was done, or cannot be unpacked) that is all from a source of warnings."""
    restricted = row.restricted
    if restricted is None:
        source = ask.hub.registry.sources.get(row.source)
        restricted = source is not None and source.protocol == cap.PROTOCOL
    return bool(restricted) and not ask.may(RESTRICTED)


def _why(ask: Ask) -> str:
    return NOT_PUBLIC.get(ask.language) or NOT_PUBLIC["en"]


def _kept(ask: Ask, name: str) -> Any:
    return _held(ask, hold.quarantine.c.quarantine, name, "quarantined input")


@routes(
    "GET",
    "/api/quarantine/{quarantine}/payload",
    may="quarantine.write",
    media="application/octet-stream",
)
def get_quarantined(ask: Asking, quarantine: str) -> Response:
    """All bytes of a quarantined input; that they were fetched is kept in the trail."""
    row = _kept(ask, quarantine)
    if _masked(ask, row):
        raise Problem(
            403, "restricted", "it came as a warning that may not be for the public",
            f"ask an account with {RESTRICTED}; it is played again or discarded without",
        )  # fmt: skip
    ask.hub.records.transact(lambda tx: ask.note(tx, "quarantine.fetch", quarantine))
    return Response(
        row.payload,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{row.quarantine}.bin"'},
    )


def _act(ask: Ask, name: str, verb: str, reason: str) -> Reply:
    row = _kept(ask, name)
    if row.state != "kept":
        raise Problem(
            409, "not-permitted", f"this input is {row.state} already", "nothing is left to do"
        )
    return Reply(do_deed(ask, verb, name, reason), status=202)


@routes(
    "POST",
    "/api/quarantine/{quarantine}/replay",
    may="quarantine.write",
    takes=Reason,
    gives=DeedDone,
    status=202,
    example={"reason": "codec was mended"},
)
def replay_quarantined(
    ask: Asking, quarantine: str, body: Annotated[Reason, Depends(taken(Reason))]
) -> Reply:
    """Give an input to its connector once more."""
    return _act(ask, quarantine, "quarantine.replay", body.reason)


@routes(
    "POST",
    "/api/quarantine/{quarantine}/discard",
    may="quarantine.write",
    takes=Reason,
    gives=DeedDone,
    status=202,
    example={"reason": "port scan"},
)
def discard_quarantined(
    ask: Asking, quarantine: str, body: Annotated[Reason, Depends(taken(Reason))]
) -> Reply:
    """Put an input away for good; its bytes stay until the quarantine is full."""
    return _act(ask, quarantine, "quarantine.discard", body.reason)
