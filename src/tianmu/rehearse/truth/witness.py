"""All that is told of the things of a day: facts, each with the thing it truly tells of.

Alarms of devices and reports of people as the city's own facts, with the faults that both have:
points that are off, matters that are mistaken, the same told twice, alarms that come and go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tianmu.facts.alarm import AlarmEvent, AlarmState
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device
from tianmu.facts.report import Report, Reporter
from tianmu.facts.text import Text
from tianmu.rehearse.truth.thing import Thing, Things, moved
from tianmu.rehearse.truth.words import Words

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Told:
    """One fact that arrives at ``at`` (µs) and truly tells of thing ``thing``."""

    at: int
    thing: int
    fact: AlarmEvent | Report

    @property
    def signal(self) -> str:
        """``alarm:<id>`` or ``report:<id>``; empty where the fact is no new signal."""
        fact = self.fact
        if isinstance(fact, Report):
            return f"report:{fact.report}"
        return f"alarm:{fact.alarm}" if fact.transition == "raise" else ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A device of a thing, as it is registered."""

    device: Device
    place: Place


class Witnesses:
    """Makes the facts. ``begin`` is when the day begins (µs); ``names`` are the matters' names."""

    def __init__(
        self,
        truth: dict[str, Any],
        things: Things,
        words: Words,
        names: dict[str, Text],
        random: np.random.Generator,
        *,
        begin: int,
        mark: str,
    ) -> None:
        self._truth, self._things, self._words = truth, things, words
        self._names, self._random = names, random
        self._begin, self._mark = begin, mark
        self._matters = sorted({one["matter"] for one in truth["story"]})
        self._serial = 0
        self._standing: dict[tuple[int, int], list[Standing]] = {}
        self._of: dict[int, int] = {}
        self._landmarks: dict[int, list[str]] = {}

    def devices(self) -> Iterator[Device]:
        """The devices that have spoken so far."""
        for some in self._standing.values():
            yield from (one.device for one in some)

    def tell(self, thing: Thing) -> list[Told]:
        """All facts about a thing, in no order. A thing that happens again has the devices and the
        landmarks that it had."""
        self._of[thing.number] = first = self._of.get(thing.again_of, thing.number)
        found: list[Told] = []
        for place, spec in enumerate(thing.story["alarms"]):
            for one in self._devices_of(first, place, spec, thing):
                found += self._alarms(thing, spec, one)
        for spec in thing.story["told"]:
            for _ in range(self._number(spec)):
                found += self._reports(thing, first, spec)
        if not found:  # somebody must have told of it
            found += self._silent(thing, first)
        twice = [one for one in found if self._chance(self._truth["duplicate"])]
        found += [
            Told(one.at + self._time(self._between((1, 600))), one.thing, one.fact)
            for one in twice
            if one.signal
        ]
        return found

    # -- draws -----------------------------------------------------------------------------------

    def _between(self, low_high: Any) -> float:
        return float(self._random.uniform(low_high[0], low_high[1]))

    def _chance(self, share: float) -> bool:
        return bool(self._random.random() < share)

    def _number(self, spec: dict[str, Any]) -> int:
        low, high = spec["number"]
        return int(self._random.integers(low, high + 1))

    @staticmethod
    def _time(seconds: float) -> int:
        return int(seconds * SECOND)

    def _id(self, letter: str) -> str:
        self._serial += 1
        return f"{letter}{self._mark}-{self._serial}"

    # -- devices ---------------------------------------------------------------------------------

    def _devices_of(
        self, first: int, place: int, spec: dict[str, Any], thing: Thing
    ) -> list[Standing]:
        known = self._standing.get((first, place))
        if known is not None:
            return known
        how = self._truth["source"]["device"]
        found: list[Standing] = []
        for _ in range(self._number(spec)):
            x, y = self._things.around(thing, spec["within_m"])
            where = Place()
            if self._chance(min(how["point"], spec.get("placed", 1.0))):
                where = self._point(x, y, how["off_m"], how["precision_m"])
            tie = spec.get("tie", "")
            device = Device(
                device=self._id("d"),
                kind=spec["kind"],
                properties=("state",),
                place=where,
                origin=Origin.SEEDED,
                labels={tie: f"{tie}-{self._mark}-{first}"} if tie else {},
            )
            found.append(Standing(device, where))
        self._standing[first, place] = found
        return found

    def _alarms(self, thing: Thing, spec: dict[str, Any], one: Standing) -> list[Told]:
        """The alarm rises and returns; where it chatters it rises again, before the thing is
        over."""
        found: list[Told] = []
        at = thing.at + self._between(spec["after_s"])
        device = one.device.device
        while at < thing.over:
            alarm = self._id("a")
            until = min(at + self._between((20, 1800)), thing.over)
            event = AlarmEvent(
                alarm=alarm,
                identity=f"{spec['matter']}@{device}/state",
                transition="raise",
                state=AlarmState.UNACKNOWLEDGED,
                before=AlarmState.NORMAL,
                at=self._begin + self._time(at),
                observed_at=self._begin + self._time(at),
                rule=f"{spec['kind']}.{spec['matter']}",
                priority=spec["priority"],
                matter=spec["matter"],
                device=device,
                device_kind=spec["kind"],
                datastream=f"{device}/state",
                text=self._names.get(spec["matter"], {}),
                place=one.place,
                source="truth",
                origin=Origin.SEEDED,
            )
            found.append(Told(event.at, thing.number, event))
            end = self._begin + self._time(until)
            found.append(Told(end, thing.number, _returned(event, end)))
            if not self._chance(spec.get("chatter", 0.0)):
                break
            at = until + self._between((5, 900))
        return found

    def _point(self, x: float, y: float, off_m: float, precision_m: float) -> Place:
        east, north = self._random.normal(0, off_m, 2)
        longitude, latitude = moved(x, y, float(east), float(north))
        return Place(
            longitude=round(longitude, 6),
            latitude=round(latitude, 6),
            precision=precision_m or None,
        )

    # -- people ----------------------------------------------------------------------------------

    def _silent(self, thing: Thing, first: int) -> list[Told]:
        told = thing.story["told"]
        if told:
            return self._reports(thing, first, told[int(self._random.integers(len(told)))])
        spec = {**thing.story["alarms"][0], "number": (1, 1)}
        self._standing.pop((first, 0), None)
        [one] = self._devices_of(first, 0, spec, thing)
        return self._alarms(thing, spec, one)

    def _reports(self, thing: Thing, first: int, spec: dict[str, Any]) -> list[Told]:
        how = self._truth["source"][spec["channel"]]
        at = thing.at + self._between(spec["after_s"])
        number = self._id("n")
        report = Report(
            report=self._id("r"),
            at=self._begin + self._time(at),
            channel=spec["channel"],
            text=self._text(thing, first, spec["matter"]),
            matter=self._matter(thing, spec["matter"], how),
            place=self._where(thing, first, spec, how),
            reporter=Reporter(phone=f"1990000{int(self._random.integers(10_000)):04d}"),
            source=spec["channel"],
            origin=Origin.SEEDED,
            data={"number": number},
        )
        found = [Told(report.at, thing.number, report)]
        if self._chance(how["retold"]):
            later = min(at + self._between((60, 3600)), thing.over)
            second = Report(
                report=self._id("r"),
                at=self._begin + self._time(later),
                channel=report.channel,
                text=self._text(thing, first, spec["matter"]),
                matter=report.matter,
                place=report.place,
                reporter=report.reporter,
                source=report.source,
                origin=report.origin,
                data={"number": number},
            )
            found.append(Told(second.at, thing.number, second))
        return found

    def _matter(self, thing: Thing, matter: str, how: dict[str, Any]) -> str:
        if not self._chance(how["named"]):
            return ""
        if not self._chance(how["mistaken"]):
            return matter
        wrong = thing.story["mistaken"] or self._matters
        return str(wrong[int(self._random.integers(len(wrong)))])

    def _where(self, thing: Thing, first: int, spec: dict[str, Any], how: dict[str, Any]) -> Place:
        town = self._words.name(thing.division)
        if not self._chance(how["point"]):
            address = f"{town}{self._landmark(first)}"
            return Place(division=thing.division, address=address)
        coarse = 10.0 if self._chance(how["coarse"]) else 1.0
        off = max(how["off_m"], spec.get("off_m", 0.0)) * coarse
        precision = max(how["precision_m"], 2 * spec.get("off_m", 0.0)) * coarse
        x, y = self._things.around(thing, thing.story["spread_m"])
        return self._point(x, y, off, precision)

    def _landmark(self, first: int) -> str:
        """A name of the spot: one of its own, or somebody's else."""
        known = self._landmarks.get(first)
        if known is None:
            wanted = self._truth["landmarks"]
            known = [self._words.word(self._truth["landmark"], self._random) for _ in range(wanted)]
            self._landmarks[first] = known
        if self._chance(self._truth["elsewhere"]):
            return self._words.word(self._truth["landmark"], self._random)
        return known[int(self._random.integers(len(known)))]

    def _text(self, thing: Thing, first: int, matter: str) -> str:
        fixed = {self._truth["landmark"]: self._landmark(first)}
        said = self._words.tell(matter, thing.division, thing.division, self._random, fixed=fixed)
        if said is not None:
            return said[0]
        name = self._names.get(matter, {})
        return next(iter(name.values()), matter)


def _returned(event: AlarmEvent, at: int) -> AlarmEvent:
    return AlarmEvent(
        alarm=event.alarm,
        identity=event.identity,
        transition="return",
        state=AlarmState.RETURNED_UNACKNOWLEDGED,
        before=AlarmState.UNACKNOWLEDGED,
        at=at,
        observed_at=at,
        rule=event.rule,
        priority=event.priority,
        matter=event.matter,
        device=event.device,
        place=event.place,
        source=event.source,
        origin=event.origin,
    )
