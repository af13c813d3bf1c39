"""A release opens the data of the one before: files of each version, made by code and frozen.

When ``MIGRATIONS`` or a derived format grows, add a function that makes a file of the version it
leaves behind; never change one that is here.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from tianmu.store.journal.file import MIGRATIONS
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records


def version_1(path: Path) -> None:
    """As release 0.1 left it: three entries, one of them with a key, one read position."""
    connection = dbapi2.connect(str(path), isolation_level=None)
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(
        """
        CREATE TABLE journal_topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
            horizon INTEGER NOT NULL DEFAULT 0) STRICT;
        CREATE TABLE journal_entry (position INTEGER PRIMARY KEY, topic INTEGER NOT NULL,
            at INTEGER NOT NULL, payload BLOB NOT NULL) STRICT;
        CREATE INDEX journal_entry_topic ON journal_entry (topic);
        CREATE TABLE journal_seen0 (topic INTEGER NOT NULL, key BLOB NOT NULL,
            position INTEGER NOT NULL, PRIMARY KEY (topic, key)) STRICT, WITHOUT ROWID;
        CREATE TABLE journal_seen1 (topic INTEGER NOT NULL, key BLOB NOT NULL,
            position INTEGER NOT NULL, PRIMARY KEY (topic, key)) STRICT, WITHOUT ROWID;
        CREATE TABLE journal_reader (reader TEXT NOT NULL, topic TEXT NOT NULL,
            position INTEGER NOT NULL, PRIMARY KEY (reader, topic)) STRICT, WITHOUT ROWID;
        CREATE TABLE journal_setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL)
            STRICT, WITHOUT ROWID;
        CREATE TABLE journal_schema (room TEXT PRIMARY KEY, version INTEGER NOT NULL)
            STRICT, WITHOUT ROWID;
        INSERT INTO journal_topic VALUES (1, 'case', 0), (2, 'deed', 2);
        INSERT INTO journal_entry VALUES (1, 1, 1700000000000000, x'61'),
            (3, 1, 1700000000000001, x'62'), (4, 2, 1700000000000002, x'63');
        INSERT INTO journal_seen0 VALUES (1, x'6b', 3);
        INSERT INTO journal_reader VALUES ('hub', 'alarm', 17);
        INSERT INTO journal_setting VALUES ('generation', 0), ('since', 4000000000000000);
        PRAGMA application_id = 0x7469616E;
        PRAGMA user_version = 1;
        """
    )
    connection.close()


@pytest.mark.parametrize("make", [version_1])
def test_older_data_opens(tmp_path: Path, make: object) -> None:
    make(tmp_path / "hub.sqlite")  # type: ignore[operator]
    with Records(tmp_path / "hub.sqlite") as records, SqliteJournal(tmp_path) as journal:
        version = records.read(lambda c: c.exec_driver_sql("PRAGMA user_version").scalar())
        assert version == len(MIGRATIONS)
        entries = [(e.position, e.at, e.payload) for e in journal.read("case", 0)]
        assert entries == [(1, 1700000000000000, b"a"), (3, 1700000000000001, b"b")]
        assert journal.last("deed") == 4 and journal.first("deed") == 4
        assert records.positions() == {("hub", "alarm"): 17}
        again = records.transact(lambda tx: tx.append("case", b"new", b"k"))
        assert (again.duplicate, again.position) == (True, 3)
        assert records.transact(lambda tx: tx.append("case", b"new")).position == 5
