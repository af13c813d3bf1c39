"""How each source and connector is doing, as gate last wrote it: for the wall and for status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

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
    sa.Column("refused", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("delayed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("slowed_since", sa.BigInteger, nullable=False, server_default="0"),
)


class SourceState(NamedTuple):
    last_at: int
    """µs of its last message; 0: none yet"""
    observations: int
    """in all"""
    refused: int = 0
    """messages answered with 429, in all"""
    delayed: int = 0
    """messages that waited for room, in all"""
    slowed_since: int = 0
    """µs since when it is slowed down; 0: it is not"""


connector_state = sa.Table(
    "connector_state",
    metadata,
    sa.Column("connector", sa.Text, primary_key=True),
    sa.Column("name", sa.JSON, nullable=False),
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.JSON, nullable=False),
)


def write_sources(tx: Transaction, rows: Mapping[str, SourceState]) -> None:
    """What there is since the row before, for each source: counts are added, times replaced."""
    for source, more in rows.items():
        fresh = insert(source_state).values(source=source, **more._asdict())
        columns = source_state.c
        tx.connection.execute(
            fresh.on_conflict_do_update(
                index_elements=["source"],
                set_={
                    "last_at": sa.func.max(columns.last_at, more.last_at),
                    "observations": columns.observations + more.observations,
                    "refused": columns.refused + more.refused,
                    "delayed": columns.delayed + more.delayed,
                    "slowed_since": more.slowed_since,
                },
            )
        )


def end_spells(tx: Transaction) -> None:
    """Nobody is slowed down as far as a gate knows that has just started."""
    tx.connection.execute(sa.update(source_state).values(slowed_since=0))


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


def sources(connection: sa.Connection) -> dict[str, SourceState]:
    """How each source that has spoken is doing."""
    rows = connection.execute(sa.select(source_state)).mappings()
    return {
        row["source"]: SourceState(**{name: row[name] for name in SourceState._fields})
        for row in rows
    }


def connectors(connection: sa.Connection) -> list[dict[str, Any]]:
    rows = connection.execute(sa.select(connector_state).order_by(connector_state.c.port))
    return [dict(row) for row in rows.mappings()]
