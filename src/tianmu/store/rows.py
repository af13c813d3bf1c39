"""Many rows in few statements, for whoever writes thousands a second beside busy threads.

SQLite lets Python's other threads run at each step of a statement, and one that is busy gives way
only some milliseconds later: at a step for each row the writer would wait more than it writes.

A statement that fails leaves the rows before the one at which it did (``OR FAIL``): so SQLite need
not keep a copy of each page it changes, and whoever calls is rolled back whole anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

from tianmu.store.identifier import listed, quoted

SIZES = (256, 64, 16, 4, 1)
"""rows of one statement: few sizes, so that SQLite's statements are prepared once"""


def insert(raw: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert ``rows``, their values in the order of ``columns``; ``raw`` is a DBAPI connection."""
    for some in _parts(rows):
        raw.execute(_insert(table, tuple(columns), len(some)), list(chain.from_iterable(some)))


def put(raw: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """``insert``, in place of rows that have the same key."""
    for some in _parts(rows):
        statement = _insert(table, tuple(columns), len(some), "REPLACE")
        raw.execute(statement, list(chain.from_iterable(some)))


def update(
    raw: Any, table: str, key: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Set ``columns`` of the rows whose ``key`` is the last value of each of ``rows``."""
    for some in _parts(rows):
        statement = _update(table, key, tuple(columns), len(some))
        raw.execute(statement, list(chain.from_iterable(some)))


def delete(raw: Any, table: str, keys: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Take away the rows whose ``keys`` have the values of one of ``rows``."""
    for some in _parts(rows):
        raw.execute(_delete(table, tuple(keys), len(some)), list(chain.from_iterable(some)))


def _parts(rows: Sequence[tuple[Any, ...]]) -> list[Sequence[tuple[Any, ...]]]:
    found, start = [], 0
    for size in SIZES:
        while len(rows) - start >= size:
            found.append(rows[start : start + size])
            start += size
    return found


@cache
def _insert(table: str, columns: tuple[str, ...], count: int, otherwise: str = "FAIL") -> str:
    begin = f"INSERT OR {otherwise} INTO"
    return _said(begin, quoted(table), f"({listed(columns)})", _values(len(columns), count))


@cache
def _update(table: str, key: str, columns: tuple[str, ...], count: int) -> str:
    width = len(columns) + 1
    told = ", ".join(f"{quoted(name)} = new.column{at}" for at, name in enumerate(columns, 1))
    which = f"{quoted(table)}.{quoted(key)} = new.column{width}"
    new = f"({_values(width, count)}) AS new"
    return _said("UPDATE OR FAIL", quoted(table), "SET", told, "FROM", new, "WHERE", which)


@cache
def _delete(table: str, keys: tuple[str, ...], count: int) -> str:
    rows = _values(len(keys), count)
    return _said("DELETE FROM", quoted(table), "WHERE", f"({listed(keys)}) IN ({rows})")


def _said(*parts: str) -> str:
    """A statement of words, quoted names and question marks: no value ever stands in it."""
    return " ".join(parts)


def _values(width: int, count: int) -> str:
    return "VALUES " + ", ".join([f"({', '.join('?' * width)})"] * count)
