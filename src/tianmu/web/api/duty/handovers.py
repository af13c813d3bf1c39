"""The hand-over of a shift: what is open, the leaver's note, the taker's confirmations."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import Depends

from tianmu.access import account as accounts
from tianmu.access.account import NoAccount
from tianmu.access.masking import mask
from tianmu.access.role import permissions
from tianmu.access.scope import includes, scope_of
from tianmu.city import relief
from tianmu.facts.alarm import AlarmState
from tianmu.facts.deed import Deed
from tianmu.facts.text import Text
from tianmu.manage.duty import handover
from tianmu.manage.duty.handover import HandoverRefused
from tianmu.manage.duty.relief import Sent
from tianmu.manage.kept.deed_key import OtherDeed
from tianmu.prevent.alarm import table as alarm_table
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Page
from tianmu.web.answer.place import department_name
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.alarms.alarms import Within
from tianmu.web.api.cases.cases import actor
from tianmu.web.api.duty.handover_said import HandedSaid, HandoverSaid, handed, said
from tianmu.web.route.deed import deed_of, reused
from tianmu.web.route.route import Ask, Asking, Routes, taken

routes = Routes("shifts")
WAITS = (
    AlarmState.UNACKNOWLEDGED,
    AlarmState.RETURNED_UNACKNOWLEDGED,
    AlarmState.LATCHED_UNACKNOWLEDGED,
    AlarmState.SHELVED,
)
"""states of alarms that the next shift has to know of"""
ALARMS = 200


class OpenSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What would be handed over now."""

    open_cases: int
    active_alarms: int
    unacknowledged_alarms: int
    items: list[HandedSaid]


class ReminderSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A shift that ends or has ended without a hand-over."""

    department: str
    department_name: Text | None
    post: str
    account: str
    name: str
    ends_at: Instant | None
    over: bool
    mine: bool
    next: list[str]
    """accounts on duty after it"""
    next_names: list[str]


class NewHandover(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    to: str
    text: Annotated[str, msgspec.Meta(max_length=4000)]
    post: str = "duty"


class Confirmed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    items: Annotated[list[str], msgspec.Meta(min_length=1, max_length=2000)]


@routes("GET", "/api/handovers", may="handover.read", gives=Page[HandoverSaid])
def list_handovers(ask: Asking, limit: int = 50) -> Page[HandoverSaid]:
    """Hand-overs of shifts, newest first; what is in each is in the single one."""
    rows = ask.hub.manage.relief.read(min(max(limit, 1), 500))
    return Page(items=[said(ask, row, whole=False) for row in rows])


def _alarms(ask: Ask) -> tuple[int, int, list[dict[str, Any]]]:
    """How many alarms are active in the account's scope, how many of them nobody has acknowledged,
    and those that the next shift has to know of, as items."""
    scope = ask.who.scope
    within = Within(within=scope, probe=bool(scope.probe), test=False)
    counts: alarm_table.Counts | None = ask.hub.ask(
        "watch", lambda c: alarm_table.counts(c, within), None
    )
    which = Within(within=scope, probe=bool(scope.probe), test=False, states=WAITS)
    page: alarm_table.Page = ask.hub.ask(
        "watch",
        lambda c: alarm_table.active(c, which, cursor=None, limit=ALARMS),
        alarm_table.Page([], None),
    )
    count = counts.active if counts else 0
    waiting = sum(counts.by_state.get(state, 0) for state in WAITS) if counts else 0
    items = [
        {
            "item": f"alarm:{one.alarm}",
            "kind": "alarm",
            "alarm": one.alarm,
            "title": one.text,
            "state": one.state.value,
            "due": one.shelved_until,
        }
        for one in page.items
    ]
    loud = counts.unacknowledged if counts else 0
    return count, loud, [*items, *handover.more("alarm", waiting - len(items))]


@routes("GET", "/api/handovers/open", may="handover.write", gives=OpenSaid)
def get_open_handover(ask: Asking) -> OpenSaid:
    """What would be handed over now: open cases by what is due, ladders that run, alarms that are
    shelved or not acknowledged."""
    count, loud, items = _alarms(ask)
    now, who = ask.hub.clock(), ask.who
    held = ask.hub.records.read(lambda c: handover.opened(c, who.probe, now, who.scope))
    return OpenSaid(
        open_cases=held["count"],
        active_alarms=count,
        unacknowledged_alarms=loud,
        items=[handed(one, {}) for one in (*held["items"], *items)],
    )


@routes("GET", "/api/handovers/due", may="handover.read", gives=Page[ReminderSaid])
def list_due_handovers(ask: Asking, department: str = "") -> Page[ReminderSaid]:
    """Shifts that end or have ended and were not handed over: of the account's own department, or
    of the city's centre."""
    hub, now = ask.hub, ask.hub.clock()
    city = hub.city
    department = department or ask.who.department or city.duties.resolve("centre:1", "")
    if department and department not in city.departments:
        raise not_found("department", department)
    clear = ask.may("case.note")

    def named(name: str) -> str:
        return name if clear else mask("name", name)

    found: list[ReminderSaid] = []
    began = hub.records.read(accounts.first_at)
    for span in relief.ending(city, department, now, began) if department else ():
        person = span.person
        assert person is not None
        since = partial(handover.since, account=person.account, at=span.start)
        if hub.records.read(since):
            continue
        after = [
            one
            for one in city.roster.on_duty(department, "", span.end)
            if one.post == span.planned.post
        ]
        found.append(
            ReminderSaid(
                department=department,
                department_name=department_name(city, department),
                post=span.planned.post,
                account=person.account,
                name=named(person.name),
                ends_at=moment.say(span.end),
                over=span.end <= now,
                mine=person.account == ask.who.account,
                next=[one.account for one in after],
                next_names=[named(one.name) for one in after],
            )
        )
    return Page(items=found)


