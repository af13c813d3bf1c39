"""A release opens the data of the one before: files of each version, made by code and frozen.

When ``MIGRATIONS`` or a derived format grows, add a function that makes a file of the version it
leaves behind; never change one that is here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pysqlite3 import dbapi2

from tianmu.store.history import History
from tianmu.store.history.manifest import HOUR
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
def test_older_data_opens(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "hub.sqlite")
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


HOUR_US = 3_600_000_000
OLD_DAY, OLD_START = "2025-06-01", 1_748_736_000_000_000


def history_1(data: Path) -> None:
    """As release 0.1 left it: one compacted day of one datastream, with hours that do not know
    what exceeded, in a manifest that does not know check sums."""
    with Records(data / "works.sqlite") as records:
        for statement in (
            "CREATE TABLE history_file (name TEXT NOT NULL PRIMARY KEY, day TEXT NOT NULL,"
            " kind TEXT NOT NULL, level INTEGER NOT NULL, first_order INTEGER NOT NULL,"
            " last_order INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,"
            " low_stream INTEGER NOT NULL, high_stream INTEGER NOT NULL,"
            " low_time INTEGER NOT NULL, high_time INTEGER NOT NULL)",
            "CREATE INDEX history_file_day ON history_file (day, kind)",
            "CREATE TABLE history_garbage (name TEXT NOT NULL PRIMARY KEY, after INTEGER NOT NULL)",
            "INSERT INTO history_file VALUES"
            " ('2025-06-01/raw-01.parquet', '2025-06-01', 'raw', 3, 1, 1, 2, 900, 7, 7,"
            " 1748736000000000, 1748739600000000),"
            " ('2025-06-01/hour-02.parquet', '2025-06-01', 'hour', 3, 1, 1, 2, 900, 7, 7,"
            " 1748736000000000, 1748739600000000)",
        ):
            records.transact(lambda tx, s=statement: tx.raw.execute(s).close())
    (data / "history" / OLD_DAY).mkdir(parents=True)
    u32, i64, f64 = pa.uint32(), pa.int64(), pa.float64()
    times = pa.array([OLD_START, OLD_START + HOUR_US], i64)
    raw = {
        "datastream": pa.array([7, 7], u32),
        "time": times,
        "value": pa.array([1.5, 2.5], f64),
        "quality": pa.array([0, 0], pa.uint8()),
        "sequence": pa.array([0, 0], u32),
        "source": pa.array([1, 1], pa.uint16()),
        "result_time": pa.nulls(2, i64),
        "text": pa.nulls(2, pa.string()),
    }
    hour = {"datastream": raw["datastream"], "time": times, "count": pa.array([1, 1], u32)}
    hour |= dict.fromkeys(("low", "high", "total", "last"), raw["value"])
    for name, columns in (("raw-01", raw), ("hour-02", hour)):
        pq.write_table(pa.table(columns), data / "history" / OLD_DAY / f"{name}.parquet")


@pytest.mark.parametrize("make", [history_1])
def test_older_history_is_asked_before_and_after_it_is_brought_up(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path)
    span = OLD_START, OLD_START + 24 * HOUR_US
    for upgraded in (False, True):
        past = History(tmp_path)
        assert past.series(7, *span).value.tolist() == [1.5, 2.5]
        hours = past.windows(np.array([7]), *span, HOUR_US)
        assert hours.mean.tolist() == [1.5, 2.5] and hours.count.tolist() == [1, 1]
        (file,) = [f for f in past.files() if f.kind == HOUR]
        assert (file.checksum, file.at) == ("", 0)
        past.close()
        if not upgraded:
            with Records(tmp_path / "works.sqlite") as records:
                History(tmp_path, records).close()
