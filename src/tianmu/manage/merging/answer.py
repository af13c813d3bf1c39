"""What the reporters of a case are answered when it ends: all of them, however they came to it.

The answer is an event of the case that names every report it is for; whoever delivers it reads it.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from tianmu.facts.case import CaseEvent
from tianmu.manage.case.fold import fold
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import table

ENDS = ("close", "void")


def answered(connection: Connection, before: CaseState, events: list[CaseEvent]) -> list[CaseEvent]:
    """The events, and behind one that ends the case the answer to everybody who told of it: those
    of merged cases are answered like the first."""
    ends = next((event for event in events if event.step in ENDS), None)
    if ends is None or not before.reports:
        return events
    after = fold(events, before)
    member = table.member.c
    reports = connection.scalars(
        select(member.id)
        .where(member.serial == table.serial_of(after.case), member.kind == "report")
        .order_by(member.sequence)
    ).all()
    last = events[-1]
    answer = CaseEvent(
        case=last.case,
        sequence=last.sequence + 1,
        step="answer",
        stage=last.stage,
        at=last.at,
        actor=last.actor,
        probe=last.probe,
        data={"reports": list(reports), "text": _words(after, ends)},
    )
    return [*events, answer]


def _words(state: CaseState, ends: CaseEvent) -> str:
    """What was done, as the units fed back, the lead's first; of a void case, why."""
    if ends.step == "void":
        return ends.reason
    told = sorted(state.orders, key=lambda order: not order.lead)
    return "\n".join(dict.fromkeys(order.result for order in told if order.result))
