"""Taking reports: one, or many in one commit; each durable before it is answered."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Depends, Request

from tianmu.city.place.coordinates import to_wgs84
from tianmu.facts.encoding import encode
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.report import Report, Reporter
from tianmu.facts.topic import REPORT
from tianmu.manage.kept import deed_key
from tianmu.store.journal.contract import Appended
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.problem import Fault, Problem
from tianmu.web.hub import Hub
from tianmu.web.route.deed import deed_of, reused
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

routes = Routes("reports")

LEAD = 300_000_000
"""µs by which a told time may lie ahead of our clock"""

Short = Annotated[str, msgspec.Meta(max_length=200)]
Long = Annotated[str, msgspec.Meta(max_length=20_000, min_length=1)]


class NewPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    precision: Annotated[float, msgspec.Meta(ge=0)] | None = None
    division: str = ""
    address: Annotated[str, msgspec.Meta(max_length=500)] = ""
    crs: Literal["WGS84", "CGCS2000", "GCJ-02", "BD-09"] = "CGCS2000"


class NewReporter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Short = ""
    phone: Short = ""
    confidential: bool = False


class NewReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody tells."""

    text: Long
    channel: Short
    """``hotline``, ``app``, ``web``, ``grid``, ``department``, ``video``, ``drone``, …"""
    title: Short = ""
    at: Instant | None = None
    """when it was told; now where left out"""
    matter: str = ""
    category: Short = ""
    urgency: Literal["", "ordinary", "urgent", "critical"] = ""
    place: NewPlace = msgspec.field(default_factory=NewPlace)
    reporter: NewReporter = msgspec.field(default_factory=NewReporter)
    evidence: tuple[str, ...] = ()
    data: dict[str, Any] = {}
    source: Short = ""
    """a registered source it comes by; gives its origin"""
    origin: Origin | None = None
    """programs only: whether it is real, replayed, transplanted or seeded"""


class ReportTaken(msgspec.Struct, frozen=True, kw_only=True):
    """It is on disk; the case it opens or joins comes by push."""

    report: str
    position: int
    duplicate: bool
    division: str


class ReportsTaken(msgspec.Struct, frozen=True, kw_only=True):
    items: list[ReportTaken]


EXAMPLE = {
    "channel": "hotline",
    "text": "The street lamp in front of the school has been dark for three days.",
    "category": "complaint",
    "place": {"longitude": 119.48, "latitude": 31.43, "address": "Pingling West Road 1"},
    "reporter": {"name": "Li", "phone": "13912345678"},
}


def _place(hub: Hub, told: NewPlace, text: str) -> Place:
    """Where it is: converted, with the smallest division that surely holds it; a place without
    coordinates gets those of the division its words name, with their precision."""
    city = hub.city
    longitude, latitude, origin = told.longitude, told.latitude, ""
    if (longitude is None) != (latitude is None):
        raise _invalid("body.place", "longitude and latitude go together")
    if longitude is not None and latitude is not None:
        if told.crs in ("GCJ-02", "BD-09"):
            point = to_wgs84(longitude, latitude, told.crs)
            longitude, latitude, origin = point[0], point[1], told.crs
        division = told.division or city.places.division_at(longitude, latitude)
        return Place(
            longitude=longitude,
            latitude=latitude,
            precision=told.precision,
            division=division,
            address=told.address,
            crs_origin=origin,
        )
    division, found = told.division, None
    if division:
        found = city.places.place_of(division)
    else:
        named = city.places.locate(told.address) or city.places.locate(text)
        first = named[0].division if named else ""
        if first and all(first in hub.below(one.division) for one in named):
            division, found = first, named[0].place
    return Place(
        longitude=found.longitude if found else None,
        latitude=found.latitude if found else None,
        precision=found.precision if found else None,
        division=division,
        address=told.address,
    )


def checked_place(hub: Hub, matter: str, place: NewPlace, text: str) -> Place:
    """Where it is, as above; a 422 problem where the city has no such matter or division."""
    if matter and matter not in hub.city.matters:
        raise _invalid("body.matter", f"{matter!r} is no matter of the catalogue")
    if place.division and place.division not in hub.city.divisions:
        raise _invalid("body.place.division", f"{place.division!r} is no division")
    return _place(hub, place, text)


def _invalid(where: str, what: str, remedy: str = "mend what is named") -> Problem:
    return Problem(
        422, "invalid", f"{where}: {what}", remedy, faults=[Fault(where=where, what=what)]
    )


