"""A case that is made graver by another that it takes in, and is as before without it.

As it becomes graver its plan sends departments, opens points and proposes a warning, and a contact
ladder looks for somebody. With the level all of that goes too, unless somebody has acted on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.facts.text import Text
from tianmu.manage import intake
from tianmu.manage.case import estate
from tianmu.manage.case.contact import Contact
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.estate import OF_ORDER, Fields
from tianmu.manage.case.state import OPEN_ORDER, CaseState, Order
from tianmu.manage.clocks import deadline
from tianmu.manage.levels import level, response
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City


def rise(draft: Draft, city: City, one: CaseState, reasons: list[Text], had: int) -> Fields:
    """The graver level of both counts, and what the rules say of all signals together; what a
    person has set stays set by a person, who is told where they ask for more. ``had``: its
    signals before. What its plan has sent and opened by that, as plain data for ``fall``."""
    before = draft.state
    if one.level_number and (not before.level_number or one.level_number < before.level_number):
        chosen = city.profile.numbered(one.level_number)
        by_hand = True if one.level_by_hand else None
        told = level.data(city, before, chosen, *reasons, by_hand=by_hand)
        draft.add("grade", {**told, "held": before.held, "risen_from": _risen_from(one, before)})
    level.reconsider(draft, city)
    intake.swell(draft, city, had)
    if draft.state.level == before.level:
        return {}
    if draft.state.stage in ("dispatch", "handle"):
        response.follow(draft, city)
    return _sent(before, draft.state, draft.now)


def _risen_from(one: CaseState, before: CaseState) -> int:
    """From where limits have raised ``one``, or where ``before`` stood without them if that is
    graver; 0: they have not."""
    had = before.risen_from or before.level_number or one.risen_from
    return min(one.risen_from, had)


def _sent(before: CaseState, after: CaseState, now: int) -> Fields:
    sent: Fields = {
        "at": now,
        "ladders": [one.contact for one in before.contacts],
        "orders": _new("orders", before, after),
        "tasks": _new("tasks", before, after),
        "plans": [one for one in after.plans if one not in before.plans],
    }
    if after.stage != before.stage:
        clock = before.clock(before.stage)
        stood = {"stage": before.stage, "queue": before.queue, **deadline.data(clock)}
        sent["stood"] = msgspec.to_builtins(stood)
    return sent


def _new(name: str, before: CaseState, after: CaseState) -> list[str]:
    key = estate.KEYS[name]
    had = {key(one) for one in getattr(before, name)}
    return [key(one) for one in getattr(after, name) if key(one) not in had]


def fall(
    draft: Draft, city: City, before: CaseState, back: CaseState, why: Text, actor: str
) -> None:
    """The level that the merged case had brought goes with it, unless another has been set since or
    the rules hold it up for what is left. Where it is again what it was, so is whom it sends."""
    was, kept = back.beside.get("level_number", 0), back.kept
    if not was or kept is None:
        return
    made = back.beside.get("made_level", [kept.level_number, before.level_by_hand])
    if list(made) != [before.level_number, before.level_by_hand] or was <= before.level_number:
        return
    number = min(was, level.least(city, draft.state, draft.now))
    if number <= before.level_number:
        return
    chosen = city.profile.numbered(number)
    state, wanted = draft.state, bool(back.beside.get("level_by_hand"))
    by_hand = wanted if wanted != state.level_by_hand else None
    told = level.data(city, state, chosen, why, by_hand=by_hand)
    risen_from = back.beside.get("risen_from", 0)
    draft.add("grade", {**told, "held": state.held, "risen_from": risen_from})
    if number == was and (sent := back.beside.get("sent")):
        _take_back(draft, city, sent, why, actor)


def _take_back(draft: Draft, city: City, sent: Fields, why: Text, actor: str) -> None:
    """Orders that nobody has begun are withdrawn, points that nobody has done and ladders that
    nobody has answered end. The event names those whose orders stay."""
    mine = [one for one in draft.state.orders if one.order in sent["orders"]]
    for one in mine:
        if _untouched(draft.state, one, sent["at"]):
            stopped = [f"{what}:{one.order}" for what in OF_ORDER]
            draft.add("cancel", {"order": one.order, "stopped": stopped, "why": [why]}, actor=actor)
    left = {one.order for one in draft.state.orders if one.state in (*OPEN_ORDER, "done")}
    stay = [one for one in mine if one.order in left]
    state = draft.state
    fields = _closed(state, sent, draft.now)
    stage, clocks = _stands(city, state, sent, fields, draft.now)
    changed = {name: one for name, one in fields.items() if one != getattr(state, name)}
    if not changed and stage == state.stage and not stay:
        return
    stopped = [] if stage == state.stage else [state.stage]
    still = estate.replace(state, **changed, stage=stage)
    stopped += [one.name for one in state.clocks if not estate.runs_for(still, one.name)]
    data: dict[str, Any] = {"fields": estate.plain(changed), "stopped": stopped, **clocks}
    if stay:
        data["why"] = [phrase("why.order_stays", unit=_named(city, one)) for one in stay]
    draft.add("give_back", data, stage=stage, actor=actor)


def _untouched(state: CaseState, one: Order, sent_at: int) -> bool:
    """Whether nobody has begun the order: accepted it, named a unit for it, or followed a call."""
    called = any(call.unit == one.unit and call.called_at >= sent_at for call in state.calls)
    return one.state == "sent" and not one.force and not called


def _closed(state: CaseState, sent: Fields, now: int) -> Fields:
    """Fields of the case without what its plan has opened and nobody has done."""
    opened, plans = set(sent["tasks"]), set(sent["plans"])
    tasks = tuple(one for one in state.tasks if one.code not in opened or one.done_at)
    contacts = tuple(_ended(state.contacts, sent["at"], sent["ladders"], now))
    gone = {one.clock for one in state.contacts if one.running} - {
        one.clock for one in contacts if one.running
    }
    gone |= {f"task:{one.code}" for one in state.tasks if one not in tasks}
    return {
        "tasks": tasks,
        "plans": tuple(one for one in state.plans if one not in plans),
        "warnings": tuple(one for one in state.warnings if one.plan not in plans),
        "contacts": contacts,
        "paused": tuple(one for one in state.paused if one[0] not in gone),
    }


def _ended(
    contacts: Iterable[Contact], at: int, had: Collection[str], now: int
) -> Iterable[Contact]:
    """The ladder that began with the level ends. One that it has replaced is over too, so that the
    level's own may begin again."""
    for one in contacts:
        of_level = one.cause == "level" and "-" not in one.contact
        began = one.contact not in had and one.since == at and one.waits
        replaced = one.contact in had and one.state == "replaced" and one.ended_at == at
        if of_level and (began or replaced):
            yield estate.replace(one, state="over", ended_at=now, due=0)
        else:
            yield one


def _stands(
    city: City, state: CaseState, sent: Fields, fields: Fields, now: int
) -> tuple[str, dict[str, Any]]:
    """The stage without the orders that are withdrawn, and its clock; the queue into ``fields``."""
    if state.stage != "handle" or state.open_orders:
        return state.stage, {}
    stood = sent.get("stood")
    if stood is not None:
        fields["queue"] = stood["queue"]
        return str(stood["stage"]), {"clocks": stood.get("clocks", [])}
    stage = "feed_back" if estate.led(state.orders, state) else "dispatch"
    fields["queue"] = "dispatch" if stage == "dispatch" else ""
    return stage, deadline.data(response.stage_clock(city, state, stage, now))


def _named(city: City, one: Order) -> Text | str:
    known = city.departments.get(one.unit)
    return known.name if known else one.unit
