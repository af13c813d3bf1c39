"""Records: group commit, keys, read positions, refusals, schema."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import wait
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from pysqlite3 import dbapi2

from tianmu.store import rows
from tianmu.store.journal.file import Unusable, check_library, connect
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.journal.topics import KEEP_KEYS_US
from tianmu.store.records import AlreadyOpen, DiskFull, Records, Transaction


def entries(data: Path, topic: str) -> list[tuple[int, bytes]]:
    with SqliteJournal(data) as journal:
        return [(e.position, e.payload) for e in journal.read(topic, 0)]


def test_append_is_readable_in_order_with_rising_positions(tmp_path: Path) -> None:
    with Records(tmp_path / "gate.sqlite") as records:
        futures = [
            records.write(lambda tx, i=i: tx.append("observation", b"%d" % i)) for i in range(500)
        ]
        wait(futures)
        positions = [f.result().position for f in futures]
        assert positions == sorted(set(positions))
        assert entries(tmp_path, "observation") == [(p, b"%d" % i) for i, p in enumerate(positions)]


def test_a_key_takes_effect_once_and_gives_the_first_position(tmp_path: Path) -> None:
    path = tmp_path / "gate.sqlite"
    with Records(path) as records:
        first = records.transact(lambda tx: tx.append("observation", b"a", b"k"))
        again = records.transact(lambda tx: tx.append("observation", b"b", b"k"))
        other = records.transact(lambda tx: tx.append("intake", b"b", b"k"))
    assert (first.duplicate, again.duplicate, other.duplicate) == (False, True, False)
    assert again.position == first.position
    with Records(path) as records:
        assert records.transact(lambda tx: tx.append("observation", b"c", b"k")).duplicate
        long = b"x" * 400
        assert not records.transact(lambda tx: tx.append("observation", b"c", long)).duplicate
        assert records.transact(lambda tx: tx.append("observation", b"c", long)).duplicate
    assert len(entries(tmp_path, "observation")) == 2


def test_keys_are_forgotten_a_generation_at_a_time(tmp_path: Path) -> None:
    with Records(tmp_path / "gate.sqlite") as records:
        topics = records._topics

        def pass_time(tx: Transaction) -> None:
            topics.turn(tx.now + KEEP_KEYS_US + 1)
            topics.since = 0  # so that the next commit does not take the clock as gone back
            topics.turn(tx.now)

        def seen(key: bytes) -> bool:
            return records.transact(lambda tx: tx.append("observation", b"", key).duplicate)

        assert not seen(b"k")
        records.transact(pass_time)
        assert seen(b"k"), "remembered through one turn"
        records.transact(pass_time)
        assert not seen(b"k"), "forgotten after the second"


def test_a_raising_function_rolls_back_only_itself(tmp_path: Path) -> None:
    gate = threading.Event()
    with Records(tmp_path / "hub.sqlite") as records:
        records.write(lambda tx: gate.wait(5))  # hold the writer so that the rest is one group

        def bad(tx: Transaction) -> None:
            tx.append("case", b"bad", b"key")
            tx.append("deed", b"first of its topic, undone")
            raise ValueError("no")

        futures = [
            records.write(lambda tx: tx.append("case", b"1")),
            records.write(bad),
            records.write(lambda tx: tx.append("case", b"2", b"key")),
            records.write(lambda tx: tx.append("deed", b"3")),
        ]
        gate.set()
        wait(futures)
        assert isinstance(futures[1].exception(), ValueError)
        assert not futures[2].result().duplicate
    assert [p for _, p in entries(tmp_path, "case")] == [b"1", b"2"]
    assert [p for _, p in entries(tmp_path, "deed")] == [b"3"]


def test_a_raising_function_that_is_alone_leaves_nothing(tmp_path: Path) -> None:
    """Nor does a statement of many rows that fails at one of them leave those before it."""

    def twice(tx: Transaction) -> None:
        tx.append("deed", b"first of its topic, undone")
        rows.insert(tx.raw, "journal_setting", ("name", "value"), [("a", 1), ("b", 2), ("a", 3)])

    with Records(tmp_path / "hub.sqlite") as records:
        first = records.transact(lambda tx: tx.append("case", b"1"))
        for _ in range(2):
            with pytest.raises(dbapi2.IntegrityError):
                records.transact(twice)
        after = records.transact(lambda tx: tx.append("case", b"2"))
        assert after.position > first.position
        names = "SELECT count(*) FROM journal_setting WHERE name IN ('a', 'b')"
        assert records.read(lambda one: one.exec_driver_sql(names).scalar()) == 0
    assert [p for _, p in entries(tmp_path, "case")] == [b"1", b"2"]
    assert entries(tmp_path, "deed") == []


def test_output_and_read_position_are_one_commit(tmp_path: Path) -> None:
    with Records(tmp_path / "watch.sqlite") as records:

        def work(tx: Transaction) -> None:
            assert tx.position("watch", "observation") == 0
            tx.append("alarm", b"a")
            tx.advance("watch", "observation", 7)
            raise RuntimeError

        with pytest.raises(RuntimeError):
            records.transact(work)
        assert records.positions() == {}
        records.transact(lambda tx: tx.advance("watch", "observation", 7))
        assert records.positions() == {("watch", "observation"): 7}
        with pytest.raises(ValueError, match="has read observation up to 7"):
            records.transact(lambda tx: tx.advance("watch", "observation", 6))


def test_tables_read_and_write_through_core(tmp_path: Path) -> None:
    metadata = sa.MetaData()
    case = sa.Table(
        "case", metadata, sa.Column("id", sa.String, primary_key=True), sa.Column("n", sa.Integer)
    )
    with Records(tmp_path / "hub.sqlite") as records:
        records.create(metadata)
        records.transact(lambda tx: tx.connection.execute(sa.insert(case), [{"id": "a", "n": 1}]))
        with pytest.raises(sa.exc.IntegrityError):
            records.transact(lambda tx: tx.connection.execute(sa.insert(case), [{"id": "a"}]))

        def commits(tx: Transaction) -> None:
            tx.connection.execute(sa.update(case).values(n=9))
            tx.connection.commit()

        with pytest.raises(RuntimeError, match="writer thread commits"):
            records.transact(commits)
        records.transact(lambda tx: tx.connection.execute(sa.update(case).values(n=2)))
        assert records.read(lambda c: c.execute(sa.select(case.c.n)).scalar_one()) == 2
        with pytest.raises(sa.exc.OperationalError, match="readonly"):
            records.read(lambda c: c.execute(sa.delete(case)))
    with Records(tmp_path / "hub.sqlite", readonly=True) as records:
        assert records.read(lambda c: c.execute(sa.select(case.c.n)).scalar_one()) == 2
        with pytest.raises(RuntimeError, match="read-only"):
            records.write(lambda tx: None)


def test_a_read_is_one_snapshot(tmp_path: Path) -> None:
    with Records(tmp_path / "hub.sqlite") as records:
        records.transact(lambda tx: tx.append("case", b"1"))

        def count(connection: sa.Connection) -> tuple[int, int]:
            query = sa.text("SELECT count(*) FROM journal_entry")
            before = connection.execute(query).scalar_one()
            records.transact(lambda tx: tx.append("case", b"2"))
            return before, connection.execute(query).scalar_one()

        assert records.read(count) == (1, 1)


def test_tables_are_widened_and_migrated(tmp_path: Path) -> None:
    old = sa.MetaData()
    sa.Table("alarm", old, sa.Column("id", sa.String, primary_key=True))
    new = sa.MetaData()
    alarm = sa.Table(
        "alarm",
        new,
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("note", sa.String, server_default="x"),
        sa.Index("alarm_note", "note"),
    )
    path = tmp_path / "watch.sqlite"
    ran: list[int] = []

    def step(connection: sa.Connection) -> None:
        ran.append(1)
        connection.execute(sa.text("UPDATE alarm SET id = id || '!'"))

    with Records(path) as records:
        records.create(old, room="prevent")
        records.transact(lambda tx: tx.connection.execute(sa.text("INSERT INTO alarm VALUES('a')")))
    for _ in range(2):
        with Records(path) as records:
            records.create(new, room="prevent", migrations=[step])
            row = records.read(lambda c: c.execute(sa.select(alarm)).one())
            assert tuple(row) == ("a!", "x")
    assert ran == [1]
    with Records(path) as records, pytest.raises(Unusable, match="newer release"):
        records.create(new, room="prevent")


def test_a_newer_file_and_a_foreign_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "gate.sqlite"
    Records(path).close()
    connection = connect(path, readonly=False)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Unusable, match="newer release"):
        Records(path)
    connection = connect(path, readonly=False)
    connection.execute("PRAGMA user_version = 1")
    connection.execute("PRAGMA application_id = 5")
    connection.close()
    with pytest.raises(Unusable, match="another program"):
        Records(path)


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 40, 1), (3, 51, 2)])
def test_affected_libraries_are_refused(version: tuple[int, ...]) -> None:
    with pytest.raises(Unusable, match="WAL-reset"):
        check_library(version)


@pytest.mark.parametrize("version", [(3, 6, 23), (3, 51, 3), (3, 53, 4)])
def test_sound_libraries_are_taken(version: tuple[int, ...]) -> None:
    check_library(version)


def test_one_writer_only(tmp_path: Path) -> None:
    path = tmp_path / "gate.sqlite"
    with Records(path):
        code = (
            "import sys\nfrom pathlib import Path\nfrom tianmu.store.records import *\n"
            "try: Records(Path(sys.argv[1]))\nexcept AlreadyOpen: sys.exit(3)"
        )
        assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 3
        with pytest.raises(AlreadyOpen, match="another process writes this file"):
            Records(path)
    Records(path).close()


def test_futures_resolve_in_an_event_loop(tmp_path: Path) -> None:
    async def main(records: Records) -> list[int]:
        futures = [records.write_async(lambda tx: tx.append("case", b"x")) for _ in range(100)]
        futures[3].cancel()
        done = await asyncio.gather(*futures, return_exceptions=True)
        with pytest.raises(ZeroDivisionError):
            await records.write_async(lambda tx: 1 / 0)
        return [d.position for d in done if not isinstance(d, BaseException)]

    with Records(tmp_path / "hub.sqlite") as records:
        assert len(asyncio.run(main(records))) == 99


def test_close_writes_what_is_queued_and_then_refuses(tmp_path: Path) -> None:
    records = Records(tmp_path / "hub.sqlite")
    futures = [records.write(lambda tx: tx.append("case", b"x")) for _ in range(2000)]
    records.close()
    assert all(f.result().position for f in futures)
    with pytest.raises(RuntimeError, match="closed"):
        records.write(lambda tx: None)


def test_disk_full_is_refused_clearly_and_ends_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "gate.sqlite"
    with Records(path, reserve=0) as records:
        kept = [records.transact(lambda tx: tx.append("observation", b"x" * 17_000)).position]
        pages = records.transact(lambda tx: tx.raw.execute("PRAGMA page_count").fetchone()[0])
        records.transact(lambda tx: tx.raw.execute(f"PRAGMA max_page_count = {pages + 20}"))
        refused = 0
        for _ in range(40):
            try:
                kept.append(
                    records.transact(lambda tx: tx.append("observation", b"y" * 17_000)).position
                )
            except DiskFull as error:
                refused += 1
                assert "goes on by itself" in str(error)
        assert refused > 20
        assert [p for p, _ in entries(tmp_path, "observation")] == kept
        records.transact(lambda tx: tx.raw.execute("PRAGMA max_page_count = 1000000"))
        kept.append(records.transact(lambda tx: tx.append("observation", b"z")).position)
        assert [p for p, _ in entries(tmp_path, "observation")] == kept


def test_the_reserve_is_kept(tmp_path: Path) -> None:
    with Records(tmp_path / "gate.sqlite", reserve=1 << 60) as records:
        with pytest.raises(DiskFull, match="kept in reserve"):
            records.transact(lambda tx: tx.append("observation", b""))
        assert records.read(lambda c: c.execute(sa.text("SELECT 1")).scalar()) == 1
        records.reserve = 0
        assert records.transact(lambda tx: tx.append("observation", b"")).position


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["observation", "intake"]),
            st.binary(max_size=40),
            st.none() | st.binary(min_size=1, max_size=2),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_it_behaves_as_a_list_with_keys(
    tmp_path_factory: pytest.TempPathFactory, work: list[tuple[str, bytes, bytes | None, bool]]
) -> None:
    data = tmp_path_factory.mktemp("model")
    model: dict[str, list[tuple[int, bytes]]] = {"observation": [], "intake": []}
    keys: dict[tuple[str, bytes], int] = {}
    with Records(data / "gate.sqlite") as records:
        for topic, payload, key, fails in work:

            def one(tx: Transaction) -> tuple[int, bool]:
                got = tx.append(topic, payload, key)  # noqa: B023
                if fails:  # noqa: B023
                    raise KeyError("fails")
                return got.position, got.duplicate

            if fails:
                with pytest.raises(KeyError):
                    records.transact(one)
                continue
            position, duplicate = records.transact(one)
            known = keys.get((topic, key)) if key is not None else None
            assert duplicate == (known is not None)
            if known is not None:
                assert position == known
                continue
            model[topic].append((position, payload))
            if key is not None:
                keys[topic, key] = position
    for topic, expected in model.items():
        assert entries(data, topic) == expected