def _origin(ask: Ask, told: NewReport) -> Origin:
    if ask.who.probe:
        return Origin.PROBE
    if told.source:
        source = ask.hub.registry.sources.get(told.source)
        if source is None or not source.active:
            raise _invalid(
                "body.source", f"there is no active source {told.source!r}", "register it first"
            )
        return source.origin
    if told.origin is not None and told.origin is not Origin.REAL:
        if ask.who.kind != "token":
            raise _invalid("body.origin", "what a person tells is real", "leave it out")
        return told.origin
    return Origin.REAL


def _made(ask: Ask, told: NewReport, key: str) -> Report:
    hub, now = ask.hub, ask.hub.clock()
    at = now
    if told.at is not None:
        try:
            at = moment.read(told.at)
        except ValueError as error:
            raise _invalid("body.at", str(error)) from error
        if at > now + LEAD:
            raise _invalid("body.at", "lies in the future", "check the sender's clock")
    place = checked_place(hub, told.matter, told.place, f"{told.title} {told.text}")
    name = (
        hashlib.sha256(f"{ask.who.account}/{key}".encode()).hexdigest()[:32]
        if key
        else uuid.uuid4().hex
    )
    return Report(
        report=name,
        at=at,
        channel=told.channel,
        title=told.title,
        text=told.text,
        matter=told.matter,
        category=told.category,
        urgency=told.urgency,
        place=place,
        reporter=Reporter(
            name=told.reporter.name,
            phone=told.reporter.phone,
            account=ask.who.account,
            confidential=told.reporter.confidential,
        ),
        source=told.source,
        origin=_origin(ask, told),
        probe=ask.who.probe,
        evidence=told.evidence,
        data=told.data,
    )


async def _write(
    ask: Ask, reports: list[Report], keyed: bool, told: list[NewReport] | None = None
) -> list[ReportTaken]:
    """``told``: what one person sent with a key, which is known for longer than those of programs:
    a phone may be away for days."""
    now, deed = ask.hub.clock(), deed_of(ask)
    person = ask.who.kind == "person"
    content = deed_key.digest("report", told) if told and person else ""

    def write(tx: Transaction) -> list[ReportTaken]:
        connection, account = tx.connection, ask.who.account
        before = deed_key.known(connection, account, deed, content) if content else None
        done = []
        for number, one in enumerate(reports):
            kept = (
                Appended(before[2] + number, True)
                if before
                else tx.append(REPORT.name, encode(one), one.report.encode() if keyed else None)
            )
            done.append(
                ReportTaken(
                    report=one.report,
                    position=kept.position,
                    duplicate=kept.duplicate,
                    division=one.place.division,
                )
            )
        if content and not before:
            between = ("", 0, done[0].position)
            deed_key.keep(connection, account, deed, content, between, now)
        if person:
            for one, was in zip(reports, done, strict=True):
                if not was.duplicate:
                    ask.note(tx, "report.take", one.report, channel=one.channel)
        return done

    try:
        return await ask.hub.records.write_async(write)
    except deed_key.OtherDeed as error:
        raise reused(error) from error


@routes(
    "POST",
    "/api/reports",
    may="report.write",
    takes=NewReport,
    gives=ReportTaken,
    status=201,
    example=EXAMPLE,
)
async def take_report(
    ask: Asking, request: Request, body: Annotated[NewReport, Depends(taken(NewReport))]
) -> Reply:
    """Take a report. With an `Idempotency-Key`, a repeated one takes effect once."""
    key = request.headers.get("idempotency-key", "")
    # finding a place's division opens geometry: never on the event loop
    made = await asyncio.to_thread(_made, ask, body, key)
    done = await _write(ask, [made], bool(key), [body] if key else None)
    return Reply(done[0], headers={"Location": f"/api/reports/{done[0].report}"})


@routes(
    "POST",
    "/api/reports/batch",
    may="report.write",
    takes=list[NewReport],
    gives=ReportsTaken,
    status=201,
    example=[EXAMPLE],
)
async def take_reports(
    ask: Asking,
    request: Request,
    body: Annotated[list[NewReport], Depends(taken(list[NewReport]))],
) -> ReportsTaken:
    """Take many reports in one commit: all or none. With an `Idempotency-Key`, once."""
    if len(body) > 5_000:
        raise _invalid("body", f"{len(body)} reports are too many", "send at most 5000 at once")
    key = request.headers.get("idempotency-key", "")
    made = await asyncio.to_thread(
        lambda: [_made(ask, one, f"{key}/{n}" if key else "") for n, one in enumerate(body)]
    )
    return ReportsTaken(items=await _write(ask, made, bool(key), body if key else None))
