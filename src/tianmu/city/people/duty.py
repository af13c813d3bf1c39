"""Duties: which department leads on a matter in a division, and who joins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.file.reader import PackReader
from tianmu.city.matter.matter import MATTERS, Matter, matches
from tianmu.city.people.department import REMIT, Department, centres, remits
from tianmu.city.place.division import Division

FILE = "duties.csv"
LEAD, JOINT = "lead", "joint"
"""the two parts in a duty; a plan or a ladder names them for whoever has them in the case"""
CENTRE = "centre:"
"""``centre:2`` means the centre that commands at tier 2 of the division in question"""


RULING_WITHIN = Limit(4, LimitUnit.WORK_HOUR, "default, to be set by the city")
"""by when it is ruled who answers for what departments dispute"""


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """``department`` leads, ``joint`` join in."""

    department: str
    joint: tuple[str, ...] = ()
    matter: str = "*"
    """the pattern of matter keys it was given for"""
    division: str = ""
    """the division it was given for, parts included; empty: everywhere"""
    basis: str = ""
    ruled: str = ""
    """number of the case on which it was ruled; empty: it is the pack's"""


class Duties:
    """All duties of a city; the narrowest that fits wins."""

    def __init__(
        self,
        given: list[Duty],
        divisions: Mapping[str, Division],
        departments: dict[str, Department],
    ) -> None:
        # the longest literal pattern wins, and among equals the smallest division
        self._given = sorted(given, key=lambda duty: -_breadth(duty, divisions))
        self._divisions = divisions
        self._centres = centres(departments)
        self._remits = remits(departments)
        self._known: dict[tuple[str, str], Duty | None] = {}
        self._fitting: dict[str, tuple[Duty, ...]] = {}
        self._resolved: dict[tuple[str, str], str] = {}

    def owner_of(self, matter: str, division: str = "") -> Duty | None:
        """Who answers for ``matter`` in ``division``, codes resolved; None if nobody does."""
        asked = (matter, division)
        if asked not in self._known:
            if len(self._known) > 200_000:
                self._known.clear()
                self._fitting.clear()
            self._known[asked] = self._find(matter, division)
        return self._known[asked]

    def ruled(self, rulings: Iterable[Duty]) -> Duties:
        """These duties and what was ruled since, which wins among equally narrow ones."""
        found = Duties([], self._divisions, {})
        found._centres, found._remits = self._centres, self._remits
        found._given = sorted(
            [*rulings, *self._given], key=lambda duty: -_breadth(duty, self._divisions)
        )
        return found

    def _find(self, matter: str, division: str) -> Duty | None:
        around = lineage(self._divisions, division)
        for duty in self._fit(matter):
            if not duty.division or duty.division in around:
                lead = self.resolve(duty.department, division)
                if lead:
                    joint = (self.resolve(code, division) for code in duty.joint)
                    kept = dict.fromkeys(code for code in joint if code and code != lead)
                    return msgspec.structs.replace(duty, department=lead, joint=tuple(kept))
        return None

    def _fit(self, matter: str) -> tuple[Duty, ...]:
        """The duties whose pattern fits ``matter``, the narrowest first: few of a city's, and the
        same in each of its divisions."""
        found = self._fitting.get(matter)
        if found is None:
            found = tuple(duty for duty in self._given if matches(duty.matter, matter))
            self._fitting[matter] = found
        return found

    def resolve(self, code: str, division: str) -> str:
        """A department code; ``centre:N`` becomes the centre at tier N (or the next one above it)
        around ``division``, ``remit:x`` the department there for it; empty where there is none."""
        if not code.startswith((CENTRE, REMIT)):
            return code
        asked = (code, division)
        if asked not in self._resolved:
            if len(self._resolved) > 200_000:
                self._resolved.clear()
            self._resolved[asked] = self._resolve(code, division)
        return self._resolved[asked]

    def _resolve(self, code: str, division: str) -> str:
        around = lineage(self._divisions, division) or lineage(self._divisions, self._root())
        if code.startswith(REMIT):
            remit = code.removeprefix(REMIT)
            return next((self._remits[remit, p] for p in around if (remit, p) in self._remits), "")
        tier = int(code.removeprefix(CENTRE))
        for part in around:
            if self._divisions[part].tier <= tier and part in self._centres:
                return self._centres[part].code
        return ""

    @property
    def missing(self) -> dict[str, tuple[str, ...]]:
        """Remit that no department has → matters of which it is asked."""
        known = {remit for remit, _ in self._remits}
        found: dict[str, dict[str, None]] = {}
        for duty in self._given:
            for code in (duty.department, *duty.joint):
                remit = code.removeprefix(REMIT)
                if code.startswith(REMIT) and remit not in known:
                    found.setdefault(remit, {})[duty.matter] = None
        return {remit: tuple(matters) for remit, matters in sorted(found.items())}

    def _root(self) -> str:
        return next((code for code, one in self._divisions.items() if not one.parent), "")


