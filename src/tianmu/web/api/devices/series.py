"""The past of one property of a device."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Query

from tianmu.store.history.series import Series
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.devices.devices import find, number
from tianmu.web.hub import Hub
from tianmu.web.route.route import Asking, Routes

routes = Routes("devices")


class PointSaid(msgspec.Struct, frozen=True, kw_only=True):
    at: Instant | None
    value: float | None
    low: float | None = None
    high: float | None = None
    count: int = 1
    text: str | None = None


class SeriesSaid(msgspec.Struct, frozen=True, kw_only=True):
    """Points in order of time: observations as they were (``raw``), or mean, lowest and highest
    of stretches of ``step`` seconds."""

    device: str
    property: str
    unit: str
    raw: bool
    step: float
    points: list[PointSaid]


@routes("GET", "/api/devices/{device}/series", may="device.read", gives=SeriesSaid)
def get_series(
    ask: Asking,
    device: str,
    property: str,
    start: Annotated[str | None, Query(alias="from", description="RFC 3339")] = None,
    end: Annotated[str | None, Query(alias="to", description="RFC 3339")] = None,
    points: Annotated[int, Query(ge=2, le=20_000)] = 1000,
) -> SeriesSaid:
    """The past of one property: as it was, or its envelope where there is more than `points`."""
    hub, index = ask.hub, find(ask, device)
    stream = int(hub.registry.datastream_index([f"{device}/{property}"])[0])
    if stream == 0xFFFFFFFF:
        raise not_found("property", f"{device}/{property}")
    since, until = _span(hub, start, end)
    kind = hub.city.kinds.get(hub.registry.kinds[hub.registry.kind[index]])
    known = kind.properties.get(property) if kind else None
    told: list[PointSaid] = []
    raw, step = True, 0
    if hub.history is not None:
        series = hub.history.series(stream, since, until, points)
        raw, step, told = series.raw, series.step, _points(series)
    newest = _newest(hub, stream)
    if newest is not None and since <= newest[0] < until:
        point = newest[1]
        # history lags by its flush: the present value closes the gap
        if not told or (told[-1].at or "") < (point.at or ""):
            told.append(point)
    return SeriesSaid(
        device=device,
        property=property,
        unit=known.unit if known else "",
        raw=raw,
        step=step / 1_000_000,
        points=told,
    )


def _span(hub: Hub, start: str | None, end: str | None) -> tuple[int, int]:
    """Since when and until when, µs; the last day where it is not said."""
    try:
        until = moment.read(end) if end else hub.clock()
        since = moment.read(start) if start else until - 86_400_000_000
    except ValueError as error:
        raise Problem(422, "invalid", str(error), "give RFC 3339 times") from error
    if since >= until:
        raise Problem(422, "invalid", "`from` is not before `to`", "swap them")
    return since, until


def _points(series: Series) -> list[PointSaid]:
    texts = series.text or [None] * len(series)
    return [
        PointSaid(
            at=moment.say(int(series.time[n])),
            value=number(series.value[n]),
            low=number(series.low[n]),
            high=number(series.high[n]),
            count=int(series.count[n]),
            text=texts[n],
        )
        for n in range(len(series))
    ]


def _newest(hub: Hub, stream: int) -> tuple[int, PointSaid] | None:
    """The present value of a datastream, and when it was measured in µs."""
    live = hub.live()
    if live is None or stream >= live.count_datastreams or not live.count[stream]:
        return None
    at, value = int(live.time[stream]), number(live.value[stream])
    return at, PointSaid(at=moment.say(at), value=value, low=value, high=value)
