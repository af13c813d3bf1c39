"""On the real store: whatever people do to cases, tables are what the events add up to; and what
pages ask for is found by an index, not by looking at every case.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from tianmu.access.scope import Scope
from tianmu.facts.case import CaseEvent
from tianmu.manage.actor import Actor
from tianmu.manage.case.fold import fold
from tianmu.manage.kept import counts as case_counts
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept import search as case_search
from tianmu.manage.kept.query import Query
from tianmu.manage.kept.rebuild import rebuild
from tianmu.manage.manage import Conflict, Refused

from .house import House, house
from .town import (
    CHECKER,
    CLEANER,
    COMMANDER,
    FIRE,
    FIREMAN,
    GRID,
    HOUR,
    MINUTE,
    MONDAY,
    OFFICER,
    RUBBISH,
)

__all__ = ["house"]

ACTORS = (OFFICER, CHECKER, COMMANDER, FIREMAN, CLEANER, GRID, Actor("anna", ("acceptor",)))
DAY = {"value": 2, "unit": "work_day"}
REFUSED = ("data", "too_late", "nobody_to_call", "extensions", "returns")
REFUSED += ("leads_already",)
"""for what is offered: it needs more to be said, or was about another order"""
DATA: dict[str, dict[str, Any]] = {
    "feed_back": {"result": "done"},
    "check": {"result": "pass"},
    "review": {"result": "pass"},
    "note": {"text": "x"},
    "supplement": {"text": "x"},
    "grade": {"level": "III"},
    "assign": {"department": "roads"},
    "assess": {"injured": 1},
    "transfer": {"department": "clean"},
    "order": {"department": "roads"},
    "ask_extension": {"limit": DAY},
    "extend": {"limit": DAY},
    "evaluate": {"score": 4},
    "rule": {"department": "fire"},
}


@pytest.mark.parametrize("walk", [1, 2])
def test_walks_of_many_hands(house: House, walk: int) -> None:
    """People take what is offered to them, some with what they saw too long ago."""
    seed = random.SystemRandom().randrange(1 << 30)
    print(f"walk {walk} by seed {seed}")
    draw = random.Random(seed)
    for number in range(4):
        house.alarm(east=number * 900, matter=FIRE)
        house.report("litter", east=number * 900 + 5000.0, matter=RUBBISH)
    house.work()
    names = [state.case for state in house.states()]
    seen = dict.fromkeys(names, 1)
    conflicts = 0
    for _ in range(220):
        house.now += draw.randrange(20 * MINUTE)
        if draw.random() < 0.1:
            house.now += 5 * HOUR
        house.work()
        case, who = draw.choice(names), draw.choice(ACTORS)
        offered = [one["step"] for one in house.manage.actions(case, who)]
        offered = [one for one in offered if one not in ("merge", "split", "void")]
        if not offered:
            continue
        step = draw.choice(offered)
        expected = seen[case] if draw.random() < 0.3 else None
        before = house.manage.case(case).version
        try:
            after = house.manage.command(case, step, who, expected, "because", DATA.get(step, {}))
        except Conflict as conflict:
            conflicts += 1
            assert expected is not None and expected < conflict.state.version == before
            seen[case] = before
        except Refused as refused:
            assert refused.refusal.what in REFUSED, (seed, step)
            assert house.manage.case(case).version == before
        else:
            assert after.version > before
    assert conflicts, seed
    by_case: dict[str, list[CaseEvent]] = {}
    for one in house.topic():
        by_case.setdefault(one.case, []).append(one)
    for case, events in by_case.items():
        assert fold(events) == house.manage.case(case), (seed, case)
        for one in events:
            assert one.step not in ("check", "close") or one.actor != "@system"
    tables = house.tables()
    rebuild(house.hub, house.journal)
    assert house.tables() == tables, seed


NORTH = frozenset(["11"])


@pytest.mark.parametrize(
    ("query", "scope", "index"),
    [
        (Query(open=True), Scope(), "case_open_due"),
        (Query(open=True, overdue=True), Scope(), "case_open_due"),
        (Query(open=True, sort="level"), Scope(), "case_open_gravity"),
        (Query(open=True, sort="opened"), Scope(), "case_open_newest"),
        (Query(), Scope(), "USING INDEX case_due"),
        (Query(sort="level"), Scope(), "USING INDEX case_gravity"),
        (Query(open=False, sort="opened"), Scope(), "case_closed_newest"),
        (Query(matter=FIRE, sort="opened"), Scope(), "case_matter"),
        (Query(divisions=NORTH, sort="opened"), Scope(), "case_division"),
        (Query(department="fire", sort="opened"), Scope(), "INTEGER PRIMARY KEY"),
        (Query(open=True), Scope(departments=frozenset(["fire"])), "case_open_due"),
        (Query(queue="verify"), Scope(), "case_queue"),
    ],
)
def test_pages_are_found_by_an_index(house: House, query: Query, scope: Scope, index: str) -> None:
    found = plan(house, query, scope)
    assert index in found and "TEMP B-TREE" not in found, found


def plan(house: House, query: Query, scope: Scope) -> str:
    """How SQLite goes about a page."""
    asked: list[Any] = []

    def listen(_c: Any, _k: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(house.hub.engine, "before_cursor_execute", listen)
    house.hub.read(lambda one: case_query.cases(one, query, MONDAY, scope))
    event.remove(house.hub.engine, "before_cursor_execute", listen)
    statement, parameters = [one for one in asked if one[0].startswith("SELECT")][-1]
    with house.hub.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    return " ; ".join(str(row[3]) for row in rows)


def test_counts_are_what_lists_hold(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        house.alarm(east=number * 900, matter=FIRE, probe="p" if number == 2 else "")
        house.report("litter", east=number * 900 + 5000.0, matter=RUBBISH)
    house.work()

    def both(query: Query, scope: Scope) -> tuple[int | None, int]:
        return house.hub.read(
            lambda one: (
                case_query.count(one, query, MONDAY, scope),
                len(case_query.cases(one, query, MONDAY, scope).items),
            )
        )

    sets = [frozenset(["fire"]), frozenset(["fire", "clean", "roads"]), frozenset(["nobody"])]
    scopes = [Scope(), Scope(probe="p"), *(Scope(departments=one) for one in sets)]
    found = 0
    for scope in scopes:
        for department in ("", "fire", "clean"):
            for q in (Query(), Query(open=True), Query(probe="p"), Query(q="lit"), Query(q="l")):
                counted, listed = both(replace(q, department=department), scope)
                assert counted == listed, (scope, department, q)
                found += listed
    assert found
    north = Query(divisions=NORTH)
    listed = house.hub.read(lambda one: case_query.cases(one, north, MONDAY).items)
    monkeypatch.setattr(case_query, "MANY", 1)
    assert len(listed) > 1
    assert listed == house.hub.read(lambda one: case_query.cases(one, north, MONDAY).items)
    assert "USING INDEX case_due" in plan(house, north, Scope())
    assert "USING INDEX case_gravity" in plan(house, Query(sort="level"), Scope(divisions=NORTH))
    monkeypatch.setattr(case_search, "COMMON", 1)
    assert both(Query(q="litter"), Scope()) == both(Query(q="li"), Scope()) == (None, 3)


def test_vital_signs_look_at_no_closed_case_but_todays(house: House) -> None:
    asked: list[Any] = []

    def listen(_c: Any, _k: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(house.hub.engine, "before_cursor_execute", listen)
    house.hub.read(lambda one: case_counts.counts(one, MONDAY, MONDAY - HOUR))
    event.remove(house.hub.engine, "before_cursor_execute", listen)
    plans = ""
    with house.hub.engine.connect() as connection:
        for statement, parameters in asked:
            if statement.startswith("SELECT"):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans += " ; ".join(str(row[3]) for row in rows) + "\n"
    for index in (
        "COVERING INDEX case_open_count (probe=?",
        "case_opened (probe=? AND",
        "case_closed (probe=? AND",
    ):
        assert index in plans, plans
