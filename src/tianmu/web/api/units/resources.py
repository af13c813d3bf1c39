"""What is near a place: units, hydrants, shelters, hospitals, stores; and how far one gets.

Phone numbers are masked; in clear only with the permission and a reason, which are written down.
"""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import numpy as np
from fastapi import Depends, Query
from starlette.responses import Response

from tianmu.access.masking import mask
from tianmu.access.scope import Extent, covers
from tianmu.city.force.resource import Resource
from tianmu.city.way.reach import isochrones
from tianmu.city.way.travel import LINE, STREETS, Pace
from tianmu.facts.text import Text
from tianmu.manage.units.proposal import arrivals
from tianmu.web.answer.place import department_name, division_name
from tianmu.web.answer.problem import Problem
from tianmu.web.api.units import units
from tianmu.web.present import sending
from tianmu.web.route.route import Ask, Asking, Routes, taken

routes = Routes("units")
UNIT = "unit"
"""the kind that stands for all units"""

Longitude = Annotated[float, Query(alias="lon", ge=-180, le=180)]
Latitude = Annotated[float, Query(alias="lat", ge=-90, le=90)]


class NearSaid(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    """`unit`, or a kind of the pack's resources"""
    kind_name: Text | None
    code: str
    name: Text
    longitude: float
    latitude: float
    metres: float
    """in a straight line"""
    seconds: float
    """between there and the place: a unit at its own pace, else by car"""
    by: str
    """`streets`, `line`, `air`, `desk`"""
    department: str
    department_name: Text | None
    division_name: Text | None
    holds: str
    phone: str
    """masked"""
    status: str
    """of a unit"""
    available: bool | None
    basis: str


class NearList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[NearSaid]
    kinds: dict[str, Text]
    """all there are"""


class PhoneAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str
    code: str
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=2000)]


