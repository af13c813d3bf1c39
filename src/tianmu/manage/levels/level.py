"""Response level of a case, by the pack's grading rules, with the reasons in words.

The machine raises a level and never lowers one that stands, unless the matter turns out to be
another; what a person has set it leaves alone, until a limit has passed: where the rules come to
ask for a graver one it says so (``advise``), and a person decides. A case gone quiet may fall
(``quiet``), not below what still holds (``least``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.city.level.grading import Grade, Known
from tianmu.city.level.grading import grade as by_rules
from tianmu.city.level.profile import Level
from tianmu.city.people.department import DepartmentKind
from tianmu.city.people.duty import lineage
from tianmu.city.place.sensitive import SensitivePlace
from tianmu.facts.text import Text
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.fold import pace
from tianmu.manage.case.state import CaseState
from tianmu.manage.signals.signal import Signal
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City

_SEVERITY, _URGENCY, _WORD = "severity:", "urgency:", "word:"


def grade(draft: Draft, city: City, signal: Signal | None = None, *, only_up: bool = False) -> None:
    """Adds a ``grade`` event if the level is not what the rules make it (with ``only_up``: if it
    is lower than that). ``signal`` is the one that has just come in."""
    state = draft.state
    level, why, rules = _asked(city, state, signal, draft.now)
    if level.name == state.level or (only_up and 0 < state.level_number <= level.number):
        return
    told = {**data(city, state, level, *why), "rules": rules}
    if state.failed and level.number < _without_limits(city, state, signal, draft.now):
        told["risen_from"] = state.risen_from or state.level_number
    draft.add("grade", told)


def reconsider(draft: Draft, city: City, signal: Signal | None = None) -> None:
    """The level rises where the rules ask for a graver one. One that a person has set stands; then
    the case says what the rules ask for and why (``advise``), once for each level graver than all
    that a person knows of. ``signal`` is the one that has just come in."""
    if not draft.state.level_by_hand:
        grade(draft, city, signal, only_up=True)
        return
    level, why, rules = _asked(city, draft.state, signal, draft.now)
    _advise(draft, level, why, rules)


def _advise(draft: Draft, level: Level, why: Sequence[Text], rules: Sequence[str]) -> None:
    state = draft.state
    if level.number < min(state.level_number, state.advised or state.level_number):
        told = {"level": level.name, "number": level.number, "rules": list(rules)}
        draft.add("advise", {**told, "why": list(why)})


def begun(draft: Draft, city: City, codes: Collection[str]) -> None:
    """As ``reconsider``, where one of these rules holds, whose time has just begun."""
    rules = _asked(city, draft.state, None, draft.now)[2]
    if not set(codes).isdisjoint(rules):
        reconsider(draft, city)


def asked(city: City, state: CaseState, now: int) -> int:
    """The level number that the rules ask for as things stand."""
    return _asked(city, state, None, now)[0].number


def asked_in_time(city: City, state: CaseState, now: int) -> int:
    """The level number that is asked for, as if no limit had run out: what a person has set; else
    the graver of what the rules ask for and of the level it had before limits raised it, which a
    signal alone (by its severity, its urgency), a scenario or a person may have brought."""
    had = state.risen_from or state.level_number
    if had and state.level_by_hand:
        return had
    number = _calm(city, state, now)
    return min(number, had or number)


def _without_limits(city: City, state: CaseState, signal: Signal | None, now: int) -> int:
    """The level number that all asks for which makes a case graver, but for limits that ran out."""
    in_time = msgspec.structs.replace(state, failed=0)
    return _asked(city, in_time, signal, now)[0].number


def _calm(city: City, state: CaseState, now: int) -> int:
    """The level number that the rules ask for, as if no limit had run out."""
    known = msgspec.structs.replace(_known(city, state, None, now), failed=0)
    return by_rules(city.grading, city.matters, known).number


def _asked(
    city: City, state: CaseState, signal: Signal | None, now: int
) -> tuple[Level, list[Text], list[str]]:
    """The level that the rules ask for, why in words, and the codes of those rules."""
    known = _known(city, state, signal, now)
    found = by_rules(city.grading, city.matters, known)
    number, why = found.number, _why(city, state, known, found)
    number = min(number, state.held or number)
    level = city.profile.numbered(number)
    if (joint := _joint(city, known, number)) != number:
        level = city.profile.numbered(joint)
        why.append(phrase("why.departments", departments=known.departments))
    return level, why, [rule.code for rule in found.reasons]


def _joint(city: City, known: Known, number: int) -> int:
    """One graver where so many departments are needed as the level says."""
    needed = city.profile.numbered(number).escalate.departments
    enough = needed is not None and known.departments >= needed
    return max(1, number - 1) if enough else number


def least(city: City, state: CaseState, now: int, *, quiet: bool = False) -> int:
    """The level number below which what is known holds the case up: the rules, and what a person or
    a limit has raised it to. ``quiet``: alarms that have returned say nothing any more; what people
    told and saw, place, period and limits that ran out still do."""
    known = _told(city, state, now) if quiet else _known(city, state, None, now)
    number = min(by_rules(city.grading, city.matters, known).number, state.held or 5)
    return _joint(city, known, number)


def passes(city: City, state: CaseState, now: int) -> bool:
    """Whether one of the rules that hold a quiet case up will cease to hold by itself, as the hour
    or the season does."""
    found = by_rules(city.grading, city.matters, _told(city, state, now))
    conditions = [rule.when for rule in found.reasons]
    return any(
        one.pace_from is not None or one.hours is not None or one.months or one.periods
        for one in conditions
    )


def _told(city: City, state: CaseState, now: int) -> Known:
    """What is known of a case but for its alarms, all of which have returned."""
    known = _known(city, state, None, now)
    return msgspec.structs.replace(
        known, suggested=None, priority=None, devices=0, signals=state.reports
    )


def signs(city: City, severity: str = "", urgency: str = "", text: str = "") -> list[str]:
    """What a signal says by itself that grading waits for: ``severity:III``, ``urgency:critical``,
    ``word:trapped``. A case keeps it, so that it still counts when the level is asked for anew."""
    grading = city.grading
    found = [f"{_SEVERITY}{severity}"] if severity else []
    if urgency and urgency in grading.urgencies:
        found.append(f"{_URGENCY}{urgency}")
    return found + [f"{_WORD}{word}" for word in grading.words if word in text]


def signs_of(city: City, signal: Signal) -> list[str]:
    return signs(city, signal.severity, signal.urgency, signal.text)


def new_signs(city: City, state: CaseState, signal: Signal) -> dict[str, Any]:
    """Data of the event by which the signal comes in: what of its signs the case has not yet."""
    new = [one for one in signs_of(city, signal) if one not in state.signs]
    return {"signs": new} if new else {}


def calmed(state: CaseState) -> dict[str, Any]:
    """Data of an event after which its alarms, all of which have returned, count no more: neither
    their severity nor their priority and number. What comes later does."""
    left = [one for one in state.signs if not one.startswith(_SEVERITY)]
    told: dict[str, Any] = {"calmed": state.alarms}
    return {**told, "signs": left} if len(left) < len(state.signs) else told


def may_rise(city: City, before: CaseState, after: CaseState, signal: Signal) -> bool:
    """Whether one more signal can make the case graver: it brings a higher priority, a suggestion,
    an urgency, a word, a place or a number that a rule waits for."""
    if after.alarming != before.alarming or after.signs is not before.signs:
        return True
    suggested = _suggested(city, (f"{_SEVERITY}{signal.severity}",)) if signal.severity else None
    if suggested is not None and suggested < after.level_number:
        return True
    grading = city.grading
    for name, wanted in grading.counted:
        if before.weighs(name) < wanted <= after.weighs(name):
            return True  # several may have come at once
    return grading.places and before.place != after.place


def failed_enough(city: City, before: int, after: int) -> bool:
    """Whether so many limits have now run out as a rule waits for."""
    needs = (rule.when.failed_from for rule in city.grading.rules)
    return any(need is not None and before < need <= after for need in needs)


def rise(draft: Draft, city: City, *why: Text, late: bool = False) -> bool:
    """One level up, with its reasons, to stay there until a person says otherwise; False (and no
    event) where it is the highest already. ``late``: since limits have run out."""
    state = draft.state
    if state.level_number == 1:
        return False
    level = city.profile.numbered((state.level_number or len(city.profile.levels) + 1) - 1)
    told = {**data(city, state, level, *why), "held": level.number}
    if late:
        told["risen_from"] = state.risen_from or state.level_number
    draft.add("grade", told)
    return True


def at_least(draft: Draft, city: City, number: int, *why: Text) -> bool:
    """Raised to the level of this number, with its reasons, to stay there until a person says
    otherwise; False where it is as grave already, or a person has set it (then ``advise``)."""
    state = draft.state
    level = city.profile.numbered(number)
    if state.level_by_hand:
        _advise(draft, level, why, ())
        return False
    if 0 < state.level_number <= number:
        return False
    draft.add("grade", {**data(city, state, level, *why), "held": level.number})
    return True


def data(
    city: City, state: CaseState, level: Level, *why: Text, by_hand: bool | None = None
) -> dict[str, Any]:
    """The data of a ``grade`` event: level, tier that commands, what it was before, and why."""
    told: dict[str, Any] = {
        "level": level.name,
        "number": level.number,
        "tier": level.tier,
        "before": state.level,
        "why": list(why),
    }
    if by_hand is not None:
        told["by_hand"] = by_hand
    return told


def by_hand() -> Text:
    return phrase("why.by_hand")


def _suggested(city: City, said: Collection[str]) -> int | None:
    """The gravest level number among severities that alarms told; None: none did."""
    found = (one.number for one in city.profile.levels if f"{_SEVERITY}{one.name}" in said)
    return min(found, default=None)


def _after(said: Iterable[str], prefix: str) -> tuple[str, ...]:
    return tuple(one[len(prefix) :] for one in said if one.startswith(prefix))


def _known(city: City, state: CaseState, signal: Signal | None, now: int) -> Known:
    wall = city.calendar.local(now)
    said = state.signs if signal is None else (*state.signs, *signs_of(city, signal))
    return Known(
        matter=state.matter,
        suggested=_suggested(city, said) if said else None,
        priority=state.alarming or None,
        dead=state.situation.dead,
        injured=state.situation.injured,
        trapped=state.situation.trapped,
        loss=state.situation.loss,
        area_ha=state.situation.area_ha,
        labels=tuple({one.label for one in _at(city, state)}) if city.grading.places else (),
        periods=city.grading.periods_of(f"{wall.month:02d}-{wall.day:02d}"),
        pace=pace(state, now),
        spread_m=state.spread_m,
        failed=state.failed,
        signals=int(state.weighs("signals")),
        devices=int(state.weighs("devices")),
        departments=_called(city, state),
        text=" ".join((state.text, *_after(said, _WORD))) if said else state.text,
        urgencies=_after(said, _URGENCY) if said else (),
        divisions=lineage(city.divisions, state.division) if city.grading.divided else (),
        month=wall.month,
        hour=wall.hour,
    )


def _at(city: City, state: CaseState) -> tuple[SensitivePlace, ...]:
    return city.sensitive.at(state.place.longitude, state.place.latitude)


def _called(city: City, state: CaseState) -> int:
    """Departments needed: the one that leads and those a person has called in besides. Whoever the
    plan sends anyway does not make the case graver."""
    units = {
        one.unit
        for one in state.orders
        if one.by and one.unit != state.lead and one.state not in ("cancelled", "returned")
    }
    if not units:
        return 1
    known = (city.departments.get(unit) for unit in units)
    return 1 + sum(one is not None and one.kind is not DepartmentKind.CENTRE for one in known)


def _why(city: City, state: CaseState, known: Known, found: Grade) -> list[Text]:
    why = [phrase("why.rule", rule=rule.name) for rule in found.reasons]
    wanted = {label for rule in found.reasons for label in rule.when.place}
    at = _at(city, state) if wanted else ()
    why += [phrase("why.at", place=one.name) for one in at if one.label in wanted]
    if known.suggested is not None and known.suggested == found.number:
        level = city.profile.numbered(known.suggested)
        why.append(phrase("why.severity", level=level.text))
    if not why:
        matter = city.matters.get(state.matter)
        own = matter is not None and matter.level is not None
        why.append(phrase("why.matter_default" if own else "why.profile_default"))
    return why
