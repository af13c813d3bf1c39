"""Questions to the case tables: lists, counts, one case with all that belongs to it."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    TextClause,
    and_,
    desc,
    distinct,
    func,
    select,
    tuple_,
)

from tianmu.access.scope import WHOLE, Scope
from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import decode
from tianmu.facts.report import Report
from tianmu.facts.topic import CASE
from tianmu.manage.case.plain import plain
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import ledger, table
from tianmu.manage.kept import search as case_search
from tianmu.store.journal.contract import Journal

SORTS = ("due", "opened", "level")
MOST = 500
"""rows of one page at most"""
MANY = 5_000
"""cases that are rather met on a walk than sorted"""


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which cases. An empty string or None asks for any."""

    stage: str = ""
    level: str = ""
    department: str = ""
    """that leads, joins, has an order or was told"""
    divisions: frozenset[str] | None = None
    """codes of a division and all below it"""
    matter: str = ""
    queue: str = ""
    open: bool | None = None
    overdue: bool | None = None
    q: str = ""
    """words of number, title or text"""
    probe: str = ""
    """name of a probe: its cases; empty: real ones only"""
    sort: str = "due"
    """``due`` (nearest limit first), ``opened`` (newest first) or ``level`` (gravest first)"""
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True)
class Page:
    items: list[CaseState]
    next: str | None
    """cursor of the next page"""


def within(scope: Scope, *, spread: bool = False) -> ColumnElement[bool]:
    """The scope as a condition: division of the case; departments that it concerns; probe.
    ``spread``: see ``_where``."""
    limits: list[ColumnElement[bool]] = []
    if scope.probe:
        limits.append(table.case.c.probe == scope.probe)
    if scope.divisions is not None:
        limits.append(_in(scope.divisions, spread=spread))
    if scope.departments is not None:
        limits.append(_concerns(sorted(scope.departments)))
    return and_(True, *limits)


def _in(divisions: frozenset[str], *, spread: bool) -> ColumnElement[bool]:
    division = table.case.c.division
    return (func.coalesce(division, "") if spread else division).in_(sorted(divisions))


def _concerns(departments: list[str]) -> ColumnElement[bool]:
    found = select(table.party.c.serial).where(table.party.c.department.in_(departments))
    return table.case.c.serial.in_(found)


def _where(
    query: Query,
    scope: Scope,
    now: int,
    held: Sequence[int] | None,
    *,
    walk: bool,
    spread: bool = False,
) -> list[ColumnElement[bool] | TextClause]:
    """``walk``: in the order that is asked for, until the page is full. Where nothing narrower is
    asked for, the probe must not lead to an index then: nearly all cases have the same.
    ``held``: the cases that have the words, where they are few: nothing else leads then.
    ``spread``: so many cases are in the divisions that some
    are soon met in whatever order, and the divisions must not lead to an index either."""
    c = table.case.c
    probe = scope.probe or query.probe
    narrow = (query.open, query.overdue, query.divisions) != (None, None, None)
    named = query.stage or query.level or query.matter or query.queue
    by_probe = bool(narrow or named or not (walk or held is not None))
    if (query.department or scope.departments is not None) and query.open is not True:
        by_probe = False
    by_probe = by_probe and not spread
    of_probe = (c.probe if by_probe else func.coalesce(c.probe, "")) == probe
    found: list[ColumnElement[bool] | TextClause] = [within(scope, spread=spread), of_probe]
    asked = {name: getattr(query, name) for name in ("stage", "level", "matter", "queue")}
    found += [c[name] == value for name, value in asked.items() if value]
    if query.department:
        found.append(_concerns([query.department]))
    if query.divisions is not None:
        found.append(_in(query.divisions, spread=spread))
    if query.queue:
        found.append(table.QUEUED)
    if query.open is not None:
        found.append(table.OPEN if query.open else table.CLOSED)
    if query.overdue is not None:
        found.append(table.OPEN)
        found.append(c.due < now if query.overdue else c.due >= now)
    if query.q:
        words = plain(query.q)
        found.append(case_search.found(words, held) if words else c.serial < 0)
    return found


