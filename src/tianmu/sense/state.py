"""How each source and connector is doing, as gate last wrote it: for the wall and for status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from tianmu.store.records import Transaction

metadata = sa.MetaData()

source_state = sa.Table(
    "source_state",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("last_at", sa.BigInteger, nullable=False),
    sa.Column("observations", sa.BigInteger, nullable=False),
)

connector_state = sa.Table(
    "connector_state",
    metadata,
    sa.Column("connector", sa.Text, primary_key=True),
    sa.Column("name", sa.JSON, nullable=False),
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.JSON, nullable=False),
)


def write_sources(tx: Transaction, rows: Iterable[tuple[str, int, int]]) -> None:
    """(source, µs of its last message, observations since the row before) for each."""
    for source, last_at, more in rows:
        fresh = insert(source_state).values(source=source, last_at=last_at, observations=more)
        tx.connection.execute(
            fresh.on_conflict_do_update(
                index_elements=["source"],
                set_={"last_at": last_at, "observations": source_state.c.observations + more},
            )
        )


def write_connector(
    tx: Transaction,
    connector: str,
    name: Mapping[str, str],
    port: int,
    at: int,
    state: Mapping[str, Any],
) -> None:
    values = {"name": dict(name), "port": port, "at": at, "state": dict(state)}
    fresh = insert(connector_state).values(connector=connector, **values)
    tx.connection.execute(fresh.on_conflict_do_update(index_elements=["connector"], set_=values))


def sources(connection: sa.Connection) -> dict[str, tuple[int, int]]:
    """source → (µs of its last message, observations in all)."""
    rows = connection.execute(sa.select(source_state)).all()
    return {row.source: (row.last_at, row.observations) for row in rows}


def connectors(connection: sa.Connection) -> list[dict[str, Any]]:
    rows = connection.execute(sa.select(connector_state).order_by(connector_state.c.port))
    return [dict(row) for row in rows.mappings()]
