"""What a department's own system calls an order of ours, and the orders it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, tuple_

from tianmu.access.scope import Scope
from tianmu.command.table import number as table
from tianmu.manage.case.state import CaseState, Order
from tianmu.manage.kept import table as case_table
from tianmu.manage.kept.ledger import decode_state
from tianmu.manage.kept.query import within


def of(connection: Connection, orders: Iterable[str]) -> Mapping[str, str]:
    """Order → its number there, of those that have one."""
    wanted = sorted(set(orders))
    if not wanted:
        return {}
    rows = connection.execute(
        select(table.c.order, table.c.number).where(table.c.order.in_(wanted))
    )
    return {row.order: row.number for row in rows}


def keep(connection: Connection, order: str, number: str, account: str, at: int) -> bool:
    """Keep (or, empty, forget) what an order is called there; whether that is news."""
    if of(connection, [order]).get(order, "") == number:
        return False
    connection.execute(delete(table).where(table.c.order == order))
    if number:
        connection.execute(insert(table).values(order=order, number=number, account=account, at=at))
    return True


def _held(scope: Scope) -> ColumnElement[bool]:
    """Orders that a scope shows: by department its own, else those of the cases it shows."""
    if scope.departments is None:
        return within(scope)
    own = case_table.order.c.unit.in_(sorted(scope.departments))
    return and_(within(replace(scope, departments=None)), own)


def listed(
    connection: Connection,
    scope: Scope,
    states: Iterable[str],
    after: tuple[int, str] | None,
    most: int,
) -> list[tuple[CaseState, Order]]:
    """Orders in these states (any, where empty) by what is due first; of a scope by department
    only those that one of its departments holds or held, also where the case concerns it no more.
    """
    o, c = case_table.order.c, case_table.case.c
    limits = [_held(scope), c.probe == scope.probe]
    if wanted := sorted(states):
        limits.append(o.state.in_(wanted))
    if after:
        limits.append(tuple_(o.due, o.order) > tuple_(*after))
    found = connection.execute(
        select(case_table.STATE.label("whole"), o.order)
        .join(case_table.case, c.serial == o.serial)
        .where(and_(*limits))
        .order_by(o.due, o.order)
        .limit(most)
    )
    pairs = ((decode_state(row.whole), row.order) for row in found)
    return [(state, one) for state, name in pairs if (one := state.order(name)) is not None]


def find(connection: Connection, order: str, scope: Scope) -> tuple[CaseState, Order] | None:
    """An order and its case, if the scope shows the order; it may not show the case."""
    o, c = case_table.order.c, case_table.case.c
    limits = [_held(scope), o.order == order]
    row = connection.execute(
        select(case_table.STATE.label("whole"))
        .join(case_table.order, c.serial == o.serial)
        .where(and_(*limits))
    ).first()
    state = decode_state(row.whole) if row else None
    one = state.order(order) if state else None
    return (state, one) if state and one else None
