"""How likely a fire alarm is real, as a sum that anybody can add up.

Logarithms of odds: the prior, the kind of detector, one weight for each sign that is there, and
what became of earlier alarms of this detector and of its building. Signs are taken as independent,
which they are not quite: their weights are set low for it, and the sum is told as a rank and a
reason for looking, never as a reason for not going.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tianmu.facts.text import Text, fill
from tianmu.scenarios.fire_alarms.event import DAY, MINUTE, REAL, SECOND, Event
from tianmu.scenarios.fire_alarms.figures import Evidence, say
from tianmu.scenarios.fire_alarms.memory import Memory, weight

HOUR = 3600 * SECOND
MANUAL, FLOW, CALL, CAMERA = "manual", "flow", "call", "camera"
OPERATOR, CLEARED, RESET, FAULT = "operator", "cleared", "reset", "fault"


@dataclass(frozen=True)
class Reason:
    code: str
    weight: float
    says: Text


@dataclass(frozen=True)
class Wanted:
    """What would make it surer, and what the probability would be then."""

    code: str
    probability: float
    ask: Text


@dataclass(frozen=True)
class Judged:
    event: Event
    probability: float
    reasons: tuple[Reason, ...]
    """the weightiest first; the prior is no reason"""
    wanted: tuple[Wanted, ...]
    """the most telling first"""


@dataclass(frozen=True, eq=False)
class Place:
    """All signals of one building in the order of their times."""

    times: Sequence[int]
    events: Sequence[Event]

    @classmethod
    def of(cls, events: Sequence[Event]) -> Place:
        ordered = sorted(events, key=lambda one: one.at)
        return cls([one.at for one in ordered], ordered)

    def between(self, start: int, end: int) -> Sequence[Event]:
        """From ``start`` to ``end``, both with them."""
        return self.events[bisect_left(self.times, start) : bisect_right(self.times, end)]


def judge(event: Event, place: Place, memory: Memory, until: int, figures: Evidence) -> Judged:
    """``event`` as it looks at ``until`` (µs): nothing that came later is used."""
    memory.learn(until)
    kinds = {one.code: one for one in figures.kinds}
    kind = kinds[event.kind]
    signs = {one.code: one for one in figures.signs}
    there = _signs(event, place, until, figures)
    reasons = [
        Reason(
            code, signs[code].weight * (times if signs[code].each else 1),
            fill(signs[code].says, count=times, times=times),
        )
        for code, times in there.items()
    ]  # fmt: skip
    if kind.weight:
        reasons.append(Reason("kind", kind.weight, kind.name))
    own, others = memory.own(event), memory.others(event)
    for code, count, counted in (
        ("own_history", own, figures.own), ("building_history", others, figures.building),
    ):  # fmt: skip
        if count.known:
            found = weight(count, figures.prior, counted)
            says = say(code, real=count.real, known=count.known)
            reasons.append(Reason(code, found, says))
    sum_ = math.log(figures.prior / (1 - figures.prior)) + sum(one.weight for one in reasons)
    reasons.sort(key=lambda one: -abs(one.weight))
    wanted = [
        Wanted(sign.code, _share(sum_ + sign.weight, figures), sign.ask)
        for sign in figures.signs
        if sign.ask and sign.weight and sign.code not in there and sign.code != event.kind
    ]
    wanted.sort(key=lambda one: -abs(signs[one.code].weight))
    return Judged(event, _share(sum_, figures), tuple(reasons), tuple(wanted))


def judged_rows(
    events: Sequence[Event],
    figures: Evidence,
    wait: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    every: int = 5_000,
) -> list[Judged | None]:
    """Each alarm as it looked ``wait`` µs after it came, in the order of the rows; None for what is
    only a sign of some."""
    order = sorted(range(len(events)), key=lambda row: (events[row].at, row))
    by_building: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_building[event.building].append(event)
    places = {name: Place.of(those) for name, those in by_building.items()}
    alarms = {one.code for one in figures.kinds if one.alarm}
    memory = Memory(figures)
    found: list[Judged | None] = [None] * len(events)
    for done, row in enumerate(order):
        event = events[row]
        if event.kind in alarms:
            found[row] = judge(event, places[event.building], memory, event.at + wait, figures)
            memory.add(event)
        if done % every == 0:
            progress(done, len(events))
    return found


def _share(log_odds: float, figures: Evidence) -> float:
    return max(figures.lowest, min(figures.highest, 1 / (1 + math.exp(-log_odds))))


def _signs(event: Event, place: Place, until: int, figures: Evidence) -> Mapping[str, int]:
    """Sign → how many speak for it."""
    window = round(figures.window_min * MINUTE)
    near = [
        one
        for one in place.between(event.at - window, min(until, event.at + window))
        if one.detector != event.detector and not one.test
    ]
    kinds = {one.code: one for one in figures.kinds}
    found: dict[str, int] = {}
    seconds = {one.detector: one for one in near if kinds[one.kind].fire}
    zone = [one for one in seconds.values() if event.zone and one.zone == event.zone]
    if zone:
        found["second_zone"] = len(zone)
        if len(zone) > 1:
            found["third_zone"] = len(zone) + 1
    elsewhere = len(seconds) - len(zone)
    if elsewhere and kinds[event.kind].fire:
        found["second_building"] = elsewhere
    elif elsewhere:
        # a button or a flow switch has no zone of its own: any detector confirms it
        found["detectors"] = elsewhere
    if kinds[event.kind].fire and any(one.kind != event.kind for one in seconds.values()):
        found["other_kind"] = 1
    for code in (MANUAL, FLOW, CALL, CAMERA, OPERATOR, CLEARED):
        many = len({one.detector for one in near if one.kind == code})
        if many and code != event.kind:
            found[code] = many
    quick = round(figures.quick_s * SECOND)
    if event.ended and event.ended <= min(until, event.at + quick):
        found["short"] = 1
    # panels tell whole seconds
    if any(one.kind == RESET and -SECOND < one.at - event.at <= quick for one in near):
        found["reset"] = 1
    if event.test:
        found["test"] = 1
    if 0 < event.settled <= until:
        found["closed" if event.verdict == REAL else "void"] = 1
    found |= _past(event, place, until, figures, window)
    return found


def _past(
    event: Event, place: Place, until: int, figures: Evidence, window: int
) -> Mapping[str, int]:
    """What the detector itself did before."""
    found: dict[str, int] = {}
    back = round(max(figures.again_days * DAY, figures.fault_h * HOUR))
    own = [
        one
        for one in place.between(event.at - back, event.at - 1)
        if one.detector == event.detector
    ]
    if any(one.kind == FAULT and event.at - one.at <= figures.fault_h * HOUR for one in own):
        found["fault"] = 1
    since = event.at - figures.again_days * DAY
    unknown = [
        one
        for one in own
        if one.kind == event.kind
        and not 0 < one.settled <= until
        and since <= one.at < event.at - window
    ]
    if times := min(len(unknown), figures.again_most):
        found["again"] = times
    return found
