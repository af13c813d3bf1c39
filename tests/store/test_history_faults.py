"""The past when something is wrong: full disks, crashes, unbelievable times, files on the way."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tianmu.facts.batch import ObservationBatch
from tianmu.store.history import (
    History,
    Retention,
    job,
    keep,
    manifest,
    rollup,
)
from tianmu.store.history.manifest import DAY, day_of
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import DiskFull, Records
from waiting import eventually

from .observed import TODAY, YESTERDAY, batch

HOUR = rollup.HOUR_US


def test_a_query_never_sees_half_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "PARTS", 3)
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        stop = threading.Event()
        seen: list[int] = []
        errors: list[Exception] = []

        def ask() -> None:
            past = History(tmp_path)
            try:
                while not stop.is_set():
                    seen.append(len(past.series(1, YESTERDAY, TODAY, 1 << 20)))
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        for i in range(12):
            history.append([batch([(1, YESTERDAY + i * 100 + j, 0.0) for j in range(100)])], {})
            history.flush()
            history.tidy()
            history.collect_garbage()
        history.compact(day_of(YESTERDAY))
        time.sleep(0.1)
        stop.set()
        thread.join()
        assert errors == []
        assert seen == sorted(seen) and seen[-1] == 1200
        assert all(n % 100 == 0 for n in seen)


def test_a_full_disk_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        history.append([batch([(1, YESTERDAY, 1.0)])], {"observation": 9})
        records.reserve = 1 << 60
        with pytest.raises(DiskFull):
            history.flush()
        assert list(tmp_path.glob("history/*/*")) == [] and history.waiting == 1
        records.reserve = 0
        history.flush()
        assert history.series(1, YESTERDAY, TODAY).value.tolist() == [1.0]


def test_what_a_crash_left_behind_is_swept(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        history.append([batch([(1, YESTERDAY, 1.0)])], {})
        (file,) = history.flush()
        folder = tmp_path / "history" / file.day
        (folder / "raw-orphan.parquet").write_bytes(b"x")
        (folder / ".half.draft").write_bytes(b"x")
        History(tmp_path, records)
        assert [p.name for p in folder.iterdir()] == [file.name.split("/")[1]]


def test_unbelievable_times_are_kept_apart_and_found(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        history.append([batch([(1, 0, 1.0), (1, 1 << 60, 2.0), (1, YESTERDAY, 3.0)])], {})
        assert {f.day for f in history.flush()} == {"outside", day_of(YESTERDAY)}
        assert history.series(1, -1, (1 << 60) + 1).value.tolist() == [1.0, 3.0, 2.0]
        assert history.due(TODAY + 2 * DAY) == [day_of(YESTERDAY)]


def test_retention_lets_go_only_of_what_is_rolled_up(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        old = YESTERDAY - 10 * DAY
        history.append([batch([(1, old, 1.0), (1, YESTERDAY, 2.0)])], {})
        history.flush()
        policy = Retention(raw_days=5, minute_days=5)
        now = TODAY + 1
        assert history.retain(policy, now) == []
        for day in history.due(now, after=0):
            history.compact(day)
        assert {f.kind for f in history.retain(policy, now)} == {"raw"}
        hourly = history.series(1, old, TODAY)
        assert (hourly.value.tolist(), hourly.raw) == ([1.0, 2.0], False)
        assert hourly.step == HOUR  # all that is left of the first day
        assert history.series(1, YESTERDAY, TODAY).raw
        assert history.windows([1], old, TODAY, HOUR).count.sum() == 2
        on_disk = len(list(tmp_path.glob("history/*/*.parquet")))
        records.transact(lambda tx: tx.raw.execute("UPDATE history_garbage SET after = 0"))
        assert history.collect_garbage() == on_disk - len(history.files()) > 0
        assert len(list(tmp_path.glob("history/*/*.parquet"))) == len(history.files())


def test_keeping_follows_the_journal_and_starts_where_it_stopped(tmp_path: Path) -> None:
    gate = Records(tmp_path / "gate.sqlite")
    life = Records(tmp_path / "gate-life.sqlite")
    with Records(tmp_path / "works.sqlite") as records:

        def work() -> None:
            with SqliteJournal(tmp_path) as journal:
                keep(History(tmp_path, records), journal, stop, flush_seconds=0.05)

        total = 0
        for _ in range(2):
            stop = threading.Event()
            thread = threading.Thread(target=work)
            thread.start()
            for i in range(30):
                one = batch([(1, YESTERDAY + total, float(total))]).encode()
                target, topic = (life, "observation.life") if i % 3 else (gate, "observation")
                target.transact(lambda tx, t=topic, p=one: tx.append(t, p))
                total += 1
            time.sleep(0.2)
            stop.set()
            thread.join()
        found = History(tmp_path).series(1, YESTERDAY, TODAY)
        seen = set(found.value.astype(int).tolist())
        with SqliteJournal(tmp_path) as journal:
            positions = records.positions()
            for topic in ("observation", "observation.life"):
                assert positions[manifest.READER, topic] <= journal.last(topic)
            if all(
                positions[manifest.READER, t] == journal.last(t)
                for t in ("observation", "observation.life")
            ):
                assert seen == set(range(total))
            assert len(found) == len(seen)
    gate.close()
    life.close()


def test_an_entry_that_cannot_be_read_does_not_end_history(tmp_path: Path) -> None:
    told: list[Exception] = []
    stop = threading.Event()
    with (
        Records(tmp_path / "gate.sqlite") as gate,
        Records(tmp_path / "works.sqlite") as records,
        SqliteJournal(tmp_path) as journal,
    ):
        columns = np.array([1], np.uint32), np.array([1_000_000], np.int64), np.array([7.0])
        good = ObservationBatch(*columns, received=1, source=1).encode()
        for payload in (b"no batch at all", good):
            gate.transact(lambda tx, p=payload: tx.append("observation", p))
        history = History(tmp_path, records)
        worker = threading.Thread(
            target=keep, args=(history, journal, stop),
            kwargs={"trouble": told.append, "flush_seconds": 0.05},
        )  # fmt: skip
        worker.start()
        eventually(lambda: history.position("observation") >= 2)
        stop.set()
        worker.join()
        assert history.position("observation") == 2
        assert len(told) == 1 and "not in history" in str(told[0])
        assert history.series(1, 0, 2_000_000).count.sum() == 1