def _told(ask: Ask, tx: Transaction, row: dict[str, Any], verb: str, **more: Any) -> None:
    """The line of the trail, and the deed by which push tells of it to those whose scope one of
    the two stands in: without what was handed over."""
    hub, both = ask.hub, (row["from_account"], row["to_account"])
    names = accounts.names(tx.connection, set(both))
    told = msgspec.structs.replace(said(ask, row, whole=False, names=names), text="", cases=[])
    extents = []
    for name in dict.fromkeys(both):
        try:
            one = accounts.get(tx.connection, name)
        except NoAccount:
            continue
        extents.append(
            {"division": one.division, "departments": [one.department] if one.department else []}
        )
    ask.note(tx, verb, told.handover, digest=told.digest, **more)
    deed = Deed(
        deed=uuid.uuid4().hex,
        verb=verb,
        object=told.handover,
        actor=ask.who.account,
        at=hub.clock(),
        data={"item": msgspec.to_builtins(told), "extents": extents, **more},
    )
    hub.deed(tx, deed)


def _done(ask: Ask, do: Callable[[Sent], dict[str, Any]], verb: str = "", **more: Any) -> Any:
    """Do it once for each Idempotency-Key, with the trail and the push in its commit."""

    def told(tx: Transaction, row: dict[str, Any]) -> None:
        name = verb or ("handover.take" if row["taken_at"] else "handover.confirm")
        _told(ask, tx, row, name, **more)

    try:
        row = do(Sent(deed_of(ask), told))
    except HandoverRefused as error:
        raise Problem(409, "handover-refused", str(error), "see GET /api/handovers") from error
    except OtherDeed as error:
        raise reused(error) from error
    return said(ask, row, whole=True)


