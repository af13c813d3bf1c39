"""The clocks of what passes from one case to another, and what is due by them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tianmu.manage.case.estate import Fields, replace
from tianmu.manage.case.state import CaseState, Clock
from tianmu.manage.clocks import deadline
from tianmu.manage.levels import response

if TYPE_CHECKING:
    from tianmu.city.city import City


_NONE: Mapping[str, float] = {}


def running(city: City, state: CaseState, now: int) -> dict[str, Clock]:
    """The clocks of a case by name; those that stand still as they would go on now."""
    shares = dict(state.paused) if state.suspended_at else {}
    return {
        one.name: deadline.go_on(city.calendar, one, shares[one.name], now)
        if one.name in shares
        else one
        for one in state.clocks
    }


def begin_stage(city: City, state: CaseState, clocks: dict[str, Clock], now: int) -> None:
    """The clock of the stage that the case has come to, where it has one and it does not run."""
    if state.stage not in clocks:
        started = response.stage_clock(city, state, state.stage, now)
        if started is not None:
            clocks[state.stage] = started


def set_clocks(
    city: City,
    state: CaseState,
    found: Fields,
    clocks: Iterable[Clock],
    now: int,
    *,
    stopped: int = 0,
    paused_before: Mapping[str, float] = _NONE,
) -> None:
    """The clocks into ``found``, the fields of ``state`` that change, with what follows from them:
    when orders, calls and points are due, and what stands still in a suspended case. There a clock
    that is new has run until ``stopped`` (0: until now), unless ``paused_before`` names its
    share."""
    before, resumed = {one.name: one for one in state.clocks}, running(city, state, now)
    shares = dict(state.paused)
    stood: list[Clock] = []
    paused: list[tuple[str, float]] = []
    for clock in clocks:
        name = clock.name
        if name in before and clock in (before[name], resumed[name]):
            stood.append(before[name])  # untouched: it stands still as it did
            if name in shares:
                paused.append((name, shares[name]))
            continue
        stood.append(clock)
        if state.suspended_at and name.split(":")[0] not in city.side_paths.run_on:
            share = paused_before.get(name)
            if share is None:
                share = deadline.used(city.calendar, clock, stopped or now)
            paused.append((name, share))
    found["clocks"] = tuple(stood)
    if state.suspended_at:
        found["paused"] = tuple(paused)
    _dues({clock.name: clock.due for clock in stood}, state, found)


def _dues(due: Mapping[str, int], state: CaseState, found: Fields) -> None:
    found["orders"] = tuple(
        replace(one, due=due.get(f"handle:{one.order}", one.due))
        for one in found.get("orders", state.orders)
    )
    found["calls"] = tuple(
        replace(one, due=due.get(f"arrive:{one.unit}", one.due)) if one.waits else one
        for one in found.get("calls", state.calls)
    )
    found["tasks"] = tuple(
        replace(one, due=due.get(f"task:{one.code}", one.due))
        for one in found.get("tasks", state.tasks)
    )
    found["contacts"] = tuple(
        replace(one, due=due.get(one.clock, one.due)) if one.running else one
        for one in found.get("contacts", state.contacts)
    )
    held = found.get("supervision", state.supervision)
    if held is not None and "supervise" in due:
        found["supervision"] = replace(held, due=due["supervise"])
