"""Reports: what people tell – by the hotline, on the street, from a department."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import Depends

from tianmu.access.masking import mask_report, mask_text, may_reveal
from tianmu.access.scope import Extent, covers, restrict
from tianmu.facts.encoding import decode
from tianmu.facts.report import Report
from tianmu.facts.text import Text
from tianmu.facts.topic import REPORT
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept import table
from tianmu.manage.reader import READER as CASES
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Cursor, Limit, Page, bad_cursor
from tianmu.web.answer.place import PlaceSaid, division_name, said, upper_names
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.cases.cases import cases_of
from tianmu.web.hub import Hub
from tianmu.web.route.route import Ask, Asking, Routes, taken
from tianmu.web.sight import exposure

routes = Routes("reports")
READ_WITHIN = 1.0
"""seconds that who asks for a report waits until it has been read"""
UNREAD, PAGE = 20_000, 2_000
"""reports that the room has not read among which one is looked for, and how many at a time"""


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


class WhyReveal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=500)]


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


def one_report(ask: Ask, name: str) -> Report:
    """The report, if it is in the account's scope or its own; else 404. One that was taken a moment
    ago is waited for until the room has read it; 503 with `Retry-After` where that takes long."""
    told = table.report
    asked = sa.select(told.c.payload, _within(ask).label("within")).where(told.c.report == name)
    end, told_at = time.monotonic() + READ_WITHIN, 0
    while True:
        read = ask.hub.records.positions().get((CASES, REPORT.name), 0)
        row = ask.hub.records.read(lambda connection: connection.execute(asked).first())
        if row is None and not told_at:
            told_at = _told_at(ask.hub, name, read)
        if row is not None or read >= told_at:
            break
        if time.monotonic() > end:
            raise waiting(name)
        time.sleep(0.02)  # what another thread has read is looked up: nobody is woken by it
    fact = decode(row.payload) if row is not None else None
    if row is None or not isinstance(fact, Report) or not (row.within or own(ask, fact)):
        raise not_found("report", name)
    return fact


def _told_at(hub: Hub, name: str, read: int) -> int:
    """Where in the journal the report stands behind what the room has ``read``; 0: nowhere. What
    is behind ``UNREAD`` others counts as told: it is waited for."""
    sought, looked = name.encode(), 0
    while looked < UNREAD:
        entries = hub.manage.journal.read(REPORT.name, read, entries=PAGE)
        if not entries:
            return 0
        for entry in entries:
            if sought in entry.payload:
                return entry.position
        looked, read = looked + len(entries), entries[-1].position
    return read + 1


def own(ask: Ask, report: Report) -> bool:
    """Whether the account told it itself: it may be of a place beyond the account's division."""
    return report.reporter.account == ask.who.account and report.probe == ask.who.probe


def waiting(report: str) -> Problem:
    return Problem(
        503,
        "report-waiting",
        f"the report {report} is in no case yet",
        "send it again when Retry-After says",
        headers={"Retry-After": "1"},
    )


@routes("GET", "/api/reports/{report}", may="report.read", gives=ReportSaid)
def get_report(ask: Asking, report: str) -> ReportSaid:
    """One report, personal data masked."""
    return saids(ask.hub, [one_report(ask, report)])[0]


class AnswerSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever told of it is answered."""

    at: Instant | None
    case: str
    text: str


@routes("GET", "/api/reports/{report}/answers", may="report.read", gives=list[AnswerSaid])
def list_answers(ask: Asking, report: str) -> list[AnswerSaid]:
    """What the reporter is answered: the same as all who told of the same thing, also where it was
    told of in another case that was merged into this one."""
    one_report(ask, report)
    hub = ask.hub
    case = cases_of(hub, "report", [report]).get(report)
    if case is None:
        return []
    events = hub.records.read(
        lambda connection: case_query.events_of(connection, hub.manage.journal, case)
    )
    return [
        AnswerSaid(at=moment.say(one.at), case=case, text=mask_text(str(one.data["text"])))
        for one in events
        if one.step == "answer" and report in one.data["reports"]
    ]


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
    hub, found = ask.hub, one_report(ask, report)
    seen = covers(ask.who.scope, extent(hub, found)) or own(ask, found)
    if not seen or not may_reveal(ask.who, found):
        ask.refused("report.reveal", report, reason=body.reason)
        raise Problem(
            403,
            "forbidden",
            "this report was told in confidence",
            "only a commander may see who told it",
        )
    case = cases_of(hub, "report", [report]).get(report)

    def write(tx: Transaction) -> None:
        ask.note(tx, "report.reveal", report, reason=body.reason)
        if case:
            exposure.revealed(ask, tx, case, report, body.reason)

    hub.records.transact(write)  # the trail first: nobody sees what is not written down
    return report_said(hub, found, case)
