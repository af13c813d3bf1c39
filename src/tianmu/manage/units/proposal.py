"""Who should be sent to which case: costs, the assignment of all of them together, and reasons.

A cost is how long a unit would take, in minutes, with what else counts turned into minutes by the
pack (``sending.toml``: skills, load, department, a place not known of late) and weighed by level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tianmu.city.calendar.limit import MINUTE
from tianmu.city.way.travel import Pace, pace_of
from tianmu.facts.text import Text, say
from tianmu.manage.case.state import CaseState
from tianmu.manage.levels.asked import Wanted, asked
from tianmu.manage.units.assign import Pairs, Task, assign
from tianmu.manage.units.unit import Standing
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City

WAITS = ("dispatch", "handle")
"""stages in which units are sent"""


@dataclass(frozen=True)
class Proposal:
    """One unit for one case."""

    standing: Standing
    seconds: float
    by: str
    """``streets``, ``line``, ``air`` or ``desk``"""
    minutes: float
    """what it costs: the arrival with what else counts, not weighed by level"""
    chosen: bool
    """one of those that the assignment gives to this case"""
    other: str
    """the case it is given to instead, or empty"""
    reasons: tuple[Text, ...]


@dataclass(frozen=True)
class Plan:
    """Costs of all cases and units at one moment, and who goes where. Rows are cases, columns
    units, in the order they were given."""

    city: City
    now: int
    states: tuple[CaseState, ...]
    standings: tuple[Standing, ...]
    seconds: NDArray[np.float64]
    streets: NDArray[np.bool_]
    minutes: NDArray[np.float64]
    """infinite where the unit cannot be sent"""
    lacking: NDArray[np.float64]
    """share of the skills"""
    pairs: Pairs
    before: Pairs

    def row(self, case: str) -> int:
        """The row of a case; LookupError where it is none of these."""
        for row, state in enumerate(self.states):
            if state.case == case:
                return row
        raise LookupError(f"case {case} is not among those that wait for units")

    def chosen(self) -> dict[str, tuple[str, ...]]:
        """Case → units that the assignment gives to it, the nearest first."""
        found: dict[str, list[tuple[float, str]]] = {}
        for case, unit in self.pairs:
            one = (float(self.minutes[case, unit]), self.standings[unit].unit.code)
            found.setdefault(self.states[case].case, []).append(one)
        return {case: tuple(code for _, code in sorted(units)) for case, units in found.items()}


def place_of(city: City, state: CaseState) -> tuple[float, float] | None:
    """Where a case is: its point, else the known point of its division."""
    place = state.place
    if place.longitude is None or place.latitude is None:
        known = city.places.place_of(state.division) if state.division else None
        if known is None or known.longitude is None or known.latitude is None:
            return None
        return known.longitude, known.latitude
    return place.longitude, place.latitude


def places_open(city: City, state: CaseState) -> int:
    """How many units the case still asks for by its level, and no fewer than its plan names."""
    if state.probe or state.suspended_at or state.stage not in WAITS or not city.sending.kind:
        return 0
    sent = sum(1 for one in state.open_orders if one.force)
    return max(0, city.sending.at(level_of(city, state)).units - sent, len(asked(city, state)))


def level_of(city: City, state: CaseState) -> int:
    """Number of the case's level, the lightest where it has none."""
    return state.level_number or len(city.profile.levels)


