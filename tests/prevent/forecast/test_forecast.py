"""Forecasts: nothing of the future is in them, and their bands hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.prevent.forecast.candidates import filled, known_blocks
from tianmu.prevent.forecast.outlook import outlook
from tianmu.prevent.forecast.score import score
from tianmu.prevent.forecast.walk import NONE_YET, Course, walk

DAY = 24


def stream(steps: int, seed: int = 1, noise: float = 1.0) -> np.ndarray:
    """A swing of the day and a level that wanders."""
    draw = np.random.default_rng(seed)
    hour = np.arange(steps)
    wander = np.cumsum(draw.normal(0, 0.2, steps))
    return 20 + 5 * np.sin(2 * np.pi * hour / DAY) + wander + draw.normal(0, noise, steps)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(40, 500), st.integers(1, 30), st.sampled_from([0, 6, DAY]), st.integers(0, 9),
    st.floats(0, 0.3),
)  # fmt: skip
def test_what_is_said_rests_on_nothing_later(
    cut: int, lead: int, season: int, seed: int, gaps: float
) -> None:
    value = stream(600, seed)
    value[np.random.default_rng(seed).random(600) < gaps] = np.nan
    course = Course(season)
    [whole] = walk(value, course, range(lead, lead + 1))
    [other] = walk(value[:cut], course, range(lead, lead + 1), ahead=lead)
    upto = min(cut + lead, 600)
    for name in ("expected", "low", "high", "naive"):
        mine, theirs = getattr(whole, name)[:upto], getattr(other, name)[:upto]
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6, err_msg=name)


def test_a_band_holds_what_it_says_and_beats_the_naive_way() -> None:
    value = stream(3000)
    for coverage in (0.5, 0.9):
        for lead in walk(value, Course(DAY, coverage), range(1, 25, 6)):
            late = slice(1500, None)
            said = score(
                value[late], lead.expected[late], lead.low[late], lead.high[late],
                lead.naive[late], coverage,
            )  # fmt: skip
            assert said.judged == 1500
            assert abs(said.coverage - coverage) < 0.04, (coverage, lead.lead, said)
            assert said.scaled < 0.95, (lead.lead, said)


def test_a_short_stream_stays_as_it_is_and_has_no_band() -> None:
    value = np.array([1.0, 2.0, 3.0, np.nan, 4.0])
    [one, two] = walk(value, Course(DAY), range(1, 3), ahead=2)
    said = outlook([one, two], 4)
    assert said.expected.tolist() == [4.0, 4.0] and said.says
    assert np.isnan(said.low).all() and np.isnan(said.chance).all()
    assert one.expected[:5].tolist()[1:] == [1.0, 2.0, 3.0, 3.0] and one.way[0] == NONE_YET
    nothing = walk(np.full(50, np.nan), Course(DAY), range(1, 2), ahead=1)
    assert not outlook(nothing, 49).says


def test_a_stream_that_stands_still_has_a_band_of_its_own_value() -> None:
    [lead] = walk(np.full(400, 7.0), Course(DAY), range(3, 4), ahead=3)
    assert lead.expected[-1] == pytest.approx(7.0)
    assert lead.low[-1] == pytest.approx(7.0) and lead.high[-1] == pytest.approx(7.0)


def test_the_chance_of_a_limit_is_the_share_of_errors_that_lead_there() -> None:
    value = stream(2000, noise=0.5)
    leads = walk(value, Course(DAY), range(1, 13), ahead=12)
    expected = outlook(leads, 1999).expected
    near, far = float(expected.max()), float(expected.max()) + 100
    assert 0.3 < np.nanmax(outlook(leads, 1999, high=near).chance) < 0.7
    assert np.nanmax(outlook(leads, 1999, high=far).chance) == 0.0
    assert np.nanmin(outlook(leads, 1999, low=far).chance) == 1.0
    # over many origins what was said comes about as often as was said
    said, was = [], []
    limit = float(np.quantile(value, 0.8))
    for origin in range(800, 1980, 7):
        said.append(leads[2].chance(origin + 3, float("nan"), limit))
        was.append(value[origin + 3] >= limit)
    assert abs(float(np.mean(said)) - float(np.mean(was))) < 0.05


def test_a_peak_of_which_only_the_hour_is_not_known_is_foretold_as_surely_as_it_comes() -> None:
    """Rare surges at no fixed hour: no single step is likely, one of them within a day is."""
    draw = np.random.default_rng(8)
    value = draw.normal(10, 0.5, 3000)
    for start in np.flatnonzero(draw.random(3000) < 1 / 30).tolist():
        value[start : start + 2] += 6
    leads, limit, nan = walk(value, Course(DAY), range(1, 25), ahead=24), 14.0, float("nan")
    said, single, was = [], [], []
    for origin in range(1000, 2970, 11):
        chance = outlook(leads, origin, high=limit).chance
        assert (np.diff(chance) >= 0).all()
        said.append(chance[-1])
        single.append(max(one.chance(origin + one.lead, nan, limit) for one in leads))
        was.append(bool((value[origin + 1 : origin + 25] >= limit).any()))
    assert abs(float(np.mean(said)) - float(np.mean(was))) < 0.1 < 0.4 < float(np.mean(was))
    assert float(np.mean(single)) < float(np.mean(was)) / 2


def test_what_cannot_be_measured_is_not_expected() -> None:
    draw = np.random.default_rng(3)
    rain = np.maximum(0, draw.normal(-1, 1, 1500))
    for lead in walk(rain, Course(DAY, least=0.0, most=2.0), range(1, 13, 4)):
        seen = np.isfinite(lead.low)
        assert (lead.low[seen] >= 0).all() and (lead.high[seen] <= 2).all()


def test_gaps_are_filled_from_the_day_before_and_never_from_later() -> None:
    value = np.array([np.nan, 1, 2, np.nan, 4, np.nan, np.nan])
    assert filled(value, 3).tolist()[1:] == [1, 2, 2, 4, 2, 2]
    assert filled(value, 0).tolist()[1:] == [1, 2, 2, 4, 4, 4]
    assert np.isnan(filled(value, 3)[0])


def test_a_block_is_known_when_it_has_ended() -> None:
    for lead in (1, 3, 7):
        for target, block in enumerate(known_blocks(40, lead, 5)):
            ended = (block + 1) * 5
            assert block < 0 or ended <= target - lead + 1
            assert ended + 5 > target - lead + 1 or block < 0


def test_scores_of_nothing_are_no_numbers() -> None:
    empty = np.array([np.nan])
    said = score(empty, empty, empty, empty, empty, 0.9)
    assert said.judged == 0 and np.isnan(said.coverage) and np.isnan(said.scaled)
