"""The past of areas: means and extremes by town, village, kind and department; how often limits
were exceeded; the largest values."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import numpy as np
from fastapi import Query
from numpy.typing import NDArray
from starlette.responses import Response

from tianmu.access.scope import Scope
from tianmu.facts.text import Text
from tianmu.store.history.asked import Asked
from tianmu.web.answer.moment import Instant, say, says
from tianmu.web.answer.problem import Problem
from tianmu.web.api.history.export import chosen
from tianmu.web.api.history.history import From, To, kept
from tianmu.web.hub import Hub
from tianmu.web.past import past
from tianmu.web.past import series as columns
from tianmu.web.past.past import too_costly
from tianmu.web.past.series import SECOND
from tianmu.web.route.route import Ask, Asking, Routes

routes = Routes("history")

HOUR = 3600 * SECOND
Dimension: TypeAlias = Annotated[Literal["town", "village", "kind", "department"], Query()]


class AreaRows(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of one length, sorted by area, property and time; what is empty is left out."""

    dimension: str
    since: Instant
    until: Instant
    step: float
    rows: int
    """that the answer was reckoned to read"""
    area: list[str]
    property: list[str]
    at: list[Instant]
    count: list[int]
    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]
    exceeded: list[int]
    """observations beyond the alarm thresholds of the rules that were in force"""
    settled: bool
    """false: a day in it is not finally compacted, and a corrected observation may count twice"""
    missing: list[str]
    """days (UTC) whose observations are not, or not all, rolled up by area yet"""


class AreaExceeded(msgspec.Struct, frozen=True, kw_only=True):
    area: str
    name: Text | None
    count: int
    """observations of good or uncertain quality"""
    exceeded: int


class Exceeded(msgspec.Struct, frozen=True, kw_only=True):
    """Areas by how often limits were exceeded in them, most first."""

    dimension: str
    since: Instant
    until: Instant
    rows: int
    settled: bool
    missing: list[str]
    areas: list[AreaExceeded]


class Leading(msgspec.Struct, frozen=True, kw_only=True):
    datastream: str
    device: str
    name: str
    division: str
    value: float
    day: Instant
    """beginning of a UTC day on which it was so"""


class Leaders(msgspec.Struct, frozen=True, kw_only=True):
    """The datastreams with the largest (or lowest) values, the most extreme first."""

    property: str
    since: Instant
    until: Instant
    rows: int
    leaders: list[Leading]


EXCEEDED = {
    "dimension": "town",
    "since": "2026-11-16T00:00:00.000Z",
    "until": "2026-11-23T00:00:00.000Z",
    "rows": 168,
    "settled": True,
    "missing": [],
    "areas": [{"area": "0001", "name": {"en": "Old Town"}, "count": 80640, "exceeded": 12}],
}


def within(scope: Scope, dimension: str) -> frozenset[str] | None:
    """Codes of the areas whose whole an account sees; None for all of them. 403 where its scope
    cuts through the areas of this dimension: a total would tell of what it may not see."""
    if scope.whole:
        return None
    by_division = dimension in {"town", "village"} and scope.departments is None
    by_department = dimension == "department" and scope.divisions is None
    if by_division and not scope.probe:
        return scope.divisions
    if by_department and not scope.probe:
        return scope.departments
    raise Problem(
        403,
        "forbidden",
        f"totals by {dimension} count devices beyond the scope of this account",
        "ask by a dimension that its scope does not cut through, or for windows of datastreams",
    )


def hours(ask: Ask, start: str | None, end: str | None, days: float) -> tuple[int, int]:
    """A span that begins and ends with an hour: outward from what was asked for."""
    since, until = past.span(ask, start, end, days=days)
    return since // HOUR * HOUR, -(-until // HOUR) * HOUR


def _name(hub: Hub, dimension: str, area: str) -> Text | None:
    city = hub.city
    found = (
        city.kinds.get(area)
        if dimension == "kind"
        else city.departments.get(area)
        if dimension == "department"
        else city.divisions.get(area)
    )
    return found.name if found else None


