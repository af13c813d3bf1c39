"""Forecasts as the API says them: what was said ahead, what came, how good it was."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from tianmu.facts.text import Text
from tianmu.scenarios.foresight.alarm import likely
from tianmu.scenarios.foresight.foresight import NEAR
from tianmu.scenarios.foresight.table import Kept, Summed
from tianmu.web.answer.moment import Instant, say, says
from tianmu.web.past.series import numbers


class ForecastScore(msgspec.Struct, frozen=True, kw_only=True):
    """Of the settled forecasts of the last days."""

    lead: int
    """steps ahead; 0: all of them"""
    judged: int
    hits: int
    """values that lay in the band"""
    coverage: float
    error: float
    """mean absolute error"""
    naive: float
    """that of "as at this time yesterday" """
    scaled: float | None
    """``error`` over ``naive``, below 1 is better; null where the naive way never errs"""
    pinball: float


class ForecastWarned(msgspec.Struct, frozen=True, kw_only=True):
    """Forecasts by whether they said that the limit would be passed."""

    right: int
    false: int
    missed: int


class ForecastAlarms(msgspec.Struct, frozen=True, kw_only=True):
    """Alarms that this forecast tells, since the data folder began."""

    false_alarms_per_week: float
    """tolerable, of all its devices together"""
    chance: float
    """from which an alarm is told now: ``warn``, or more where alarms were false"""
    told: int
    real: int
    """what they foretold came"""
    false: int
    standing: int
    """within the account's scope"""
    lead: float | None
    """seconds from an alarm to what it foretold, mean of ``days``; null: none came true"""


class ForecastExceeds(msgspec.Struct, frozen=True, kw_only=True):
    """The limit is likely to be passed."""

    at: Instant
    """where the first step begins by whose end that is as likely as the scenario asks for; now,
    where that step has begun"""
    passed: Instant | None
    """from when on what was measured has lain beyond the limit without a break, as far as two days
    back; null: it does not, or what was measured was too much to be read here"""
    chance: float
    """by the end of that step"""
    highest: float
    """by the end of all that is forecast"""
    limit: float
    direction: str
    """``high`` or ``low``"""


class ForecastDevice(msgspec.Struct, frozen=True, kw_only=True):
    device: str
    name: str
    exceeds: ForecastExceeds | None
    alarm: bool
    """an alarm of it stands"""


