"""Backups: one moment, whole or refused, and the same city after restoring."""

from __future__ import annotations

import tarfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from tianmu.facts.batch import ObservationBatch
from tianmu.facts.encoding import encode
from tianmu.facts.registry import Device
from tianmu.store.backup import Unreadable, backup, restore
from tianmu.store.digest import digest
from tianmu.store.history import History
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.live import Live
from tianmu.store.purge import positions
from tianmu.store.records import Records, Transaction
from tianmu.store.registry import Registry, write_segment


def test_a_backup_under_load_is_of_one_moment(tmp_path: Path) -> None:
    """Two processes that read each other: no read position may lie beyond what the copy holds."""
    data = tmp_path / "city"
    stop = threading.Event()
    watch, hub = Records(data / "watch.sqlite"), Records(data / "hub.sqlite")

    def answer(mine: Records, reader: str, reads: str, writes: str) -> None:
        with SqliteJournal(data) as journal:
            position = 0
            while not stop.is_set():
                journal.wait({reads: position}, 0.2)
                entries = journal.read(reads, position, entries=7)
                if not entries:
                    continue
                position = entries[-1].position

                def step(tx: Transaction, entries: Any = entries, position: int = position) -> None:
                    for entry in entries:
                        tx.append(writes, entry.payload)
                    tx.advance(reader, reads, position)

                mine.transact(step)

    threads = [
        threading.Thread(target=answer, args=(watch, "watch", "deed", "alarm")),
        threading.Thread(target=answer, args=(hub, "hub", "alarm", "deed")),
    ]
    for _ in range(50):
        hub.transact(lambda tx: tx.append("deed", b"x" * 2000))
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    made = [backup(data, tmp_path / f"b{i}") for i in range(3)]
    stop.set()
    for thread in threads:
        thread.join()
    hub.close()
    watch.close()
    counts = []
    for i, expected in enumerate(made):
        again = tmp_path / f"again{i}"
        assert restore(tmp_path / f"b{i}", again).digest == expected.digest == digest(again)
        with SqliteJournal(again) as journal:
            for (_, topic), position in positions(again).items():
                assert 0 < position <= journal.last(topic)
            deeds, alarms = (
                journal.read("deed", 0, entries=10**6),
                journal.read("alarm", 0, entries=10**6),
            )
            read = positions(again)
            behind = len([e for e in deeds if e.position > read["watch", "deed"]])
            ahead = len([e for e in alarms if e.position > read["hub", "alarm"]])
            assert behind + ahead == 50, "what is under way is neither lost nor doubled"
            counts.append(len(deeds))
    assert counts == sorted(counts) and counts[0] > 50


def test_everything_comes_back(tmp_path: Path) -> None:
    data = tmp_path / "city"
    metadata = sa.MetaData()
    case = sa.Table("case_row", metadata, sa.Column("id", sa.String, primary_key=True))
    start = 1_700_000_000_000_000
    with Records(data / "hub.sqlite") as hub, Records(data / "works.sqlite") as works:
        hub.create(metadata)
        hub.transact(lambda tx: tx.connection.execute(sa.insert(case), [{"id": "案件"}]))
        written = write_segment(
            data, [Device(device=f"d{i}", kind="k", properties=("p",)) for i in range(20_000)]
        )
        fact = Registry(data).registration_of(written, at=1, actor="a")
        hub.transact(lambda tx: tx.append("registry", encode(fact)))
        history = History(data, works)
        batch = ObservationBatch(
            datastream=np.zeros(100, np.uint32),
            phenomenon_time=start + np.arange(100),
            value=np.arange(100.0),
            received=start,
            source=0,
        )
        history.append([batch], {"observation": 1})
        history.flush()
        live = Live(data, datastreams=10, devices=5)
        live.value[3] = 3.0
        live.freeze({"observation": 1}).write()
        (data / "pack.lock").write_text("x")
        file = tmp_path / "b.tar.zst"
        backup(data, file)
        assert file.stat().st_mode & 0o777 == 0o600
        assert not list((data / "run").glob("backup-*"))
        with pytest.raises(FileExistsError):
            backup(data, file)
        live.close()
    again = tmp_path / "again"
    restore(file, again)
    assert (again / "pack.lock").read_text() == "x"
    with SqliteJournal(again) as journal:
        registry = Registry(again)
        registry.refresh(journal)
        assert registry.datastream_index(["d7/p"] * 30).tolist() == [7] * 30
    found = History(again).series(0, start, start + 100)
    assert found.value.tolist() == list(range(100))
    with Records(again / "hub.sqlite") as hub:
        assert hub.read(lambda c: c.execute(sa.select(case.c.id)).scalar_one()) == "案件"
        assert hub.transact(lambda tx: tx.append("registry", b"x")).position == 2
    live = Live(again)
    restored = live.restore()
    assert restored is not None and live.value[3] == 3.0
    live.close()
    with pytest.raises(FileExistsError, match="not empty"):
        restore(file, again)
    with pytest.raises(FileNotFoundError, match="no city"):
        backup(tmp_path / "nothing", tmp_path / "c")


def test_a_damaged_backup_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "city"
    with Records(data / "hub.sqlite") as hub:
        for i in range(50):
            hub.transact(lambda tx, i=i: tx.append("case", b"%d" % i * 500))
    file = tmp_path / "b"
    backup(data, file)
    whole = file.read_bytes()
    for damaged in (
        whole[:-30],
        whole[: len(whole) // 2],
        whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
        b"",
        b"hello",
    ):
        file.write_bytes(damaged)
        with pytest.raises(Unreadable, match="another"):
            restore(file, tmp_path / "again")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "city"]


def test_a_log_that_grows_meanwhile_does_not_spoil_the_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are linked, not copied: whoever has one open goes on writing to it."""
    data, file = tmp_path / "city", tmp_path / "b.tar.zst"
    with Records(data / "hub.sqlite") as hub:
        hub.transact(lambda tx: tx.append("registry", b"x"))
        (data / "log").mkdir()
        log = data / "log" / "hub.log"
        log.write_text("begins\n")
        describe = tarfile.TarFile.gettarinfo

        def grow(archive: Any, *arguments: Any) -> Any:
            """The file grows between its digest and its bytes."""
            with log.open("a") as out:
                out.write("goes on\n")
            return describe(archive, *arguments)

        monkeypatch.setattr(tarfile.TarFile, "gettarinfo", grow)
        backup(data, file)
    restore(file, tmp_path / "again")
    assert (tmp_path / "again" / "log" / "hub.log").read_text().startswith("begins\n")