@routes("GET", "/api/history/areas", may="device.read", gives=AreaRows)
async def get_history_areas(
    ask: Asking,
    dimension: Dimension,
    step: Annotated[
        float, Query(ge=3600, le=366 * 86_400, multiple_of=3600, description="whole hours")
    ] = 86_400,
    start: From = None,
    end: To = None,
    area: Annotated[list[str] | None, Query(description="codes; all where left out")] = None,
    kind: str = "",
    property: str = "",
) -> AreaRows | Response:
    """Count, mean, lowest, highest and exceedances by area, property and stretch of time. The span
    is widened to whole hours."""
    since, until = hours(ask, start, end, 7.0)
    allowed = within(ask.who.scope, dimension)
    wanted = None if area is None else set(area)
    if allowed is not None:
        wanted = set(allowed) if wanted is None else wanted & allowed
    history, width = kept(ask), round(step * SECOND)
    narrow = (dimension, since, until, width, None if wanted is None else sorted(wanted))
    more: dict[str, Any] = {"kind": kind or None, "property": property or None}

    def question(asked: Asked) -> AreaRows:
        found = history.areas(*narrow, **more, asked=asked)
        most = ask.hub.allowance.points
        if len(found) > most:
            raise too_costly(
                f"the answer has {len(found):,} rows; at most {most:,} are given",
                "ask for a larger step, a shorter span, one kind or one property",
                where="query.step",
            )
        return AreaRows(
            dimension=dimension,
            since=say(since),
            until=say(until),
            step=step,
            rows=asked.cost.rows,
            area=list(found.area),
            property=list(found.property),
            at=says(found.time),
            count=found.count.tolist(),
            mean=columns.numbers(found.mean),
            low=columns.numbers(found.low),
            high=columns.numbers(found.high),
            exceeded=found.exceeded.tolist(),
            settled=found.settled,
            missing=list(found.missing),
        )

    found = await past.answer(ask, question, lambda: history.cost("areas", *narrow, **more).rows)
    return found if isinstance(found, Response) else found[0]


@routes("GET", "/api/history/exceedances", may="device.read", gives=Exceeded, given=EXCEEDED)
async def get_history_exceedances(
    ask: Asking,
    dimension: Dimension = "town",
    start: From = None,
    end: To = None,
    kind: str = "",
    property: str = "",
) -> Exceeded | Response:
    """How often alarm limits were exceeded in each area, over the last week where no span is said.
    The span is widened to whole hours."""
    since, until = hours(ask, start, end, 7.0)
    allowed = within(ask.who.scope, dimension)
    history = kept(ask)
    more = {"kind": kind or None, "property": property or None}

    def question(asked: Asked) -> Exceeded:
        found = history.exceedances(dimension, since, until, **more, asked=asked)
        areas = [
            AreaExceeded(
                area=area, name=_name(ask.hub, dimension, area), count=count, exceeded=exceeded
            )
            for area, count, exceeded in zip(
                found.area, found.count.tolist(), found.exceeded.tolist(), strict=True
            )
            if allowed is None or area in allowed
        ]
        return Exceeded(
            dimension=dimension,
            since=say(since),
            until=say(until),
            rows=asked.cost.rows,
            settled=found.settled,
            missing=list(found.missing),
            areas=sorted(areas, key=lambda one: (-one.exceeded, one.area)),
        )

    found = await past.answer(
        ask, question, lambda: history.cost("exceedances", dimension, since, until, **more).rows
    )
    return found if isinstance(found, Response) else found[0]


@routes("GET", "/api/history/top", may="device.read", gives=Leaders)
async def get_history_top(
    ask: Asking,
    property: str,
    kind: str = "",
    division: str = "",
    n: Annotated[int, Query(ge=1, le=1000)] = 20,
    lowest: bool = False,
    start: From = None,
    end: To = None,
) -> Leaders | Response:
    """The datastreams of one property whose largest (or `lowest`) value of the span is most
    extreme, over the last week where no span is said."""
    since, until = past.span(ask, start, end, days=7.0)
    history, hub = kept(ask), ask.hub
    among: NDArray[np.uint32] = chosen(ask, [], kind, property, division)

    def question(asked: Asked) -> Leaders:
        found = history.top(n, since, until, among, lowest=lowest, asked=asked)
        leaders = []
        for stream, value, day in zip(
            found.datastream.tolist(), found.value.tolist(), found.day.tolist(), strict=True
        ):
            device = hub.registry.device(int(hub.registry.device_of(stream)))
            leaders.append(
                Leading(
                    datastream=hub.registry.datastream(stream),
                    device=device.device,
                    name=device.name,
                    division=device.place.division,
                    value=value,
                    day=say(day),
                )
            )
        return Leaders(
            property=property,
            since=say(since),
            until=say(until),
            rows=asked.cost.rows,
            leaders=leaders,
        )

    found = await past.answer(
        ask, question, lambda: history.cost("top", n, since, until, among, lowest=lowest).rows
    )
    return found if isinstance(found, Response) else found[0]
