"""How units are sent: their kinds and skills, what matters need, how they get about.

All of it is the city's to set (``sending.toml``); without the file nobody is proposed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

import msgspec

from tianmu.city.calendar.clock import DAYS, minute
from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader
from tianmu.city.force.force import Unit
from tianmu.city.level.profile import ResponseProfile
from tianmu.city.matter.matter import Matter, matches
from tianmu.facts.text import Text

FILE = "sending.toml"
SORTS = ("person", "vehicle", "drone", "desk")
MOVES = ("streets", "air", "none")


class Street(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a class of streets does to the time its length and speed give."""

    code: str
    """``class`` of street_edges.csv"""
    share: float = 1.0
    """of the street's own speed that traffic reaches"""
    junction_s: float = 0.0
    """lost at the end of each piece"""


class Travelling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    detour: float = 1.4
    """a way is so many times as long as the straight line, where no street is known"""
    reach_m: float = 1500.0
    """what lies farther from every node is not reached by the streets"""
    off_street_kmh: float = 10.0
    """between a place and the node nearest to it"""
    line_kmh: float = 30.0
    """along the straight line, for who has no speed of their own"""
    basis: str = ""


class Weighing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts as much as so many minutes of arriving later."""

    change_min: float = 3.0
    """another unit than was proposed before"""
    load_min: float = 10.0
    """each order that the unit has already"""
    skill_min: float = 30.0
    """all skills lacking; half of them count half"""
    elsewhere_min: float = 10.0
    """it is of a department that neither leads nor joins"""
    stale_min: float = 5.0
    """its place is not known of late"""
    unmet_min: float = 240.0
    """nobody is sent"""
    most_min: float = 120.0
    """who would be longer on the way is not proposed"""
    basis: str = ""


class LevelNeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    number: int
    """of the level, 1 the gravest"""
    units: int = 1
    """proposed together"""
    weight: float = 1.0
    """how much its minutes count against those of other cases"""


class Skill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    name: Text


class UnitKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    name: Text
    sort: str = "vehicle"
    """``person``, ``vehicle``, ``drone`` or ``desk``"""
    moves: str = "streets"
    """``streets``, ``air`` (straight) or ``none`` (is not sent anywhere)"""
    skills: tuple[str, ...] = ()
    capacity: int = 1
    """orders at once"""
    share: float = 1.0
    """of the streets' own speeds: above 1 for who has the right of way"""
    stale_min: float = 15.0
    """a reported place older than this is no longer relied on"""
    days: str = "daily"
    """as on the roster; with ``start`` and ``end`` the unit's own shift"""
    start: str = "00:00"
    end: str = "24:00"
    roster: bool = True
    """whether somebody of its department must be on duty as well"""