@routes(
    "POST",
    "/api/handovers",
    may="handover.write",
    takes=NewHandover,
    gives=HandoverSaid,
    status=201,
    example={"to": "li", "text": "Two fires under control; the pump at Daitou is out."},
)
def hand_over(
    ask: Asking, body: Annotated[NewHandover, Depends(taken(NewHandover))]
) -> HandoverSaid:
    """Hand the shift over with what is open now; signed by whoever hands over, who stays
    responsible until the other has confirmed all of it. With an `Idempotency-Key` a repeated
    hand-over takes effect once."""
    _can_take(ask, body.to)
    count, _, items = _alarms(ask)
    who, scope, relief = actor(ask.who), ask.who.scope, ask.hub.manage.relief

    def give(sent: Sent) -> dict[str, Any]:
        return relief.hand_over(
            body.post, body.to, body.text, who, alarms=count, items=items, scope=scope, sent=sent
        )

    given: HandoverSaid = _done(ask, give, "handover.give")
    return given


def _can_take(ask: Ask, name: str) -> None:
    """Refused where nobody could take it over: there is no such account, it may not, or it would
    be shown what lies beyond its scope."""
    try:
        taker = ask.hub.records.read(lambda connection: accounts.get(connection, name))
    except NoAccount as error:
        raise Problem(
            422, "invalid", f"there is no account {name!r}", "name who takes over"
        ) from error
    if not taker.active or handover.PERMISSION not in permissions(taker.roles):
        raise Problem(422, "invalid", f"{name} takes over no shifts", "name who takes over")
    city = ask.hub.city
    divisions = {one.code: one.parent for one in city.divisions.values()}
    held = scope_of(
        taker.roles,
        taker.division,
        taker.department,
        taker.probe,
        divisions=divisions,
        departments=city.above,
    )
    if not includes(held, ask.who.scope):
        raise Problem(
            422, "invalid", f"{name} does not see all that is handed over", "name who takes over"
        )


@routes("GET", "/api/handovers/{handover}", may="handover.read", gives=HandoverSaid)
def get_handover(ask: Asking, handover: int) -> HandoverSaid:
    """One hand-over with all that is in it, and what of it was confirmed when."""
    rows = ask.hub.manage.relief.read(1, handover)
    if not rows or handover < 1:
        raise not_found("hand-over", str(handover))
    return said(ask, rows[0], whole=True)


@routes(
    "POST",
    "/api/handovers/{handover}/confirm",
    may="handover.write",
    takes=Confirmed,
    gives=HandoverSaid,
    example={"items": ["note", "case:c17"]},
)
def confirm_handover(
    ask: Asking, handover: int, body: Annotated[Confirmed, Depends(taken(Confirmed))]
) -> HandoverSaid:
    """Confirm items of the shift that was handed to this account; with the last one it is taken
    over. With an `Idempotency-Key` what is sent again takes effect once."""
    who, relief = actor(ask.who), ask.hub.manage.relief
    confirmed: HandoverSaid = _done(
        ask, lambda sent: relief.confirm(handover, body.items, who, sent), items=body.items
    )
    return confirmed


@routes("POST", "/api/handovers/{handover}/take", may="handover.write", gives=HandoverSaid)
def take_over(ask: Asking, handover: int) -> HandoverSaid:
    """Take over the shift that was handed to this account, with all that is in it; signed by
    whoever takes it. With an `Idempotency-Key` what is sent again takes effect once."""
    who, relief = actor(ask.who), ask.hub.manage.relief
    took: HandoverSaid = _done(ask, lambda sent: relief.take(handover, who, sent))
    return took


@routes("POST", "/api/handovers/{handover}/withdraw", may="handover.write", gives=HandoverSaid)
def withdraw_handover(ask: Asking, handover: int) -> HandoverSaid:
    """Withdraw a shift that this account has handed over by mistake, until the other has taken it
    over; it stands in the log as withdrawn, and the shift as before. With an `Idempotency-Key` what
    is sent again takes effect once."""
    who, relief = actor(ask.who), ask.hub.manage.relief
    gone: HandoverSaid = _done(
        ask, lambda sent: relief.withdraw(handover, who, sent), "handover.withdraw"
    )
    return gone
