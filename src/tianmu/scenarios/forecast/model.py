"""The model of forecasts: one datastream, each row foretold from what came before it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.prevent.forecast.score import score
from tianmu.prevent.forecast.season import season_of
from tianmu.prevent.forecast.walk import Course, walk
from tianmu.scenarios.clock import times
from tianmu.scenarios.contract import BadInput, BadParameter, Column, Model, Parameter, remark
from tianmu.scenarios.dates import DATES
from tianmu.scenarios.reading import column, number_of, numbers

SECOND = 1_000_000
MOST_STEPS = 5_000_000
"""that a file may span"""
MOST_AHEAD = 1_000


def run_bands(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    """What is said of a row rests on rows at least ``horizon`` steps before it, and on no other."""
    at = times(table, "timestamp", parameters["dates"])
    value = numbers(table, "value", required=False)
    ahead = int(number_of(parameters, "horizon", low=1, high=MOST_AHEAD))
    coverage = number_of(parameters, "coverage", low=0.01, high=0.99)
    if not len(at):
        return _columns(*(np.empty(0) for _ in range(4)))
    _in_order(at)
    step = _step(at, parameters)
    place = (at - at[0] + step // 2) // step
    if int(place[-1]) >= MOST_STEPS:
        raise BadInput(
            len(at), "timestamp", f"lies {int(place[-1]):,} steps of {step / SECOND:g} s on",
            f"give at most {MOST_STEPS:,} steps: in parts, or with a longer step",
        )  # fmt: skip
    steps = _by_step(place, value)
    course = Course(
        season_of(step), coverage,
        _bound(parameters, "least", -np.inf), _bound(parameters, "most", np.inf),
    )  # fmt: skip
    [lead] = walk(steps, course, range(ahead, ahead + 1))
    said = score(steps, lead.expected, lead.low, lead.high, lead.naive, coverage)
    remark(f"steps of {step / SECOND:g} s, {ahead} ahead; {course.season or 'no'} steps a season")
    if said.judged:
        remark(
            f"{said.hits} of {said.judged} values in the band ({100 * said.coverage:.1f} %); mean "
            f"error {said.error:.4g}, of the naive way {said.naive:.4g}; pinball {said.pinball:.4g}"
        )
    else:
        remark("too short for a band: nothing is judged")
    low, high = lead.low[place], lead.high[place]
    hit = np.where((value >= low) & (value <= high), 1.0, 0.0)
    hit[~(np.isfinite(value) & np.isfinite(low) & np.isfinite(high))] = np.nan
    return _columns(lead.expected[place], low, high, hit)


def _columns(
    expected: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    hit: NDArray[np.float64],
) -> pa.Table:
    return pa.table(
        {
            "expected": column(expected),
            "low": column(low),
            "high": column(high),
            "hit": pa.array(hit, pa.int8(), from_pandas=True, safe=False),
        }
    )


def _in_order(at: NDArray[np.int64]) -> None:
    early = np.flatnonzero(np.diff(at) < 0)
    if len(early):
        raise BadInput(
            int(early[0]) + 2, "timestamp", "is before the row above",
            "sort the rows by time; of one datastream only",
        )  # fmt: skip


def _step(at: NDArray[np.int64], parameters: Mapping[str, str]) -> int:
    if parameters["step"]:
        return round(number_of(parameters, "step", low=1e-3, high=1e9) * SECOND)
    apart = np.diff(at)
    apart = apart[apart > 0]
    if not len(apart):
        return SECOND
    return int(np.median(apart))


def _by_step(place: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the values of each step, nan where it has none."""
    seen = np.isfinite(value)
    size = int(place[-1]) + 1
    count = np.bincount(place[seen], minlength=size)
    total = np.bincount(place[seen], value[seen], size)
    found: NDArray[np.float64] = np.where(count, total / np.maximum(count, 1), np.nan)
    return found


def _bound(parameters: Mapping[str, str], name: str, otherwise: float) -> float:
    if not parameters[name]:
        return otherwise
    found = number_of(parameters, name)
    if name == "most" and parameters["least"] and found < float(parameters["least"]):
        raise BadParameter("most", "is below least", "give least first, then most")
    return found


MODELS = (
    Model(
        name="bands",
        what="what each value was expected to be some steps before it came, with a band that holds "
        "as many as it says, learnt in order without training",
        needs=(
            Column("timestamp", "", "date and time, or seconds since 1970; rows in order"),
            Column("value", "", "of one datastream; an empty one is not judged"),
        ),
        optional=(),
        gives=(
            Column("expected", "", "in the unit of the values; empty while nothing can be said"),
            Column("low", "", "lower edge of the band; empty while too few errors are known"),
            Column("high", "", "upper edge of the band"),
            Column("hit", "", "1: the value lies in the band, 0: it does not; empty without one"),
        ),
        parameters=(
            Parameter("horizon", "steps ahead", "1"),
            Parameter("coverage", "share of the values that the band is to hold", "0.9"),
            Parameter("step", "seconds; left out: the usual distance between two rows", ""),
            Parameter("least", "lowest that can be measured at all", ""),
            Parameter("most", "highest that can be measured at all", ""),
            DATES,
        ),
        run=run_bands,
    ),
)
