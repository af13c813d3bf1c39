"""Plans: what a level starts – who is told, who is sent, by when, and when it rises.

A party is named as ``lead`` (who answers for the matter), ``joint`` (all who join in),
``centre:N`` (the centre that commands at tier N around the place), ``remit:x`` (the department
that is there for x), or a department's code.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec

from tianmu.city.calendar.limit import Limit
from tianmu.city.file.document import Document, Key
from tianmu.city.file.fault import Fault
from tianmu.city.file.reader import PackReader
from tianmu.city.matter.matter import Matter, matches
from tianmu.city.people.department import Department
from tianmu.city.people.duty import JOINT, LEAD, is_own, is_party
from tianmu.facts.text import Text

FILE = "plans.toml"


class Next(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Who is told within a time of what nobody has done in its own."""

    to: str
    within: Limit
    by: str = ""
    """how: ``call``, ``message``, or empty"""


class Tell(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """``to`` is told within a time."""

    to: str
    within: Limit
    by: str = ""
    """how: ``call``, ``message``, or empty"""
    then: Next | None = None
    """who is told where nobody there has said within the time that they know; None: nobody is
    asked to say so"""


class OrderTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``to`` gets a task with its limit."""

    to: str
    task: Text
    limit: Limit | None = None
    """None: the closing limit of the case holds"""
    unit_kind: str = ""
    """kind of unit asked for (``fire_engine``…), or empty"""


class Rise(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What makes the plan's case rise by one level."""

    not_accepted: bool = True
    """the accepting limit has run out"""
    limit_part: float | None = 1.0
    """so much of the closing limit has run out"""
    signals: int | None = None
    """so many signals have joined the case"""
    late_levels: Annotated[int, msgspec.Meta(ge=0, le=4)] | None = None
    """limits that run out raise it at most so many levels above what the rules ask for otherwise;
    None: up to the gravest"""
    text: Text = msgspec.field(default_factory=dict)


class Item(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A point of the checklist that opens with the plan."""

    code: str
    """unique in the plan"""
    text: Text
    by: str = ""
    """the party it is for; empty: whoever commands"""
    within: Limit | None = None
    """None: no clock runs for it"""
    then: Next | None = None
    """who is told where it is not done in time; None: nobody else"""


class Conference(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """``parties`` confer within a time (会商)."""

    parties: tuple[str, ...]
    within: Limit
    topic: Text
    then: Next | None = None
    """who is told where it is not held in time"""


class PlanWarning(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A warning to be given out: proposed to whoever commands, published by a person."""

    colour: str
    text: Text


COLOURS = ("blue", "yellow", "orange", "red")
"""of warnings, the lowest first (预警四色)"""


class Acts(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The tiers that act, by their numbers (1 is the city): whose people settle it, who coordinates
    them, who commands. 0: the level's own tier commands, the next one below it coordinates, the
    lowest handles."""

    handle: int = 0
    coordinate: int = 0
    command: int = 0

    def filled(self, tier: int, lowest: int) -> Acts:
        """With none left open, at a level that ``tier`` commands."""
        command = self.command or tier
        coordinate = self.coordinate or min(command + 1, lowest)
        return Acts(self.handle or max(lowest, coordinate), coordinate, command)


class Fall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The level falls by one, not below the matter's own, once all its alarms have returned to
    normal and no signal has come for ``quiet``."""

    quiet: Limit


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    name: Text
    level: str
    """name of a level of the profile"""
    matters: tuple[str, ...] = ("*",)
    """patterns of matter keys"""
    tells: tuple[Tell, ...] = ()
    orders: tuple[OrderTemplate, ...] = ()
    checklist: tuple[Item, ...] = ()
    conference: Conference | None = None
    warning: PlanWarning | None = None
    acts: Acts = Acts()
    falls: Fall | None = None
    """None: only a person lowers the level"""
    rises: Rise = msgspec.field(default_factory=Rise)
    basis: str = ""
    scenario: str = ""
    """which brought it; never said in a file"""

    def breadth(self, matter: str) -> int:
        """How closely the plan fits: the literal length of its best pattern, −1: not at all."""
        fit = (
            len(p.replace("*", "")) + (0 if "*" in p else 1000)
            for p in self.matters
            if matches(p, matter)
        )
        return max(fit, default=-1)


def choose(plans: tuple[Plan, ...], level: str, matter: str) -> Plan | None:
    """The plan that fits level and matter most closely."""
    fit = [(plan.breadth(matter), plan) for plan in plans if plan.level == level]
    fit = [one for one in fit if one[0] >= 0]
    return max(fit, key=lambda one: one[0])[1] if fit else None


def _extras(reader: PackReader, document: Document, path: tuple[Key, ...], plan: Plan) -> None:
    """Faults of checklist, conference and warning."""
    codes = [item.code for item in plan.checklist]
    for place, item in enumerate(plan.checklist):
        where = (*path, "checklist", place)
        if not item.code or codes.index(item.code) != place:
            what = (
                f"plan {plan.code}: point {item.code!r} of the checklist is unnamed or twice there"
            )
            reader.fault(FILE, document.line(*where), what, "give each point one code of its own")
        reader.words(document, (*where, "text"), item.text)
        if item.then is not None and item.within is None:
            what = f"plan {plan.code}: point {item.code} says who is told then, but not when"
            reader.fault(FILE, document.line(*where), what, "add within, or leave then out")
    if plan.conference is not None:
        reader.words(document, (*path, "conference", "topic"), plan.conference.topic)
    if plan.warning is not None:
        reader.words(document, (*path, "warning", "text"), plan.warning.text)
        if plan.warning.colour not in COLOURS:
            what = f"plan {plan.code}: no warning is {plan.warning.colour!r}"
            line = document.line(*path, "warning")
            reader.fault(FILE, line, what, f"use one of {', '.join(COLOURS)}")


def read(
    reader: PackReader,
    levels: Mapping[str, int],
    matters: Mapping[str, Matter],
    departments: Mapping[str, Department],
    tiers: set[int],
) -> tuple[Plan, ...]:
    """Plans in the order of the files; every level must have one of the pack's for any matter.
    ``levels``: name → the tier that commands there.

    A scenario's are for its own matters; a plan of the pack that has the same code counts.
    """
    found: dict[str, tuple[PackReader, Plan]] = {}
    readable = False
    for source in reader.sources:
        document = source.toml(FILE)
        if document is None:
            continue
        readable |= source is reader
        source.only(document, "plan")
        for index, value in enumerate(document.data.get("plan", [])):
            path = ("plan", index)
            plan = source.build(document, path, value, Plan)
            if plan is None:
                continue
            if plan.code in found:
                before = found[plan.code][0]
                if source is before or before.scenario:
                    what = f"two plans are called {plan.code}"
                    line = document.line(*path, "code")
                    source.fault(FILE, line, what, "name each differently")
                continue
            _check(source, document, path, plan, levels, matters, departments, tiers)
            found[plan.code] = source, msgspec.structs.replace(plan, scenario=source.scenario)
    own = [plan for source, plan in found.values() if not source.scenario]
    for level in sorted(levels) if readable else ():
        if not any(plan.level == level and "*" in plan.matters for plan in own):
            what = f"level {level} has no plan for every matter"
            reader.fault(FILE, 1, what, f'add a plan with level = "{level}", matters = ["*"]')
    return tuple(plan for _, plan in found.values())


def _check(
    reader: PackReader,
    document: Document,
    path: tuple[Key, ...],
    plan: Plan,
    levels: Mapping[str, int],
    matters: Mapping[str, Matter],
    departments: Mapping[str, Department],
    tiers: set[int],
) -> None:
    if plan.scenario:
        line = document.line(*path, "scenario")
        reader.fault(FILE, line, f"plan {plan.code} says whose it is", "remove scenario")
    if levels and plan.level not in levels:  # none: it is the profile that is faulty
        what = f"plan {plan.code} starts at level {plan.level!r}, which the profile lacks"
        remedy = f"use one of {', '.join(sorted(levels))}"
        reader.fault(FILE, document.line(*path, "level"), what, remedy)
    for place, pattern in enumerate(plan.matters):
        line = document.line(*path, "matters", place)
        if reader.scenario and not is_own(reader, pattern, matters):
            what = f"plan {plan.code}: {pattern!r} is no matter of the scenario"
            remedy = f"name those of its matters.csv whole: {reader.scenario}:…"
            reader.fault(FILE, line, what, remedy)
        elif not any(matches(pattern, key) for key in matters):
            what = f"plan {plan.code}: no matter fits {pattern!r}"
            reader.fault(FILE, line, what, "use a key of matters.csv, * for any signs")
    parties: list[tuple[str, int, str]] = [
        ("tells", i, tell.to) for i, tell in enumerate(plan.tells)
    ]
    parties += [("orders", i, order.to) for i, order in enumerate(plan.orders)]
    parties += [("checklist", i, item.by) for i, item in enumerate(plan.checklist) if item.by]
    if plan.conference is not None:
        parties += [("conference", 0, to) for to in plan.conference.parties]
    parties += [(key, place, then.to) for key, place, then in _next(plan)]
    known = {} if reader.scenario else departments
    for key, place, to in parties:
        if to not in (LEAD, JOINT) and not is_party(to, known, tiers):
            what = f"plan {plan.code}: {to!r} is nobody"
            remedy = (
                "use lead, joint, remit:<what it is there for> or centre:<tier>"
                if reader.scenario
                else "use lead, joint, centre:<tier> or a code of departments.csv"
            )
            where = (*path, key) if key == "conference" else (*path, key, place)
            reader.fault(FILE, document.line(*where), what, remedy)
    _extras(reader, document, path, plan)
    acts = (plan.acts.command, plan.acts.coordinate, plan.acts.handle)
    at_level = levels.get(plan.level, 0)
    found = plan.acts.filled(at_level, max(tiers, default=at_level))
    filled = [found.command, found.coordinate, found.handle]
    if filled != sorted(filled) or not {tier for tier in acts if tier} <= tiers:
        told = ", ".join(map(str, filled))
        what = f"plan {plan.code}: tiers {told} cannot command, coordinate and handle"
        if not plan.acts.command:
            what += f" (level {plan.level} is commanded at tier {at_level})"
        remedy = "name tiers of city.toml: command the highest (least number), handle the lowest"
        reader.fault(FILE, document.line(*path, "acts"), what, remedy)
    for place, order in enumerate(plan.orders):
        reader.words(document, (*path, "orders", place, "task"), order.task)
        if order.unit_kind:  # whether there is such a kind is known when sending.toml is read
            line = document.line(*path, "orders", place)
            reader.note(FILE, _order(plan, place), line)
    reader.words(document, (*path, "name"), plan.name)


def _next(plan: Plan) -> list[tuple[str, int, Next]]:
    """Who is told where something is not done in time: where it stands, and who."""
    parts: list[tuple[str, int, Next | None]] = [
        *(("tells", at, one.then) for at, one in enumerate(plan.tells)),
        *(("checklist", at, one.then) for at, one in enumerate(plan.checklist)),
        ("conference", 0, plan.conference.then if plan.conference else None),
    ]
    return [(key, at, then) for key, at, then in parts if then is not None]


def _order(plan: Plan, place: int) -> str:
    return f"{plan.code}: order {place}"


def check_kinds(reader: PackReader, plans: tuple[Plan, ...], kinds: Collection[str]) -> None:
    """Faults for kinds of units that the pack's own plans ask for and its ``sending.toml`` has not.
    A scenario's plan may ask for kinds that only some cities have."""
    if not kinds:
        return
    for plan in plans:
        for place, order in enumerate(() if plan.scenario else plan.orders):
            if order.unit_kind and order.unit_kind not in kinds:
                line = reader.line_of(FILE, _order(plan, place))
                what = f"plan {plan.code} asks for a unit of kind {order.unit_kind!r}"
                remedy = f"use one of sending.toml: {', '.join(sorted(kinds))}"
                reader.fault(FILE, line, what, remedy)


def parse(
    text: str,
    *,
    languages: tuple[str, ...],
    levels: Mapping[str, int],
    matters: Mapping[str, Matter],
    departments: Mapping[str, Department],
    tiers: set[int],
    before: tuple[Plan, ...] = (),
) -> tuple[tuple[Plan, ...], list[Fault]]:
    """Plans from the text of a ``plans.toml`` that is in no pack yet, and its faults by line.

    Of those ``before`` it what scenarios brought is kept.
    """
    with TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_text(text, encoding="utf-8")
        reader = PackReader(Path(folder))
        reader.languages = languages
        plans = read(reader, levels, matters, departments, tiers)
    codes = {plan.code for plan in plans}
    kept = (plan for plan in before if plan.scenario and plan.code not in codes)
    return (*plans, *kept), sorted(set(reader.faults))
