"""Scenarios as the API says them."""

from __future__ import annotations

import msgspec

from tianmu.access.scope import Extent, Scope, covers
from tianmu.facts.text import Text
from tianmu.scenarios.past.record import Record
from tianmu.scenarios.present import Present, Table
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.api.alarms.alarms import AlarmSaid
from tianmu.web.api.cases.cases import CaseSaid
from tianmu.web.api.cases.evidence import EvidenceSaid


class ScenarioBrief(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: Text
    what: Text
    alarms: int
    """open, of its rules, that this account sees; at most 50 of each rule are counted"""
    cases: int | None
    """open, of its matters, that this account sees; null where it may see none"""
    own_danger: bool
    """`GET /api/scenarios/{id}/present` tells a danger of its own"""
    complete: bool
    """the pack has every kind, rule and matter that it names"""


class ScenarioBroken(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    why: str
    """empty for an account that does not read the pack"""


class ScenarioList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[ScenarioBrief]
    broken: list[ScenarioBroken]
    """folders that cannot be loaded"""


class ScenarioParty(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text


class KindWatched(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    devices: int | None
    """registered; null for an account that sees a part of the city"""


class ScenarioRole(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    does: Text
    parties: list[ScenarioParty]
    """by the pack's duties; nobody where no duty says so"""


class ScenarioDegree(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    name: Text
    colour: str
    says: Text


class ScenarioStep(msgspec.Struct, frozen=True, kw_only=True):
    at: int
    """from this degree on"""
    role: str
    task: Text


class ScenarioChart(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    kind: str
    property: str
    unit: str
    hours: int
    known: bool
    """the pack has this kind and property"""


class ScenarioQuality(msgspec.Struct, frozen=True, kw_only=True):
    what: Text
    state: str
    why: Text


class ScenarioModel(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    what: Text


class ScenarioSaid(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: Text
    what: Text
    notes: list[Text]
    kinds: list[KindWatched]
    rules: list[ScenarioParty]
    matters: list[ScenarioParty]
    lacks: list[str]
    """codes that the city's pack does not have"""
    roles: list[ScenarioRole]
    degrees: list[ScenarioDegree]
    plan: list[ScenarioStep]
    charts: list[ScenarioChart]
    shapes: dict[str, Text]
    """what the shapes of its map stand for, by their kind"""
    models: list[ScenarioModel]
    quality: list[ScenarioQuality]
    own_danger: bool
    """it reckons a danger of its own; else its open alarms are all there is"""


class DangerFigure(msgspec.Struct, frozen=True, kw_only=True):
    name: Text
    value: float | None
    unit: str
    says: Text | None
    """what it counts, where the name could be taken for something else"""


class DangerShape(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    ring: list[tuple[float, float]]
    degree: int
    value: float | None
    label: Text | None
    thing: str


class DangerAhead(msgspec.Struct, frozen=True, kw_only=True):
    hours: int
    degree: int
    value: float | None
    persistence: bool
    """nobody forecast it: the weather of now, carried on"""


class TableLine(msgspec.Struct, frozen=True, kw_only=True):
    cells: list[Text]
    degree: int
    """0: none"""
    case: str
    thing: str
    """that `GET /api/scenarios/{id}/things/{thing}` tells more of; or empty"""
    alarm: str


class DangerTable(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    columns: list[Text]
    lines: list[TableLine]
    """within the account's scope"""
    none: Text
    """what is said where there is no line"""


class DangerSaid(msgspec.Struct, frozen=True, kw_only=True):
    at: Instant | None
    degree: int
    """0: it cannot be told, ``why`` says why"""
    why: list[Text]
    figures: list[DangerFigure]
    shapes: list[DangerShape]
    ahead: list[DangerAhead]
    ahead_why: list[Text]
    """what the outlook rests on, and why it rises or falls"""
    tables: list[DangerTable]
    notes: list[Text]
    origins: list[str]


class CasePicture(msgspec.Struct, frozen=True, kw_only=True):
    """The newest picture of an open case."""

    case: str
    file: EvidenceSaid


class ScenarioWatched(msgspec.Struct, frozen=True, kw_only=True):
    alarms: list[AlarmSaid]
    """open ones of its rules, the gravest first"""
    cases: list[CaseSaid]
    """open ones of its matters, the newest first; none for an account that may not see cases"""
    pictures: list[CasePicture] = []
    """of the newest of those cases that have one"""


class JudgedSaid(msgspec.Struct, frozen=True, kw_only=True):
    case: str
    number: str
    title: Text
    verdict: str
    """``hit``, ``miss``, ``false`` or ``open``"""
    opened_at: Instant | None
    lead: float | None
    """seconds from its first alarm to the first person who told; below 0: the person was first"""


class ScenarioRecord(msgspec.Struct, frozen=True, kw_only=True):
    since: Instant | None
    until: Instant | None
    hits: int
    misses: int
    false: int
    open: int
    false_per_week: float
    false_at_most: float
    """a week, with a certainty of 95 %: the shorter the past, the more"""
    weeks: float
    """of cases: of a younger city fewer than were asked for"""
    lead_median: float | None
    """seconds, of the hits of which a person told, too; null: of none"""
    alone: int
    """hits of which nobody told but the alarm"""
    latest: list[JudgedSaid]
    cut: bool
    """more cases than are judged for one answer: the oldest are left out"""


def table(found: Table, scope: Scope | None) -> DangerTable:
    """With the lines that the scope holds; None: with all."""
    return DangerTable(
        code=found.code,
        name=found.name,
        columns=list(found.columns),
        lines=[
            TableLine(
                cells=list(one.cells),
                degree=one.degree,
                thing=one.thing,
                alarm=one.alarm,
                case=one.case,
            )
            for one in found.lines
            if scope is None or covers(scope, Extent(one.division, (one.department,)))
        ],
        none=found.none,
    )


def present(found: Present, scope: Scope) -> DangerSaid:
    """For an account of a part of the city: its lines of tables, and of the shapes only the
    squares, which tell of no device."""
    return DangerSaid(
        at=moment.say(found.at),
        degree=found.degree,
        why=list(found.why),
        figures=[
            DangerFigure(name=f.name, value=f.value, unit=f.unit, says=f.says)
            for f in found.figures
        ],
        shapes=[
            DangerShape(
                kind=s.kind,
                ring=list(s.ring),
                degree=s.degree,
                value=s.value,
                label=s.label,
                thing=s.thing,
            )
            for s in found.shapes
            if scope.whole or s.kind == "cell"
        ],
        ahead=[
            DangerAhead(hours=a.hours, degree=a.degree, value=a.value, persistence=a.persistence)
            for a in found.ahead
        ],
        ahead_why=list(found.ahead_why),
        tables=[table(one, scope) for one in found.tables],
        notes=list(found.notes),
        origins=list(found.origins),
    )


def record(found: Record) -> ScenarioRecord:
    """Hits and misses, as figures and one by one."""
    return ScenarioRecord(
        since=moment.say(found.since),
        until=moment.say(found.until),
        hits=found.hits,
        misses=found.misses,
        false=found.false,
        open=found.open,
        false_per_week=round(found.false_per_week, 2),
        false_at_most=round(found.false_at_most, 2),
        weeks=round(found.weeks, 2),
        lead_median=found.lead_median,
        alone=found.alone,
        latest=[
            JudgedSaid(
                case=one.case,
                number=one.number,
                title=one.title,
                verdict=one.verdict,
                opened_at=moment.say(one.opened_at),
                lead=one.lead,
            )
            for one in found.latest
        ],
        cut=found.cut,
    )