def cases(connection: Connection, query: Query, now: int, scope: Scope = WHOLE) -> Page:
    """One page of cases. Raises ``ValueError`` for an unknown sort or a cursor that is none."""
    c = table.case.c
    held, spread = _held(connection, query), _spread(connection, query, scope)
    where = _where(query, scope, now, held, walk=True, spread=spread)
    if query.sort == "due":
        keys: tuple[Any, ...] = (c.due, c.serial)
        order: tuple[Any, ...] = keys
    elif query.sort == "level":
        keys = order = (c.level_number, c.serial)
    elif query.sort == "opened":
        keys, order = (c.serial,), (desc(c.serial),)
    else:
        raise ValueError(f"cases cannot be sorted by {query.sort!r}: use {', '.join(SORTS)}")
    if query.cursor:
        after = _cursor(query.cursor, len(keys))
        where.append(keys[0] < after[0] if query.sort == "opened" else tuple_(*keys) > after)
    limit = max(1, min(query.limit, MOST))
    rows = connection.execute(
        select(table.STATE, *keys).where(*where).order_by(*order).limit(limit + 1)
    ).all()
    items = [ledger.decode_state(row[0]) for row in rows[:limit]]
    more = rows[limit - 1] if len(rows) > limit else None
    return Page(items, _token(more[1:]) if more is not None else None)


def _token(values: Any) -> str:
    return base64.urlsafe_b64encode(",".join(map(str, values)).encode()).decode().rstrip("=")


