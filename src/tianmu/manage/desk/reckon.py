"""Limits that run are reckoned anew where the calendar has changed under them: another pack, a
year's holidays published, a day worked or free after all.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from tianmu.manage.clocks import deadline
from tianmu.manage.desk.work import Work
from tianmu.manage.kept import ledger, table

CALENDAR = "calendar"
"""counter that keeps the fingerprint of the calendar that open clocks were reckoned by"""


def reckon(work: Work) -> int:
    """An event ``reckon`` on each open case whose running clocks end or remind at other times by
    the calendar in force; how many cases. What stands still is reckoned when it goes on."""
    calendar = work.city.calendar
    mark = calendar.fingerprint(work.now)
    if _known(work.tx.connection) == mark:
        return 0
    changed = 0
    for state in list(work.desk.states.values()):
        clocks = [
            again
            for clock in state.running
            if (again := deadline.reckoned(calendar, clock)) != clock
        ]
        if clocks:
            draft = work.draft(state.case)
            draft.add("reckon", deadline.data(*clocks))
            work.take(state, draft)
            changed += 1
    ledger.write_counters(work.tx.connection, {CALENDAR: mark})
    return changed


def _known(connection: Connection) -> int | None:
    found: int | None = connection.scalar(
        select(table.counter.c.value).where(table.counter.c.name == CALENDAR)
    )
    return found
