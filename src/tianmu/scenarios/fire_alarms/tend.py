"""What is done without an order: duty checks, and cases that are raised as signs come together.

A case with an alarm that is likely real, or as good as sure, is of the level at least that
``weights.toml`` says, with the reasons; it is never lowered for what the judgement says.

Duty checks come at times that nobody in a control room can foresee: each day of the city each
linked room draws its times from the city's own secret seed. A room without a link is not asked:
that its link is down is an alarm already.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from tianmu.city.charter.attendance import Attendance
from tianmu.scenarios.fire_alarms.estate import Estate
from tianmu.scenarios.fire_alarms.event import MINUTE
from tianmu.scenarios.fire_alarms.figures import evidence, say, settings
from tianmu.scenarios.fire_alarms.model import LIKELY, SURE, both
from tianmu.scenarios.fire_alarms.ranking import rank
from tianmu.scenarios.tend import RAISE, Errand, Errands
from tianmu.scenarios.world import World
from tianmu.sense.gbt26875.readings import PROTOCOL
from tianmu.store.registry import Registry

VERB = "panel.duty_check"
REASONS = 3
"""that are told of a case that is raised: the weightiest"""
DAYS = 4
"""whose draws are kept: the three that one look goes through at most, and one more"""
Drawn = tuple[tuple[int, str], ...]
"""time (µs) and unit, in this order"""


def errands(world: World, since: int, until: int, seed: bytes) -> Errands:
    """Checks that fell due after ``since`` and not after ``until`` (µs), and cases that are to be
    graver now."""
    due, late = _checks(world, since, until, seed)
    return Errands((*due, *_raises(world)), late)


def _raises(world: World) -> Iterator[Errand]:
    """Each case once, for its likeliest alarm."""
    figures = evidence(world.city)
    levels = {LIKELY: figures.raise_likely, SURE: figures.raise_sure}
    if not any(levels.values()) or not world.others(tuple(settings().watched.rules)):
        return
    done: set[str] = set()
    for one in rank(world, Estate(world)):
        level = levels.get(one.degree, 0)
        if not level or not one.case or one.case in done:
            continue
        done.add(one.case)
        share = f"{100 * one.judged.probability:.0f} %"
        why = say("raised", share=share, reasons=both("reasons", one.judged, most=REASONS))
        yield Errand(one.alarm.at, RAISE, one.case, {"level": level, "why": why})


def _checks(world: World, since: int, until: int, seed: bytes) -> tuple[list[Errand], int]:
    """Those that are due, and how many are too late."""
    asked, calendar = world.city.attendance, world.city.calendar
    if asked.per_day <= 0 or until <= since:
        return [], 0
    late_before = until - round(asked.late_min * MINUTE)
    # whoever was away for days need not go through all of them to know that they are late
    first = max(calendar.local(since).date(), calendar.local(until).date() - timedelta(days=2))
    last = calendar.local(until).date()
    due: list[Errand] = []
    late = 0
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        drawn = _drawn(world, day, seed)
        for at, unit in drawn[bisect_right(drawn, since, key=_at) :]:
            if at > until:
                break
            if not _linked(world, unit):
                continue
            if at < late_before:
                late += 1
            else:
                due.append(Errand(at, VERB, unit, {"minutes": asked.minutes}))
    return sorted(due, key=lambda one: (one.at, one.object)), late


def _drawn(world: World, day: date, seed: bytes) -> Drawn:
    """Every unit with each time that it draws on that day."""
    registry, kinds = world.registry, list(world.registry.kinds)
    if settings().watched.unit not in kinds:
        return ()
    units = np.flatnonzero(registry.kind == kinds.index(settings().watched.unit))
    midnight = world.city.calendar.instant(day, 0)
    return _draw(registry, units.tobytes(), seed, day, midnight, world.city.attendance)


@lru_cache(maxsize=DAYS)
def _draw(
    registry: Registry, units: bytes, seed: bytes, day: date, midnight: int, asked: Attendance
) -> Drawn:
    """Drawn once for a day and its units: hub asks every 20 s, in the middle of a storm too."""
    names = map(registry.device_id, np.frombuffer(units, np.intp).tolist())
    found = (
        (midnight + round(minute * MINUTE), unit)
        for unit in names
        for minute in times(seed, unit, day, asked)
    )
    return tuple(sorted(found))


def _at(one: tuple[int, str]) -> int:
    return one[0]


def _linked(world: World, unit: str) -> bool:
    """Whether it speaks the protocol, is no probe's, and has a link now."""
    index = world.registry.find(unit)
    if index is None:
        return False
    known = world.registry.device(index)
    link, _ = world.last(np.array([world.stream(unit, "link")], np.uint32))
    spoken = known.labels.get("address", "").startswith(f"{PROTOCOL}/")
    return spoken and not known.probe and bool(link[0] == 1)


def times(seed: bytes, unit: str, day: date, asked: Attendance) -> list[float]:
    """Minutes of the day at which a room is asked: as many as ``per_day``, its fraction by lot."""
    whole = int(asked.per_day)
    count = whole + (_lot(seed, unit, day, "one more") < asked.per_day - whole)
    first, last = asked.hours
    return sorted(
        60 * (first + _lot(seed, unit, day, str(number)) * (last - first))
        for number in range(count)
    )


def _lot(seed: bytes, unit: str, day: date, what: str) -> float:
    """A number from 0 to before 1 that nobody knows who does not know the seed."""
    digest = hashlib.blake2b(f"{unit}|{day}|{what}".encode(), key=seed, digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
