"""Waking: nobody polls, nobody sleeps through a commit, whatever order things happen in."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from tianmu.store.journal.contract import Purged
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.journal.wake import Sleeper, Waker
from tianmu.store.records import Records
from waiting import eventually


def test_a_commit_wakes_who_waits_for_the_topic(tmp_path: Path) -> None:
    with Records(tmp_path / "gate.sqlite") as records, SqliteJournal(tmp_path) as journal:
        woken: list[bool] = []

        def reader() -> None:
            position = 0
            for _ in range(50):
                # who is not woken sleeps for longer than this test waits
                woken.append(journal.wait({"observation": position}, 100))
                position = journal.read("observation", position)[-1].position

        thread = threading.Thread(target=reader, daemon=True)
        thread.start()
        for number in range(1, 51):
            time.sleep(0.002)  # by then it sleeps
            records.transact(lambda tx: tx.append("observation", b""))
            eventually(lambda number=number: len(woken) == number)
        thread.join()
        assert all(woken)


def test_waiting_ends_at_its_time_limit(tmp_path: Path) -> None:
    with Records(tmp_path / "gate.sqlite") as records, SqliteJournal(tmp_path) as journal:
        position = records.transact(lambda tx: tx.append("observation", b"")).position
        assert not journal.wait({"observation": position, "deed": 0}, 0.1)
        assert journal.wait({"observation": 0}, 0.0)


def test_a_reader_hears_of_a_process_that_starts_later(tmp_path: Path) -> None:
    with SqliteJournal(tmp_path) as journal:
        assert journal.read("alarm", 0) == [] and journal.last("alarm") == 0

        def start() -> None:
            time.sleep(0.05)
            with Records(tmp_path / "watch.sqlite") as records:
                records.transact(lambda tx: tx.append("alarm", b"x"))

        thread = threading.Thread(target=start)
        thread.start()
        assert journal.wait({"alarm": 0}, 30)
        thread.join()


def test_a_writer_wakes_sleepers_when_it_starts_again(tmp_path: Path) -> None:
    """The writer may have died between its commit and the wake."""
    Records(tmp_path / "gate.sqlite").close()
    with Records(tmp_path / "gate.sqlite") as records:
        records.transact(lambda tx: tx.append("observation", b""))
    sleeper = Sleeper(tmp_path)
    sleeper.listen(["observation"])
    Records(tmp_path / "gate.sqlite").close()
    assert sleeper.sleep(0)
    sleeper.close()


def test_only_those_who_wait_for_a_topic_are_woken(tmp_path: Path) -> None:
    waker, one, two = Waker(tmp_path), Sleeper(tmp_path), Sleeper(tmp_path)
    one.listen(["alarm"])
    two.listen(["alarm"])
    waker.wake(["alarm"])
    assert one.sleep(0) and two.sleep(0)
    one.drain()
    two.drain()
    two.listen(["deed"])
    waker.wake(["deed"])
    assert not one.sleep(0) and two.sleep(0)
    for end in (waker, one, two):
        end.close()


def test_sockets_of_the_dead_are_cleared_away(tmp_path: Path) -> None:
    waker, sleeper = Waker(tmp_path), Sleeper(tmp_path)
    sleeper.listen(["alarm"])
    sleeper._socket.close()  # as a killed process leaves it
    folder = tmp_path / "run" / "wake"
    assert len(list(folder.iterdir())) == 1
    waker.wake(["alarm"])
    assert list(folder.iterdir()) == []
    waker.wake(["alarm"])
    waker.close()


def test_a_reader_that_does_not_drain_never_blocks_the_writer(tmp_path: Path) -> None:
    waker, sleeper = Waker(tmp_path), Sleeper(tmp_path)
    sleeper.listen(["alarm"])
    for _ in range(2000):
        waker.wake(["alarm"])
    assert sleeper.sleep(0)
    waker.close()
    sleeper.close()


def test_long_data_folders_work(tmp_path: Path) -> None:
    data = tmp_path / ("x" * 120) / ("y" * 120)
    with Records(data / "hub.sqlite") as records, SqliteJournal(data) as journal:
        timer = threading.Timer(0.05, lambda: records.transact(lambda tx: tx.append("deed", b"")))
        timer.start()
        assert journal.wait({"deed": 0}, 30)
        timer.join()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_waiting_in_an_event_loop(
    tmp_path: Path, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def main() -> None:
        with Records(tmp_path / "hub.sqlite") as records, SqliteJournal(tmp_path) as journal:
            task = asyncio.create_task(journal.wait_async({"deed": 0}, 100))
            await asyncio.sleep(0.02)
            assert not task.done()
            position = (await records.write_async(lambda tx: tx.append("deed", b""))).position
            assert await asyncio.wait_for(task, 30)
            assert not await journal.wait_async({"deed": position}, 0.02)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


def test_reading_is_bounded_by_entries_and_size(tmp_path: Path) -> None:
    with Records(tmp_path / "hub.sqlite") as records, SqliteJournal(tmp_path) as journal:
        for _ in range(10):
            records.transact(lambda tx: (tx.append("deed", b"x" * 100), tx.append("case", b"y")))
        assert len(journal.read("deed", 0, entries=3)) == 3
        assert len(journal.read("deed", 0, size=250)) == 3
        assert len(journal.read("deed", 0)) == 10
        assert journal.read("deed", journal.last("deed")) == []
        assert journal.first("deed") == 1
        assert (journal.count("deed", 0), journal.count("deed", 5), journal.count("alarm", 0)) == (
            10,
            7,
            0,
        )
        with pytest.raises(KeyError, match="unknown topic"):
            journal.read("nonsense", 0)


def test_entries_before_the_horizon_are_said_to_be_gone(tmp_path: Path) -> None:
    with Records(tmp_path / "gate.sqlite") as records, SqliteJournal(tmp_path) as journal:
        for _ in range(5):
            records.transact(lambda tx: tx.append("observation", b"x"))
        records.transact(lambda tx: tx.drop("observation", 3))
        with pytest.raises(Purged) as caught:
            journal.read("observation", 2)
        assert (caught.value.after, caught.value.first) == (2, 4)
        assert [e.position for e in journal.read("observation", 3)] == [4, 5]
        records.transact(lambda tx: tx.drop("observation", 5))
        assert journal.last("observation") == 5
    with Records(tmp_path / "gate.sqlite") as records:
        assert records.transact(lambda tx: tx.append("intake", b"")).position == 6


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    def use() -> None:
        with Records(tmp_path / "hub.sqlite") as records, SqliteJournal(tmp_path) as journal:
            records.transact(lambda tx: tx.append("deed", b""))
            journal.wait({"deed": 0}, 1)

    use()
    before = descriptors()
    for _ in range(5):
        use()
    assert descriptors() == before
