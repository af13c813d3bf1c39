"""Roll-ups against a slow and obvious reference: late, repeated, bad, not a number, exceeding."""

from __future__ import annotations

import itertools
import math
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tianmu.store.history import History, Retention, compact, job, rollup
from tianmu.store.history.area import DIMENSIONS
from tianmu.store.history.manifest import BY_AREA, BY_STREAM, DAY, RAW, File
from tianmu.store.history.rollup import DENSE, HOUR_US
from tianmu.store.records import Records

from .members import MEMBERS, STREAMS, Row, batch, exceeding, word

START = (time.time_ns() // 1000 // DAY - 2) * DAY
NAN = float("nan")
WIDTH = {"minute": 60_000_000, "hour": HOUR_US, "day": DAY, "area-hour": HOUR_US, "area-day": DAY}


def counting(rows: list[Row]) -> list[Row]:
    """Of equal identities the last, of those the numbers of good or uncertain quality."""
    latest = {row[:3]: row for row in rows}
    return [r for r in latest.values() if math.isfinite(r[3]) and r[4] <= 1]


def reference(rows: list[Row], kind: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Key → count, lowest, highest, total, how many exceed."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in counting(rows):
        start = row[1] // WIDTH[kind] * WIDTH[kind]
        if kind in BY_STREAM:
            groups[row[0], start].append(row)
            continue
        for dimension in DIMENSIONS:
            key = dimension, word(row[0], dimension), word(row[0], "kind")
            groups[(*key, word(row[0], "property"), start)].append(row)
    return {
        key: (
            len(mine),
            min(r[3] for r in mine),
            max(r[3] for r in mine),
            math.fsum(r[3] for r in mine),
            sum(exceeding(r[0], r[3]) for r in mine),
        )
        for key, mine in groups.items()
    }


def kept(data: Path, history: History, kind: str) -> dict[tuple[Any, ...], list[Any]]:
    """What the files of ``kind`` say; partial ones added up. Each is sorted by its keys."""
    keys = ("datastream", "time") if kind in BY_STREAM else (
        "dimension", "area", "kind", "property", "time"
    )  # fmt: skip
    found: dict[tuple[Any, ...], list[Any]] = {}
    for file in history.files():
        if file.kind != kind:
            continue
        table = pq.read_table(data / "history" / file.name)
        assert len(table) == file.rows
        rows = table.to_pylist()
        named = [tuple(row[k] for k in keys) for row in rows]
        assert named == sorted(set(named))
        for key, row in zip(named, rows, strict=True):
            one = [row[n] for n in ("count", "low", "high", "total", "exceeded")]
            two = found.get(key)
            found[key] = one if two is None else [
                one[0] + two[0], min(one[1], two[1]), max(one[2], two[2]), one[3] + two[3],
                one[4] + two[4],
            ]  # fmt: skip
    return found


def same(found: dict[tuple[Any, ...], list[Any]], want: dict[Any, Any]) -> None:
    assert found.keys() == want.keys()
    for key, values in want.items():
        assert found[key] == pytest.approx(values, abs=1e-9), key


rows = st.lists(
    st.tuples(
        st.integers(0, STREAMS - 1),
        st.integers(0, 5).map(lambda h: START - DAY + h * 11 * HOUR_US + h),
        st.integers(0, 1),
        st.one_of(st.integers(-3, 4).map(float), st.just(NAN), st.just(math.inf)),
        st.sampled_from([0, 0, 0, 1, 2, 4]),
    ),
    min_size=1,
    max_size=10,
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.slow
@given(st.lists(st.tuples(rows, st.sampled_from(["", "tidy", "compact"])), min_size=1, max_size=8))
def test_a_merged_day_is_rolled_up_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    work: list[tuple[list[Row], str]],
) -> None:
    monkeypatch.setattr(job, "PARTS", 2)
    monkeypatch.setattr(job, "MIDDLES", 2)
    monkeypatch.setattr(compact, "SPLIT", 3)
    monkeypatch.setattr(compact, "RANGE", 4)
    data = tmp_path_factory.mktemp("rollups")
    with Records(data / "works.sqlite") as records:
        history = History(data, records, membership=lambda: MEMBERS)
        everything: list[Row] = []
        for one, then in work:
            history.append([batch(one)], {})
            everything += one
            history.flush()
            if then == "tidy":
                history.tidy()
            elif then == "compact":
                for day in history.days():
                    history.compact(day)
            # of what no later flush repeats, partial roll-ups by area are exact too
            if len({r[:3] for r in everything}) == len(everything):
                for kind in BY_AREA:
                    same(kept(data, history, kind), reference(everything, kind))
        for day in history.days():
            history.compact(day)
        for kind in ("hour", "day", *BY_AREA):
            same(kept(data, history, kind), reference(everything, kind))
        split = [f for f in history.files() if f.kind == RAW]
        for a, b in itertools.pairwise(split):
            assert a.day != b.day or a.high_stream < b.low_stream
        history.close()


def test_minutes_are_of_dense_datastreams_alone(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records, membership=lambda: MEMBERS)
        times = START + np.arange(DENSE) * (DAY // DENSE)
        everything = [(0, int(t), 0, float(i % 5), 0) for i, t in enumerate(times)]
        everything += [(1, int(t), 0, 1.0, 0) for t in times[1:]]
        for part in range(3):
            history.append([batch(everything[part::3])], {})
            history.flush()
        history.compact(history.days()[0])
        want = reference([r for r in everything if r[0] == 0], "minute")
        same(kept(tmp_path, history, "minute"), want)
        history.close()


def test_partial_rollups_cover_their_flushes(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(job, "PARTS", 3)
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records, membership=lambda: MEMBERS)
        everything: list[Row] = []
        for number in range(4):
            one = [(s, START + number * HOUR_US + s, 0, float(s), 0) for s in range(STREAMS)]
            everything += one
            history.append([batch(one)], {})
            history.flush()
            history.tidy()
        orders: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for file in history.files():
            orders[file.kind].add((file.first_order, file.last_order))
        assert orders["raw"] == orders["area-hour"] == orders["area-day"] == {(1, 3), (4, 4)}
        assert orders["hour"] == orders["day"] == {(1, 3)}
        for kind in BY_AREA:
            same(kept(tmp_path, history, kind), reference(everything, kind))
        first = [r for r in everything if r[1] < START + 3 * HOUR_US]
        for kind in ("hour", "day"):
            same(kept(tmp_path, history, kind), reference(first, kind))
        history.close()


def test_what_comes_late_for_a_day_without_raw_is_added_to_its_rollups(tmp_path: Path) -> None:
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records, membership=lambda: MEMBERS)
        everything: list[Row] = []
        for number in range(3):
            one = [(s, START + number * HOUR_US // 2, 0, float(s), 0) for s in range(STREAMS)]
            everything += one
            history.append([batch(one)], {})
            history.flush()
            history.compact(history.days()[0])
            gone = history.retain(Retention(raw_days=1), START + 9 * DAY)
            assert {f.kind for f in gone} <= {RAW}
            for kind in ("hour", "day", *BY_AREA):
                same(kept(tmp_path, history, kind), reference(everything, kind))
            assert all(f.kind != RAW for f in history.files())
        wide = history.windows([3], START, START + DAY, HOUR_US)
        assert wide.count.tolist() == [2, 1]
        history.close()


def file(level: int, at: int) -> File:
    day = "2020-01-01"
    return File(f"{day}/raw-{at}.parquet", day, RAW, level, 1, 1, 1, 1, 1, 1, 0, 0, at=at)


def test_a_day_with_endless_late_ones_is_merged_ever_more_rarely() -> None:
    now = end = 1_577_923_200_000_000  # of 2020-01-01
    files = [file(0, now)]
    hours: list[int] = []
    for _ in range(24 * 30):
        now += HOUR_US
        if job.due(files, now):
            hours.append((now - end) // HOUR_US)
            files = [file(3, now)]
            assert not job.due(files, now + 400 * DAY)
        files.append(file(0, now))
    assert hours == [1, 7, 14, 28, 56, 112, 224, 448]


@given(st.lists(st.tuples(*[st.integers(-(1 << 62), 1 << 62) | st.integers(-3, 3)] * 3)))
def test_rows_in_order_whatever_numbers_they_hold(rows: list[tuple[int, int, int]]) -> None:
    keys = [np.array([row[i] for row in rows], np.int64) for i in range(3)]
    want = sorted(range(len(rows)), key=lambda i: rows[i])
    assert rollup.in_order(*keys).tolist() == want
