"""What is asked of the past, against a slow and obvious reference, in every state of its files."""

from __future__ import annotations

import contextlib
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tianmu.store.history import Asked, Cancelled, Cost, History, Membership, Retention, TooCostly
from tianmu.store.history.area import DIMENSIONS
from tianmu.store.history.manifest import DAY, day_of
from tianmu.store.history.rollup import HOUR_US
from tianmu.store.records import Records

from .members import MEMBERS, STREAMS, Row, batch, exceeding, word

START = (time.time_ns() // 1000 // DAY - 3) * DAY
END = START + 3 * DAY
NAN = float("nan")


def latest(rows: list[Row], start: int, end: int) -> list[Row]:
    """Of equal identities the last, in order."""
    return sorted(r for r in {row[:3]: row for row in rows}.values() if start <= r[1] < end)


def counting(rows: list[Row]) -> list[Row]:
    return [r for r in rows if math.isfinite(r[3]) and r[4] <= 1]


ROWS = st.lists(
    st.tuples(
        st.integers(0, STREAMS - 1),
        st.integers(0, 3 * 96 - 1).map(lambda quarter: START + quarter * HOUR_US // 4),
        st.integers(0, 1),
        st.sampled_from([-2.0, 0.0, 0.5, 1.0, 2.5, 3.0, NAN]),
        st.sampled_from([0, 0, 0, 1, 2, 4]),
    ),
    max_size=40,
)
BOUNDS = st.tuples(st.integers(0, 3 * 24), st.integers(0, 3 * 24)).filter(lambda b: b[0] != b[1])


@contextlib.contextmanager
def kept(
    folder: Path,
    flushes: list[list[Row]],
    finally_: set[int],
    members: Membership | None = MEMBERS,
) -> Iterator[History]:
    """A past of these flushes, some of its days compacted after all but the last of them."""
    with Records(folder / "works.sqlite") as records:
        history = History(folder, records, membership=lambda: members)
        for number, rows in enumerate(flushes):
            if number == len(flushes) - 1:
                for day in finally_:
                    history.compact(day_of(START + day * DAY))
            history.append([batch(rows)], {})
            history.flush()
        yield history
        history.close()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    flushes=st.lists(ROWS, min_size=1, max_size=4),
    finally_=st.sets(st.integers(0, 2)),
    bounds=BOUNDS,
    cut=st.sampled_from([0, 0, 1, 7 * 60_000_000]),
    whole=st.booleans(),
)
def test_every_question_is_answered_as_by_hand(
    tmp_path_factory: pytest.TempPathFactory,
    flushes: list[list[Row]],
    finally_: set[int],
    bounds: tuple[int, int],
    cut: int,
    whole: bool,
) -> None:
    with kept(tmp_path_factory.mktemp("past"), flushes, finally_) as history:
        if whole:
            for day in history.days():
                history.compact(day)
        rows = [row for flush in flushes for row in flush]
        start, end = START + min(bounds) * HOUR_US, START + max(bounds) * HOUR_US
        observations_are_as_they_stand(history, rows, start + cut, end + cut)
        series_and_windows_add_up(history, rows, start + cut, end + cut)
        extremes_lead(history, rows, start + cut, end + cut)
        corrected = len({row[:3] for row in rows}) < len(rows)
        if whole or not corrected:
            areas_add_up(history, rows, start, end)


def observations_are_as_they_stand(history: History, rows: list[Row], start: int, end: int) -> None:
    for wanted in (None, [0, 3, 6], []):
        expected = [r for r in latest(rows, start, end) if wanted is None or r[0] in wanted]
        expected.sort(key=lambda r: (r[1] // DAY, *r[:3]))
        table = history.raw(wanted, start, end).read_all()
        found = list(
            zip(
                *(table[n].to_pylist() for n in ("datastream", "time", "sequence")),
                table["value"].to_pylist(),
                table["quality"].to_pylist(),
                strict=True,
            )
        )
        assert [r[:3] + r[4:] for r in found] == [r[:3] + r[4:] for r in expected]
        np.testing.assert_array_equal([r[3] for r in found], [r[3] for r in expected])


def series_and_windows_add_up(history: History, rows: list[Row], start: int, end: int) -> None:
    good = counting(latest(rows, start, end))
    for points in (1, 5, 500):
        found = history.series(0, start, end, points)
        mine = [r[3] for r in (latest(rows, start, end) if found.raw else good) if r[0] == 0]
        assert found.count.sum() == len(mine)
        if not found.raw and mine:
            assert (found.low.min(), found.high.max()) == (min(mine), max(mine))
            np.testing.assert_allclose((found.value * found.count).sum(), sum(mine), atol=1e-9)
    for step in (HOUR_US, 24 * HOUR_US, 5 * HOUR_US + 1):
        expected: dict[tuple[int, int], list[float]] = defaultdict(list)
        for stream, at, _, value, _ in good:
            if stream < 5:
                expected[stream % 2, start + (at - start) // step * step].append(value)
        wide = history.windows(np.arange(5), start, end, step, np.arange(5) % 2)
        assert list(zip(wide.key.tolist(), wide.time.tolist(), strict=True)) == sorted(expected)
        for place, key in enumerate(sorted(expected)):
            values = expected[key]
            assert (wide.count[place], wide.low[place], wide.high[place]) == (
                len(values), min(values), max(values),
            )  # fmt: skip
            assert math.isclose(wide.mean[place], sum(values) / len(values), abs_tol=1e-9)


def extremes_lead(history: History, rows: list[Row], start: int, end: int) -> None:
    good = counting(latest(rows, start, end))
    for lowest, among in ((False, None), (True, None), (False, [1, 4, 6])):
        best: dict[int, float] = {}
        sign = -1 if lowest else 1
        for stream, _, _, value, _ in good:
            if among is None or stream in among:
                best[stream] = max(best.get(stream, -math.inf), sign * value)
        for n in (1, 3, 50):
            # once made, and once as it is held
            for _ in range(2):
                found = history.top(n, start, end, among, lowest=lowest)
                expected = sorted(best.items(), key=lambda item: (-item[1], item[0]))[:n]
                assert [sign * v for v in found.value.tolist()] == [v for _, v in expected]
                for stream, value, day in zip(
                    found.datastream.tolist(), found.value, found.day.tolist(), strict=True
                ):
                    assert best[stream] == sign * value
                    assert any(
                        r[0] == stream and r[3] == value and day <= r[1] < day + DAY for r in good
                    )


def areas_add_up(history: History, rows: list[Row], start: int, end: int) -> None:
    good = counting(latest(rows, start, end))
    for dimension in DIMENSIONS:
        for step, kind, areas in (
            (HOUR_US, None, None), (24 * HOUR_US, "mast", None), (100 * HOUR_US, None, ["a", "x"]),
        ):  # fmt: skip
            groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
            for row in good:
                area = word(row[0], dimension)
                if (kind is None or word(row[0], "kind") == kind) and (not areas or area in areas):
                    begin = start + (row[1] - start) // step * step
                    groups[area, word(row[0], "property"), begin].append(row)
            found = history.areas(dimension, start, end, step, areas, kind)
            keys = list(zip(found.area, found.property, found.time.tolist(), strict=True))
            assert keys == sorted(groups) and found.missing == ()
            for place, key in enumerate(keys):
                values = [r[3] for r in groups[key]]
                assert (found.count[place], found.low[place], found.high[place]) == (
                    len(values), min(values), max(values),
                )  # fmt: skip
                assert found.exceeded[place] == sum(exceeding(r[0], r[3]) for r in groups[key])
                assert math.isclose(found.mean[place], sum(values) / len(values), abs_tol=1e-9)
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for row in good:
            counts[word(row[0], dimension)][0] += 1
            counts[word(row[0], dimension)][1] += exceeding(row[0], row[3])
        beyond = history.exceedances(dimension, start, end)
        assert beyond.area == sorted(counts)
        assert beyond.count.tolist() == [counts[a][0] for a in beyond.area]
        assert beyond.exceeded.tolist() == [counts[a][1] for a in beyond.area]


def test_questions_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with kept(tmp_path, [[(1, START, 0, 1.0, 0)]], {0}) as history:
        with pytest.raises(ValueError, match="none of town, village, kind, department"):
            history.areas("county", START, END, HOUR_US)
        with pytest.raises(ValueError, match="whole hours"):
            history.areas("town", START + 1, END, HOUR_US)
        with pytest.raises(ValueError, match="whole hours"):
            history.areas("town", START, END, HOUR_US // 2)
        with pytest.raises(ValueError, match="whole hours"):
            history.exceedances("town", END, START)
        with pytest.raises(ValueError, match="must come after"):
            history.top(3, END, END)
        with pytest.raises(ValueError, match="at least one"):
            history.top(0, START, END)
        with pytest.raises(ValueError, match="must come after"):
            history.raw(None, END, START)
        assert len(history.areas("town", START, END, HOUR_US, ["nowhere"])) == 0
        assert len(history.exceedances("town", START + DAY, END)) == 0
        assert len(history.top(3, START + DAY, END)) == 0
        assert history.raw([9], START, END).read_all().num_rows == 0


def test_costs_are_told_and_questions_given_up(tmp_path: Path) -> None:
    rows: list[Row] = [(s, START + h * HOUR_US, 0, 1.0 + s, 0) for s in range(6) for h in range(48)]
    with kept(tmp_path, [rows, []], {0, 1}) as history:
        cost = history.cost("raw", None, START, END)
        assert cost == Cost(288, 2)
        assert history.cost("top", 2, START, END) == Cost(12, 2)
        assert history.top(2, START, END).datastream.tolist() == [5, 4]
        assert history.cost("top", 2, START, END) == Cost(0, 0)  # held
        assert history.held_bytes["days"] == 2 * 6 * 8 and history.held_bytes["footers"] > 0
        assert 0 < history.cost("exceedances", "town", START, END).rows < cost.rows
        with pytest.raises(TooCostly, match="288 rows of 2 files; at most 10"):
            history.raw(None, START, END, asked=Asked(rows=10))
        asked = Asked()
        reader = history.raw(None, START, END, asked=asked)
        reader.read_next_batch()
        asked.cancel()
        with pytest.raises(Cancelled):
            reader.read_all()
        for question in (
            lambda: history.areas("town", START, END, HOUR_US, asked=asked),
            lambda: history.exceedances("town", START, END, asked=asked),
            lambda: history.top(2, START, END, asked=asked),
        ):
            with pytest.raises(Cancelled):
                question()


def test_what_is_not_settled_or_not_rolled_up_is_said(tmp_path: Path) -> None:
    with kept(tmp_path, [[(0, START, 0, 2.0, 0)], [(0, START + DAY, 0, 2.0, 0)]], {0}) as history:
        whole = history.exceedances("town", START, START + DAY)
        assert whole.settled and whole.exceeded.tolist() == [1]
        both = history.exceedances("town", START, END)
        assert not both.settled and both.exceeded.tolist() == [2] and both.missing == ()
    with kept(tmp_path, [[(0, START + 2 * DAY, 0, 2.0, 0)]], set(), None) as plain:
        assert plain.exceedances("town", START, END).missing == (day_of(START + 2 * DAY),)


def test_what_is_held_follows_what_comes_later(tmp_path: Path) -> None:
    with kept(tmp_path, [[(1, START, 0, 9.0, 0), (2, START, 0, 5.0, 0)], []], {0}) as history:
        assert history.top(1, START, END).value.tolist() == [9.0]
        history.append([batch([(1, START, 0, 1.0, 0), (3, START, 0, 4.0, 0)])], {})
        history.flush()
        for _ in range(2):
            found = history.top(2, START, END)
            assert (found.datastream.tolist(), found.value.tolist()) == ([2, 3], [5.0, 4.0])
            history.compact(day_of(START))
        history.append([batch([(2, START, 0, 0.5, 0)])], {})
        history.flush()
        history.compact(day_of(START))  # settled before and after
        assert history.top(1, START, END).datastream.tolist() == [3]


def test_what_is_left_after_the_observations_went_is_still_answered(tmp_path: Path) -> None:
    rows: list[Row] = [(0, START + h * HOUR_US + 5, 0, float(h), 0) for h in range(24)]
    with kept(tmp_path, [rows, []], {0}) as history:
        history.retain(Retention(raw_days=1, minute_days=1), END + DAY)
        series = history.series(0, START + HOUR_US // 2, END)
        assert not series.raw and series.count.sum() == 23  # not the one cut through
        assert history.top(1, START, START + 12 * HOUR_US).value.tolist() == [11.0]
        assert history.windows([0], START, END, DAY).count.tolist() == [24]
        late: list[Row] = [(0, START + 7, 0, 99.0, 0)]
        history.append([batch(late)], {})
        history.flush()
        assert history.windows([0], START, END, DAY).count.tolist() == [25]
        assert history.top(1, START, END).value.tolist() == [99.0]
