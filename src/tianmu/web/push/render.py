"""Facts as push events: what each journal entry says to those who may hear it.

An event carries the whole item as the API would give it now, so that applying one twice changes
nothing; what just happened stands beside it. Items of one read are asked for together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa

from tianmu.access.scope import Extent
from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.bulletin import Bulletin
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import decode
from tianmu.facts.hazard import HazardEvent
from tianmu.facts.intake import Quarantined, UnknownSeen
from tianmu.facts.registry import (
    DevicesRegistered,
    MaintenanceChanged,
    PackLoaded,
    RulesPublished,
    SourceChanged,
)
from tianmu.facts.report import Report
from tianmu.facts.text import Text
from tianmu.facts.unit import UnitTold
from tianmu.facts.warning import WarningEvent
from tianmu.manage.actor import SYSTEM
from tianmu.manage.hazard import table as hazard_table
from tianmu.manage.kept.fresh import Placed, decode_step
from tianmu.manage.room import RoomEvent
from tianmu.prevent.alarm import table as alarm_table
from tianmu.prevent.alarm.table import ALARM
from tianmu.prevent.warning import table as warning_table
from tianmu.sense.cap import held as bulletins
from tianmu.store.journal.contract import Entry
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.api.alarms import alarms
from tianmu.web.api.cases import cases, rooms
from tianmu.web.api.exchange import sources
from tianmu.web.api.hazards import said as hazard_said
from tianmu.web.api.reports import reports
from tianmu.web.api.units import units
from tianmu.web.api.warnings import bulletin_said
from tianmu.web.api.warnings import said as warning_said
from tianmu.web.hub import Hub
from tianmu.web.present import sending
from tianmu.web.route.route import encode
from tianmu.web.sight.restricted import NOT_PUBLIC, RESTRICTED

HANDOVER = "handover."
POURS = frozenset(("join", "returned", "worsened"))
"""steps of a case that signals make, also where a person moves many of them at once"""
CHUNK = 500


@dataclass(frozen=True)
class News:
    """What one entry (or several of one sort) says. ``extent`` None: to all with the permission."""

    position: int
    kind: str
    permission: str
    extent: Extent | None
    data: bytes
    also: tuple[Extent, ...] = ()
    """other places it stands in"""
    besides: str = ""
    """a permission that it takes beside the first, or empty"""
    unless: Extent | None = None
    """who sees what stands here is not told: it is still theirs"""


class AlarmNews(alarms.AlarmSaid, frozen=True, kw_only=True):
    """An alarm, and its transition."""

    transition: str
    at: Instant | None


class CaseStep(msgspec.Struct, frozen=True, kw_only=True):
    """A case's step, told beside the case."""

    sequence: int
    step: str
    steps: list[str]
    """all that are told with it, each once: those of the machine since the one told before"""
    at: Instant | None
    actor: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A word to whoever is there."""

    at: Instant | None
    text: Text
    severity: str = "info"


class DeviceNews(msgspec.Struct, frozen=True, kw_only=True):
    """Devices were registered, or unknown ones have spoken: ask for the list again."""

    at: Instant | None
    registered: int = 0
    unknown: str = ""
    """the address nobody has registered"""
    maintenance: str = ""


def topic_news(hub: Hub, topic: str, entries: Sequence[Entry]) -> list[News]:
    """What entries of one topic say, in order."""
    return _BY_TOPIC[topic](hub, entries)


def _alarms(hub: Hub, entries: Sequence[Entry]) -> list[News]:
    facts = [(entry.position, decode(entry.payload)) for entry in entries]
    wanted = sorted({fact.alarm for _, fact in facts if isinstance(fact, AlarmEvent)})

    def rows(connection: sa.Connection) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(wanted), CHUNK):
            found += (
                connection.execute(
                    sa.select(ALARM).where(ALARM.c.alarm.in_(wanted[start : start + CHUNK]))
                )
                .mappings()
                .all()
            )
        return found

    held = [alarm_table.from_row(row) for row in hub.ask("watch", rows, [])]
    items = {
        item.alarm: (row, item) for row, item in zip(held, alarms.saids(hub, held), strict=True)
    }
    news = []
    for position, fact in facts:
        if not isinstance(fact, AlarmEvent) or fact.alarm not in items:
            continue
        row, item = items[fact.alarm]
        told = AlarmNews(
            **msgspec.structs.asdict(item), transition=fact.transition, at=moment.say(fact.at)
        )
        news.append(News(position, "alarm", "alarm.read", alarms.extent(row), encode(told)))
    return news


def _cases(hub: Hub, entries: Sequence[Entry]) -> list[News]:
    return case_news(hub, [(entry.position, decode_step(entry.payload)) for entry in entries])


def case_news(hub: Hub, facts: Sequence[Placed]) -> list[News]:
    """What steps of cases say. What a person did to a case is told by itself. What the machine and
    signals did, a dozen steps where a case opens and hundreds a second in a storm, is told with
    what comes next of those read at once: the case is told as it is now, and would be the same each
    time."""
    last = {fact.case: fact.sequence for _, fact in facts}
    items = cases.items(hub, last)
    steps: dict[str, dict[str, None]] = {case: {} for case in items}
    news = []
    for position, fact in facts:
        told_of = steps.get(fact.case)
        if told_of is None:
            continue
        told_of[fact.step] = None
        item, extent = items[fact.case]
        if left := fact.data.parted:
            gone = Extent(extent.division, left, extent.probe)
            told_them = encode({"case": fact.case})
            news.append(News(position, "withdrawn", "case.read", gone, told_them, unless=extent))
        later = fact.sequence != last[fact.case]
        if later and (fact.step in POURS or fact.actor == SYSTEM.account):
            continue
        told = CaseStep(
            sequence=fact.sequence,
            step=fact.step,
            steps=list(told_of),
            at=moment.say(fact.at),
            actor=fact.actor,
        )
        told_of.clear()
        data = _together(encode(item), encode(told))
        news.append(News(position, "case", "case.read", extent, data))
    return news


def _together(one: bytes, other: bytes) -> bytes:
    """One JSON object of two that are not empty: an object made of both would cost as much again
    as writing it, for each case of a storm."""
    return one[:-1] + b"," + other[1:]


def _reports(hub: Hub, entries: Sequence[Entry]) -> list[News]:
    facts = [(entry.position, decode(entry.payload)) for entry in entries]
    held = [fact for _, fact in facts if isinstance(fact, Report)]
    items = {item.report: item for item in reports.saids(hub, held)}
    return [
        News(
            position, "report", "report.read", reports.extent(hub, fact), encode(items[fact.report])
        )
        for position, fact in facts
        if isinstance(fact, Report)
    ]


def _notice(position: int, permission: str, at: int, text: Text, severity: str = "info") -> News:
    notice = Notice(at=moment.say(at), text=text, severity=severity)
    return News(position, "notice", permission, None, encode(notice))


def _registry(hub: Hub, entries: Sequence[Entry]) -> list[News]:
    news: list[News] = []
    for entry in entries:
        fact, position = decode(entry.payload), entry.position
        if isinstance(fact, SourceChanged):
            item = sources.said(fact, None)
            news.append(News(position, "source", "source.read", None, encode(item)))
        elif isinstance(fact, DevicesRegistered | MaintenanceChanged):
            registered = fact.count_devices if isinstance(fact, DevicesRegistered) else 0
            window = fact.object if isinstance(fact, MaintenanceChanged) else ""
            told = DeviceNews(at=moment.say(fact.at), registered=registered, maintenance=window)
            news.append(News(position, "device", "device.read", None, encode(told)))
        elif isinstance(fact, RulesPublished):
            text = {
                "zh": f"规则第 {fact.version} 版已生效（{len(fact.rules)} 条）",
                "en": f"Rules version {fact.version} are in force ({len(fact.rules)} rules)",
            }
            news.append(_notice(position, "rule.read", fact.at, text))
        elif isinstance(fact, PackLoaded):
            text = {"zh": "城市包已重新载入", "en": "The city pack was loaded again"}
            news.append(_notice(position, "city.read", fact.at, text))
    return news


def _intake(hub: Hub, entries: Sequence[Entry]) -> list[News]:
    news = []
    for entry in entries:
        fact = decode(entry.payload)
        if isinstance(fact, UnknownSeen):
            told = DeviceNews(at=moment.say(fact.at), unknown=fact.unknown)
            news.append(News(entry.position, "device", "device.read", None, encode(told)))
        elif isinstance(fact, Quarantined):
            zh, en = (NOT_PUBLIC["zh"], NOT_PUBLIC["en"]) if fact.restricted else (fact.reason,) * 2
            text = {
                "zh": f"输入无法解读，已隔离：{fact.protocol}，{zh}",
                "en": f"Input could not be read and is in quarantine: {fact.protocol}, {en}",
            }
            news.append(_notice(entry.position, "quarantine.read", fact.at, text, "warning"))
    return news


def _deeds(hub: Hub, entries: Sequence[Entry]) -> list[News]:
    news: list[News] = []
    for entry in entries:
        fact = decode(entry.payload)
        if isinstance(fact, Deed) and fact.verb.startswith(rooms.VERB):
            news += _room(hub, entry.position, fact)
        if isinstance(fact, Deed) and fact.verb.startswith(HANDOVER):
            news.append(_handover(entry.position, fact))
    return news


def _handover(position: int, fact: Deed) -> News:
    """That a shift was handed over or taken, to those whose scope one of the two stands in; older
    deeds hold the note and not where: it is told to nobody, and they to who sees the whole city."""
    places = [
        Extent(one["division"], tuple(one["departments"])) for one in fact.data.get("extents", [])
    ] or [Extent()]
    data = encode({**fact.data.get("item", {}), "text": ""})
    return News(position, "handover", "handover.read", places[0], data, tuple(places[1:]))


def _units(hub: Hub, entries: Sequence[Entry]) -> list[News]:
    """Units as they stand now: of several tellings of one, the last says it all."""
    last: dict[str, int] = {}
    for entry in entries:
        fact = decode(entry.payload)
        if isinstance(fact, UnitTold):
            last[fact.unit] = entry.position
    now = hub.clock()
    return sorted(
        (
            News(
                last[one.unit.code],
                "unit",
                "unit.read",
                units.extent(one),
                encode(units.said(hub, one, now)),
            )
            for one in sending.standings(hub)
            if one.unit.code in last
        ),
        key=lambda news: news.position,
    )


def _room(hub: Hub, position: int, fact: Deed) -> list[News]:
    """What happened in a command room, to those who may see its case."""
    state = cases.states(hub, [fact.object]).get(fact.object)
    if state is None:
        return []
    told = msgspec.convert(fact.data["event"], RoomEvent)
    said = rooms.event_said(told, hub.names_of({told.actor}))
    return [News(position, "room", "room.use", cases.extent(state), encode(said))]


def _warnings(hub: Hub, entries: Sequence[Entry]) -> list[News]:
    """Warnings as they stand now: what is published to all, drafts to who drafts there."""
    news = []
    for entry in entries:
        fact = decode(entry.payload)
        if not isinstance(fact, WarningEvent):
            continue
        state = hub.records.read(partial(warning_table.get, warning=fact.warning))
        if state.messages and (fact.step == "publish" or state.pending is None):
            data = encode(warning_said.said(hub, state, drafts=False))
            news.append(News(entry.position, "warning", "warning.read", None, data))
            continue
        content = state.pending.content if state.pending else state.content
        where = warning_said.extent(hub, content)
        data = encode(warning_said.said(hub, state, drafts=True))
        besides = RESTRICTED if content.restriction else ""
        news.append(News(entry.position, "warning", "warning.draft", where, data, besides=besides))
    return news


def _hazards(hub: Hub, entries: Sequence[Entry]) -> list[News]:
    """Hazards as they stand now: of several steps of one, the last says it all."""
    last: dict[str, int] = {}
    for entry in entries:
        fact = decode(entry.payload)
        if isinstance(fact, HazardEvent):
            last[fact.hazard] = entry.position
    news = []
    for name, position in sorted(last.items(), key=lambda one: one[1]):
        state = hub.records.read(partial(hazard_table.get, hazard=name))
        extent = hazard_said.extent(state)
        data = encode(hazard_said.said(hub, state))
        news.append(News(position, "hazard", "hazard.read", extent, data))
    return news


def _bulletins(hub: Hub, entries: Sequence[Entry]) -> list[News]:
    """Messages of other bodies as they stand now, and those that each of them ends: as the public
    may know it to all, then as it is to those who may know more."""
    news = []
    for entry in entries:
        fact = decode(entry.payload)
        if not isinstance(fact, Bulletin):
            continue
        ask = partial(bulletins.concerned, bulletin=fact.bulletin)
        told = hub.ask("gate", partial(ask, public=True), [])
        more = [one for one in hub.ask("gate", ask, []) if one not in told]
        for allowed, found in (("warning.read", told), (RESTRICTED, more)):
            for one in found:
                data = encode(bulletin_said.said(hub, one))
                news.append(News(entry.position, "bulletin", allowed, None, data))
    return news


_BY_TOPIC: dict[str, Callable[[Hub, Sequence[Entry]], list[News]]] = {
    "alarm": _alarms,
    "case": _cases,
    "report": _reports,
    "registry": _registry,
    "intake": _intake,
    "deed": _deeds,
    "unit": _units,
    "warning": _warnings,
    "hazard": _hazards,
    "bulletin": _bulletins,
}
TOPICS = tuple(_BY_TOPIC)
"""in the order in which a cursor counts them"""

KINDS: dict[str, frozenset[str]] = {
    "alarm": frozenset(("alarm",)),
    "case": frozenset(("case", "withdrawn")),
    "report": frozenset(("report",)),
    "registry": frozenset(("source", "device", "notice")),
    "intake": frozenset(("device", "notice")),
    "deed": frozenset(("room", "handover")),
    "unit": frozenset(("unit",)),
    "warning": frozenset(("warning",)),
    "hazard": frozenset(("hazard",)),
    "bulletin": frozenset(("bulletin",)),
}
"""topic → kinds of events it makes"""
