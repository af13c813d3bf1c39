"""Limits and checks of hazards are reckoned anew where the calendar has changed under them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tianmu.facts.hazard import HazardEvent
from tianmu.manage.hazard import table as hazard_table
from tianmu.manage.hazard.state import OPEN, Hazard
from tianmu.manage.hazard.step import reckoned
from tianmu.manage.kept import ledger
from tianmu.manage.kept import table as case_table

if TYPE_CHECKING:
    from tianmu.city.city import City
    from tianmu.store.records import Transaction

CALENDAR = "hazard_calendar"
"""counter that keeps the fingerprint of the calendar that they were reckoned by"""


def reckon(tx: Transaction, city: City, now: int) -> int:
    """An event ``reckon`` on each hazard that stands and whose limit or next look falls to another
    time by the calendar in force; how many. What a person set stays."""
    mark = city.calendar.fingerprint(now)
    known = tx.connection.scalar(
        select(case_table.counter.c.value).where(case_table.counter.c.name == CALENDAR)
    )
    if known == mark:
        return 0
    changed = 0
    for state in hazard_table.standing(tx.connection):
        if data := _again(city, state):
            event = HazardEvent(
                hazard=state.hazard, sequence=state.version + 1, step="reckon", at=now, actor="",
                data=data,
            )  # fmt: skip
            hazard_table.append(tx, event)
            changed += 1
    ledger.write_counters(tx.connection, {CALENDAR: mark})
    return changed


def _again(city: City, state: Hazard) -> dict[str, Any]:
    """What falls to another time; of one that is put right its limit has been kept or not."""
    found: dict[str, Any] = {}
    for key, by, told, was in (
        ("due", "due_by", state.due_by if state.stage == OPEN else None, state.due),
        ("check_due", "check_by", state.check_by, state.check_due),
    ):
        if told is not None and was:
            again = reckoned(city, key, by, told.limit, told.start)
            found |= again if again[key] != was else {}
    return found
