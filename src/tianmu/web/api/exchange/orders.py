"""Orders as a department's own system works on them: lists them, takes them, gives its results
back, by its own numbers; and what changed since it asked last, where it cannot be called."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import Depends, Query
from starlette.responses import Response

from tianmu.command import number, telling
from tianmu.command.message import CaseTold, Message, OrderTold, blank
from tianmu.facts.topic import CASE
from tianmu.manage import view as case_view
from tianmu.manage.case.state import CaseState, Order
from tianmu.store.journal.contract import Purged
from tianmu.store.records import Transaction
from tianmu.web.answer import page
from tianmu.web.answer.page import Cursor, Limit, Page
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.cases.cases import actor
from tianmu.web.api.cases.steps import StepTaken, sent_before, stepped
from tianmu.web.route.deed import between
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken
from tianmu.web.sight import exposure

routes = Routes("orders")
STEPS = ("accept", "handle", "feed_back", "return", "dispute", "ask_extension")
"""what a unit does with its order"""
SCANNED = 4000
"""events of the city that one question for changes looks through"""
NUMBER = Annotated[str, msgspec.Meta(max_length=100)]


class OrderHeld(msgspec.Struct, frozen=True, kw_only=True):
    order: OrderTold
    case: CaseTold
    """empty but for its id where it concerns the account's departments no more"""
    steps: list[str]
    """what this account may do with it now"""


class OrderStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    result: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    """of `feed_back`"""
    evidence: Annotated[list[str], msgspec.Meta(max_length=50)] = []
    """of `feed_back`: digests of files that were attached to the case"""
    department: str = ""
    """of `dispute`: who should answer instead"""
    limit: dict[str, float | str] | None = None
    """of `ask_extension`: `{"value": 2, "unit": "work_day"}`"""
    done_at: str | None = None
    number: NUMBER | None = None
    """what the own system calls the order; left out: as before"""


class NumberTold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    number: NUMBER
    """empty: none"""


class OrderChanges(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Message]
    """as a webhook would have been sent them"""
    next: str
    """send it as `after` the next time"""
    more: bool
    """ask again at once: there is more to look through"""


def _held(ask: Ask, state: CaseState, order: Order, called: str) -> OrderHeld:
    teller = ask.hub.deliverer.teller
    own = teller.order(state, order, called)
    if not teller.concerns(state, ask.who.scope):  # it was returned, or is somebody else's now
        return OrderHeld(order=own, case=blank(state.case), steps=[])
    actions = case_view.actions(state, ask.hub.city, actor(ask.who))
    return OrderHeld(
        order=own,
        case=teller.case(state),
        steps=[one["step"] for one in actions if order.order in one["orders"]],
    )


def _find(ask: Ask, order: str) -> tuple[CaseState, Order]:
    found = ask.hub.records.read(lambda c: number.find(c, order, ask.who.scope))
    if found is None:
        raise not_found("order", order)
    return found


def _in_hand(ask: Ask, order: str) -> CaseState:
    """The case of an order that the account may work on: 409 where it is its department's no more,
    unless the deed is one that is sent again."""
    state, _ = _find(ask, order)
    teller = ask.hub.deliverer.teller
    if not teller.concerns(state, ask.who.scope) and not sent_before(ask, state.case):
        raise Problem(
            409,
            "not-yours",
            "the order was returned or taken back, and its case is somebody else's now",
            "work on those that /api/orders lists as open",
        )
    return state


def _one(ask: Ask, order: str) -> Reply:
    state, one = _find(ask, order)
    called = ask.hub.records.read(lambda c: number.of(c, [order]))
    held = _held(ask, state, one, called.get(order, ""))
    if not held.case.version:
        return Reply(held)
    exposure.viewed(ask, state.case)
    return Reply(held, etag=state.version)


