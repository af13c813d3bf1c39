"""Forecasts of a running city: made from its history and kept, once for each origin; what they say
of a limit is told as an alarm in the same commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from tianmu.prevent.forecast.outlook import LEAST_VALUES, outlook
from tianmu.prevent.forecast.walk import walk
from tianmu.scenarios.folder.manifest import steps_of
from tianmu.scenarios.foresight import alarm as forecast_alarm
from tianmu.scenarios.foresight import table
from tianmu.scenarios.foresight.table import DAY, Kept
from tianmu.scenarios.foresight.wanted import Wanted
from tianmu.store.history.asked import Asked
from tianmu.store.history.history import History
from tianmu.store.records import Records, Transaction

F64 = NDArray[np.float64]
BEHIND = 1008
"""steps of the past that a forecast goes by: six weeks of hours"""
BACK_DAYS = 7
"""of the past that are walked through when a datastream is first forecast"""
NEAR = 3
"""steps whose newest value says whether a limit is passed already"""
ROWS = 50_000_000
"""of history that one run may read"""


def make(
    records: Records, history: History, wanted: Wanted, now: int, go_on: Callable[[], bool]
) -> int:
    """Forecast every stream from the newest origin, and say so; how many were. Nothing is made
    that was made before. Ends early, to be done again, when ``go_on`` says no."""
    origin, course, asked = wanted.due(now), wanted.course, wanted.forecast
    steps = BEHIND // course.block * course.block
    values = measured(history, wanted.streams, origin - steps * wanted.step, steps, wanted)
    silent, known = 0, records.read(lambda c: table.forecast_before(c, wanted.scenario, asked.code))
    for stream, limits, value in zip(wanted.streams, wanted.limits, values, strict=True):
        if not go_on():
            return 0
        recent = value[-max(3, course.season) :]
        if np.count_nonzero(np.isfinite(value)) < LEAST_VALUES or not np.isfinite(recent).any():
            silent += 1
            continue
        back = 1 if int(stream) in known else BACK_DAYS * DAY // wanted.every
        _make_one(records, wanted, int(stream), limits, value, origin, now, back)
    done = len(wanted.streams) - silent
    told = {
        "origin": origin, "made_at": now, "streams": done, "silent": silent,
        "left_out": wanted.left_out, "fault": "",
    }  # fmt: skip
    records.transact(lambda tx: _tell_run(tx, wanted, told))
    return done


def fail(records: Records, wanted: Wanted, now: int, why: str) -> None:
    """Say that a run failed; it is tried again at the next origin."""
    told = {
        "origin": wanted.due(now), "made_at": now, "streams": 0, "silent": 0,
        "left_out": wanted.left_out, "fault": why,
    }  # fmt: skip
    records.transact(lambda tx: _tell_run(tx, wanted, told))


def _make_one(
    records: Records,
    wanted: Wanted,
    stream: int,
    limits: F64,
    value: F64,
    origin: int,
    now: int,
    back: int,
) -> None:
    """Of the last ``back`` origins."""
    ahead, steps = steps_of(wanted.forecast), len(value)
    every = wanted.every // wanted.step
    first = max(int(np.flatnonzero(np.isfinite(value))[0]), steps - back * every)
    leads = walk(value, wanted.course, range(1, ahead + 1), ahead, first)
    low, high = (float(limit) for limit in limits)
    rows = []
    for at in range(steps - 1, first - 1, -every):  # the last step known at each, the newest first
        said = outlook(leads, at, low, high)
        if said.says:
            begins = origin - (steps - 1 - at) * wanted.step
            rows.append(
                Kept(stream, begins, now, wanted.step, said, _or_none(low), _or_none(high), None)
            )
    last = _latest(value)
    records.transact(lambda tx: _keep(tx, wanted, stream, rows, last, now))


def _latest(value: F64) -> float:
    """Of the last steps, nan where nothing was measured in them."""
    known = value[-NEAR:][np.isfinite(value[-NEAR:])]
    return float(known[-1]) if len(known) else float("nan")


def _keep(
    tx: Transaction, wanted: Wanted, stream: int, rows: Sequence[Kept], last: float, now: int
) -> None:
    c = table.FORECAST.c
    held = {
        one[0]
        for one in tx.connection.execute(
            sa.select(c.origin).where(
                c.scenario == wanted.scenario, c.code == wanted.forecast.code,
                c.datastream == stream,
            )
        )
    }  # fmt: skip
    # of a stream that was forecast before only the newest: nobody was told of what was missed
    new = [one for one in rows if one.origin > max(held)][:1] if held else rows
    if new:
        tx.connection.execute(
            sa.insert(table.FORECAST),
            [table.row(wanted.scenario, wanted.forecast.code, one) for one in new],
        )
        if new[0].origin == wanted.due(now):
            forecast_alarm.tell(tx, wanted.scenario, wanted.forecast, new[0], last, now)


def _tell_run(tx: Transaction, wanted: Wanted, told: dict[str, object]) -> None:
    c = table.RUN.c
    mine = (c.scenario == wanted.scenario, c.code == wanted.forecast.code)
    tx.connection.execute(sa.delete(table.RUN).where(*mine))
    tx.connection.execute(
        sa.insert(table.RUN).values(scenario=wanted.scenario, code=wanted.forecast.code, **told)
    )


def measured(
    history: History, streams: NDArray[np.uint32], start: int, steps: int, wanted: Wanted
) -> F64:
    """The figure of each step from ``start`` on, shape (streams, steps); nan where there is none.
    Raises ``TooCostly``."""
    found = np.full((len(streams), steps), np.nan)
    if not len(streams) or steps <= 0:
        return found
    step = wanted.step
    rows = history.windows(
        streams, start, start + steps * step, step,
        groups=np.arange(len(streams)), asked=Asked(rows=ROWS),
    )  # fmt: skip
    figure = {"mean": rows.mean, "low": rows.low, "high": rows.high}[wanted.forecast.of]
    found[rows.key, (rows.time - start) // step] = figure
    return found


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
