"""Pairs of cases that wait to be put together with the next work: kept, so that a kill in between
forgets none."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from tianmu.manage.kept import table
from tianmu.manage.signals.open_cases import OpenCases

Pairs = list[tuple[str, str]]
_c = table.bridge.c


def keep(connection: Connection, index: OpenCases, pairs: Pairs) -> None:
    """These wait from now on, in the order in which they are named."""
    index.later += pairs
    if pairs:
        rows = [{"one": one, "other": other} for one, other in pairs]
        connection.execute(insert(table.bridge), rows)


def load(connection: Connection, index: OpenCases) -> None:
    """What waits, as it was written."""
    rows = connection.execute(select(_c.one, _c.other).order_by(_c.place))
    index.later = [(one, other) for one, other in rows]


def take(connection: Connection, index: OpenCases, now: int) -> Pairs:
    """What waits no longer, for it is looked at now, and those that names alone place."""
    if index.later:
        connection.execute(delete(table.bridge))
    return index.again(now)
