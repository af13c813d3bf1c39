"""How people are reached, and relieved: the pack's ``contact.toml``. All waits and orders are
defaults, to be set by the city."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tianmu.city.calendar.limit import Limit
from tianmu.city.file.document import Document, Key
from tianmu.city.file.reader import PackReader
from tianmu.city.people.department import Department
from tianmu.city.people.duty import LEAD, is_party
from tianmu.facts.text import Text

FILE = "contact.toml"
MEANS = ("app", "message", "call")
"""how a rung reaches somebody"""
SUBSTITUTION = ("post", "department", "above")
"""same post of the department; anybody of the department; the department (or centre) above"""


class Rung(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    by: str
    wait: Limit
    """without an answer, before the next rung"""


class Ladder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to reach, by what, until somebody answers: rung by rung, person by person, and then the
    centres of the tiers above."""

    code: str
    name: Text
    levels: tuple[str, ...] = ()
    """a case of these levels starts it"""
    alarm_priority: int = 0
    """so does an alarm of this priority or a more urgent one; 0: none does"""
    to: str = LEAD
    """``lead``, ``centre:N``, or a department's code"""
    persons: int = 2
    """so many of each unit are tried"""
    rungs: tuple[Rung, ...]
    basis: str = ""


class Relief(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which posts hand over."""

    posts: tuple[str, ...] = ()
    remind_min: float = 15.0
    """minutes before and after the end of a shift from which its hand-over is asked for"""
    last_h: float = 12.0
    """hours after the end of a shift for which it is"""
    basis: str = ""


class Calling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When somebody counts as being there, and how soon they are called again."""

    seen_min: float = 30.0
    """minutes since the last sign of life after which a session does not count as being there"""
    again_min: float = 10.0
    """minutes after an answer within which further alarms of the case call nobody"""
    notices: int = 5
    """of one person by one means, as plans tell: what is more within ``notices_min`` is gathered"""
    notices_min: float = 10.0
    """minutes; at their end one message tells of all that was gathered"""
    basis: str = ""


class Absences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    longest_days: float = 366.0
    """of one absence: who is away for longer is taken off the roster"""
    basis: str = ""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    ladders: tuple[Ladder, ...] = ()
    substitution: tuple[str, ...] = SUBSTITUTION
    relief: Relief = Relief()
    calling: Calling = Calling()
    absence: Absences = Absences()

    def of_level(self, level: str) -> Ladder | None:
        for one in self.ladders:  # asked for each signal: no generator
            if level in one.levels:
                return one
        return None

    def of_alarm(self, priority: int) -> Ladder | None:
        """The ladder that an alarm of this priority starts."""
        for one in self.ladders:
            if 0 < priority <= one.alarm_priority:
                return one
        return None

    def ladder(self, code: str) -> Ladder | None:
        return next((one for one in self.ladders if one.code == code), None)


def read(
    reader: PackReader,
    levels: set[str],
    departments: Mapping[str, Department],
    tiers: set[int],
    posts: set[str],
) -> Contact:
    """What the file says, with a fault for whatever cannot be meant; a pack without the file has
    no ladders."""
    document = reader.toml(FILE, required=False)
    if document is None:
        return Contact()
    reader.only(document, "ladder", "substitution", "relief", "calling", "absence")
    ladders: list[Ladder] = []
    for index, value in enumerate(document.data.get("ladder", [])):
        path: tuple[Key, ...] = ("ladder", index)
        one = reader.build(document, path, value, Ladder)
        if one is None:
            continue
        for where, what, remedy in _faults(one, ladders, levels, departments, tiers):
            reader.fault(FILE, document.line(*path, *where), what, remedy)
        reader.words(document, (*path, "name"), one.name)
        ladders.append(one)
    order = _order(reader, document)
    relief = reader.build(document, ("relief",), document.data.get("relief", {}), Relief)
    relief = relief or Relief()
    for place, post in enumerate(relief.posts):
        if post not in posts:
            line = document.line("relief", "posts", place)
            reader.fault(FILE, line, f"{post!r} is no post", "use a post of roster.csv")
    calling = reader.build(document, ("calling",), document.data.get("calling", {}), Calling)
    absence = reader.build(document, ("absence",), document.data.get("absence", {}), Absences)
    calling, absence = calling or Calling(), absence or Absences()
    for table, key, value, least, most in (
        ("relief", "remind_min", relief.remind_min, 1, 240),
        ("relief", "last_h", relief.last_h, 1, 72),
        ("calling", "seen_min", calling.seen_min, 1, 24 * 60),
        ("calling", "notices", calling.notices, 1, 1000),
        ("calling", "notices_min", calling.notices_min, 1, 24 * 60),
        ("calling", "again_min", calling.again_min, 0, 24 * 60),
        ("absence", "longest_days", absence.longest_days, 1, 3660),
    ):
        if not least <= value <= most:
            line = document.line(table, key)
            reader.fault(FILE, line, f"{key} is {value:g}", f"give {least} to {most}")
    return Contact(
        ladders=tuple(ladders), substitution=order, relief=relief, calling=calling, absence=absence
    )


def _order(reader: PackReader, document: Document) -> tuple[str, ...]:
    table = document.data.get("substitution", {})
    order = table.get("order", list(SUBSTITUTION)) if isinstance(table, dict) else None
    known = isinstance(order, list) and all(one in SUBSTITUTION for one in order)
    if not known or len(set(order or ())) != len(order or ()):
        line = document.line("substitution", "order")
        remedy = f"give each of {', '.join(SUBSTITUTION)} at most once"
        reader.fault(FILE, line, f"order {order!r} is no order of substitution", remedy)
        return SUBSTITUTION
    return tuple(order or ())


def _faults(
    one: Ladder,
    before: list[Ladder],
    levels: set[str],
    departments: Mapping[str, Department],
    tiers: set[int],
) -> Iterable[tuple[tuple[Key, ...], str, str]]:
    said = f"ladder {one.code}: "
    if not one.code or any(one.code == other.code for other in before):
        yield ("code",), said + "unnamed, or two are called so", "name each differently"
    for place, level in enumerate(one.levels):
        if levels and level not in levels:  # none: it is the profile that is faulty
            what = said + f"{level!r} is no level of the profile"
            yield ("levels", place), what, f"use one of {', '.join(sorted(levels))}"
        elif any(level in other.levels for other in before):
            what = said + f"level {level} starts another ladder already"
            yield ("levels", place), what, "name each level in one ladder"
    if not 0 <= one.alarm_priority <= 4:
        yield ("alarm_priority",), said + "no such priority", "give 1 to 4, 0 for no alarm"
    if one.to != LEAD and not is_party(one.to, departments, tiers):
        what = said + f"{one.to!r} is nobody"
        yield ("to",), what, "use lead, centre:<tier> or a code of departments.csv"
    if not 1 <= one.persons <= 10:
        yield ("persons",), said + f"{one.persons} persons of a unit", "give 1 to 10"
    if not one.rungs:
        yield ("rungs",), said + "no rungs", f"give at least one: by {', '.join(MEANS)}"
    for place, rung in enumerate(one.rungs):
        if rung.by not in MEANS:
            what = said + f"nobody is reached by {rung.by!r}"
            yield ("rungs", place, "by"), what, f"use one of {', '.join(MEANS)}"
        if rung.wait.value <= 0:
            what = said + "a rung that waits for nothing"
            yield ("rungs", place, "wait"), what, "wait at least a part of a minute"
