"""One SQLite file of the journal: opening it safely, its schema, and its migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2

APPLICATION = 0x7469616E
"""``PRAGMA application_id`` of our files: "tian" """
PAGE = 8192

_AFFECTED = ((3, 7, 0), (3, 51, 2))


class Unusable(RuntimeError):
    """The SQLite library or the file cannot be trusted with facts."""


def check_library(version: tuple[int, ...] = dbapi2.sqlite_version_info) -> None:
    """Refuse SQLite 3.7.0 to 3.51.2, which can lose committed writes in WAL mode with several
    connections (the WAL-reset bug, https://sqlite.org/wal.html). Raises ``Unusable``."""
    if _AFFECTED[0] <= tuple(version) <= _AFFECTED[1]:
        raise Unusable(
            f"SQLite {'.'.join(map(str, version))} can lose committed writes (WAL-reset bug, "
            "3.7.0 to 3.51.2): install pysqlite3 0.6 or newer, which brings SQLite 3.53"
        )


def connect(path: Path, *, readonly: bool, page_size: int = PAGE) -> Any:
    """A DBAPI connection in autocommit mode, usable from any thread, one at a time.

    Raises ``Unusable`` for an affected library, ``FileNotFoundError`` where a file to be read is
    not there yet.
    """
    check_library()
    if readonly and not path.exists():
        raise FileNotFoundError(f"{path} is not there yet: its process has not started")
    uri = f"file:{_quote(path)}?mode={'ro' if readonly else 'rwc'}"
    connection = dbapi2.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30.0
    )
    try:
        if readonly:
            connection.execute("PRAGMA query_only = 1")
        else:
            connection.execute(f"PRAGMA page_size = {page_size}")
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            if mode != "wal":
                raise Unusable(
                    f"{path}: this file system does not allow SQLite's write-ahead log "
                    f"(journal mode {mode}): put the data folder on a local disk"
                )
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            connection.execute("PRAGMA cache_size = -16384")
            connection.execute("PRAGMA foreign_keys = 1")
    except BaseException:
        connection.close()
        raise
    return connection


def _quote(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path.resolve()))


_V1 = (
    """CREATE TABLE journal_topic (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        horizon INTEGER NOT NULL DEFAULT 0  -- highest position purged
    ) STRICT""",
    """CREATE TABLE journal_entry (
        position INTEGER PRIMARY KEY,
        topic INTEGER NOT NULL,
        at INTEGER NOT NULL,                -- µs
        payload BLOB NOT NULL
    ) STRICT""",
    # an index entry ends with the row's position, so this one is ordered by (topic, position)
    "CREATE INDEX journal_entry_topic ON journal_entry (topic)",
    """CREATE TABLE journal_seen0 (
        topic INTEGER NOT NULL, key BLOB NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (topic, key)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE journal_seen1 (
        topic INTEGER NOT NULL, key BLOB NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (topic, key)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE journal_reader (
        reader TEXT NOT NULL, topic TEXT NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (reader, topic)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE journal_setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL)
    STRICT, WITHOUT ROWID""",
    """CREATE TABLE journal_schema (room TEXT PRIMARY KEY, version INTEGER NOT NULL)
    STRICT, WITHOUT ROWID""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_V1,)
"""``MIGRATIONS[n]`` takes a file from version n to n + 1. Only ever append: a release opens the
data of the one before, and tests keep a file of each version made by code."""


def migrate(connection: Any, path: Path) -> None:
    """Bring the file to our version, in one commit. Raises ``Unusable`` if it is newer or not
    ours."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application not in (0, APPLICATION):
        raise Unusable(f"{path} belongs to another program (application id {application:#x})")
    if version > len(MIGRATIONS):
        raise Unusable(
            f"{path} was written by a newer release (schema {version}, this one knows "
            f"{len(MIGRATIONS)}): start that release, or restore a backup made by this one"
        )
    if version == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
