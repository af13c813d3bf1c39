"""An index over some of a table's rows, in the words of each database that knows such indexes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index, TextClause


def partial(name: str, where: TextClause, *columns: Column[Any]) -> Index:
    """An index of ``columns`` over the rows that fit ``where``: a query uses it where it has the
    condition in the same words."""
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)
