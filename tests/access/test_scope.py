"""Roles and scopes: who may hold what together, who sees which."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, String, Table, create_engine, insert, select

from tianmu.access import role
from tianmu.access.scope import Extent, Scope, covers, includes, lookup, restrict, scope_of

DIVISIONS = {"C": "", "T1": "C", "T2": "C", "V11": "T1", "V12": "T1", "V21": "T2"}
DEPARTMENTS = {"fire": "", "fire-1": "fire", "roads": ""}
ADMINISTRATORS = ("system_admin", "security_admin", "audit_admin")


def test_every_permission_is_known() -> None:
    for one in role.ROLES.values():
        assert one.permissions <= role.PERMISSIONS.keys(), one.code
        assert set(one.name) == {"zh", "en"}
    held = frozenset().union(*(one.permissions for one in role.ROLES.values()))
    assert held == role.PERMISSIONS.keys(), "a permission that nobody holds"


def test_administrators_exclude_each_other() -> None:
    for pair in combinations(ADMINISTRATORS, 2):
        with pytest.raises(role.RoleConflict, match="nobody may hold"):
            role.check(pair)
    system, security, audit = (role.ROLES[code].permissions for code in ADMINISTRATORS)
    assert "role.grant" not in system and "audit.read" not in system
    assert "account.write" not in security and "audit.read" not in security
    assert not {p for p in audit if p.endswith((".write", ".grant", ".publish"))}


def test_machines_hold_one_role() -> None:
    for code, one in role.ROLES.items():
        if one.machine:
            with pytest.raises(role.RoleConflict):
                role.check([code, "leader"])
    with pytest.raises(role.RoleConflict, match="there is no role"):
        role.check(["emperor"])
    assert role.check(["leader", "dispatcher", "leader"]) == ("dispatcher", "leader")


def scope(roles: list[str], division: str = "", department: str = "", probe: str = "") -> Scope:
    return scope_of(
        roles, division, department, probe, divisions=DIVISIONS, departments=DEPARTMENTS
    )


def test_scopes() -> None:
    assert scope(["duty_officer"], "C").whole
    town = scope(["duty_officer"], "T1", "fire")
    assert town.divisions == {"T1", "V11", "V12"} and town.departments is None
    worker = scope(["department_worker"], "", "fire")
    assert worker.departments == {"fire", "fire-1"}
    assert covers(worker, Extent("V21", ("roads", "fire-1")))
    assert not covers(worker, Extent("V21", ("roads",)))
    assert not covers(town, Extent("", ("fire",)))
    # a division that the pack no longer knows shows that division only, never the whole city
    assert scope(["duty_officer"], "gone").divisions == {"gone"}
    # a worker without a department sees nothing
    nobody = scope(["department_worker"], "C", "")
    assert not covers(nobody, Extent("V11", ("fire",)))


table = Table(
    "thing",
    MetaData(),
    Column("division", String),
    Column("owner", String),
    Column("joint", String),
    Column("probe", String),
)

divisions = st.sampled_from(["", *DIVISIONS])
departments = st.sampled_from(["", *DEPARTMENTS])
limits = st.builds(
    Scope,
    divisions=st.none() | st.frozensets(st.sampled_from(list(DIVISIONS))),
    departments=st.none() | st.frozensets(st.sampled_from(list(DEPARTMENTS))),
    probe=st.sampled_from(["", "probe"]),
)
things = st.lists(
    st.tuples(divisions, departments, departments, st.sampled_from(["", "probe"])), max_size=12
)


@given(limits, things)
def test_sql_and_memory_agree(limit: Scope, rows: list[tuple[str, str, str, str]]) -> None:
    engine = create_engine("sqlite://")
    table.metadata.create_all(engine)
    with engine.begin() as connection:
        for row in rows:
            connection.execute(insert(table).values(row))
        found = connection.execute(
            select(table).where(
                restrict(
                    limit,
                    division=table.c.division,
                    departments=[table.c.owner, table.c.joint],
                    probe=table.c.probe,
                )
            )
        ).all()
    wanted = [row for row in rows if covers(limit, Extent(row[0], (row[1], row[2]), row[3]))]
    assert [tuple(row) for row in found] == wanted


@given(limits, limits, things)
def test_who_includes_another_sees_all_that_he_sees(
    mine: Scope, theirs: Scope, rows: list[tuple[str, str, str, str]]
) -> None:
    assert includes(mine, mine)
    extents = [Extent(row[0], (row[1], row[2]), row[3]) for row in rows]
    if includes(mine, theirs):
        assert all(covers(mine, one) for one in extents if covers(theirs, one))


def test_who_lacks_a_part_does_not_include_it() -> None:
    town, city = Scope(frozenset({"T1", "V11"})), Scope()
    assert includes(city, town) and not includes(town, city)
    assert not includes(Scope(frozenset({"T2"})), town)
    assert not includes(Scope(departments=frozenset({"fire"})), city)
    assert not includes(Scope(probe="p"), city)


def test_what_cannot_be_limited_is_not_shown() -> None:
    for limit in (
        Scope(divisions=frozenset({"T1"})),
        Scope(departments=frozenset({"fire"})),
        Scope(probe="probe"),
    ):
        engine = create_engine("sqlite://")
        table.metadata.create_all(engine)
        with engine.begin() as connection:
            connection.execute(insert(table).values(("T1", "fire", "", "probe")))
            assert connection.execute(select(table).where(restrict(limit))).all() == []


def test_lookup() -> None:
    codes = ["", "T1", "V11", "T2"]
    assert lookup(codes, None).all()
    column = np.array([3, 2, 0, 1])
    assert lookup(codes, frozenset({"T1", "V11"}))[column].tolist() == [False, True, False, True]