def _cursor(token: str, count: int) -> tuple[int, ...]:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        values = tuple(int(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        raise ValueError(f"{token!r} is no cursor of this list: ask for its first page again")
    return values


def count(connection: Connection, query: Query, now: int, scope: Scope = WHOLE) -> int | None:
    """How many cases fit, cursor and limit aside; None where the words asked for are so common
    that counting would take longer than anybody waits."""
    held = _held(connection, query)
    if held is None and plain(query.q):
        return None
    if departments := _only_departments(query, scope):
        return _concerning(connection, departments)
    where = _where(query, scope, now, held, walk=False)
    return connection.scalar(select(func.count()).where(*where)) or 0


def _only_departments(query: Query, scope: Scope) -> list[str]:
    """The departments, where real cases that concern them are asked for and nothing else is."""
    asked = Query(department=query.department, sort=query.sort, limit=query.limit)
    if replace(query, cursor="") != asked or scope.divisions is not None or scope.probe:
        return []
    if scope.departments is None:
        return [query.department] if query.department else []
    return [] if query.department else sorted(scope.departments)


def _concerning(connection: Connection, departments: list[str]) -> int:
    """Real cases that concern any of them, without a look at each: of all those that do, the few
    marked ones are taken off."""
    party = table.party.c
    every = select(func.count(distinct(party.serial))).where(party.department.in_(departments))
    marked = select(func.count()).where(table.case.c.probe > "", _concerns(departments))
    return (connection.scalar(every) or 0) - (connection.scalar(marked) or 0)


def _held(connection: Connection, query: Query) -> Sequence[int] | None:
    words = plain(query.q)
    return case_search.look(connection, words) if words else None


def _spread(connection: Connection, query: Query, scope: Scope) -> bool:
    """Whether cases of the divisions asked for are many, and asked for in an order that their index
    has not: then that order is walked."""
    divisions = query.divisions if query.divisions is not None else scope.divisions
    named = query.stage or query.level or query.matter or query.queue or query.q
    if divisions is None or named or query.sort == "opened":
        return False
    if (query.open, query.overdue) != (None, None):
        return False
    c = table.case.c
    where = (c.probe == (scope.probe or query.probe), _in(divisions, spread=False))
    some = select(c.serial).where(*where).limit(MANY + 1).subquery()
    return (connection.scalar(select(func.count()).select_from(some)) or 0) > MANY


def read(connection: Connection, case: str, scope: Scope = WHOLE) -> CaseState | None:
    """A case within the scope, None where there is none."""
    condition = table.case.c.serial == table.serial_of(case)
    data = connection.scalar(select(table.STATE).where(condition, within(scope)))
    return ledger.decode_state(data) if data is not None else None


def positions_of(connection: Connection, case: str) -> list[int]:
    """Where in topic ``case`` the events of a case stand, in their order."""
    found = connection.scalars(
        select(table.event.c.position)
        .where(table.event.c.serial == table.serial_of(case))
        .order_by(table.event.c.sequence)
    )
    return list(found)


def events_of(connection: Connection, journal: Journal, case: str) -> list[CaseEvent]:
    """All events of a case in their order, from their positions in topic ``case``."""
    found: list[CaseEvent] = []
    for position in positions_of(connection, case):
        [entry] = journal.read(CASE.name, position - 1, entries=1)
        fact = decode(entry.payload)
        assert isinstance(fact, CaseEvent)
        found.append(fact)
    return found


def members_of(connection: Connection, case: str, most: int = 1000) -> list[dict[str, Any]]:
    """The newest signals of a case in the order they came: ``told``, ``returned``, ``score``,
    ``reasons``, ``joined_at``."""
    c = table.member.c
    rows = connection.execute(
        select(c.told, c.returned, c.score, c.joined_at)
        .where(c.serial == table.serial_of(case))
        .order_by(desc(c.sequence))
        .limit(most)
    ).mappings()
    found: list[dict[str, Any]] = []
    for row in reversed(rows.all()):
        told, reasons = ledger.decode_member(row["told"])
        found.append({**row, "told": told, "reasons": reasons})
    return found


def told_of(
    connection: Connection, cases: Sequence[str], most: int = 1000
) -> dict[str, list[tuple[dict[str, Any], bool]]]:
    """Case → its newest signals as they were told, and whether they have returned, in the order
    they came: ``members_of`` many cases, asked for together."""
    c = table.member.c
    found: dict[str, list[tuple[dict[str, Any], bool]]] = {case: [] for case in cases}
    for start in range(0, len(cases), 500):
        some = {table.serial_of(case): case for case in cases[start : start + 500]}
        rows = connection.execute(
            select(c.serial, c.told, c.returned)
            .where(c.serial.in_(some))
            .order_by(c.serial, desc(c.sequence))
        )
        for serial, told, returned in rows:
            held = found[some[serial]]
            if len(held) < most:
                held.append((ledger.decode_member(told)[0], bool(returned)))
    for held in found.values():
        held.reverse()
    return found


def evidence_of(connection: Connection, case: str) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(table.evidence.c.told, table.evidence.c.at)
        .where(table.evidence.c.serial == table.serial_of(case))
        .order_by(table.evidence.c.at)
    )
    return [{**told, "at": at} for told, at in rows]


def held(connection: Connection, digests: Collection[str]) -> set[str]:
    """Those of the files that some case, open or ended, has as evidence."""
    wanted, d = sorted(set(digests)), table.evidence.c.digest
    found: set[str] = set()
    for start in range(0, len(wanted), 500):
        some = wanted[start : start + 500]
        found |= set(connection.scalars(select(d).where(d.in_(some)).distinct()))
    return found


def case_of(connection: Connection, kind: str, ids: list[str]) -> dict[str, str]:
    """Alarm or report → the case it belongs to, for those that belong to one."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        rows = connection.execute(
            select(table.member.c.id, table.member.c.serial).where(
                table.member.c.kind == kind, table.member.c.id.in_(some)
            )
        )
        found.update({key: table.case_id(serial) for key, serial in rows})
    return found


def reports(
    connection: Connection, *, cursor: str = "", limit: int = 50, scope: Scope = WHOLE
) -> tuple[list[tuple[Report, str | None]], str | None]:
    """Reports, the newest first, each with its case; and the cursor of the next page. Personal
    data are in them: whoever shows them masks them."""
    c = table.report.c
    where: list[ColumnElement[bool]] = [c.probe == scope.probe]
    if scope.divisions is not None:
        where.append(c.division.in_(sorted(scope.divisions)))
    if scope.departments is not None:
        ours = (
            select(table.member.c.id)
            .join(table.party, table.party.c.serial == table.member.c.serial)
            .where(
                table.member.c.kind == "report",
                table.party.c.department.in_(sorted(scope.departments)),
            )
        )
        where.append(c.report.in_(ours))
    if cursor:
        where.append(c.position < _cursor(cursor, 1)[0])
    limit = max(1, min(limit, MOST))
    rows = connection.execute(
        select(c.payload, c.position).where(*where).order_by(desc(c.position)).limit(limit + 1)
    ).all()
    found: list[Report] = []
    for row in rows[:limit]:
        fact = decode(row[0])
        assert isinstance(fact, Report)
        found.append(fact)
    known = case_of(connection, "report", [one.report for one in found])
    following = _token((rows[limit - 1][1],)) if len(rows) > limit else None
    return [(one, known.get(one.report)) for one in found], following


def report(connection: Connection, report: str) -> Report | None:
    payload = connection.scalar(
        select(table.report.c.payload).where(table.report.c.report == report)
    )
    if payload is None:
        return None
    fact = decode(payload)
    assert isinstance(fact, Report)
    return fact
