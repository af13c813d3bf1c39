"""What became of a scenario's alarms: hits, misses, false alarms and how long before.

Judged by the cases of its matters once they are closed, as the people who dealt with them left
them: a case that was closed was real, one that was made void was not.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tianmu.access.scope import WHOLE, Scope
from tianmu.facts.text import Text
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept import table
from tianmu.manage.kept.ledger import decode_state
from tianmu.scenarios.past.often import at_most

MOST = 2_000
"""cases that are judged for one answer, the newest"""
WEEK = 7 * 86_400_000_000


@dataclass(frozen=True)
class Judged:
    """One case. ``verdict``: ``hit``, ``miss``, ``false``, or ``open`` while it is worked on."""

    case: str
    number: str
    title: Text
    division: str
    opened_at: int
    verdict: str
    lead: float | None
    """seconds from the first alarm to the first person who told of it; below 0: the person was
    first; None where nobody else told"""


@dataclass(frozen=True)
class Record:
    since: int
    until: int
    hits: int
    misses: int
    false: int
    open: int
    begins: int
    """µs from which on cases were judged: what came before the city began says nothing"""
    weeks: float
    """from then on, and a day at least: by them false alarms are reckoned to a week"""
    false_per_week: float
    false_at_most: float
    """a week, by so short a past: ``often.at_most``"""
    lead_median: float | None
    """seconds"""
    alone: int
    """hits of which no person told: how much earlier their alarms were cannot be said"""
    latest: tuple[Judged, ...]
    """newest first"""
    cut: bool
    """more than ``MOST`` cases: the oldest are left out"""


def judge(
    state: CaseState, members: Sequence[Mapping[str, Any]], rules: Collection[str]
) -> Judged | None:
    """A case of the scenario's matters; None where it is none of the scenario's business: void
    without an alarm of its own, or merged into another."""
    alarms = [one["at"] for one in members if one["kind"] == "alarm" and _rule(one) in rules]
    told = [one["at"] for one in members if one["kind"] == "report"]
    if state.open:
        verdict = "open"
    elif state.outcome == "void" and alarms:
        verdict = "false"
    elif state.outcome == "closed":
        verdict = "hit" if alarms else "miss"
    else:
        return None
    lead = (min(told) - min(alarms)) / 1e6 if alarms and told else None
    return Judged(
        state.case, state.number, state.title, state.division, state.opened_at, verdict, lead
    )


def record(
    connection: sa.Connection,
    matters: Collection[str],
    rules: Collection[str],
    since: int,
    until: int,
    scope: Scope = WHOLE,
) -> Record:
    """Cases of ``matters`` (keys) opened from ``since`` to before ``until`` (µs), on hub's file."""
    c = table.case.c
    rows = connection.execute(
        sa.select(table.STATE, c.opened_at)
        .where(
            c.probe == (scope.probe or ""), c.matter.in_(sorted(matters)),
            c.opened_at >= since, c.opened_at < until, case_query.within(scope),
        )
        .order_by(c.serial.desc())
        .limit(MOST + 1)
    ).all()  # fmt: skip
    judged = []
    states = [decode_state(row[0]) for row in rows[:MOST]]
    told = case_query.told_of(connection, [state.case for state in states])
    for state in states:
        found = judge(state, [one for one, _ in told[state.case]], rules)
        if found is not None:
            judged.append(found)
    cut = len(rows) > MOST
    began = rows[MOST - 1][1] if cut else (begins(connection, scope.probe or "") or until)
    return summed(judged, since, until, began=began, cut=cut)


def begins(connection: sa.Connection, probe: str = "") -> int:
    """When the city's first case was opened (µs); 0 where there is none: nothing has been seen of
    it, so no span before then says that there was no false alarm."""
    first = sa.select(sa.func.min(table.case.c.opened_at)).where(table.case.c.probe == probe)
    return int(connection.execute(first).scalar() or 0)


def summed(
    judged: Sequence[Judged], since: int, until: int, *, began: int = 0, cut: bool = False
) -> Record:
    """The figures of judged cases, which come newest first; ``began`` (µs) is when the city's cases
    begin, or those that were looked through."""
    count = {v: sum(one.verdict == v for one in judged) for v in ("hit", "miss", "false", "open")}
    leads = [one.lead for one in judged if one.verdict == "hit" and one.lead is not None]
    alone = count["hit"] - len(leads)
    first = min(max(since, began), until)
    weeks = max((until - first) / WEEK, 1 / 7)
    return Record(
        since=since, until=until, begins=first, weeks=weeks,
        hits=count["hit"], misses=count["miss"], false=count["false"], open=count["open"],
        false_per_week=count["false"] / weeks, false_at_most=at_most(count["false"], weeks),
        lead_median=statistics.median(leads) if leads else None, alone=alone,
        latest=tuple(judged[:50]), cut=cut,
    )  # fmt: skip


def _rule(member: Mapping[str, Any]) -> str:
    """The rule of an alarm, whose identity is ``rule@datastream``."""
    return str(member.get("identity", "")).partition("@")[0]