@routes("GET", "/api/orders", may="case.read", gives=Page[OrderHeld])
def list_orders(
    ask: Asking,
    state: Annotated[
        str, Query(pattern="^(open|sent|accepted|handling|done|returned|cancelled|)$")
    ] = "open",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[OrderHeld]:
    """Orders of the account's departments, by what is due first; `state=` empty gives all."""
    key = page.read(cursor, int, str)
    after = (key[0], key[1]) if key else None
    wanted = ("sent", "accepted", "handling") if state == "open" else (state,) if state else ()

    def find(
        connection: sa.Connection,
    ) -> tuple[list[tuple[CaseState, Order]], dict[str, str]]:
        found = number.listed(connection, ask.who.scope, wanted, after, limit + 1)
        return found, dict(number.of(connection, [order.order for _, order in found]))

    found, numbers = ask.hub.records.read(find)
    last = found[limit - 1][1] if len(found) > limit else None
    items = [_held(ask, case, order, numbers.get(order.order, "")) for case, order in found[:limit]]
    exposure.all_viewed(ask, [one.case.case for one in items if one.case.version])
    return Page(
        items=items,
        next=page.write(last.due, last.order) if last else None,
    )


@routes("GET", "/api/orders/changes", may="case.read", gives=OrderChanges)
def list_order_changes(
    ask: Asking,
    after: Annotated[str, Query(max_length=200)] = "",
    limit: Limit = 100,
) -> Response | Reply:
    """What happened to the department's cases after a cursor, each event once and in order, for
    systems that no webhook can reach. Without `after`: the cursor of now. With the `ETag` of the
    last answer in `If-None-Match`, 304 where nothing happened."""
    key = page.read(after or None, int)
    hub, journal = ask.hub, ask.hub.journal()
    items: list[Message] = []
    try:
        position: int = key[0] if key else journal.last(CASE.name)
        scanned, more = 0, key is not None
        while more and scanned < SCANNED and not items:
            entries = journal.read(CASE.name, position, entries=limit)
            more = len(entries) == limit
            scanned += len(entries)
            if entries:
                found = hub.records.read(partial(telling.read, entries=entries, journal=journal))
                items = telling.changes(hub.deliverer.teller, found, ask.who.scope)
                position = entries[-1].position
    except Purged as gone:
        raise Problem(
            410, "gone", str(gone), "begin without `after`, and read /api/orders once"
        ) from gone
    finally:
        if (close := getattr(journal, "close", None)) is not None:
            close()
    exposure.all_viewed(ask, [item.data.case.case for item in items if item.data.case.version])
    etag = page.write(position)
    if (
        not items
        and not more
        and ask.request.headers.get("if-none-match", "").strip() == f'"{etag}"'
    ):
        return Response(status_code=304, headers={"ETag": f'"{etag}"', "Cache-Control": "no-store"})
    return Reply(OrderChanges(items=items, next=etag, more=more), etag=etag)


@routes("GET", "/api/orders/{order}", may="case.read", gives=OrderHeld)
def get_order(ask: Asking, order: str) -> Reply:
    """One order with its case, the number it has in the department's system, and what may be done
    with it. The `ETag` is the version of its case."""
    return _one(ask, order)


@routes(
    "POST",
    "/api/orders/{order}/steps/{step}",
    may="case.handle",
    takes=OrderStep,
    gives=OrderHeld,
    example={"result": "pipe closed, road dry", "number": "WO-2026-1183"},
)
def take_order_step(
    ask: Asking, order: str, step: str, body: Annotated[OrderStep, Depends(taken(OrderStep))]
) -> Reply:
    """`accept`, `handle`, `feed_back`, `return`, `dispute` or `ask_extension` an order. With an
    `Idempotency-Key` a repeated step takes effect once."""
    state = _in_hand(ask, order)
    if step not in STEPS:
        raise Problem(
            404, "not-found", f"there is no step {step[:40]!r} of orders", f"use {', '.join(STEPS)}"
        )
    data = {"order": order} | {
        name: value
        for name in ("result", "evidence", "department", "limit")
        if (value := getattr(body, name))
    }
    said = StepTaken(reason=body.reason, data=data, done_at=body.done_at)
    done = stepped(ask, state.case, step, said)
    if body.number is not None:
        _call(ask, order, body.number)
    reply = _one(ask, order)
    return Reply(reply.body, etag=reply.etag, headers=between(done))


@routes(
    "POST",
    "/api/orders/{order}/number",
    may="case.handle",
    takes=NumberTold,
    gives=OrderHeld,
    example={"number": "WO-2026-1183"},
)
def set_order_number(
    ask: Asking, order: str, body: Annotated[NumberTold, Depends(taken(NumberTold))]
) -> Reply:
    """Keep what the department's own system calls an order; it stands on the case."""
    _in_hand(ask, order)
    _call(ask, order, body.number)
    return _one(ask, order)


def _call(ask: Ask, order: str, called: str) -> None:
    def write(tx: Transaction) -> None:
        at = ask.hub.clock()
        if number.keep(tx.connection, order, called.strip(), ask.who.account, at):
            ask.note(tx, "order.number", order, number=called.strip())

    ask.hub.records.transact(write)
