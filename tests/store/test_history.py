"""The past: what was observed is found, once, in every state of its files."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tianmu.facts.batch import BAD, GOOD, ObservationBatch
from tianmu.facts.encoding import decode
from tianmu.facts.history import HistoryWritten
from tianmu.store.history import (
    Asked,
    Cancelled,
    Cost,
    History,
    Retention,
    TooCostly,
    compact,
    job,
    keep,
    manifest,
    rollup,
)
from tianmu.store.history import windows as many
from tianmu.store.history.manifest import DAY, day_of
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import DiskFull, Records

TODAY = time.time_ns() // 1000 // DAY * DAY
YESTERDAY = TODAY - DAY
MINUTE, HOUR = rollup.MINUTE_US, rollup.HOUR_US


def batch(
    rows: list[tuple[int, int, float]],
    *,
    sequence: list[int] | None = None,
    quality: list[int] | None = None,
    side: dict[int, object] | None = None,
) -> ObservationBatch:
    return ObservationBatch(
        datastream=np.array([r[0] for r in rows], np.uint32),
        phenomenon_time=np.array([r[1] for r in rows], np.int64),
        value=np.array([r[2] for r in rows], np.float64),
        received=TODAY,
        source=3,
        sequence=None if sequence is None else np.array(sequence, np.uint32),
        quality=None if quality is None else np.array(quality, np.uint8),
        side=side or {},
    )


def test_what_is_flushed_is_found_with_its_positions(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records, SqliteJournal(tmp_path) as journal:
        history = History(tmp_path, records)
        past = History(tmp_path)
        assert len(past.series(1, YESTERDAY, TODAY)) == 0 and history.position("observation") == 0
        first = batch([(1, YESTERDAY + 5, 1.0), (2, YESTERDAY, 9.0), (1, YESTERDAY, 2.0)])
        history.append([first], {"observation": 4})
        assert history.waiting == 3 and len(past.series(1, YESTERDAY, TODAY)) == 0
        files = history.flush()
        assert history.waiting == 0 and history.position("observation") == 4
        found = past.series(1, YESTERDAY, TODAY)
        assert found.raw and found.time.tolist() == [YESTERDAY, YESTERDAY + 5]
        assert found.value.tolist() == [2.0, 1.0] == found.low.tolist()
        assert past.series(1, YESTERDAY, YESTERDAY + 5).value.tolist() == [2.0]
        fact = decode(journal.read("history", 0)[0].payload)
        assert isinstance(fact, HistoryWritten)
        assert (fact.rows, fact.positions, fact.day) == (3, {"observation": 4}, day_of(YESTERDAY))
        assert fact.files == tuple(f.name for f in files)
        with pytest.raises(ValueError, match="must come after"):
            past.series(1, TODAY, TODAY)
        with pytest.raises(RuntimeError, match="only asks"):
            past.flush()


def test_a_correction_holds_and_a_repeat_counts_once(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        t = YESTERDAY
        history.append([batch([(1, t, 1.0), (1, t, 2.0), (1, t, 3.0)], sequence=[0, 0, 1])], {})
        history.flush()
        assert history.series(1, t, TODAY).value.tolist() == [2.0, 3.0]
        history.append([batch([(1, t, 5.0)])], {})
        history.flush()
        assert history.series(1, t, TODAY).value.tolist() == [5.0, 3.0]
        history.compact(day_of(t))
        assert history.series(1, t, TODAY).value.tolist() == [5.0, 3.0]
        history.append([batch([(1, t, 7.0)])], {})
        history.flush()
        assert history.series(1, t, TODAY).value.tolist() == [7.0, 3.0]
        wide = history.windows([1], t, TODAY, HOUR)
        assert (wide.count.tolist(), wide.mean.tolist()) == ([2], [5.0])
        history.compact(day_of(t))
        again = history.windows([1], t, TODAY, HOUR)
        assert (again.count.tolist(), again.mean.tolist()) == ([2], [5.0])


def test_texts_and_bad_quality_are_shown_and_not_averaged(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        t, nan = YESTERDAY, float("nan")
        rows = [(1, t, 1.0), (1, t + 1, nan), (1, t + 2, 9.0), (1, t + 3, 3.0)]
        quality = [GOOD, GOOD, BAD, GOOD]
        history.append([batch(rows, quality=quality, side={1: {"状态": "火警"}})], {})
        history.flush()
        for _ in range(2):
            found = history.series(1, t, TODAY)
            assert found.text == [None, '{"状态":"火警"}', None, None]
            assert found.quality is not None and found.quality.tolist() == quality
            envelope = history.series(1, t, TODAY, 1)
            assert not envelope.raw
            assert (envelope.count.tolist(), envelope.value.tolist()) == ([2], [2.0])
            assert (envelope.low.tolist(), envelope.high.tolist()) == ([1.0], [3.0])
            history.compact(day_of(t))


@pytest.mark.parametrize("compacted", [False, True])
def test_an_envelope_holds_every_peak(tmp_path: Path, compacted: bool) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        rng = np.random.default_rng()
        times = YESTERDAY + np.sort(rng.choice(DAY // 1000, 20_000, replace=False)) * 1000
        values = rng.normal(size=20_000)
        values[777] = 99.0
        rows = list(zip([7] * 20_000, times.tolist(), values.tolist(), strict=True))
        for part in range(4):
            history.append([batch(rows[part::4])], {})
            history.flush()
        if compacted:
            names = {f.kind for f in history.compact(day_of(YESTERDAY))}
            assert names == {"raw", "day", "hour", "minute"}
            assert history.compact(day_of(YESTERDAY)) == []
        for points in (24, 100, 1440, 3000):
            found = history.series(7, YESTERDAY, TODAY, points)
            assert len(found) <= points and not found.raw
            assert found.count.sum() == 20_000
            assert (found.low.min(), found.high.max()) == (values.min(), 99.0)
            np.testing.assert_allclose(
                (found.value * found.count).sum(), values.sum(), rtol=1e-9, atol=1e-7
            )
            assert (np.diff(found.time) >= found.step).all()
        part = history.series(7, YESTERDAY + 1234567, YESTERDAY + 9 * HOUR + 1, 5)
        inside = (times >= YESTERDAY + 1234567) & (times < YESTERDAY + 9 * HOUR + 1)
        assert part.count.sum() == inside.sum()
        raw = history.series(7, YESTERDAY, TODAY, 20_000)
        assert raw.raw
        np.testing.assert_array_equal(raw.value, values)


def test_a_question_says_what_it_costs_and_can_be_given_up(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        assert history.cost("series", 1, YESTERDAY, TODAY) == Cost(0, 0)
        for part in range(3):
            history.append([batch([(s, YESTERDAY + part, 1.0) for s in range(50)])], {})
            history.flush()
        cost = history.cost("windows", [1, 2], YESTERDAY, TODAY, HOUR)
        assert (cost.files, cost.rows) == (3, 150)
        with pytest.raises(TooCostly, match="150 rows of 3 files; at most 149") as refused:
            history.windows([1, 2], YESTERDAY, TODAY, HOUR, asked=Asked(rows=149))
        assert refused.value.cost == cost
        asked = Asked(rows=150)
        assert history.windows([1, 2], YESTERDAY, TODAY, HOUR, asked=asked).count.sum() == 6
        assert asked.cost == cost
        asked.cancel()
        everybody = np.arange(many.FEW + 1)
        for question in (
            lambda: history.series(1, YESTERDAY, TODAY, asked=asked),
            lambda: history.windows([1], YESTERDAY, TODAY, HOUR, asked=asked),
            lambda: history.windows(everybody, YESTERDAY, TODAY, HOUR, asked=asked),
        ):
            with pytest.raises(Cancelled):
                question()
        assert history.windows(everybody, YESTERDAY, TODAY, HOUR).count.sum() == 150


def test_a_long_question_is_given_up_while_it_runs(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        asked = Asked()
        cursor = history._duck.cursor()
        threading.Timer(0.2, asked.cancel).start()
        with pytest.raises(Cancelled), asked.interrupts(cursor.interrupt):
            cursor.execute("SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b")


def test_windows_by_group_are_the_same_before_and_after_compaction(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        rng = np.random.default_rng()
        n = 6000
        streams = rng.integers(0, 50, n)
        times = YESTERDAY + rng.integers(0, DAY // 1000, n) * 1000
        values = rng.normal(size=n)
        for part in range(3):
            rows = zip(streams[part::3], times[part::3], values[part::3], strict=True)
            history.append([batch([(int(s), int(t), float(v)) for s, t, v in rows])], {})
            history.flush()
        groups = np.arange(0, 40) % 3
        results = []
        for _ in range(2):
            results.append(
                (
                    history.windows(np.arange(40), YESTERDAY, TODAY, 4 * HOUR, groups),
                    history.windows([3, 5], YESTERDAY, TODAY, 10 * MINUTE),
                )
            )
            history.compact(day_of(YESTERDAY))
        for before, after in zip(*results, strict=True):
            for name in ("key", "time", "count", "low", "high"):
                np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
            np.testing.assert_allclose(before.mean, after.mean)
        grouped = results[0][0]
        latest = {(s, t): v for s, t, v in zip(streams, times, values, strict=True)}
        mine = [(s % 3, v) for (s, t), v in latest.items() if s < 40]
        assert grouped.count.sum() == len(mine)
        top = max(v for g, v in mine if g == 2)
        assert grouped.high[grouped.key == 2].max() == top
        assert len(history.windows([], YESTERDAY, TODAY, HOUR)) == 0


rows = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 3).map(lambda h: YESTERDAY - 2 * DAY + h * 17 * HOUR),
        st.integers(-3, 3).map(float),
    ),
    max_size=12,
)
steps = st.lists(
    st.one_of(rows, st.sampled_from(["flush", "tidy", "compact"])), min_size=1, max_size=14
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_in_every_state_of_its_files_it_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, work: list[object]
) -> None:
    monkeypatch.setattr(job, "PARTS", 2)
    monkeypatch.setattr(job, "MIDDLES", 2)
    monkeypatch.setattr(compact, "SPLIT", 3)
    monkeypatch.setattr(compact, "RANGE", 3)
    data = tmp_path_factory.mktemp("model")
    with Records(data / "works.sqlite") as records:
        history = History(data, records)
        pending: dict[tuple[int, int], float] = {}
        model: dict[tuple[int, int], float] = {}
        for step in work:
            if isinstance(step, list):
                history.append([batch(step)], {})
                pending.update({(s, t): v for s, t, v in step})
                continue
            if step == "flush":
                history.flush()
                model.update(pending)
                pending.clear()
            elif step == "tidy":
                history.tidy()
            else:
                for day in history.days():
                    history.compact(day)
            for stream in range(5):
                found = history.series(stream, YESTERDAY - 3 * DAY, TODAY)
                want = sorted((t, v) for (s, t), v in model.items() if s == stream)
                assert list(zip(found.time.tolist(), found.value.tolist(), strict=True)) == want
            wide = history.windows(np.arange(5), YESTERDAY - 3 * DAY, TODAY, HOUR)
            assert wide.count.sum() == len(model)
        history.close()


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
        end = time.monotonic() + 20
        while history.position("observation") < 2 and time.monotonic() < end:
            time.sleep(0.02)
        stop.set()
        worker.join()
        assert history.position("observation") == 2
        assert len(told) == 1 and "not in history" in str(told[0])
        assert history.series(1, 0, 2_000_000).count.sum() == 1
