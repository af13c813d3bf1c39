"""Contact ladders of a case: somebody is to be reached, and whoever does not answer is followed by
the next rung, the next person, the centre of the next tier, until somebody answers or nobody is
left.

Each move is one event, which lists the rungs it tried and what came of each; while an answer is
waited for a clock runs. Whom a move reaches is asked of the roster as it is then, through absences.
A rung that this installation has no provider for is said so and passed over at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.city.people.contact import Ladder
from tianmu.city.people.duty import LEAD
from tianmu.facts.case import CaseEvent
from tianmu.facts.text import Text
from tianmu.manage.actor import Actor
from tianmu.manage.case.contact import Contact
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import CaseState, Order
from tianmu.manage.clocks import deadline
from tianmu.manage.contact.climb import climbed
from tianmu.manage.contact.reach import (
    CANNOT,
    COMMANDS,
    MINUTE,
    NO_ACCOUNT,
    PERMISSION,
    Reach,
)
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City

STEP = "contact"
ACKNOWLEDGED = ("acknowledge",)
"""transitions of an alarm by which a person shows that they are awake"""
REACHED = ("accept", "handle", "feed_back")
"""steps by which the department that is called shows that it was reached"""
ADVICE = "advice"
_TAKEN = ("inherit", "lead")
"""steps after which an order may be the lead's that was accepted before: it came with another case,
or to join in"""
_TELLING = frozenset((*REACHED, *_TAKEN, "grade"))
"""steps by which a ladder may end"""


def follow(
    happened: Sequence[CaseEvent], draft: Draft, city: City, reach: Callable[[], Reach]
) -> None:
    """What contact ladders make of what has ``happened`` to a case, which is in the draft's state:
    they start by level or alarm, go on where their wait is over, stop where somebody was reached.
    No real person is called for a probe."""
    state = draft.state
    if state.probe or not (city.contact.ladders or state.contacts):
        return
    if state.contacts:
        _reached(happened, draft, city)
    if not draft.state.open:
        return
    still = standing(draft.state)
    for contact in draft.state.contacts:
        if not contact.running or contact.clock in still:
            continue
        clock = draft.state.clock(contact.clock)
        if clock is None or clock.due <= draft.now:
            _move(draft, city, reach, contact)
    _start_by_level(draft, city, reach)
    _start_by_alarm(happened, draft, city, reach)
    _start_by_advice(happened, draft, city, reach)


def standing(state: CaseState) -> frozenset[str]:
    """The clocks that stand still while the case is suspended. That of a ladder which an alarm has
    started since is none of them."""
    return frozenset(name for name, _ in state.paused) if state.suspended_at else frozenset()


def _start_by_level(draft: Draft, city: City, reach: Callable[[], Reach]) -> None:
    """Not while the case is suspended: that can wait until it goes on."""
    state = draft.state
    ladder = city.contact.of_level(state.level)
    if ladder is None or state.suspended_at or state.stage not in ("dispatch", "handle"):
        return
    known = [
        one for one in state.contacts
        if one.ladder == ladder.code and one.since >= state.reopened_at and one.state != "over"
    ]  # fmt: skip
    if known and not any(one.state in ("running", "answered") for one in known):
        return
    for other in state.contacts:
        if other.waits and other.cause == "level" and other not in known:
            _end(draft, other, "replaced")
    if known or (ladder.to == LEAD and _taken(state) is not None):
        return
    _start(draft, city, reach, ladder, "level")


def _taken(state: CaseState) -> Order | None:
    """The lead's order, where it is accepted and open: they were reached."""
    return next((one for one in state.open_orders if one.lead and one.state != "sent"), None)


def _start_by_alarm(
    happened: Sequence[CaseEvent], draft: Draft, city: City, reach: Callable[[], Reach]
) -> None:
    ladder = _of_alarms(happened, city)
    if ladder is None:
        return
    still = standing(draft.state)
    again = round(city.contact.calling.again_min * MINUTE)
    calling = [one for one in draft.state.contacts if one.cause == "alarm"]
    idle = [one for one in calling if one.running and one.clock in still]
    for held in calling:
        if held not in idle and (held.waits or draft.now - held.ended_at < again):
            return
    for held in idle:  # it stands still as its case does, and this is news
        _end(draft, held, "replaced")
    _start(draft, city, reach, ladder, "alarm")


def _of_alarms(happened: Sequence[CaseEvent], city: City) -> Ladder | None:
    """The ladder that the first of the alarms starts which starts any."""
    for priority in _priorities(happened):
        ladder = city.contact.of_alarm(priority)
        if ladder is not None:
            return ladder
    return None


def _start_by_advice(
    happened: Sequence[CaseEvent], draft: Draft, city: City, reach: Callable[[], Reach]
) -> None:
    """Where the rules ask for a graver level than a person has set, whoever would be called at that
    level is: they decide. While the case is suspended too, for it is news."""
    asked = [event.data["level"] for event in happened if event.step == "advise"]
    ladder = city.contact.of_level(asked[-1]) if asked else None
    if ladder is None or any(
        one.ladder == ladder.code and one.waits for one in draft.state.contacts
    ):
        return
    _start(draft, city, reach, ladder, ADVICE)


def _priorities(happened: Sequence[CaseEvent]) -> list[int]:
    """Of the alarms that the events bring, or make worse; those that only come from another case
    are no news."""
    found = []
    for event in happened:
        step, data = event.step, event.data
        if step not in ("open", "join", "worsened") or "moved" in data or "split_from" in data:
            continue
        if step == "worsened":
            found.append(data.get("priority", 0))
            continue
        told = data.get("member", {})
        if told.get("kind") == "alarm" and not told.get("returned"):
            found.append(told.get("priority", 0))
    return found