class Need(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    matters: tuple[str, ...]
    """patterns of matter keys"""
    skills: tuple[str, ...]


class ResourceKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    name: Text


class Sending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    travel: Travelling = Travelling()
    weigh: Weighing = Weighing()
    street: tuple[Street, ...] = ()
    level: tuple[LevelNeed, ...] = ()
    skill: tuple[Skill, ...] = ()
    kind: tuple[UnitKind, ...] = ()
    need: tuple[Need, ...] = ()
    resource: tuple[ResourceKind, ...] = ()
    basis: str = ""

    @cached_property
    def skills(self) -> dict[str, Skill]:
        return {one.code: one for one in self.skill}

    @cached_property
    def kinds(self) -> dict[str, UnitKind]:
        return {one.code: one for one in self.kind}

    @cached_property
    def resources(self) -> dict[str, ResourceKind]:
        return {one.code: one for one in self.resource}

    def needed(self, matter: str) -> tuple[str, ...]:
        """Skills that a matter needs, by the pattern that fits it most closely; none if unknown."""
        best = -1
        found: tuple[str, ...] = ()
        for need in self.need:
            for pattern in need.matters:
                breadth = len(pattern.replace("*", "")) + (0 if "*" in pattern else 1000)
                if matches(pattern, matter) and breadth > best:
                    best, found = breadth, need.skills
        return found

    def at(self, level: int) -> LevelNeed:
        """How many units a level asks for and how much its minutes count."""
        given = (one for one in self.level if one.number == level)
        return next(given, LevelNeed(number=level))


def read(
    reader: PackReader,
    profile: ResponseProfile | None,
    matters: Mapping[str, Matter],
    units: Mapping[str, Unit],
) -> Sending:
    """The pack's sending; faults for what is named and not there, and for units of no kind."""
    document = reader.toml(FILE, required=False)
    if document is None:
        return Sending()
    found = reader.build(document, (), document.data, Sending)
    if found is None:
        return Sending()
    for path, what, remedy in _faults(reader, document, found, profile, matters):
        reader.fault(FILE, document.line(*path), what, remedy)
    for unit in units.values():
        if unit.kind not in found.kinds:
            line = reader.line_of("units.csv", unit.code)
            what = f"{unit.code} is of kind {unit.kind or '(none)'}, which {FILE} does not have"
            reader.fault("units.csv", line, what, f"use one of {', '.join(found.kinds)}")
    return found


Found = tuple[tuple[str | int, ...], str, str]


def _faults(
    reader: PackReader,
    document: Document,
    found: Sending,
    profile: ResponseProfile | None,
    matters: Mapping[str, Matter],
) -> Iterator[Found]:
    yield from _numbers(found)
    for name, codes in (
        ("skill", [one.code for one in found.skill]),
        ("kind", [one.code for one in found.kind]),
        ("resource", [one.code for one in found.resource]),
        ("street", [one.code for one in found.street]),
    ):
        for index, code in enumerate(codes):
            if not code or code in codes[:index]:
                what = f"{name} {code or '(no code)'} is missing or doubled"
                yield (name, index, "code"), what, "give each one code of its own"
    for name, words in (
        ("skill", [one.name for one in found.skill]),
        ("kind", [one.name for one in found.kind]),
        ("resource", [one.name for one in found.resource]),
    ):
        for index, text in enumerate(words):
            reader.words(document, (name, index), text)
    levels = {one.number for one in profile.levels} if profile else set()
    given = [one.number for one in found.level]
    for index, level in enumerate(found.level):
        if (profile and level.number not in levels) or given.count(level.number) > 1:
            what = f"level {level.number} is none of the profile's, or given twice"
            yield ("level", index, "number"), what, "give each level of the profile once"
    for index, kind in enumerate(found.kind):
        yield from _kind(("kind", index), kind, found.skills)
    for index, need in enumerate(found.need):
        for place, pattern in enumerate(need.matters):
            if not any(matches(pattern, key) for key in matters):
                what = f"no matter fits {pattern!r}"
                remedy = "use a key of matters.csv, * for any signs"
                yield ("need", index, "matters", place), what, remedy
        yield from _skills(("need", index), need.skills, found.skills)
        able = {skill for kind in found.kind for skill in kind.skills}
        if need.skills and not able & set(need.skills):
            what = f"no kind of unit has any of the skills {', '.join(need.skills)}"
            yield ("need", index, "skills"), what, "give one of them to a [[kind]]"


def _skills(
    path: tuple[str | int, ...], skills: tuple[str, ...], known: Collection[str]
) -> Iterator[Found]:
    for place, skill in enumerate(skills):
        if skill not in known:
            what = f"{skill!r} is no skill"
            yield (*path, "skills", place), what, f"use one of {', '.join(known)}"


def _kind(path: tuple[str | int, ...], kind: UnitKind, skills: Collection[str]) -> Iterator[Found]:
    yield from _skills(path, kind.skills, skills)
    if kind.sort not in SORTS:
        yield (*path, "sort"), f"{kind.sort!r} is no sort", f"use one of {', '.join(SORTS)}"
    if kind.moves not in MOVES:
        yield (*path, "moves"), f"{kind.moves!r} is no way", f"use one of {', '.join(MOVES)}"
    if kind.days not in ("daily", "working", "free") and not set(kind.days.split("|")) <= set(DAYS):
        yield (*path, "days"), f"days {kind.days!r}", "use daily, working, free or mon|tue|…"
    for key, clock in (("start", kind.start), ("end", kind.end)):
        if minute(clock) is None:
            yield (*path, key), f"{clock!r} is no time", "write HH:MM, 24:00 for midnight after"
    if kind.capacity < 1:
        yield (*path, "capacity"), f"capacity {kind.capacity}", "give 1 or more"
    for key, value in (("share", kind.share), ("stale_min", kind.stale_min)):
        if not value > 0:
            yield (*path, key), f"{key} {value:g} is not above 0", "give one above 0"


def _numbers(found: Sending) -> Iterator[Found]:
    for name, part in (("travel", found.travel), ("weigh", found.weigh)):
        for key in part.__struct_fields__:
            value = getattr(part, key)
            least = 1.0 if key == "detour" else 0.0
            zero = key in ("change_min", "load_min", "skill_min", "elsewhere_min", "stale_min")
            if isinstance(value, float) and not (value >= least if zero or least else value > 0):
                yield (name, key), f"{key} {value:g} is too small", f"give more than {least:g}"
    if found.weigh.unmet_min <= found.weigh.most_min:
        what = "unmet_min is no more than most_min: nobody would be sent far"
        yield ("weigh", "unmet_min"), what, "give more than most_min"
    for index, street in enumerate(found.street):
        if not street.share > 0 or street.junction_s < 0:
            what = f"street {street.code}: share {street.share:g}, junction_s {street.junction_s:g}"
            yield ("street", index), what, "give a share above 0 and no less than 0 seconds"
    for index, level in enumerate(found.level):
        if not level.weight > 0 or not 1 <= level.units <= 20:
            what = f"level {level.number}: weight {level.weight:g}, units {level.units}"
            yield ("level", index), what, "give a weight above 0 and 1 … 20 units"
