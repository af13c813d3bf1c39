"""What became of messages to departments' own systems; dead letters and what is done about them."""

from __future__ import annotations

from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import Depends, Query

from tianmu.command import delivery
from tianmu.command.delivery import Delivery, NoDelivery
from tianmu.manage.kept.table import case_id
from tianmu.store.records import Transaction
from tianmu.web.answer import moment, page
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Cursor, Limit, Page
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.cases.cases import extent, states
from tianmu.web.api.exchange.webhooks import held
from tianmu.web.route.route import Ask, Asking, Routes, encode, taken

routes = Routes("webhooks")


class DeliverySaid(msgspec.Struct, frozen=True, kw_only=True):
    delivery: str
    """its `webhook-id`, the same at every try"""
    type: str
    case: str
    """empty for a test"""
    sequence: int
    state: str
    """`waiting`, `done`, `dead`, `discarded`"""
    attempts: int
    status: int
    """of the last answer, 0: none came"""
    error: str
    """why it was not taken"""
    made_at: Instant | None
    first_at: Instant | None
    next_at: Instant | None
    """of the next try, where it waits"""
    settled_at: Instant | None
    reason: str
    actor: str


class DeliveryWhole(DeliverySaid, frozen=True, kw_only=True):
    body: str
    """what was sent; empty for who may not see the case"""


class Again(msgspec.Struct, frozen=True, kw_only=True):
    redelivered: int


class Discarded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=500)]


def _said(one: Delivery) -> DeliverySaid:
    return DeliverySaid(
        delivery=one.delivery,
        type=one.type,
        case=case_id(one.serial) if one.serial > 0 else "",
        sequence=one.sequence,
        state=one.state,
        attempts=one.attempts,
        status=one.status,
        error=one.error,
        made_at=moment.say(one.made_at),
        first_at=moment.say(one.first_at),
        next_at=moment.say(one.next_at) if one.state == "waiting" else None,
        settled_at=moment.say(one.settled_at),
        reason=one.reason,
        actor=one.actor,
    )


def _one(ask: Ask, name: str, which: str) -> Delivery:
    held(ask, name)
    try:
        return ask.hub.records.read(lambda connection: delivery.get(connection, name, which))
    except NoDelivery as error:
        raise not_found("delivery", which) from error


@routes("GET", "/api/webhooks/{name}/deliveries", may="webhook.read", gives=Page[DeliverySaid])
def list_deliveries(
    ask: Asking,
    name: str,
    state: Annotated[str, Query(pattern="^(waiting|done|dead|discarded|)$")] = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[DeliverySaid]:
    """Messages to a receiver, newest first; `state=dead`: those that were given up."""
    held(ask, name)
    key = page.read(cursor, int, str)
    before = (key[0], key[1]) if key else None

    def find(connection: sa.Connection) -> list[Delivery]:
        return delivery.listed(connection, name, state, before, limit + 1)

    found = ask.hub.records.read(find)
    last = found[limit - 1] if len(found) > limit else None
    return Page(
        items=[_said(one) for one in found[:limit]],
        next=page.write(last.made_at, last.delivery) if last else None,
    )


@routes("GET", "/api/webhooks/{name}/deliveries/{which}", may="webhook.read", gives=DeliveryWhole)
def get_delivery(ask: Asking, name: str, which: str) -> DeliveryWhole:
    """One message, with its body where this account may see the case."""
    one = _one(ask, name, which)
    shown = one.serial <= 0
    if one.serial > 0 and ask.may("case.read"):
        state = states(ask.hub, [case_id(one.serial)]).get(case_id(one.serial))
        shown = state is not None and ask.may("case.read", extent(state))
    item = _said(one)
    return DeliveryWhole(
        **{field: getattr(item, field) for field in item.__struct_fields__},
        body=one.body.decode() if shown else "",
    )


@routes("POST", "/api/webhooks/{name}/redeliver", may="webhook.write", gives=Again)
def redeliver_all(ask: Asking, name: str) -> Again:
    """Try all dead letters of a receiver again, by the same ids."""
    held(ask, name)
    return _again(ask, name, [])


@routes(
    "POST", "/api/webhooks/{name}/deliveries/{which}/redeliver", may="webhook.write", gives=Again
)
def redeliver_one(ask: Asking, name: str, which: str) -> Again:
    """Try a dead letter again, by the same id."""
    one = _one(ask, name, which)
    if one.state != "dead":
        raise Problem(409, "not-dead", f"{which} is no dead letter", "look at its state")
    if one.until and one.until <= ask.hub.clock():
        raise Problem(
            409, "too-late", f"nobody waits for an answer to {which} any more",
            "look at the case's contact ladder: it has gone on",
        )  # fmt: skip
    return _again(ask, name, [which])


def _again(ask: Ask, name: str, which: list[str]) -> Again:
    def write(tx: Transaction) -> int:
        many = delivery.redeliver(tx.connection, name, which, ask.who.account, ask.hub.clock())
        ask.note(tx, "webhook.redeliver", name, deliveries=which, many=many)
        return many

    many = ask.hub.records.transact(write)
    ask.hub.deliverer.changed()
    return Again(redelivered=many)


@routes(
    "POST",
    "/api/webhooks/{name}/deliveries/{which}/discard",
    may="webhook.write",
    takes=Discarded,
    gives=DeliverySaid,
    example={"reason": "told by telephone"},
)
def discard_delivery(
    ask: Asking, name: str, which: str, body: Annotated[Discarded, Depends(taken(Discarded))]
) -> DeliverySaid:
    """Give a message up for good, with a reason."""
    _one(ask, name, which)

    def write(tx: Transaction) -> Delivery:
        at = ask.hub.clock()
        delivery.discard(tx.connection, name, which, ask.who.account, body.reason, at)
        ask.note(tx, "webhook.discard", name, delivery=which, reason=body.reason)
        return delivery.get(tx.connection, name, which)

    try:
        after = ask.hub.records.transact(write)
    except NoDelivery as error:
        raise Problem(409, "settled", str(error), "look at its state") from error
    ask.hub.deliverer.changed()
    return _said(after)


@routes("POST", "/api/webhooks/{name}/test", may="webhook.write", gives=DeliverySaid, status=201)
def test_webhook(ask: Asking, name: str) -> DeliverySaid:
    """Send a message that tells of nothing, once; look at what became of it."""
    if not held(ask, name).on:
        raise Problem(409, "off", "this webhook is off", "switch it on first, or have it approved")
    at = ask.hub.clock()
    body = encode({"type": "test", "timestamp": moment.say(at), "data": {"webhook": name}})
    made = delivery.of_test(name, body, at)

    def write(tx: Transaction) -> None:
        delivery.keep(tx.connection, [made])
        ask.note(tx, "webhook.test", name)

    ask.hub.records.transact(write)
    ask.hub.deliverer.changed()
    return _said(made)
