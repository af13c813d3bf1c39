"""What is not known of readings that did not come: the fewer, the less sure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import lognorm, norm

from tianmu.scenarios.gas_pipelines import demand, silent
from tianmu.scenarios.gas_pipelines.span import Span, carried, fast

EVERY = 5.0


def test_a_mean_of_fewer_readings_is_less_sure() -> None:
    off = np.zeros((3, 40))
    off[1, 36:38] = np.nan
    off[2, 24:30] = np.nan
    assert fast(off, Span(6), EVERY)[:, -1] == pytest.approx([1 / 6, 1 / 4, 1 / 6])
    rho = carried(Span(4, 12), EVERY)
    assert fast(off, Span(4, 12), EVERY)[:, -1] == pytest.approx(
        [1 / 4 + rho**2 / 12, 1 / 2 + rho**2 / 12, 1 / 4 + rho**2 / 6]
    )


@pytest.mark.parametrize("steps", [1, 12])
def test_what_a_silent_household_may_take_has_the_tail_that_households_have(steps: int) -> None:
    """It took its usual, and was not read since for so many steps."""
    layout: Any = SimpleNamespace(metered=np.array([True, True]))
    meter = np.ones((2, steps + 1))
    meter[1, 1:] = np.nan
    guess, doubt = silent.guessed(layout, meter, np.ones(meter.shape), EVERY)
    assert not doubt.usual[0].any() and not doubt.tail[0].any()
    own = demand.settings()
    keep = np.exp(-steps * EVERY / own.unrest_min)
    width = np.sqrt(np.log1p(own.unrest**2) * (1 - keep**2))
    far = lognorm.ppf(norm.cdf(silent.TAIL), width, scale=np.exp(-(width**2) / 2)) - 1
    most = max(float(guess[1, -1]), 1.0)
    assert doubt.tail[1, -1] * silent.TAIL == pytest.approx(most * far)
    assert doubt.usual[1, -1] == pytest.approx(
        most * lognorm.std(width, scale=np.exp(-(width**2) / 2))
    )


def test_of_each_place_the_one_that_may_surprise_most_counts_by_its_tail() -> None:
    doubt = silent.Doubt(np.array([[1.0], [2.0], [0.5]]), np.array([[3.0], [4.0], [0.5]]))
    alike = np.array([0, 0, 1])
    found = silent.doubted(doubt, alike, 3, Span(1), EVERY)
    assert found[:, 0].tolist() == [1.0 + 4.0 + (16.0 - 4.0), 0.25, 0.0]