class ForecastBrief(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    kind: str
    property: str
    unit: str
    known: bool
    """the pack has this kind and property"""
    hours: int
    step: float
    """seconds"""
    of: str
    """``mean``, ``low`` or ``high`` of each step"""
    coverage: float
    """of what comes, the share that bands are to hold"""
    rule: str
    rule_name: Text | None
    warn: float
    """chance from which it is told that the limit is likely to be passed"""
    made_at: Instant | None
    """null: none was made yet"""
    origin: Instant | None
    """up to where what was measured went into the newest"""
    fault: str
    """why the last run made none; empty for an account that does not read the pack"""
    left_out: int
    """devices beyond those that are forecast"""
    silent: int
    """devices with too few or too old values"""
    devices: list[ForecastDevice]
    """forecast, within the account's scope: first those whose limit is likely to be passed"""
    days: int
    scores: list[ForecastScore]
    """by lead, that of all first; empty as long as none has come due"""
    warned: ForecastWarned
    alarms: ForecastAlarms | None
    """null: it raises none"""


class ForecastList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[ForecastBrief]


class ForecastPast(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of steps that have come, as columns of one length: of each step the forecast
    that was made at least ``lead`` steps before it, the latest of those."""

    at: list[Instant]
    origin: list[Instant]
    afterwards: list[bool]
    """reckoned later, from no more than was known at ``origin``: a back-test"""
    expected: list[float | None]
    low: list[float | None]
    high: list[float | None]
    hit: list[bool | None]
    """null where there was no band or nothing was measured"""


class ForecastAhead(msgspec.Struct, frozen=True, kw_only=True):
    """The newest forecast, as columns of one length; empty as long as there is none."""

    made_at: Instant | None
    at: list[Instant]
    expected: list[float | None]
    low: list[float | None]
    high: list[float | None]
    chance: list[float | None]
    """of having passed the limit by the end of each step"""


class ForecastOf(msgspec.Struct, frozen=True, kw_only=True):
    """One datastream: what was measured, what was said of it, what is said now. Times are where
    steps begin."""

    device: str
    name: str
    unit: str
    step: float
    """seconds"""
    lead: int
    limit_low: float | None
    limit_high: float | None
    at: list[Instant]
    value: list[float | None]
    past: ForecastPast
    ahead: ForecastAhead
    exceeds: ForecastExceeds | None


def scores(found: Sequence[Summed]) -> list[ForecastScore]:
    """By lead, with all leads together first."""
    judged = sum(one.judged for one in found)
    if not judged:
        return []

    def mean(name: str) -> float:
        return float(sum(getattr(one, name) * one.judged for one in found) / judged)

    every = Summed(
        0, judged, sum(one.hits for one in found), mean("error"), mean("naive"), mean("pinball")
    )
    return [
        ForecastScore(
            lead=one.lead, judged=one.judged, hits=one.hits, coverage=one.hits / one.judged,
            error=one.error, naive=one.naive,
            scaled=one.error / one.naive if one.naive > 0 else None, pinball=one.pinball,
        )
        for one in (every, *found)
    ]  # fmt: skip


def exceeds(
    kept: Kept, warn: float, now: int, lately: NDArray[np.float64], until: int
) -> ForecastExceeds | None:
    """Whether ``kept`` says that the limit is likely to be passed from ``now`` (µs) on; None where
    it does not. ``lately`` is what was measured in the latest steps, the last of which ends at
    ``until`` (µs)."""
    found = likely(kept, warn, now)
    if found is None:
        return None
    direction = "high" if found.high else "low"
    first = passed(lately, direction, found.limit)
    return ForecastExceeds(
        at=say(max(kept.begins(found.lead), now)),
        passed=say(until - (len(lately) - first) * kept.step) if first is not None else None,
        chance=float(kept.outlook.chance[found.lead - 1]),
        highest=found.chance,
        limit=found.limit,
        direction=direction,
    )


def passed(value: NDArray[np.float64], direction: str, limit: float) -> int | None:
    """The first of the latest steps that lie at or beyond the limit one after another, those
    without a value left out; None where the last value does not, or is older than ``NEAR``
    steps."""
    known = np.flatnonzero(np.isfinite(value))
    if not len(known) or known[-1] < len(value) - NEAR:
        return None
    beyond = value[known] >= limit if direction == "high" else value[known] <= limit
    within = np.flatnonzero(~beyond)
    first = int(within[-1]) + 1 if len(within) else 0
    return int(known[first]) if first < len(known) else None


def past(
    found: Sequence[Kept], value: NDArray[np.float64], since: int, step: int, lead: int
) -> ForecastPast:
    """Of each step from ``since`` on, with what was measured in ``value``."""
    rows: dict[int, tuple[Kept, int]] = {}
    for kept in found:  # in the order of their origins: a later one takes an earlier one's place
        for ahead in range(lead, len(kept.outlook.expected) + 1):
            at = (kept.begins(ahead) - since) // step
            if 0 <= at < len(value) and np.isfinite(kept.outlook.expected[ahead - 1]):
                rows[at] = (kept, ahead - 1)
    order = sorted(rows)
    said = [rows[at] for at in order]
    low = np.array([kept.outlook.low[n] for kept, n in said], np.float64)
    high = np.array([kept.outlook.high[n] for kept, n in said], np.float64)
    came = value[order] if order else np.empty(0)
    judged = np.isfinite(low) & np.isfinite(high) & np.isfinite(came)
    within = (came >= low) & (came <= high)
    return ForecastPast(
        at=says(np.array([since + at * step for at in order], np.int64)),
        origin=says(np.array([kept.origin for kept, _ in said], np.int64)),
        afterwards=[kept.made_at > kept.begins(n + 1) for kept, n in said],
        expected=numbers(np.array([kept.outlook.expected[n] for kept, n in said], np.float64)),
        low=numbers(low),
        high=numbers(high),
        hit=[
            bool(was) if known else None
            for was, known in zip(within.tolist(), judged.tolist(), strict=True)
        ],
    )


def ahead(kept: Kept | None) -> ForecastAhead:
    if kept is None:
        return ForecastAhead(made_at=None, at=[], expected=[], low=[], high=[], chance=[])
    said, steps = kept.outlook, len(kept.outlook.expected)
    return ForecastAhead(
        made_at=say(kept.made_at),
        at=says(kept.origin + np.arange(steps, dtype=np.int64) * kept.step),
        expected=numbers(said.expected),
        low=numbers(said.low),
        high=numbers(said.high),
        chance=numbers(said.chance),
    )