class PhoneSaid(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    code: str
    phones: list[str]
    """of the resource, or of who is on duty for the unit, first to call first"""


def _phones(ask: Ask, kind: str, code: str) -> list[str]:
    """Numbers in clear; a 404 problem for what is not there or not in the scope."""
    city = ask.hub.city
    if kind == UNIT:
        unit = city.units.get(code)
        if unit is None or not covers(ask.who.scope, Extent(unit.division, (unit.department,))):
            raise _missing(kind, code)
        roster, now = city.roster, ask.hub.clock()
        duty = roster.on_duty(unit.department, unit.division, now)
        duty = duty or roster.on_duty(unit.department, "", now)
        return [person.phone for person in duty if person.phone]
    held = city.resources.get(code)
    if held is None or held.kind != kind:
        raise _missing(kind, code)
    return [held.phone] if held.phone else []


def _missing(kind: str, code: str) -> Problem:
    return Problem(
        404, "not-found", f"there is no {kind} {code!r}", "see GET /api/resources/near for codes"
    )


def _units_near(ask: Ask, longitude: float, latitude: float, most: int) -> list[NearSaid]:
    hub, city = ask.hub, ask.hub.city
    here = np.array([[longitude, latitude]])
    standings = [
        one
        for one in sending.standings(hub)
        if one.longitude is not None
        and (one.kind is None or one.kind.moves != "none")  # a desk is as near to every place
        and covers(ask.who.scope, units.extent(one))
    ]
    if not standings:
        return []
    seconds, streets = arrivals(city, here, standings)
    order = np.argsort(seconds[0], kind="stable")[:most]
    now, found = hub.clock(), []
    for i in order:
        if not np.isfinite(seconds[0, i]):
            continue
        one, item = standings[i], units.said(hub, standings[i], now)
        air = one.kind is not None and one.kind.moves == "air"
        phones = _phones(ask, UNIT, one.unit.code)
        found.append(
            NearSaid(
                kind=UNIT,
                kind_name=item.kind_name,
                code=item.unit,
                name=item.name,
                longitude=item.longitude or 0.0,
                latitude=item.latitude or 0.0,
                metres=_metres(ask, longitude, latitude, item.longitude, item.latitude),
                seconds=round(float(seconds[0, i]), 1),
                by="air" if air else STREETS if streets[0, i] else LINE,
                department=item.department,
                department_name=item.department_name,
                division_name=item.division_name,
                holds="",
                phone=mask("phone", phones[0]) if phones else "",
                status=item.status,
                available=item.available,
                basis=item.basis,
            )
        )
    return found


def _metres(
    ask: Ask, longitude: float, latitude: float, other: float | None, north: float | None
) -> float:
    ends = ask.hub.city.travel.flat(np.array([[longitude, latitude], [other, north]], dtype=float))
    return round(float(np.hypot(*(ends[1] - ends[0]))), 1)


def _resources_near(
    ask: Ask, kind: str, longitude: float, latitude: float, most: int
) -> list[NearSaid]:
    city = ask.hub.city
    held: list[Resource] = [one for one in city.resources.values() if one.kind == kind]
    if not held:
        return []
    points = np.array([(one.longitude, one.latitude) for one in held], dtype=np.float64)
    times = city.travel.times(np.array([[longitude, latitude]]), points, Pace())
    order = np.argsort(times.seconds[0], kind="stable")[:most]
    return [
        NearSaid(
            kind=kind,
            kind_name=city.sending.resources[kind].name,
            code=held[i].code,
            name=held[i].name,
            longitude=held[i].longitude,
            latitude=held[i].latitude,
            metres=_metres(ask, longitude, latitude, held[i].longitude, held[i].latitude),
            seconds=round(float(times.seconds[0, i]), 1),
            by=STREETS if times.streets[0, i] else LINE,
            department=held[i].department,
            department_name=department_name(city, held[i].department),
            division_name=division_name(city, held[i].division),
            holds=held[i].holds,
            phone=mask("phone", held[i].phone),
            status="",
            available=None,
            basis=held[i].basis,
        )
        for i in order
        if np.isfinite(times.seconds[0, i])
    ]


@routes("GET", "/api/resources/near", may="unit.read", gives=NearList)
def list_near(
    ask: Asking,
    longitude: Longitude,
    latitude: Latitude,
    kinds: Annotated[str, Query(max_length=500, description="`unit,hydrant`; empty: all")] = "",
    most: Annotated[int, Query(ge=1, le=50, description="of each kind")] = 5,
) -> NearList:
    """What is nearest to a place by the time it takes, of each kind; phone numbers masked."""
    city = ask.hub.city
    known = {one.code: one.name for one in city.sending.resource}
    wanted = [one.strip() for one in kinds.split(",") if one.strip()] or [UNIT, *known]
    for kind in wanted:
        if kind != UNIT and kind not in known:
            raise Problem(
                422,
                "invalid",
                f"the pack has no resources of kind {kind!r}",
                f"use {', '.join([UNIT, *known])}",
            )
    items: list[NearSaid] = []
    for kind in dict.fromkeys(wanted):
        if kind == UNIT:
            items += _units_near(ask, longitude, latitude, most)
        else:
            items += _resources_near(ask, kind, longitude, latitude, most)
    return NearList(items=items, kinds=known)


@routes(
    "POST",
    "/api/resources/phone",
    may="report.reveal",
    takes=PhoneAsked,
    gives=PhoneSaid,
    example={"kind": "unit", "code": "engine-1", "reason": "sent to case 17"},
)
def reveal_phone(ask: Asking, body: Annotated[PhoneAsked, Depends(taken(PhoneAsked))]) -> PhoneSaid:
    """Phone numbers of a resource or a unit in clear. Needs a reason; who looked is kept."""
    phones = _phones(ask, body.kind, body.code)
    # the trail first: nobody sees what is not written down
    ask.hub.records.transact(
        lambda tx: ask.note(tx, "resource.reveal", f"{body.kind}:{body.code}", reason=body.reason)
    )
    return PhoneSaid(kind=body.kind, code=body.code, phones=phones)


@routes("GET", "/api/isochrones", may="city.read", media="application/geo+json")
def get_isochrones(
    ask: Asking,
    longitude: Longitude,
    latitude: Latitude,
    minutes: Annotated[str, Query(max_length=50, pattern=r"^[0-9.]+(,[0-9.]+)*$")] = "5,10,15",
    speed: Annotated[
        float | None, Query(ge=1, le=400, description="highest, km/h; empty: the streets' own")
    ] = None,
    air: bool = False,
) -> Response:
    """How far one gets from a place: a polygon for each number of minutes, the longest first."""
    from shapely.geometry import mapping

    try:
        limits = sorted({float(one) for one in minutes.split(",")})
    except ValueError:
        limits = []
    if not limits or len(limits) > 6 or not 0 < limits[0] <= limits[-1] <= 120:
        raise Problem(
            422, "invalid", f"minutes {minutes!r}", "give up to six numbers above 0, at most 120"
        )
    found = isochrones(ask.hub.city.travel, longitude, latitude, limits, Pace(speed, air=air))
    features = [
        {
            "type": "Feature",
            "properties": {"minutes": one.minutes, "by": "air" if air else one.by},
            "geometry": mapping(one.geometry),
        }
        for one in found
    ]
    body = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    return Response(body, media_type="application/geo+json", headers={"Cache-Control": "no-store"})
