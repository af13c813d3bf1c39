"""The city's own past as rows for ``leak``: what its instruments read, step by step."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.scenarios.contract import progress
from tianmu.scenarios.gas_pipelines import table
from tianmu.scenarios.gas_pipelines.held import held
from tianmu.scenarios.gas_pipelines.measured import measured
from tianmu.scenarios.gas_pipelines.trial import trial
from tianmu.scenarios.replay import EVENT, TooLong
from tianmu.scenarios.settings import settings_of
from tianmu.scenarios.signals import REAL
from tianmu.scenarios.world import World

MINUTE = 60_000_000
MEASURED = ("inflow", "flow", "pressure", "meter")
DAY_MIN = 1440
MOST = 60_000_000
"""readings that are held at once: with what is made of them about 2 GB"""
TRUTH = "leaks.csv"
"""of a trial's feed"""


def rows(world: World, since: date) -> pa.Table:
    """Steps from the midnight of ``since`` to ``world.now``, in the city's time, each a day of the
    past at a time. ``event`` is 1 in the step by which a leak is to be found, half an hour after it
    began: an alarm that stands then has found it; what was to be found before the instruments first
    spoke is left out. Steps in which no inflow was read are left out, and the second of an hour
    that comes twice. Raises ``TooCostly``, ``TooLong``."""
    own = settings_of(__file__)["replay"]
    known, every = held(world.folder, *world.city.center), trial().every_min
    step = round(every * MINUTE)
    calendar = world.city.calendar
    first = calendar.instant(max(since, _begun(world, since)), 0) // step * step
    steps = int((world.now + 1 - first) // step)
    day = round(DAY_MIN / every)
    parts = []
    for at in range(0, steps, day):
        progress(at, steps)
        count = min(day, steps - at)
        # a step is called by its end
        until = replace(world, now=first + (at + count) * step)
        parts.append(measured(until, known, every, count).readings)
        wide = sum(len(getattr(parts[0], name)) for name in MEASURED)
        if wide * steps > MOST:
            raise TooLong(wide * steps, MOST, max(MOST // (wide * day), 1))
    if not parts:
        return pa.table({"timestamp": pa.array([], pa.string())})
    joined = {
        name: np.concatenate([getattr(one, name) for one in parts], axis=1) for name in MEASURED
    }
    ends = first + step * (1 + np.arange(steps))
    made = table.write(
        known.network, known.layout, replace(parts[0], **joined), datetime(2000, 1, 1), every
    )
    times = [calendar.local(int(end)) for end in ends]
    kept = _rising(times)
    made = made.set_column(0, "timestamp", pa.array([f"{one:%Y-%m-%d %H:%M:%S}" for one in times]))
    made = made.append_column("date", pa.array([one.date().isoformat() for one in times]))
    told = np.isfinite(joined["inflow"]).any(axis=0)
    event = np.zeros(steps, np.int8)
    for began in _leaks(world, first):
        due = int((began - first) // step) + round(own["within_min"] / every) - 1
        # what they do not find while they are silent later on is missed
        if 0 <= due < steps and told[: due + 1].any():
            event[due + int(np.argmax(kept[due:]))] = 1
    made = made.append_column(EVENT, pa.array(event))
    return made.filter(pa.array(kept & (told | (event == 1))))


def _begun(world: World, since: date) -> date:
    """The first day of the city's past, which may be younger than the span that is asked for; the
    past is kept by days of UTC, so that of the city may have begun a day before."""
    days = world.history.days() if world.history is not None else []
    return date.fromisoformat(days[0]) - timedelta(days=1) if days else since


def _rising(times: list[datetime]) -> NDArray[np.bool_]:
    """Which come after all before them by the clock on the wall: where clocks are put back an hour
    comes twice, and the first counts, as rows have to rise."""
    wall = np.array([one.replace(tzinfo=None) for one in times], "datetime64[us]")
    if not len(wall):
        return np.zeros(0, np.bool_)
    found: NDArray[np.bool_] = np.append(True, wall[1:] > np.maximum.accumulate(wall)[:-1])
    return found


def _leaks(world: World, since: int) -> list[int]:
    """µs at which each leak began: in a trial as its feed wrote it down beforehand; else when
    somebody or something first told of what was closed as real."""
    file = world.folder / TRUTH
    if file.exists():
        with file.open(encoding="utf-8", newline="") as text:
            began = [datetime.fromisoformat(row["begin"]) for row in csv.DictReader(text)]
        instant = world.city.calendar.instant
        return sorted(instant(one.date(), one.hour * 60 + one.minute) for one in began)
    first: dict[str, int] = {}
    for one in world.signals(settings_of(__file__)["replay"]["matters"], since):
        if one.verdict == REAL:
            first[one.case] = min(first.get(one.case, one.at), one.at)
    return sorted(first.values())
