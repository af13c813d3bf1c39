"""The proposals of the moment: all cases that wait for units and all units, assigned together.

Made anew when somebody asks and the last ones are a second old or do not know the case as it is.
What was proposed before is held in memory, so that little changes; a start forgets it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Lock

import sqlalchemy as sa

from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import table
from tianmu.manage.kept.ledger import decode_state
from tianmu.manage.units import proposal, unit
from tianmu.web.hub import Hub

MOST = 150
"""cases of each stage that are assigned together, nearest limit first"""
FRESH = 1.0
"""seconds"""


@dataclass
class Sending:
    """What ``hub.memory`` holds of it."""

    lock: Lock = field(default_factory=Lock)
    made: float = 0.0
    plan: proposal.Plan | None = None
    before: dict[str, tuple[str, ...]] = field(default_factory=dict)


def standings(hub: Hub) -> list[unit.Standing]:
    """Every unit of the pack as it stands now."""
    last, load = hub.records.read(lambda one: (unit.lasts(one), unit.loads(one)))
    return unit.standings(hub.city, last, load, hub.clock())


def current(hub: Hub, asked: CaseState | None = None) -> proposal.Plan:
    """The proposals now; they know the case that is asked about as it is."""
    memory: Sending = hub.memory.setdefault("sending", Sending())
    with memory.lock:
        plan = memory.plan
        fresh = time.monotonic() - memory.made < FRESH
        if plan is not None and fresh and plan.city is hub.city and _knows(plan, asked):
            return plan
        states = hub.records.read(_waiting)
        if asked is not None:
            states = [one for one in states if one.case != asked.case] + [asked]
        states.sort(key=lambda one: (one.level_number or 99, one.case))
        made = proposal.plan(hub.city, states, standings(hub), hub.clock(), memory.before)
        memory.plan, memory.made, memory.before = made, time.monotonic(), made.chosen()
        return made


def _knows(plan: proposal.Plan, asked: CaseState | None) -> bool:
    if asked is None:
        return True
    held = (one.version for one in plan.states if one.case == asked.case)
    return next(held, -1) == asked.version


def _waiting(connection: sa.Connection) -> list[CaseState]:
    """Cases in which units are sent."""
    c = table.case.c
    found: list[CaseState] = []
    for stage in proposal.WAITS:
        rows = connection.execute(
            sa.select(table.STATE)
            .where(c.stage == stage, c.probe == "")
            .order_by(c.due, c.serial)
            .limit(MOST)
        )
        found += [decode_state(row.state) for row in rows]
    return found
