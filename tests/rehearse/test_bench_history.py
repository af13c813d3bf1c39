"""A past made by arithmetic is built as the city writes it, and answers as arithmetic says."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tianmu.facts.batch import BAD, GOOD
from tianmu.rehearse.bench import history as bench_history
from tianmu.rehearse.past import build as past_build
from tianmu.rehearse.past.past import DAY_MS, DENSE, Past, rhythm
from tianmu.rehearse.past.questions import QUESTIONS, Given
from tianmu.store.history import History, Membership
from tianmu.store.history.manifest import DAY
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.last import last
from tianmu.store.live import Live
from tianmu.store.records import Records
from tianmu.store.registry import Registry, write_segment

DAYS, SERIES, FIRST = 3, 600, 2


def past(records: int = 60_000) -> Past:
    rng = np.random.default_rng(7)
    limit = np.where(np.arange(SERIES) % 3 == 0, np.inf, 30.0)
    return Past(
        seed=int(time.time()),
        start=(time.time_ns() // 1000 // DAY - DAYS) * DAY,
        days=DAYS,
        per_day=rhythm(records, DAYS, SERIES, 5, rng),
        mean=rng.uniform(5, 25, SERIES),
        daily=np.full(SERIES, 2.0),
        noise=np.full(SERIES, 0.5),
        ticks=np.full(SERIES, 10.0),
        limit=limit,
    )


def members(made: Past) -> Membership:
    n = FIRST + SERIES
    numbers = np.arange(n)
    return Membership(
        town=(1 + numbers % 3).astype(np.uint16),
        village=np.zeros(n, np.uint32),
        kind=np.ones(n, np.uint16),
        department=np.zeros(n, np.uint16),
        property=(1 + (numbers % 5 == 0)).astype(np.uint16),
        low=np.full(n, np.nan),
        high=np.concatenate((np.full(FIRST, np.nan), np.where(
            np.isfinite(made.limit), made.limit, np.nan))),
        towns=("", "a", "b", "c"),
        villages=("",),
        kinds=("", "gauge"),
        departments=("",),
        properties=("", "level", "flow"),
    )  # fmt: skip


def test_the_same_seed_tells_the_same_in_any_order() -> None:
    made = past()
    whole = made.rows(1, 0, DAY_MS)
    assert np.bincount(whole["series"], minlength=SERIES).tolist() == made.per_day.tolist()
    assert (np.diff(whole["series"].astype(int)) >= 0).all()
    same = np.diff(whole["series"].astype(int)) == 0
    assert (np.diff(whole["time"])[same] > 0).all()
    assert whole["time"].min() >= made.start + DAY and whole["time"].max() < made.start + 2 * DAY
    assert np.array_equal(np.round(whole["value"] * 10) / 10, whole["value"])
    assert 0 < (whole["quality"] == BAD).mean() < 0.01
    pieces = list(made.pieces(1, 3_000))
    assert len(pieces) > 3
    joined = {n: np.concatenate([p[n] for p in pieces]) for n in whole}
    order = np.lexsort((joined["time"], joined["series"]))
    for name, values in whole.items():
        np.testing.assert_array_equal(joined[name][order], values)
    with pytest.raises(ValueError, match="ask for more records"):
        rhythm(1_000, 3, 600, 5, np.random.default_rng())
    assert int((made.per_day == DENSE).sum()) == 5


def test_a_built_past_answers_as_arithmetic_says(tmp_path: Path) -> None:
    made = past()
    with pytest.raises(FileNotFoundError, match="works writes it"):
        past_build.build(tmp_path, made, FIRST, 3, lambda text: None)
    members(made).save(tmp_path / past_build.MEMBERSHIP)
    told: list[str] = []
    built = past_build.build(tmp_path, made, FIRST, 3, told.append)
    assert built["records"] == made.records and f"of {made.records:,} records" in told[-1]
    again: list[str] = []
    past_build.build(tmp_path, made, FIRST, 3, again.append)
    assert again == []  # it is there already
    assert bench_history._checked(tmp_path, made, FIRST, np.random.default_rng()) == 40

    history = History(tmp_path)
    assert {f.level for f in history.files()} == {3}
    rows = {n: np.concatenate([made.rows(d, 0, DAY_MS)[n] for d in range(DAYS)])
            for n in ("series", "time", "value", "quality")}  # fmt: skip
    good = rows["quality"] == GOOD
    series, value = rows["series"][good].astype(int), rows["value"][good]
    start, end = made.start, made.start + DAYS * DAY
    beyond = history.exceedances("town", start, end)
    town = (FIRST + series) % 3
    assert beyond.settled and beyond.missing == () and beyond.area == ["a", "b", "c"]
    assert beyond.count.tolist() == np.bincount(town).tolist()
    expected = np.bincount(town, value >= made.limit[series])
    assert beyond.exceeded.tolist() == expected.tolist() and expected.sum() > 0
    highest = np.full(SERIES, -np.inf)
    np.maximum.at(highest, series, value)
    found = history.top(20, start, end)
    best = sorted(range(SERIES), key=lambda s: (-highest[s], s))[:20]
    assert found.datastream.tolist() == [FIRST + s for s in best]
    sizes = past_build.sizes(tmp_path, made)
    assert sizes["rows_kept"] == made.records
    assert sizes["bytes_per_record"] < sizes["bytes_per_record_with_rollups"]
    history.close()


def test_questions_are_asked_in_a_process_of_their_own(tmp_path: Path) -> None:
    made = past()
    members(made).save(tmp_path / past_build.MEMBERSHIP)
    past_build.build(tmp_path, made, FIRST, 3, lambda text: None)
    n = FIRST + SERIES
    live = Live(tmp_path, datastreams=n, devices=n)
    live.value[:], live.count[: n - 1] = np.arange(n), 1
    devices = {"device": [f"d{i}" for i in range(n)], "kind": ["gauge"] * n}
    segment = write_segment(tmp_path, devices, properties={"gauge": ["level"]})
    registry = Registry(tmp_path)
    fact = registry.registration_of(segment, at=1, actor="test")
    from tianmu.facts.encoding import encode

    with Records(tmp_path / "hub.sqlite") as records:
        records.transact(lambda tx: tx.append("registry", encode(fact)))
        given = Given(
            start=made.start, days=DAYS, repeats=3,
            dense=[FIRST + int(s) for s in np.flatnonzero(made.per_day == DENSE)],
            sparse=[FIRST + int(s) for s in np.flatnonzero(made.per_day < DENSE)],
        )  # fmt: skip
        answer = bench_history._ask(tmp_path, msgspec.json.encode(given))
        assert list(answer["questions"]) == list(QUESTIONS)
        for figures in answer["questions"].values():
            assert 0 < figures["warm_p50_ms"] <= figures["warm_p95_ms"]
        assert answer["questions"]["last value of all"]["rows"] == n - 1
        assert answer["questions"]["top 20 over a week"]["rows"] == 20
        assert answer["questions"]["minute means of 100 series over a day"]["rows"] > 5 * 1300
        cold = bench_history._ask(tmp_path, msgspec.json.encode(given), "top 20 over a week")
        assert cold["cold_ms"] > 0
        with pytest.raises(RuntimeError, match="the questions failed"):
            bench_history._ask(tmp_path, b"{}")

        with SqliteJournal(tmp_path) as journal:
            registry.refresh(journal)
        now = last(live, registry)
        assert len(now) == n and now.value.tolist() == list(range(n))
        assert registry.kinds[now.kind[5]] == "gauge" and now.device.tolist() == list(range(n))
        live.value[0] = 77.0
        assert now.value[0] == 0.0  # a copy
    live.close()
