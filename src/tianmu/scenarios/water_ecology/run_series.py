"""The models that look along time: trend, outlook."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.scenarios.contract import BadInput, Column, Model, Parameter, progress
from tianmu.scenarios.reading import number_of
from tianmu.scenarios.water_ecology import asked, surface
from tianmu.scenarios.water_ecology import outlook as ahead
from tianmu.scenarios.water_ecology import trend as trends
from tianmu.scenarios.water_ecology.figures import Figures, read_all
from tianmu.scenarios.water_ecology.heads import of_item, of_role
from tianmu.scenarios.water_ecology.markup import bare
from tianmu.scenarios.water_ecology.rows import stations, times
from tianmu.scenarios.water_ecology.standard import Item, standard
from tianmu.scenarios.water_ecology.words import settings


def _figures(table: pa.Table, item: Item) -> Figures:
    found = read_all(table, standard()).get(item.key)
    if found is None:
        raise BadInput(
            0, item.name["zh"], "there is no such column", "add it, or name another item"
        )
    return found


def run_trend(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    table = bare(table)
    known, words = standard(), settings().trend
    item = asked.item(parameters["item"], "item", known)
    alpha = number_of(parameters, "alpha", low=0.0, high=1.0)
    values = _figures(table, item).values
    own, at = stations(table, known, alone=True), times(table, known)
    order = np.argsort(own.codes, kind="stable")
    ends = np.searchsorted(own.codes[order], np.arange(len(own.names)), "right")
    found = []
    begin = 0
    for end in ends:
        which = order[begin:end]
        found.append(trends.seasonal(at[which], values[which], parameters["season"]))
        begin = end
        progress(int(end), len(table))
    language = parameters["language"]
    good = 1 if item.sense == "at_least" else -1

    def said(one: trends.Trend) -> str:
        if np.isnan(one.p):
            return words.unknown[language]
        way = one.direction(alpha) * good
        return (words.neither if way == 0 else words.better if way > 0 else words.worse)[language]

    entries = pa.table(
        {
            "trend": pa.array([said(one) for one in found], pa.string()),
            "slope": pa.array([one.slope for one in found], pa.float64(), from_pandas=True),
            "p": pa.array([one.p for one in found], pa.float64(), from_pandas=True),
            "z": pa.array([one.z for one in found], pa.float64()),
            "periods": pa.array([one.periods for one in found], pa.int64()),
        }
    )
    return entries.take(pa.array(own.codes))


def run_outlook(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    table = bare(table)
    known, words = standard(), settings().outlook
    item = asked.item(parameters["item"], "item", known)
    hours = number_of(parameters, "hours", low=0.5, high=24.0 * 31)
    values = _figures(table, item).values
    own, at = stations(table, known, alone=True), times(table, known)
    found = ahead.outlook(own.codes, at, values, hours, min(words.tolerance_h, hours / 2))
    graded = words.grades.get(item.key)
    if graded is None:
        grade = pa.nulls(len(table), pa.string())
    else:
        reached = np.searchsorted(np.asarray(graded.starts), found.value, "right")
        number = np.where(np.isnan(found.value), surface.NONE, reached).astype(np.int8)
        names = [one[parameters["language"]] for one in graded.names]
        grade = surface.taken(number, [*names, None])

    def told(numbers: NDArray[np.float64]) -> pa.Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return pa.array(_significant(numbers), from_pandas=True)

    due: NDArray[np.datetime64] = at + np.timedelta64(round(hours * 3600), "s")
    return pa.table(
        {
            "for_time": pa.array(np.datetime_as_string(due, "m").tolist(), pa.string()),
            "outlook": told(found.value),
            "outlook_low": told(found.low),
            "outlook_high": told(found.high),
            "outlook_grade": grade,
            "came": told(found.came),
            "past_outlooks": pa.array(found.due),
            "past_error": told(found.error),
            "past_error_as_now": told(found.still),
        }
    )


def _significant(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Four digits that count."""
    size = np.floor(np.log10(np.abs(numbers)))
    scale = 10.0 ** (3 - np.where(np.isfinite(size), size, 0))
    return np.asarray(np.round(numbers * scale) / scale)


_STATION, _TIME = of_role("station"), of_role("time")

TREND = Model(
    "trend",
    "whether each station gets better or worse: seasonal Mann–Kendall test, Sen's slope",
    (),
    (_STATION, _TIME, of_item("phosphorus", "or the item that is asked for")),
    (
        Column("trend", "", "better, worse, no clear change, or too little data; of the station"),
        Column("slope", "", "Sen's slope, units of the item a year"),
        Column("p", "", "two-sided probability of such a trend where nothing changes"),
        Column("z", "", "the test's normal deviate"),
        Column("periods", "", "medians of a season of a year that were compared"),
    ),
    (
        Parameter("item", "what is looked at, by name, symbol or key", "phosphorus"),
        Parameter("season", "what is compared with itself only; hour: days with each other, "
                  "hour by hour; none: all instants", "month", trends.SEASONS),
        Parameter("alpha", "level of significance", "0.05"),
        asked.LANGUAGE,
    ),
    run_trend,
)  # fmt: skip

OUTLOOK = Model(
    "outlook",
    "where chlorophyll or algal density will stand some hours on, with the error of past outlooks",
    (),
    (_STATION, _TIME, of_item("chlorophyll", "or the item that is asked for")),
    (
        Column("for_time", "", "the time looked at"),
        Column("outlook", "", "in the item's unit; empty where the row has no figure above zero"),
        Column("outlook_low", "", "four in five are to lie above, together with"),
        Column("outlook_high", "", "below"),
        Column("outlook_grade", "", "its grade in words"),
        Column("came", "", "what then was measured, where the file holds it"),
        Column("past_outlooks", "", "outlooks of the station that had come due by the row's time"),
        Column("past_error", "", "their mean absolute error"),
        Column("past_error_as_now", "", "that of saying that it stays as it is"),
    ),
    (
        Parameter("item", "what is looked at: chlorophyll, algae or any other", "chlorophyll"),
        Parameter("hours", "how far ahead", "24"),
        asked.LANGUAGE,
    ),
    run_outlook,
)  # fmt: skip
