"""Purging: only what every reader has passed, never of the topics that must stay."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from tianmu.facts.topic import OBSERVATION, TOPICS
from tianmu.prevent.watch.watch import READER as WATCH
from tianmu.store.history.manifest import READER as HISTORY
from tianmu.store.journal.contract import Purged
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.live import Live, snapshot_positions
from tianmu.store.purge import Horizon, let_go, positions, purge
from tianmu.store.records import DiskFull, Records, Transaction

FUTURE = time.time_ns() // 1000 + 3_600_000_000 * 100


def fill(records: Records, topic: str, n: int, size: int = 10) -> None:
    for _ in range(n):
        records.write(lambda tx: tx.append(topic, b"x" * size))
    records.transact(lambda tx: None)


def advance(reader: str, position: int, tx: Transaction) -> None:
    tx.advance(reader, "observation", position)


def read_by_all(records: Records, position: int) -> None:
    for reader in OBSERVATION.readers:
        records.transact(partial(advance, reader, position))


def test_old_entries_go_once_every_reader_has_passed_them(tmp_path: Path) -> None:
    with (
        Records(tmp_path / "gate.sqlite") as gate,
        Records(tmp_path / "watch.sqlite") as watch,
        Records(tmp_path / "works.sqlite") as works,
        SqliteJournal(tmp_path) as journal,
    ):
        fill(gate, "observation", 600)
        horizon = Horizon(hours=1)
        assert purge(gate, horizon, positions(tmp_path), now=FUTURE).entries == 0, "nobody reads"
        watch.transact(lambda tx: tx.advance("watch", "observation", 500))
        done = purge(gate, horizon, positions(tmp_path), now=FUTURE)
        assert (done.entries, done.held_by) == (0, ("history:observation",)), "it has never started"
        works.transact(lambda tx: tx.advance("history", "observation", 300))
        assert purge(gate, horizon, positions(tmp_path)).entries == 0, "too young"
        done = purge(gate, horizon, positions(tmp_path), now=FUTURE)
        assert (done.entries, done.held_by) == (300, ("history:observation",))
        assert journal.read("observation", 300)[0].position == 301
        with pytest.raises(Purged):
            journal.read("observation", 0)
        works.transact(lambda tx: tx.advance("history", "observation", 600))
        done = purge(gate, horizon, positions(tmp_path), needed={"observation": 450}, now=FUTURE)
        assert (done.entries, done.held_by) == (150, ("snapshot:observation",))
        watch.transact(lambda tx: tx.advance("watch", "observation", 600))
        assert purge(gate, horizon, positions(tmp_path), now=FUTURE).entries == 150
        assert journal.last("observation") == 600
        assert gate.transact(lambda tx: tx.append("observation", b"")).position == 601


def test_a_file_that_is_too_large_lets_go_of_the_oldest(tmp_path: Path) -> None:
    with Records(tmp_path / "gate.sqlite") as gate, SqliteJournal(tmp_path) as journal:
        fill(gate, "observation", 200, 20_000)
        read_by_all(gate, 200)
        done = purge(gate, Horizon(most_bytes=2_000_000), positions(tmp_path))
        assert 90 < done.entries < 150 and done.held_by == ()
        first = journal.first("observation")
        assert first == done.entries + 1
        size = (tmp_path / "gate.sqlite").stat().st_size
        fill(gate, "observation", 60, 20_000)
        assert (tmp_path / "gate.sqlite").stat().st_size <= size, "room is used again"


def test_what_a_snapshot_needs_stays(tmp_path: Path) -> None:
    with Records(tmp_path / "gate.sqlite") as gate, SqliteJournal(tmp_path) as journal:
        fill(gate, "observation", 100)
        read_by_all(gate, 100)
        live = Live(tmp_path, datastreams=3, devices=3)
        assert snapshot_positions(tmp_path) == {}
        live.freeze({"observation": 40}).write()
        newest = live.freeze({"observation": 70}).write()
        assert snapshot_positions(tmp_path) == {"observation": 40}
        done = let_go(gate, tmp_path, Horizon(hours=0))
        assert (done.entries, done.held_by) == (40, ("snapshot:observation",))
        assert len(journal.read("observation", 40)) == 60
        newest.write_bytes(b"damaged")
        assert snapshot_positions(tmp_path) == {"observation": 40}
        live.close()


def test_life_safety_is_never_purged(tmp_path: Path) -> None:
    with Records(tmp_path / "gate-life.sqlite") as life, SqliteJournal(tmp_path) as journal:
        fill(life, "observation.life", 20)
        life.transact(lambda tx: tx.advance("r", "observation.life", 20))
        horizon = Horizon(hours=0, most_bytes=0)
        assert purge(life, horizon, positions(tmp_path), now=FUTURE).entries == 0
        assert len(journal.read("observation.life", 0)) == 20


def test_a_full_disk_can_be_purged_and_the_room_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tianmu.store.records.REUSE", 1_000_000)
    with Records(tmp_path / "gate.sqlite", reserve=0) as gate:
        fill(gate, "observation", 200, 20_000)
        read_by_all(gate, 200)
        gate.reserve = 1 << 60
        with pytest.raises(DiskFull):
            gate.transact(lambda tx: tx.append("observation", b"x" * 20_000))
        assert purge(gate, Horizon(), positions(tmp_path), now=FUTURE).entries == 200
        assert gate.transact(lambda tx: tx.append("observation", b"x" * 20_000)).position == 201


def test_nothing_goes_while_a_file_of_readers_cannot_be_read(tmp_path: Path) -> None:
    """Its readers would look as if they were not there, and lose what they have not read."""
    with (
        Records(tmp_path / "gate.sqlite") as gate,
        Records(tmp_path / "watch.sqlite") as watch,
        Records(tmp_path / "works.sqlite") as works,
    ):
        fill(gate, "observation", 10)
        watch.transact(lambda tx: tx.advance("watch", "observation", 10))
        works.transact(lambda tx: tx.advance("history", "observation", 3))
    (tmp_path / "works.sqlite").rename(tmp_path / "aside")
    (tmp_path / "works.sqlite").mkdir()
    with Records(tmp_path / "gate.sqlite") as gate, SqliteJournal(tmp_path) as journal:
        with pytest.raises(dbapi2.OperationalError):
            let_go(gate, tmp_path, Horizon(hours=0))
        assert journal.count("observation", 0) == 10


def test_what_nobody_must_have_read_goes_by_its_age(tmp_path: Path) -> None:
    with Records(tmp_path / "gate.sqlite") as gate, SqliteJournal(tmp_path) as journal:
        fill(gate, "intake", 20)
        assert purge(gate, Horizon(hours=1), positions(tmp_path)).entries == 0, "too young"
        assert purge(gate, Horizon(hours=1), positions(tmp_path), now=FUTURE).entries == 20
        assert journal.count("intake", 0) == 0


def test_who_must_have_read_are_those_who_read() -> None:
    assert TOPICS["observation"].readers == (WATCH, HISTORY)