def lineage(divisions: Mapping[str, Division], code: str) -> tuple[str, ...]:
    """``code`` and the divisions around it, smallest first; empty where it is unknown."""
    found: list[str] = []
    while code in divisions and code not in found:
        found.append(code)
        code = divisions[code].parent
    return tuple(found)


def _breadth(duty: Duty, divisions: Mapping[str, Division]) -> int:
    literal = len(duty.matter.replace("*", "")) + (0 if "*" in duty.matter else 1000)
    tier = divisions[duty.division].tier if duty.division in divisions else 0
    return literal * 10 + tier


def read(
    reader: PackReader,
    divisions: dict[str, Division],
    departments: dict[str, Department],
    matters: dict[str, Matter],
) -> Duties:
    """Duties, with faults for patterns that fit nothing and for matters nobody answers for.

    A scenario says who answers for its own matters, and names departments by their remit; of a
    matter that the pack has in place of one of these, the pack says it.
    """
    given: list[Duty] = []
    tiers = {division.tier for division in divisions.values()}
    for source in reader.sources:
        for row in source.csv(FILE, ("matter", "lead"), optional=("division", "joint", "basis")):
            if source.here(row["matter"]) != row["matter"]:
                continue
            joint = tuple(code.strip() for code in row["joint"].split("|") if code.strip())
            for code in (row["lead"], *joint):
                if not is_party(code, {} if source.scenario else departments, tiers):
                    remedy = (
                        "use remit:<what it is there for> or centre:<tier>"
                        if source.scenario
                        else "use a code of departments.csv or centre:<tier>"
                    )
                    source.fault(FILE, row.line, f"{code or '(nobody)'} is no department", remedy)
            if row["division"] and (source.scenario or row["division"] not in divisions):
                what = f"{row['division']} is no division"
                remedy = "use a code of divisions.csv or leave it empty"
                source.fault(FILE, row.line, what, remedy)
            if source.scenario and not is_own(source, row["matter"], matters):
                what = f"{row['matter']!r} is no matter of the scenario"
                remedy = f"name one of its matters.csv whole: {source.scenario}:…"
                source.fault(FILE, row.line, what, remedy)
            elif not any(matches(row["matter"], key) for key in matters):
                what = f"no matter fits {row['matter']!r}"
                source.fault(FILE, row.line, what, "use a key of matters.csv, * for any signs")
            given.append(
                Duty(
                    department=row["lead"],
                    joint=joint,
                    matter=row["matter"],
                    division=row["division"],
                    basis=row["basis"],
                )
            )
    for key in matters:
        if given and not any(matches(duty.matter, key) for duty in given if not duty.division):
            source = next((one for one in reader.sources if one.line_of(MATTERS, key)), reader)
            what = f"nobody answers for it in {FILE}: {key}"
            line = source.line_of(MATTERS, key)
            source.fault(MATTERS, line, what, f"add a duty for it or for its class to {FILE}")
    return Duties(given, divisions, departments)


def is_own(source: PackReader, matter: str, matters: Mapping[str, Matter]) -> bool:
    """Whether ``matter`` is the whole key of a matter that the scenario of ``source`` brought, as
    the city has it."""
    mine = matter in matters and matters[matter].edition == source.scenario
    return mine or matter in source.stands_for.values()


def is_party(code: str, departments: Mapping[str, Department], tiers: set[int]) -> bool:
    """Whether ``code`` names a department: by its code, by ``remit:`` what it is there for, or, as
    ``centre:N``, the centre at a known tier. Without departments (a scenario knows none) any
    remit and any tier will do."""
    if code.startswith(REMIT):
        remit = code.removeprefix(REMIT)
        known = {one for department in departments.values() for one in department.remits}
        return bool(remit) and (not departments or remit in known)
    if code.startswith(CENTRE):
        tier = code.removeprefix(CENTRE)
        return tier.isdigit() and (not departments or int(tier) in tiers)
    return code in departments
