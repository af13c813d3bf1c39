"""Tables of anomaly detection in works' file: what was found, what became of it, the policies.

Only works writes; every question takes a connection, so that hub can ask on its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from tianmu.prevent.anomaly.policy import Policy

METADATA = sa.MetaData()
ROOM = "anomaly"

RECORD = sa.Table(
    "anomaly_record",
    METADATA,
    sa.Column("datastream", sa.Text, primary_key=True),
    sa.Column("since", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("told_at", sa.Integer, nullable=False),
    sa.Column("ended_at", sa.Integer),
    sa.Column("value", sa.Float),
    sa.Column("expected", sa.Float),
    sa.Column("low", sa.Float),
    sa.Column("high", sa.Float),
    sa.Column("chance", sa.Float, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("real", sa.Boolean),
    sa.Column("judged_by", sa.Text, nullable=False, server_default=""),
    sa.Column("judged_at", sa.Integer),
    comment="each time the values of a datastream were unusual, and what people found it to be",
)
sa.Index("anomaly_standing", RECORD.c.number, sqlite_where=RECORD.c.ended_at.is_(None))
sa.Index("anomaly_told", RECORD.c.kind, RECORD.c.told_at)

POLICY = sa.Table(
    "anomaly_policy",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("strict", sa.Float, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("told", sa.Integer, nullable=False),
    sa.Column("false", sa.Integer, nullable=False),
    sa.Column("real", sa.Integer, nullable=False),
    sa.Column("missed", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.Integer, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
)

MEMBER = sa.Table(
    "anomaly_case",
    METADATA,
    sa.Column("case", sa.Text, primary_key=True),
    sa.Column("datastream", sa.Text, primary_key=True),
    sa.Column("since", sa.Integer, primary_key=True),
    comment="anomalies of the cases that are still open",
)

MOVE = sa.Table(
    "anomaly_move",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("by", sa.Integer, nullable=False),
    comment="what people said of a datastream, by the entry that said it: its threshold lies in "
    "memory, and a snapshot older than the entry does not know of it",
)

TOTAL = sa.Table(
    "anomaly_total",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
    comment="counts that must survive a crash exactly: same commit as the read positions",
)
DATASTREAMS = sa.Table(
    "anomaly_learnt",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("datastreams", sa.Integer, nullable=False),
    comment="datastreams that are learnt, by kind",
)


class Record(msgspec.Struct, kw_only=True):
    """One time that the values of a datastream were unusual (names as in the table)."""

    datastream: str
    since: int
    number: int
    """the datastream's dense index"""
    kind: str
    told_at: int
    ended_at: int | None = None
    value: float | None = None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    chance: float = 1.0
    why: str = ""
    real: bool | None = None
    """what people found it to be; None: not judged"""
    judged_by: str = ""
    judged_at: int | None = None


COLUMNS = tuple(column.name for column in RECORD.columns)


def _of(row: Any) -> Record:
    return Record(**{name: row[name] for name in COLUMNS})


def standing(connection: sa.Connection) -> list[Record]:
    """Those that have not ended."""
    rows = connection.execute(sa.select(RECORD).where(RECORD.c.ended_at.is_(None))).mappings()
    return [_of(row) for row in rows]


def find(connection: sa.Connection, datastream: str, since: int) -> Record | None:
    """The one of ``datastream`` that began with the observation at ``since`` (µs)."""
    where = (RECORD.c.datastream == datastream, RECORD.c.since == since)
    row = connection.execute(sa.select(RECORD).where(*where)).mappings().first()
    return None if row is None else _of(row)


def latest(connection: sa.Connection, datastream: str, until: int) -> Record | None:
    """The latest of ``datastream`` that had been told at ``until`` (µs): what an alarm that rose
    then is of."""
    statement = (
        sa.select(RECORD)
        .where(RECORD.c.datastream == datastream, RECORD.c.told_at <= until)
        .order_by(RECORD.c.told_at.desc())
        .limit(1)
    )
    row = connection.execute(statement).mappings().first()
    return None if row is None else _of(row)


def standing_of(connection: sa.Connection, datastreams: Collection[str]) -> dict[str, Record]:
    """By datastream, of these, those that have not ended."""
    where = (RECORD.c.datastream.in_(list(datastreams)), RECORD.c.ended_at.is_(None))
    rows = connection.execute(sa.select(RECORD).where(*where)).mappings()
    return {row["datastream"]: _of(row) for row in rows}


def policies(connection: sa.Connection) -> dict[str, Policy]:
    """By kind, of those that something has moved."""
    rows = connection.execute(sa.select(POLICY)).mappings()
    return {row["kind"]: Policy(**row) for row in rows}


def totals(connection: sa.Connection) -> dict[str, int]:
    """Counts since the data folder began, by name."""
    return {row.name: row.value for row in connection.execute(sa.select(TOTAL))}


def learnt(connection: sa.Connection) -> dict[str, int]:
    """Kind → datastreams that are learnt."""
    return {row.kind: row.datastreams for row in connection.execute(sa.select(DATASTREAMS))}


def told_since(connection: sa.Connection, since: int) -> dict[str, int]:
    """Kind → how many were told since a time (µs)."""
    count = sa.select(RECORD.c.kind, sa.func.count()).where(RECORD.c.told_at >= since)
    return {row[0]: row[1] for row in connection.execute(count.group_by(RECORD.c.kind))}


def members(connection: sa.Connection, case: str) -> list[tuple[str, int]]:
    """(datastream, since) of the anomalies of an open case."""
    rows = connection.execute(sa.select(MEMBER).where(MEMBER.c.case == case))
    return [(row.datastream, row.since) for row in rows]


def moved_since(connection: sa.Connection, after: Mapping[str, int]) -> list[tuple[int, int]]:
    """(datastream's number, by) of what was said after these positions, in its order."""
    rows = connection.execute(sa.select(MOVE).order_by(MOVE.c.id))
    return [(row.number, row.by) for row in rows if row.position > after.get(row.topic, 0)]


def prune(connection: sa.Connection, before: int, moves_before: int) -> int:
    """Let go of anomalies that ended and were told before a time (µs; 0: keep them all), and of
    moves that every snapshot knows; how many anomalies."""
    connection.execute(MOVE.delete().where(MOVE.c.at < moves_before))
    if before <= 0:
        return 0
    c = RECORD.c
    gone = connection.execute(
        RECORD.delete().where(c.told_at < before, c.ended_at.is_not(None))
    ).rowcount
    still = sa.select(c.datastream).where(
        c.datastream == MEMBER.c.datastream, c.since == MEMBER.c.since
    )
    connection.execute(MEMBER.delete().where(MEMBER.c.since < before, ~still.exists()))
    return int(gone)


def put(connection: sa.Connection, table: sa.Table, rows: Iterable[Any]) -> None:
    """Write rows (structs with the table's names), in the place of those of the same key."""
    names = [column.name for column in table.columns]
    values = [{name: getattr(row, name) for name in names} for row in rows]
    if values:
        connection.execute(table.insert().prefix_with("OR REPLACE"), values)
