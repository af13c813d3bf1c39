"""The city's open fire alarms, judged by all that is known now, the likeliest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tianmu.city.place.distance import far
from tianmu.scenarios.fire_alarms.estate import COMPONENT, Estate, Spot
from tianmu.scenarios.fire_alarms.event import DAY, Event
from tianmu.scenarios.fire_alarms.evidence import (
    CALL,
    CAMERA,
    CLEARED,
    RESET,
    Judged,
    Place,
    judge,
)
from tianmu.scenarios.fire_alarms.figures import Evidence, evidence, settings
from tianmu.scenarios.fire_alarms.memory import Memory
from tianmu.scenarios.fire_alarms.model import degree
from tianmu.scenarios.signals import Signal
from tianmu.scenarios.world import OpenAlarm, World
from tianmu.sense.gbt26875.tables import UNIT_OPERATION

OTHER = "other"
_RESET = 1 << UNIT_OPERATION.codes.index("reset")
_CLEARED = 1 << UNIT_OPERATION.codes.index("clear")


@dataclass(frozen=True)
class Ranked:
    alarm: OpenAlarm
    spot: Spot
    judged: Judged
    degree: int
    case: str = ""
    """that it belongs to, where that is known and open"""


def rank(world: World, estate: Estate) -> tuple[Ranked, ...]:
    """Every open alarm that tells of fire, as many as a scenario is shown; the likeliest first."""
    figures, now = evidence(world.city), world.now
    kinds = {one.code: one for one in figures.kinds}
    past = world.signals(settings().watched.called, now - round(figures.past_days * DAY))
    # a city's own smoke alarms are judged too, whatever else they belong to
    alarms = world.others(tuple(settings().watched.rules))
    open_ids = {alarm.alarm for alarm in alarms}
    ends = {one.id: one for one in past if one.id in open_ids}
    opened = [(alarm, _of_alarm(alarm, estate, ends.get(alarm.alarm))) for alarm in alarms]
    told = [
        event
        for signal in past
        if not signal.report
        and signal.id not in open_ids
        and (event := _of_signal(signal, estate)) is not None
    ]
    judged = [
        (alarm, event) for alarm, event in opened if event is not None and kinds[event.kind].alarm
    ]
    by_building: dict[str, list[Event]] = defaultdict(list)
    there = [event for _, event in opened if event is not None]
    for event in (*there, *told):
        by_building[event.building].append(event)
    where = _places(world, judged)
    for event in (*_calls(past, where, figures), *_cameras(world, where, figures)):
        by_building[event.building].append(event)
    for building in {event.building for _, event in judged}:
        by_building[building] += operations(world, building)
    memory = remember(told, figures)
    places = {name: Place.of(events) for name, events in by_building.items()}
    found: list[Ranked] = []
    for alarm, event in judged:
        one = judge(event, places[event.building], memory, now, figures)
        end = ends.get(alarm.alarm)
        case = end.case if end is not None and not end.closed_at else ""
        grade = degree(one.probability, figures)
        found.append(Ranked(alarm, estate.spot(alarm.device), one, grade, case))
    return tuple(sorted(found, key=lambda one: (-one.judged.probability, -one.alarm.at)))


def remember(told: Iterable[Event], figures: Evidence) -> Memory:
    memory = Memory(figures)
    for event in sorted(told, key=lambda one: one.at):
        memory.add(event)
    return memory


def past_events(world: World, estate: Estate, since: int, *, calls: bool = False) -> list[Event]:
    """Alarms of cases since then (µs), in the order of their times; with the ``calls`` of citizens
    near their buildings."""
    signals = world.signals(settings().watched.called, since)
    told: list[Event] = []
    where: Where = {}
    for one in signals:
        event = None if one.report else _of_signal(one, estate)
        if event is not None:
            told.append(event)
            if one.longitude is not None and one.latitude is not None:
                where.setdefault(event.building, (one.longitude, one.latitude))
    if calls:
        told += _calls(signals, where, evidence(world.city))
    return sorted(told, key=lambda one: one.at)


def _kind(rule: str, spot: Spot) -> str:
    """What kind of signal an alarm of ``rule`` is; empty where it is none of ours."""
    kind = settings().watched.rules.get(rule, "")
    return (spot.kind or OTHER) if kind == COMPONENT else kind


def _of_alarm(alarm: OpenAlarm, estate: Estate, end: Signal | None) -> Event | None:
    """``end``: how its case ended, though the alarm itself is still open."""
    spot = estate.spot(alarm.device)
    kind = _kind(alarm.rule, spot)
    if not kind:
        return None
    return Event(
        at=alarm.at, building=spot.building, detector=alarm.device, kind=kind, zone=spot.zone,
        ended=alarm.returned_at, test=alarm.test,
        verdict=end.verdict if end else "", known=end.closed_at if end else 0,
    )  # fmt: skip


def _of_signal(signal: Signal, estate: Estate) -> Event | None:
    spot = estate.spot(signal.device)
    kind = _kind(signal.rule, spot)
    if not kind:
        return None
    return Event(
        at=signal.at, building=spot.building, detector=signal.device, kind=kind, zone=spot.zone,
        verdict=signal.verdict, known=signal.closed_at,
    )  # fmt: skip


Where = dict[str, tuple[float, float]]
"""building → longitude, latitude, of those that have an alarm"""


def _places(world: World, judged: Iterable[tuple[OpenAlarm, Event]]) -> Where:
    found: Where = {}
    for alarm, event in judged:
        if alarm.longitude is not None and alarm.latitude is not None:
            found.setdefault(event.building, (alarm.longitude, alarm.latitude))
    return found


def _calls(past: Iterable[Signal], where: Where, figures: Evidence) -> list[Event]:
    """Citizens' calls, at each building that they may speak of."""
    return [
        Event(at=one.at, building=building, detector=f"report {one.id}", kind=CALL)
        for one in past
        if one.report
        for building in _near(one.longitude, one.latitude, where, figures)
    ]


def _cameras(world: World, where: Where, figures: Evidence) -> list[Event]:
    return [
        Event(at=one.at, building=building, detector=one.device, kind=CAMERA)
        for one in world.others(settings().watched.near)
        for building in _near(one.longitude, one.latitude, where, figures)
    ]


def _near(
    longitude: float | None, latitude: float | None, where: Where, figures: Evidence
) -> list[str]:
    if longitude is None or latitude is None:
        return []
    return [
        name for name, (x, y) in where.items()
        if far(longitude, latitude, x, y) <= figures.near_m
    ]  # fmt: skip


def operations(world: World, building: str) -> list[Event]:
    """What the operator did last at the panel: reset it, or said that it was cleared."""
    streams = np.array([world.stream(building, "operation")], np.uint32)
    value, at = world.last(streams)
    if not np.isfinite(value[0]) or at[0] < world.now - DAY:
        return []
    word = int(value[0])
    return [
        Event(at=int(at[0]), building=building, detector=building, kind=kind)
        for bit, kind in ((_RESET, RESET), (_CLEARED, CLEARED))
        if word & bit
    ]
