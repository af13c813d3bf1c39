"""Reports: what people tell – by the hotline, on the street, from a department."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from fastapi import Depends, Request

from tianmu.access.masking import mask_report, may_reveal
from tianmu.access.scope import Extent, covers, restrict
from tianmu.city.coordinates import to_wgs84
from tianmu.facts.encoding import decode, encode
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.report import Report, Reporter
from tianmu.facts.text import Text
from tianmu.facts.topic import REPORT
from tianmu.manage import case_query
from tianmu.manage import case_table as table
from tianmu.store.records import Transaction
from tianmu.web import moment
from tianmu.web.api.cases import cases_of
from tianmu.web.hub import Hub
from tianmu.web.moment import Instant
from tianmu.web.page import Cursor, Limit, Page, bad_cursor
from tianmu.web.place import PlaceSaid, division_name, said, upper_names
from tianmu.web.problem import Fault, Problem, not_found
from tianmu.web.route import Ask, Asking, Reply, Routes, taken

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


class ReporterSaid(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    phone: str
    account: str
    confidential: bool


class ReportSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A report as lists and push say it: personal data masked."""

    report: str
    at: Instant | None
    channel: str
    title: str
    text: str
    matter: str
    matter_name: Text | None
    category: str
    urgency: str
    place: PlaceSaid
    division_name: Text | None
    reporter: ReporterSaid
    evidence: list[str]
    case: str | None
    source: str
    origin: str
    probe: str


class ReportTaken(msgspec.Struct, frozen=True, kw_only=True):
    """It is on disk; the case it opens or joins comes by push."""

    report: str
    position: int
    duplicate: bool
    division: str


class ReportsTaken(msgspec.Struct, frozen=True, kw_only=True):
    items: list[ReportTaken]


class WhyReveal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=500)]


EXAMPLE = {
    "channel": "hotline",
    "text": "The street lamp in front of the school has been dark for three days.",
    "category": "complaint",
    "place": {"longitude": 119.48, "latitude": 31.43, "address": "Pingling West Road 1"},
    "reporter": {"name": "Li", "phone": "13912345678"},
}


def extent(hub: Hub, report: Report) -> Extent:
    """Where a report stands."""
    return Extent(report.place.division, (), report.probe)


def report_said(hub: Hub, report: Report, case: str | None) -> ReportSaid:
    """A report with its personal data as they are: mask it first, unless it is revealed."""
    city = hub.city
    matter = city.matters.get(report.matter)
    who = report.reporter
    return ReportSaid(
        report=report.report,
        at=moment.say(report.at),
        channel=report.channel,
        title=report.title,
        text=report.text,
        matter=report.matter,
        matter_name=matter.name if matter else None,
        category=report.category,
        urgency=report.urgency,
        place=said(report.place),
        division_name=division_name(city, report.place.division),
        reporter=ReporterSaid(
            name=who.name, phone=who.phone, account=who.account, confidential=who.confidential
        ),
        evidence=list(report.evidence),
        case=case,
        source=report.source,
        origin=str(report.origin),
        probe=report.probe,
    )


def saids(hub: Hub, reports: Sequence[Report]) -> list[ReportSaid]:
    """Reports, masked, with the cases that hold them."""
    cases = cases_of(hub, "report", [one.report for one in reports])
    keep = upper_names(hub.city)
    return [report_said(hub, mask_report(one, keep), cases.get(one.report)) for one in reports]


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
    if told.matter and told.matter not in hub.city.matters:
        raise _invalid("body.matter", f"{told.matter!r} is no matter of the catalogue")
    if told.place.division and told.place.division not in hub.city.divisions:
        raise _invalid("body.place.division", f"{told.place.division!r} is no division")
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
        place=_place(hub, told.place, f"{told.title} {told.text}"),
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


async def _write(ask: Ask, reports: list[Report], keyed: bool) -> list[ReportTaken]:
    def write(tx: Transaction) -> list[ReportTaken]:
        done = []
        for one in reports:
            kept = tx.append(REPORT.name, encode(one), one.report.encode() if keyed else None)
            done.append(
                ReportTaken(
                    report=one.report,
                    position=kept.position,
                    duplicate=kept.duplicate,
                    division=one.place.division,
                )
            )
        if ask.who.kind == "person":
            for one in reports:
                ask.note(tx, "report.take", one.report, channel=one.channel)
        return done

    return await ask.hub.records.write_async(write)


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
    done = await _write(ask, [_made(ask, body, key)], bool(key))
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
    made = [_made(ask, one, f"{key}/{n}" if key else "") for n, one in enumerate(body)]
    return ReportsTaken(items=await _write(ask, made, bool(key)))


@routes("GET", "/api/reports", may="report.read", gives=Page[ReportSaid])
def list_reports(ask: Asking, cursor: Cursor = None, limit: Limit = 100) -> Page[ReportSaid]:
    """Reports in the account's scope, newest first, personal data masked."""
    hub = ask.hub
    try:
        found, following = hub.records.read(
            lambda connection: case_query.reports(
                connection, cursor=cursor or "", limit=limit, scope=ask.who.scope
            )
        )
    except ValueError as error:
        raise bad_cursor() from error
    keep = upper_names(hub.city)
    return Page(
        items=[report_said(hub, mask_report(one, keep), case) for one, case in found],
        next=following,
    )


def _within(ask: Ask) -> sa.ColumnElement[bool]:
    """Reports in the account's scope; a department sees those of the cases it has a part in."""
    told = table.report

    def owned(wanted: list[str]) -> sa.ColumnElement[bool]:
        return told.c.report.in_(
            sa.select(table.member.c.id)
            .join(table.party, table.party.c.serial == table.member.c.serial)
            .where(table.member.c.kind == "report", table.party.c.department.in_(wanted))
        )

    return restrict(ask.who.scope, division=told.c.division, owned=owned, probe=told.c.probe)


def _one(ask: Ask, name: str) -> Report:
    told = table.report
    payload = ask.hub.records.read(
        lambda connection: connection.execute(
            sa.select(told.c.payload).where(told.c.report == name, _within(ask))
        ).scalar_one_or_none()
    )
    fact = decode(payload) if payload is not None else None
    if not isinstance(fact, Report):
        raise not_found("report", name)
    return fact


@routes("GET", "/api/reports/{report}", may="report.read", gives=ReportSaid)
def get_report(ask: Asking, report: str) -> ReportSaid:
    """One report, personal data masked."""
    return saids(ask.hub, [_one(ask, report)])[0]


@routes(
    "POST",
    "/api/reports/{report}/reveal",
    may="report.reveal",
    takes=WhyReveal,
    gives=ReportSaid,
    example={"reason": "call back to ask for the floor"},
)
def reveal_report(
    ask: Asking, report: str, body: Annotated[WhyReveal, Depends(taken(WhyReveal))]
) -> ReportSaid:
    """One report with personal data in clear. Needs a reason; who looked is kept for ever."""
    hub, found = ask.hub, _one(ask, report)
    if not covers(ask.who.scope, extent(hub, found)) or not may_reveal(ask.who, found):
        ask.refused("report.reveal", report, reason=body.reason)
        raise Problem(
            403,
            "forbidden",
            "this report was told in confidence",
            "only a commander may see who told it",
        )
    # the trail first: nobody sees what is not written down
    hub.records.transact(lambda tx: ask.note(tx, "report.reveal", report, reason=body.reason))
    return report_said(hub, found, cases_of(hub, "report", [report]).get(report))
