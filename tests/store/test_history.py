"""The past: what was observed is found, once, in every state of its files."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tianmu.facts.batch import BAD, GOOD
from tianmu.facts.encoding import decode
from tianmu.facts.history import HistoryWritten
from tianmu.store.history import (
    Asked,
    Cancelled,
    Cost,
    History,
    TooCostly,
    compact,
    job,
    rollup,
)
from tianmu.store.history import windows as many
from tianmu.store.history.manifest import DAY, day_of
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

from .observed import TODAY, YESTERDAY, batch

MINUTE, HOUR = rollup.MINUTE_US, rollup.HOUR_US


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
