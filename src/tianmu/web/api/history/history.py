"""The past of datastreams: series for charts, windows for tables."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
import numpy as np
from fastapi import Query
from numpy.typing import NDArray
from starlette.responses import Response

from tianmu.access.scope import covers
from tianmu.store.history.asked import Asked
from tianmu.store.history.history import History
from tianmu.store.registry import UNKNOWN
from tianmu.web.answer.moment import Instant, say, says
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.devices.devices import extent
from tianmu.web.past import past
from tianmu.web.past import series as columns
from tianmu.web.past.past import too_costly
from tianmu.web.past.series import SECOND, SeriesOf
from tianmu.web.route.route import Ask, Asking, Routes

routes = Routes("history")

From: TypeAlias = Annotated[
    str | None, Query(alias="from", description="RFC 3339; a day before `to` where left out")
]
To: TypeAlias = Annotated[str | None, Query(alias="to", description="RFC 3339, not itself in it")]
Datastreams: TypeAlias = Annotated[
    list[str],
    Query(alias="datastream", description="`device/property`, once for each", min_length=1),
]


class SeriesSet(msgspec.Struct, frozen=True, kw_only=True):
    """Series in the order in which they were asked for, all over one span."""

    since: Instant
    until: Instant
    oldest: Instant | None
    """from where on there may be anything of any of them"""
    rows: int
    """that the answer was reckoned to read"""
    series: list[SeriesOf]


class WindowsOf(msgspec.Struct, frozen=True, kw_only=True):
    """Stretches of one datastream as columns; those without a good or uncertain value are left
    out."""

    datastream: str
    at: list[Instant]
    """where each begins"""
    count: list[int]
    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]


class WindowSet(msgspec.Struct, frozen=True, kw_only=True):
    since: Instant
    until: Instant
    step: float
    """seconds"""
    rows: int
    """that the answer was reckoned to read"""
    windows: list[WindowsOf]


WINDOWS = {
    "since": "2026-11-23T00:00:00.000Z",
    "until": "2026-11-23T02:00:00.000Z",
    "step": 3600.0,
    "rows": 1440,
    "windows": [
        {
            "datastream": "gas-0001/concentration",
            "at": ["2026-11-23T00:00:00.000Z", "2026-11-23T01:00:00.000Z"],
            "count": [60, 60],
            "mean": [3.1, 3.4],
            "low": [2.8, 2.9],
            "high": [3.3, 19.7],
        }
    ],
}


def named(ask: Ask, names: list[str]) -> tuple[NDArray[np.uint32], list[int]]:
    """Datastreams and their devices by name, within the account's scope; 404 for any that there
    is not, or not for this account."""
    most = ask.hub.allowance.datastreams
    if len(names) > most:
        raise too_costly(
            f"{len(names)} datastreams are asked for; at most {most} at once",
            "ask for them in parts, or export",
            where="query.datastream",
        )
    registry = ask.hub.registry
    streams = registry.datastream_index(names)
    devices: list[int] = []
    for name, stream in zip(names, streams.tolist(), strict=True):
        device = -1 if stream == UNKNOWN else int(registry.device_of(stream))
        if device < 0 or not covers(ask.who.scope, extent(ask.hub, device)):
            raise not_found("datastream", name)
        devices.append(device)
    return streams, devices


def kept(ask: Ask) -> History:
    """What keeps the past of this city."""
    if ask.hub.history is None:
        raise Problem(503, "no-history", "this process was started without history", "ask later")
    return ask.hub.history


@routes("GET", "/api/history/series", may="device.read", gives=SeriesSet)
async def get_history_series(
    ask: Asking,
    datastream: Datastreams,
    start: From = None,
    end: To = None,
    points: Annotated[int, Query(ge=2, le=20_000, description="most points of each")] = 1000,
) -> SeriesSet | Response:
    """Series of some datastreams: as they were, or their envelope where there are more than
    `points`.

    An envelope holds the lowest and the highest value of every stretch, so no spike is lost.
    """
    since, until = past.span(ask, start, end)
    streams, devices = named(ask, datastream)
    most_points = ask.hub.allowance.points
    if len(datastream) * points > most_points:
        raise too_costly(
            f"{len(datastream)} series of {points} points are {len(datastream) * points:,}; "
            f"an answer has at most {most_points:,}",
            "ask for fewer datastreams or fewer points",
            where="query.points",
        )
    history, hub = kept(ask), ask.hub
    lines = ask.may("alarm.read")

    def question(asked: Asked) -> list[SeriesOf]:
        found = []
        for name, stream, device in zip(datastream, streams.tolist(), devices, strict=True):
            series = history.series(stream, since, until, points, asked=asked)
            series = columns.with_newest(hub, stream, series, since, until)
            beside = columns.Apart()
            if not series.raw:
                most = hub.allowance.apart // len(datastream)
                beside = columns.apart(history, stream, since, until, most, asked)
            found.append(columns.say(hub, device, name, series, beside, lines=lines))
        return found

    def price() -> int:
        asked = (
            history.cost("series", stream, since, until, points) for stream in streams.tolist()
        )
        return sum(one.rows for one in asked)

    found = await past.answer(ask, question, price)
    if isinstance(found, Response):
        return found
    told, rows = found
    return SeriesSet(
        since=say(since),
        until=say(until),
        oldest=say(past.oldest(history, streams)),
        rows=rows,
        series=told,
    )


@routes("GET", "/api/history/windows", may="device.read", gives=WindowSet, given=WINDOWS)
async def get_history_windows(
    ask: Asking,
    datastream: Datastreams,
    step: Annotated[float, Query(ge=1, le=366 * 86_400, description="seconds")],
    start: From = None,
    end: To = None,
) -> WindowSet | Response:
    """Count, mean, lowest and highest of some datastreams by stretches of `step` seconds from
    `from` on."""
    since, until = past.span(ask, start, end)
    streams, _ = named(ask, datastream)
    width, most = round(step * SECOND), ask.hub.allowance.points
    wanted = len(datastream) * -(-(until - since) // width)
    if wanted > most:
        raise too_costly(
            f"{len(datastream)} datastreams in stretches of {step:g} s are up to {wanted:,} "
            f"rows; an answer has at most {most:,}",
            "ask for a larger step, a shorter span or fewer datastreams, or export",
            where="query.step",
        )
    history = kept(ask)

    def question(asked: Asked) -> list[WindowsOf]:
        found = history.windows(streams, since, until, width, asked=asked)
        told = []
        for name, stream in zip(datastream, streams.tolist(), strict=True):
            first, last = np.searchsorted(found.key, [stream, stream + 1])
            told.append(
                WindowsOf(
                    datastream=name,
                    at=says(found.time[first:last]),
                    count=found.count[first:last].tolist(),
                    mean=columns.numbers(found.mean[first:last]),
                    low=columns.numbers(found.low[first:last]),
                    high=columns.numbers(found.high[first:last]),
                )
            )
        return told

    found = await past.answer(
        ask, question, lambda: history.cost("windows", streams, since, until, width).rows
    )
    if isinstance(found, Response):
        return found
    told, rows = found
    return WindowSet(since=say(since), until=say(until), step=step, rows=rows, windows=told)