def _start(
    draft: Draft, city: City, reach: Callable[[], Reach], ladder: Ladder, cause: str
) -> None:
    # those that came with a merged case are called ``<case>-k1``, and may go back with it
    own = [one for one in draft.state.contacts if "-" not in one.contact]
    made = Contact(
        contact=f"k{len(own) + 1}",
        ladder=ladder.code,
        cause=cause,
        since=draft.now,
    )
    _move(draft, city, reach, made)


def _move(draft: Draft, city: City, reach: Callable[[], Reach], was: Contact) -> None:
    """One event: the next rungs from where the ladder stands, until one waits for an answer."""
    state, now = draft.state, draft.now
    ladder = city.contact.ladder(was.ladder)
    if ladder is None:  # another pack is in force, which has it no more
        _end(draft, was, "replaced")
        return
    found = climbed(city, state, ladder, was, now, reach)
    contact = msgspec.structs.replace(
        found.contact, contact=was.contact, cause=was.cause, since=was.since, moved_at=now
    )
    if found.wait is not None:
        clock = deadline.start(city.calendar, contact.clock, found.wait, now, [(1.0, STEP)])
        contact = msgspec.structs.replace(contact, due=clock.due)
        _add(draft, contact, found.tries, found.empty, "call", **deadline.data(clock))
        return
    stopped = [contact.clock] if state.clock(contact.clock) else []
    outcomes = {one["outcome"] for one in found.tries}
    strangers = not was.units and NO_ACCOUNT in outcomes and outcomes <= CANNOT
    gone = msgspec.structs.replace(
        contact, state="exhausted", ended_at=now, due=0, account="", post="", strangers=strangers
    )
    _add(draft, gone, found.tries, found.empty, "exhausted", stopped=stopped)


def _add(
    draft: Draft,
    contact: Contact,
    tries: list[dict[str, Any]],
    empty: list[str],
    did: str,
    *,
    actor: str = "",
    **data: Any,
) -> None:
    # five persons without the app are said in one line: who they are stands in ``tries``
    why = [_said(*one) for one in dict.fromkeys((one["by"], one["outcome"]) for one in tries)]
    why += [phrase("why.nobody_on_duty")] * bool(empty)
    if did != "call":
        ended = "strangers" if did == "exhausted" and contact.strangers else did
        why.append(phrase(f"contact.did.{ended}"))
    told = {"contact": contact, "did": did, "tries": tries, "empty": empty}
    plain = {key: value for key, value in data.items() if value}
    more = {"actor": actor} if actor else {}
    draft.add(STEP, {**told, "why": why, **plain}, **more)


@cache
def _said(by: str, outcome: str) -> Text:
    """What came of one rung, in words."""
    return phrase(f"contact.tried.{outcome}", by=phrase(f"contact.by.{by}"))


def _end(
    draft: Draft, contact: Contact, state: str, actor: str = "", *, by: str = "", did: str = ""
) -> None:
    """``by``: who was reached, where it is not they who act now; ``did``: how, where the state does
    not say it."""
    ended = msgspec.structs.replace(
        contact, state=state, ended_at=draft.now, answered_by=by or actor, due=0
    )
    stopped = [contact.clock] if draft.state.clock(contact.clock) else []
    _add(draft, ended, [], [], did or state, actor=actor, stopped=stopped)


def may_answer(held: Contact, actor: Actor) -> bool:
    """Whether ``actor`` may: who was called, their department, and whoever commands cases."""
    if PERMISSION not in actor.permissions:
        return False
    called = actor.account in held.tried or actor.department in held.units
    return called or COMMANDS in actor.permissions


def answer(draft: Draft, name: str, actor: str, reached: str = "") -> None:
    """``actor`` answers, or says that ``reached`` has answered by phone: the ladder stops, or is no
    longer at its end. ``LookupError`` where there is none of that name that waits for somebody."""
    found = next((one for one in draft.state.contacts if one.contact == name), None)
    if found is None or not found.waits:
        raise LookupError(f"case {draft.case} has no ladder {name!r} that waits for an answer")
    _end(draft, found, "answered", actor, by=reached, did="phoned" if reached else "")


def awake(draft: Draft, actor: str) -> None:
    """A person has acknowledged an alarm of the case: they need not be woken any more."""
    for one in draft.state.contacts:
        if one.waits and one.cause == "alarm":
            _end(draft, one, "answered", actor)


def _reached(happened: Sequence[CaseEvent], draft: Draft, city: City) -> None:
    """Steps by which the called department shows that it was reached."""
    for event in happened:
        if event.step not in _TELLING:
            continue
        if event.step == "grade" and event.data.get("by_hand"):  # that was decided
            for one in draft.state.contacts:
                if one.waits and one.cause == ADVICE:
                    _end(draft, one, "answered", event.actor)
        taken = _taken(draft.state) if event.step in _TAKEN else None
        if taken is not None:
            for one in draft.state.contacts:
                ladder = city.contact.ladder(one.ladder)
                if one.waits and one.cause == "level" and ladder and ladder.to == LEAD:
                    _end(draft, one, "answered", by=taken.accepted_by)
        if event.step not in REACHED:
            continue
        order = draft.state.order(event.data.get("order", ""))
        for one in draft.state.contacts:
            if one.waits and one.cause == "level" and order is not None and order.lead:
                _end(draft, one, "answered", event.actor)