def arrivals(
    city: City, points: NDArray[np.float64], standings: Sequence[Standing]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Seconds from units to points and whether by the streets; shape (points, units). Infinite
    for units of no known place."""
    seconds = np.full((len(points), len(standings)), np.inf)
    streets = np.zeros(seconds.shape, dtype=np.bool_)
    groups: dict[Pace, list[int]] = {}
    for column, one in enumerate(standings):
        if one.kind is not None and one.kind.moves == "none":
            seconds[:, column] = 0.0
        elif one.longitude is not None:
            groups.setdefault(pace_of(one.unit, one.kind), []).append(column)
    for pace, columns in groups.items():
        there = [(standings[i].longitude, standings[i].latitude) for i in columns]
        times = city.travel.times(points, np.array(there, dtype=np.float64), pace)
        seconds[:, columns], streets[:, columns] = times.seconds, times.streets
    return seconds, streets


def plan(
    city: City,
    states: Sequence[CaseState],
    standings: Sequence[Standing],
    now: int,
    before: Mapping[str, Sequence[str]] | None = None,
) -> Plan:
    """Costs and assignment of units to all ``states`` together. ``before`` (case → units) is what
    was proposed last."""
    known = [(place_of(city, state) or (np.nan, np.nan)) for state in states]
    points = np.array(known, dtype=np.float64).reshape(-1, 2)
    seconds = np.full((len(states), len(standings)), np.inf)
    streets = np.zeros(seconds.shape, dtype=np.bool_)
    placed = np.flatnonzero(np.isfinite(points[:, 0]))
    if len(placed) and standings:
        seconds[placed], streets[placed] = arrivals(city, points[placed], standings)
    minutes, lacking = _minutes(city, states, standings, seconds)
    weigh = city.sending.weigh
    weights = np.array([city.sending.at(level_of(city, one)).weight for one in states])
    had = _had(states, standings, before or {})
    costs = minutes * weights[:, None] if len(states) else minutes
    parts = _parts(city, states, standings, costs)
    of = [one.row for one in parts]
    task = Task(
        costs=np.array([one.costs for one in parts]).reshape(len(parts), len(standings)),
        places=[one.places for one in parts],
        room=[one.capacity - one.load if one.available else 0 for one in standings],
        unmet=list(weigh.unmet_min * weights[of]),
        change=list(weigh.change_min * weights[of]),
        load=weigh.load_min,
        before=frozenset(
            (part, unit)
            for part, one in enumerate(parts)
            for unit in range(len(standings))
            if (one.row, unit) in had and np.isfinite(one.costs[unit])
        ),
    )
    return Plan(
        city=city,
        now=now,
        states=tuple(states),
        standings=tuple(standings),
        seconds=seconds,
        streets=streets,
        minutes=minutes,
        lacking=lacking,
        pairs=frozenset((of[part], unit) for part, unit in _assigned(task, of)),
        before=had,
    )


def _had(
    states: Sequence[CaseState], standings: Sequence[Standing], before: Mapping[str, Sequence[str]]
) -> Pairs:
    """What was proposed before, of what is still there: rows of cases, columns of units."""
    case_row = {state.case: row for row, state in enumerate(states)}
    unit_column = {one.unit.code: column for column, one in enumerate(standings)}
    return frozenset(
        (case_row[case], unit_column[unit])
        for case, units in before.items()
        if case in case_row
        for unit in units
        if unit in unit_column
    )


def _assigned(task: Task, of: Sequence[int]) -> Pairs:
    """The pairs of least cost, parts and units; ``of``: the case of each part. A unit with room for
    several does not come twice to one case: it keeps the place that asks for its kind."""
    while True:
        pairs = assign(task)
        first: dict[tuple[int, int], int] = {}
        twice = [
            (part, unit)
            for part, unit in sorted(pairs)  # of a case, the part for whomever stands last
            if first.setdefault((of[part], unit), part) != part
        ]
        if not twice:
            return pairs
        costs = task.costs.copy()
        costs[tuple(np.array(twice).T)] = np.inf
        task = replace(task, costs=costs)


@dataclass(frozen=True)
class _Part:
    """Places of a case that are filled alike: one for each kind that its plan asks for, and those
    for whomever."""

    row: int
    costs: NDArray[np.float64]
    places: int


def _parts(
    city: City,
    states: Sequence[CaseState],
    standings: Sequence[Standing],
    costs: NDArray[np.float64],
) -> list[_Part]:
    """A kind of which nobody can come leaves its place to whoever can."""
    found: list[_Part] = []
    for row, state in enumerate(states):
        places = places_open(city, state)
        for wanted in asked(city, state) if places else ():
            own = np.where(_fits(standings, (wanted,)), costs[row], np.inf)
            if np.isfinite(own).any():
                found.append(_Part(row, own, 1))
                places -= 1
        found.append(_Part(row, costs[row], places))
    return found


def _fits(standings: Sequence[Standing], wanted: Sequence[Wanted]) -> NDArray[np.bool_]:
    """Of each unit whether it is of a kind and department that is asked for."""
    return np.array(
        [(one.unit.department, one.unit.kind) in wanted for one in standings], dtype=np.bool_
    )


def _minutes(
    city: City,
    states: Sequence[CaseState],
    standings: Sequence[Standing],
    seconds: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each unit costs for each case in minutes, infinite where it cannot be sent; and the
    share of the needed skills that it lacks."""
    sending, weigh = city.sending, city.sending.weigh
    number = {code: i for i, code in enumerate(sending.skills)}
    able = np.zeros((len(standings), max(1, len(number))), dtype=np.bool_)
    for column, one in enumerate(standings):
        able[column, [number[skill] for skill in one.kind.skills] if one.kind else []] = True
    departments = np.array([one.unit.department for one in standings], dtype=object)
    codes = {one.unit.code: column for column, one in enumerate(standings)}
    fixed = np.array([weigh.load_min * one.load + weigh.stale_min * one.stale for one in standings])
    closed = np.array([not one.available for one in standings], dtype=np.bool_)
    minutes = seconds / 60 + fixed
    lacking = np.zeros(seconds.shape)
    minutes[seconds > weigh.most_min * 60] = np.inf
    for row, state in enumerate(states):
        own = np.isin(departments, [state.lead, *state.joint])
        needed = sending.needed(state.matter)
        if needed:
            lacking[row] = 1 - able[:, [number[skill] for skill in needed]].mean(axis=1)
            barred = lacking[row] >= 1
        else:
            barred = ~own
        fits = _fits(standings, asked(city, state))
        barred &= ~fits
        minutes[row] += weigh.skill_min * lacking[row] + weigh.elsewhere_min * ~(own | fits)
        minutes[row, barred | closed] = np.inf
        for order in state.open_orders:
            if order.force in codes:
                minutes[row, codes[order.force]] = np.inf
    return minutes, lacking


def ranking(found: Plan, case: str, most: int = 9) -> list[Proposal]:
    """Units for one case: those that the assignment gives to it, then those that are given to
    nobody, then those given to others, each by what they cost."""
    row = found.row(case)
    if found.states[row].probe:
        return []
    given = {unit: other for other, unit in found.pairs}
    columns = np.flatnonzero(np.isfinite(found.minutes[row]))

    def rank(column: int) -> tuple[int, float, str]:
        chosen = (row, column) in found.pairs
        full = not chosen and column in given
        code = found.standings[column].unit.code
        return (0 if chosen else 2 if full else 1, float(found.minutes[row, column]), code)

    order = sorted((int(column) for column in columns), key=rank)[:most]
    return [_proposal(found, row, column, given) for column in order]


def _proposal(found: Plan, row: int, column: int, given: Mapping[int, int]) -> Proposal:
    one = found.standings[column]
    chosen = (row, column) in found.pairs
    elsewhere = given.get(column) if not chosen else None
    seconds = float(found.seconds[row, column])
    by = "streets" if found.streets[row, column] else "line"
    if one.kind is not None and one.kind.moves != "streets":
        by = "air" if one.kind.moves == "air" else "desk"
    return Proposal(
        standing=one,
        seconds=seconds,
        by=by,
        minutes=float(found.minutes[row, column]),
        chosen=chosen,
        other=found.states[elsewhere].case if elsewhere is not None else "",
        reasons=tuple(_reasons(found, row, column, by)),
    )


def _names(city: City, skills: Sequence[str]) -> Text:
    """Skills in words, of every language there is."""
    kinds = [city.sending.skills[skill].name for skill in skills]
    return {
        language: between.join(say(one, language) for one in kinds)
        for language, between in phrase("unit.between").items()
    }


def _reasons(found: Plan, row: int, column: int, by: str) -> list[Text]:
    city, state, one = found.city, found.states[row], found.standings[column]
    minutes = max(1, round(float(found.seconds[row, column]) / 60))
    key = {"streets": "arrive", "line": "arrive_line", "air": "arrive_air", "desk": "desk"}[by]
    reasons = [phrase(f"unit.{key}", minutes=minutes)]
    needed = city.sending.needed(state.matter)
    has = [skill for skill in needed if one.kind and skill in one.kind.skills]
    lacks = [skill for skill in needed if skill not in has]
    if has:
        reasons.append(phrase("unit.skilled", skills=_names(city, has)))
    if lacks:
        reasons.append(phrase("unit.lacking", skills=_names(city, lacks)))
    if not needed:
        reasons.append(phrase("unit.any_skill"))
    if one.kind and (one.unit.department, one.unit.kind) in asked(city, state):
        reasons.append(phrase("unit.asked", kind=one.kind.name))
    department = one.unit.department
    part = "lead" if department == state.lead else "joint" if department in state.joint else ""
    reasons.append(phrase(f"unit.{part or 'elsewhere'}"))
    if one.load:
        reasons.append(phrase("unit.loaded", load=one.load))
    if one.stale:
        age = (found.now - one.last.placed_at) // MINUTE
        place = phrase("unit.base" if one.source == "base" else "unit.there")
        reasons.append(phrase("unit.stale", minutes=age, place=place))
    elif one.source == "base":
        reasons.append(phrase("unit.untold"))
    if (row, column) in found.pairs:
        need = city.sending.at(level_of(city, state))
        reasons.append(
            phrase("unit.level", level=state.level, units=need.units, weight=f"{need.weight:g}")
        )
        if (row, column) in found.before:
            reasons.append(phrase("unit.kept"))
    return reasons


def elsewhere(other: CaseState | None) -> Text:
    """That a unit is proposed for another case; for which is said only to who may see it."""
    if other is None:
        return phrase("unit.other_hidden")
    return phrase("unit.other_case", number=other.number)


def nobody(city: City, state: CaseState) -> Text:
    """Why no unit is proposed for a case."""
    if not city.sending.kind:
        return phrase("unit_none.pack")
    if state.probe:
        return phrase("unit_none.probe")
    return phrase("unit_none.free" if place_of(city, state) else "unit_none.place")
