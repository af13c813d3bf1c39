"""What the city's cases are made of, for scenarios that learn from how they ended.

An alarm or a report that belongs to a case of certain matters, with what became of that case: who
closed it said that it was real, who made it void said that it was not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept import table
from tianmu.manage.kept.ledger import decode_state

MOST = 2_000
"""cases that are looked through for one answer, the newest"""
REAL, FALSE = "real", "false"


@dataclass(frozen=True)
class Signal:
    id: str
    """of the alarm or the report"""
    report: bool
    """a person told it; else an alarm"""
    at: int
    """µs"""
    returned: bool
    """an alarm that is not there any more"""
    rule: str
    device: str
    longitude: float | None
    latitude: float | None
    case: str
    number: str
    division: str
    verdict: str
    """``real``, ``false``, or empty while the case is open, and where it was merged into another"""
    closed_at: int
    """µs; 0 while it is open"""


def signals(
    connection: sa.Connection,
    matters: Collection[str],
    since: int,
    until: int,
    most: int | None = MOST,
) -> tuple[Signal, ...]:
    """Of real cases of ``matters`` (keys) opened from ``since`` to before ``until`` (µs), in the
    order of their times; of the newest ``most`` (None: of all). On hub's file."""
    c = table.case.c
    rows = connection.execute(
        sa.select(table.STATE)
        .where(
            c.probe == "", c.matter.in_(sorted(matters)),
            c.opened_at >= since, c.opened_at < until,
        )
        .order_by(c.serial.desc())
        .limit(most)
    ).all()  # fmt: skip
    states = [decode_state(row[0]) for row in rows]
    told = case_query.told_of(connection, [state.case for state in states])
    found = [_signal(state, *one) for state in states for one in told[state.case]]
    return tuple(sorted(found, key=lambda one: one.at))


def _signal(state: CaseState, told: dict[str, object], returned: bool) -> Signal:
    place = told.get("place") or {}
    assert isinstance(place, dict)
    at = told["at"]
    assert isinstance(at, int)
    return Signal(
        id=str(told["id"]), report=told["kind"] == "report", at=at, returned=returned,
        rule=str(told.get("identity", "")).partition("@")[0], device=str(told.get("device", "")),
        longitude=place.get("longitude"), latitude=place.get("latitude"),
        case=state.case, number=state.number, division=state.division,
        verdict=_verdict(state), closed_at=state.closed_at,
    )  # fmt: skip


def _verdict(state: CaseState) -> str:
    if state.open:
        return ""
    return {"closed": REAL, "void": FALSE}.get(state.outcome, "")
