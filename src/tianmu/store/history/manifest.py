"""Which files make up the past: rows in works' file, so that a reader sees all of a day or none.

A file's ``first_order`` to ``last_order`` tell which flushes are in it: of two observations with
the same identity the one of the later flush holds.
"""

from __future__ import annotations

import calendar
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pysqlite3 import dbapi2

from tianmu.store.journal.file import connect
from tianmu.store.transaction import Transaction

DAY = 86_400_000_000
"""µs; days are those of UTC"""
OUTSIDE = "outside"
"""the day of observations whose time cannot be believed: kept, found, never rolled up"""
GRACE = 300_000_000
"""µs that a replaced file stays on disk for queries that are still reading it"""
READER = "history"
"""under which works keeps its read positions of the observation topics"""

RAW, MINUTE, HOUR, DAILY = "raw", "minute", "hour", "day"
AREA_HOUR, AREA_DAY = "area-hour", "area-day"
BY_STREAM = (MINUTE, HOUR, DAILY)
"""roll-ups by datastream"""
BY_AREA = (AREA_HOUR, AREA_DAY)
"""roll-ups by town, village, kind and department"""
KINDS = (RAW, *BY_STREAM, *BY_AREA)

metadata = sa.MetaData()
_file = sa.Table(
    "history_file",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("first_order", sa.Integer, nullable=False),
    sa.Column("last_order", sa.Integer, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("low_stream", sa.Integer, nullable=False),
    sa.Column("high_stream", sa.Integer, nullable=False),
    sa.Column("low_time", sa.Integer, nullable=False),
    sa.Column("high_time", sa.Integer, nullable=False),
    sa.Column("checksum", sa.Text, nullable=False, server_default=""),
    sa.Column("at", sa.Integer, nullable=False, server_default="0"),
    sa.Column("schema", sa.Integer, nullable=False, server_default="1"),
    sa.Index("history_file_day", "day", "kind"),
)
sa.Table(
    "history_flush",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),  # the order of its files
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("after", sa.Integer, nullable=False),  # journal positions: beyond this …
    sa.Column("upto", sa.Integer, nullable=False),  # … up to and with this
    sa.Column("at", sa.Integer, nullable=False),  # µs: by which it told believed times apart
)
sa.Table(
    "history_loss",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("day", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("low_stream", sa.Integer, nullable=False),
    sa.Column("high_stream", sa.Integer, nullable=False),
    sa.Column("low_time", sa.Integer, nullable=False),
    sa.Column("high_time", sa.Integer, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)
sa.Table(
    "history_garbage",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("after", sa.Integer, nullable=False),
)


@dataclass(frozen=True)
class File:
    """One Parquet file. Times are µs, both bounds inclusive; those of roll-ups by area have no
    datastreams (0 to 0). ``checksum`` is the BLAKE2b (128 bits, hex) of its bytes and ``at`` when
    it was written; empty and 0 for files of releases before there were any."""

    name: str
    day: str
    kind: str
    level: int
    first_order: int
    last_order: int
    rows: int
    bytes: int
    low_stream: int
    high_stream: int
    low_time: int
    high_time: int
    checksum: str = ""
    at: int = 0
    schema: int = 1
    """version of the shapes of its columns, see ``parquet.SCHEMA``"""


_FIELDS = tuple(File.__dataclass_fields__)
_COLUMNS = ", ".join(_FIELDS)
_FIRST_COLUMNS = ", ".join(_FIELDS[:12])
"""those of the first release: a reader may come before works has added the others"""
_INSERT = f"INSERT INTO history_file ({_COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608


def day_of(time_us: int) -> str:
    """The UTC day of a time, ``2026-11-23``."""
    return time.strftime("%Y-%m-%d", time.gmtime(time_us // 1_000_000))


def begin_of(day: str) -> int:
    """When a UTC day begins, µs."""
    return calendar.timegm(time.strptime(day, "%Y-%m-%d")) * 1_000_000


def next_order(tx: Transaction) -> int:
    row = tx.raw.execute(
        "SELECT 1 + max((SELECT coalesce(max(last_order), 0) FROM history_file),"
        " (SELECT coalesce(max(number), 0) FROM history_flush))"
    ).fetchone()
    return int(row[0])


@dataclass(frozen=True)
class Covered:
    """The journal entries of one topic that one flush made files of."""

    number: int
    topic: str
    after: int
    upto: int
    at: int


def note_flush(tx: Transaction, covered: Iterable[Covered]) -> None:
    for one in covered:
        tx.raw.execute(
            "INSERT INTO history_flush (number, topic, after, upto, at) VALUES (?, ?, ?, ?, ?)",
            (one.number, one.topic, one.after, one.upto, one.at),
        )


def flushes(tx: Transaction, first: int, last: int) -> list[Covered]:
    """What the flushes of orders ``first`` to ``last`` covered, as far as that is known."""
    rows = tx.raw.execute(
        "SELECT number, topic, after, upto, at FROM history_flush"
        " WHERE number BETWEEN ? AND ? ORDER BY number, topic",
        (first, last),
    ).fetchall()
    return [Covered(*row) for row in rows]


@dataclass(frozen=True)
class Loss:
    """Rows that could not be mended: at most so many, of datastreams and times (µs) within these
    bounds, all inclusive."""

    day: str
    kind: str
    rows: int
    low_stream: int
    high_stream: int
    low_time: int
    high_time: int
    why: str
    at: int = 0


_LOSS = ", ".join(Loss.__dataclass_fields__)


def note_losses(tx: Transaction, losses: Iterable[Loss]) -> None:
    for loss in losses:
        values = [getattr(loss, name) for name in Loss.__dataclass_fields__]
        tx.raw.execute(
            f"INSERT INTO history_loss ({_LOSS}) VALUES ({', '.join('?' * 9)})",  # noqa: S608
            (*values[:-1], tx.now),
        )


def losses(tx: Transaction) -> list[Loss]:
    """Everything that was ever lost."""
    rows = tx.raw.execute(f"SELECT {_LOSS} FROM history_loss ORDER BY number").fetchall()  # noqa: S608
    return [Loss(*row) for row in rows]


def forget_flushes(tx: Transaction, kept: Mapping[str, int]) -> int:
    """Forget flushes of which the journal keeps nothing (topic → first position kept), but the
    newest, which the next order is counted from; how many rows."""
    gone = 0
    for topic, first in kept.items():
        gone += tx.raw.execute(
            "DELETE FROM history_flush WHERE topic = ? AND upto < ?"
            " AND number < (SELECT max(number) FROM history_flush)",
            (topic, first),
        ).rowcount
    return gone


def add(tx: Transaction, files: Iterable[File]) -> None:
    for file in files:
        tx.raw.execute(_INSERT, tuple(getattr(file, name) for name in _FIELDS))


def remove(tx: Transaction, files: Sequence[File]) -> None:
    """Take files out of the past; they vanish from disk after the grace time. Raises
    ``LookupError`` where one has gone already."""
    for file in files:
        gone = tx.raw.execute("DELETE FROM history_file WHERE name = ?", (file.name,)).rowcount
        if gone != 1:
            raise LookupError(f"history file {file.name} has been replaced by somebody else")
        tx.raw.execute(
            "INSERT INTO history_garbage (name, after) VALUES (?, ?)", (file.name, tx.now + GRACE)
        )


class Newer(ValueError):
    """Files that a newer release wrote: this one would misread them."""

    def __init__(self, name: str, schema: int, known: int) -> None:
        super().__init__(
            f"history file {name} has schema {schema}, this release knows {known}: start the "
            "newer release again, or restore a backup from before it"
        )


SCHEMA = 2
"""version of the columns of files, in each one's metadata as ``tianmu.schema``; 1 (none told) had
no ``exceeded`` and no roll-ups by day or by area"""


class Manifest:
    """Reads the manifest from any process; one thread at a time."""

    def __init__(self, data: Path) -> None:
        self._path = data / "works.sqlite"
        self._connection: Any = None

    def select(self, where: str = "1", parameters: Sequence[Any] = ()) -> list[File]:
        """Files as of one moment, in the order in which they hold. Raises ``Newer``."""
        if self._connection is None:
            try:
                self._connection = connect(self._path, readonly=True)
            except FileNotFoundError:
                return []
        for columns in (_COLUMNS, _FIRST_COLUMNS):
            try:
                rows = self._connection.execute(
                    f"SELECT {columns} FROM history_file WHERE {where}"  # noqa: S608 - constants
                    " ORDER BY last_order, low_stream",
                    parameters,
                ).fetchall()
            except dbapi2.OperationalError as error:
                if "no such table" in str(error):
                    return []
                if columns == _COLUMNS and "no such column" in str(error):
                    continue
                raise
            found = [File(*row) for row in rows]
            for file in found:
                if file.schema > SCHEMA:
                    raise Newer(file.name, file.schema, SCHEMA)
            return found
        return []

    def between(self, start: int, end: int) -> list[File]:
        """All files of the days from ``start`` to before ``end`` (µs), and of what lies outside
        of days those that may hold something of it."""
        return self.select(
            "day BETWEEN ? AND ? OR (day = ? AND low_time < ? AND high_time >= ?)",
            (day_of(start), day_of(end - 1), OUTSIDE, end, start),
        )

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def collect_garbage(tx: Transaction, folder: Path) -> int:
    """Delete files whose grace is over; how many."""
    names = [
        row[0]
        for row in tx.raw.execute("SELECT name FROM history_garbage WHERE after <= ?", (tx.now,))
    ]
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()
        tx.raw.execute("DELETE FROM history_garbage WHERE name = ?", (name,))
    return len(names)


def sweep(tx: Transaction, folder: Path) -> int:
    """At start: delete files that a crash left behind before their commit; how many."""
    known = {row[0] for row in tx.raw.execute("SELECT name FROM history_file")}
    known |= {row[0] for row in tx.raw.execute("SELECT name FROM history_garbage")}
    swept = 0
    for path in [*folder.glob("*/*.parquet"), *folder.glob("*/.*.draft")]:
        if f"{path.parent.name}/{path.name}" not in known:
            path.unlink(missing_ok=True)
            swept += 1
    return swept
