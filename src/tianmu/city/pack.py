"""City packs: ``load`` gives a checked city, ``check`` names every fault of one.

A pack is a folder; docs/pack.md says what stands in each file. Packs that come with the program
are found by their name, others by their path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from tianmu.city import (
    brought,
    building,
    contact,
    department,
    device,
    division,
    duty,
    force,
    front,
    grading,
    hazard,
    layer,
    matter,
    network,
    plan,
    profile,
    resource,
    roster,
    seeding,
    sending,
    sensitive,
    streets,
    terrain,
    truth,
    warning,
    waters,
    weight,
    workdays,
)
from tianmu.city.absence import Absence
from tianmu.city.admission import Admission
from tianmu.city.attendance import Attendance
from tianmu.city.basemap import Basemap
from tianmu.city.bounds import Asking, Taking
from tianmu.city.building import Building
from tianmu.city.calendar import Calendar, WorkingTime
from tianmu.city.cell import Cells
from tianmu.city.contact import Contact
from tianmu.city.department import Department
from tianmu.city.desk import Desk
from tianmu.city.device import DeviceKind
from tianmu.city.division import Division, Tier
from tianmu.city.duty import Duties, Duty
from tianmu.city.fault import Fault, PackFaulty
from tianmu.city.force import Unit
from tianmu.city.grading import Grade, Grading, Known
from tianmu.city.head import HEAD, Merging, read_head
from tianmu.city.letterhead import Letterhead
from tianmu.city.limit import Limit
from tianmu.city.matter import Edition, Matter
from tianmu.city.naming import ShortName
from tianmu.city.outbound import Outbound
from tianmu.city.place import Places
from tianmu.city.plan import Plan
from tianmu.city.profile import ResponseProfile
from tianmu.city.reader import PackReader
from tianmu.city.resource import Resource
from tianmu.city.response import Response, resolve
from tianmu.city.retention import Retention
from tianmu.city.roster import Roster, Shift
from tianmu.city.seeding import Seeding
from tianmu.city.sending import Sending
from tianmu.city.sensitive import SensitivePlaces
from tianmu.city.side_paths import SidePaths
from tianmu.city.streets import Streets
from tianmu.city.terrain import Terrain
from tianmu.city.travel import Travel
from tianmu.city.truth import Truth
from tianmu.city.waters import Waters
from tianmu.facts.text import Text


@dataclass(frozen=True)
class City:
    """A checked pack. Frozen: a changed pack is loaded as another city."""

    folder: Path
    digest: str
    """SHA-256 over the pack's files and what scenarios bring"""
    code: str
    name: Text
    languages: tuple[str, ...]
    time_zone: str
    country: str
    center: tuple[float, float]
    """longitude, latitude"""
    bbox: tuple[float, float, float, float]
    """west, south, east, north"""
    notes: tuple[Text, ...]
    """what is approximate or a default: shown with the city"""
    merging: Merging
    tiers: tuple[Tier, ...]
    divisions: dict[str, Division]
    departments: dict[str, Department]
    editions: dict[str, Edition]
    matters: dict[str, Matter]
    duties: Duties
    categories: dict[str, Text]
    """of device kinds"""
    kinds: dict[str, DeviceKind]
    profiles: dict[str, ResponseProfile]
    profile: ResponseProfile
    """the one in force"""
    plans: tuple[Plan, ...]
    grading: Grading
    units: dict[str, Unit]
    seeding: Seeding
    working: WorkingTime
    shifts: tuple[Shift, ...]
    ruling_within: Limit = duty.RULING_WITHIN
    """by when it is ruled who answers for what departments dispute"""
    sensitive: SensitivePlaces = field(default_factory=SensitivePlaces)
    """schools, hospitals…: near them a case is graver"""
    sending: Sending = field(default_factory=Sending)
    """how units are chosen and how they get about"""
    resources: dict[str, Resource] = field(default_factory=dict)
    """hydrants, shelters, stores…"""
    village_radius_m: float = 0.0
    short_names: tuple[ShortName, ...] = ()
    retention: Retention = field(default_factory=Retention)
    """how long the past is kept"""
    side_paths: SidePaths = field(default_factory=SidePaths)
    """how often and how long a case may leave its straight way"""
    asking: Asking = field(default_factory=Asking)
    """what a question about the past may cost"""
    taking: Taking = field(default_factory=Taking)
    """how much sources may have on the way"""
    admission: Admission = field(default_factory=Admission)
    """how people are let in"""
    letterhead: Letterhead = field(default_factory=Letterhead)
    """what stands on the city's papers"""
    desk: Desk = field(default_factory=Desk)
    """how its desks work"""
    attendance: Attendance = field(default_factory=Attendance)
    """how often control rooms are asked whether anybody is there"""
    outbound: Outbound = field(default_factory=Outbound)
    """how departments' own systems are told"""
    contact: Contact = field(default_factory=Contact)
    """how people are reached and relieved"""
    absences: tuple[Absence, ...] = ()
    """who is away: recorded by the city, in no pack"""
    basemap: Basemap | None = None
    """a tile service of the city's own under the map"""
    scenario_matters: dict[str, dict[str, str]] = field(default_factory=dict)
    """scenario → a matter that it brings → the city's key of that"""
    truth: Truth | None = None
    """a day with recorded truth, by which merging is judged"""
    waters: Waters = field(default_factory=Waters)
    terrain: Terrain = field(default_factory=Terrain)
    """stations, reaches and outlets of its rivers and lakes"""
    buildings: dict[str, Building] = field(default_factory=dict)
    """those with a fire panel, by its address"""
    warnings: warning.Warnings = field(default_factory=warning.Warnings)
    fronts: tuple[front.Front, ...] = ()
    """of shops, and where cameras see them"""
    networks: dict[str, network.Along] = field(default_factory=dict)
    """along what things travel from one place to the next"""
    hazards: hazard.Hazards = field(default_factory=hazard.Hazards)
    weights: Mapping[str, weight.Weights] = field(default_factory=dict)
    """scenario → by what numbers it weighs what it sees"""

    @cached_property
    def calendar(self) -> Calendar:
        return Calendar(self.working)

    @cached_property
    def roster(self) -> Roster:
        return Roster(self.shifts, self.calendar, self.divisions, self.absences)

    def staffed(self, shifts: Iterable[Shift], absences: Iterable[Absence]) -> City:
        """The same city with another roster; what was read of its places stays read."""
        made = replace(self, shifts=tuple(shifts), absences=tuple(absences))
        kept = ("calendar", "places", "cells", "streets", "travel", "above")
        made.__dict__.update({one: self.__dict__[one] for one in kept if one in self.__dict__})
        return made

    @cached_property
    def places(self) -> Places:
        names, near = self.short_names, self.village_radius_m
        return Places(self.folder, self.divisions, village_radius_m=near, short_names=names)

    @cached_property
    def cells(self) -> Cells:
        return Cells(self.places)

    @cached_property
    def streets(self) -> Streets:
        return Streets(self.folder)

    @cached_property
    def travel(self) -> Travel:
        return Travel(self.streets, self.sending)

    @property
    def rules(self) -> list[dict[str, Any]]:
        """Default rules of all device kinds, as data for ``prevent``."""
        return [dict(rule) for kind in self.kinds.values() for rule in kind.rules]

    @cached_property
    def above(self) -> dict[str, str]:
        """Department → the one above it."""
        return {code: one.parent for code, one in self.departments.items() if one.parent}

    @property
    def root(self) -> Division:
        """The city itself."""
        return next(one for one in self.divisions.values() if not one.parent)

    def owner_of(self, matter: str, division: str = "") -> Duty | None:
        """Who answers for ``matter`` in ``division``; None if nobody does."""
        return self.duties.owner_of(matter, division)

    def lineage(self, code: str) -> tuple[str, ...]:
        """A division and those around it, smallest first; empty for an unknown code."""
        return duty.lineage(self.divisions, code)

    def plan_for(self, level: str, matter: str) -> Plan | None:
        """The plan that fits ``level`` and ``matter`` most closely."""
        return plan.choose(self.plans, level, matter)

    def grade(self, known: Known) -> Grade:
        """The level number of a case and the reasons for it."""
        return grading.grade(self.grading, self.matters, known)

    def respond(
        self, level: str, matter: str, division: str, at: int, *, roster: Roster | None = None
    ) -> Response:
        """What the plan means here and now: parties, named persons on duty, tasks, deadlines.

        ``roster`` stands in for the pack's where the city has changed it since.
        """
        return resolve(
            plan=self.plan_for(level, matter), level=self.profile.level(level), duties=self.duties,
            roster=roster or self.roster, calendar=self.calendar, matter=self.matters.get(matter),
            key=matter, division=division, at=at,
        )  # fmt: skip

    def layers(self) -> list[str]:
        """Names of the map layers the pack has."""
        found = [name for name in layer.LAYERS if self.places.layer_file(name)]
        return [*found, "streets", "units"]

    def map_layer(self, name: str) -> bytes:
        """A map layer as GeoJSON: a file's, ``streets`` or ``units``. KeyError if not there."""
        if name == "streets":
            return self.streets.geojson()
        if name == "units":
            return layer.units(self.units)
        return self.places.geojson(name)

    def brief(self) -> dict[str, Any]:
        """What a screen needs to know of the city, as plain data (``GET /api/city``)."""
        return layer.brief(self)


def locate(path_or_name: str | Path) -> Path:
    """The folder of a pack: a path, or the name of one that comes with the program.

    Raises FileNotFoundError naming the packs there are.
    """
    path = Path(path_or_name)
    if path.is_dir():
        return path.resolve()
    shipped = Path(str(resources.files("tianmu.cities")))
    if (shipped / path.name / HEAD).is_file() and path.name == str(path_or_name):
        return shipped / path.name
    names = ", ".join(sorted(folder.parent.name for folder in shipped.glob(f"*/{HEAD}")))
    raise FileNotFoundError(
        f"no pack {path_or_name}: give a folder with a {HEAD}, or one of {names}"
    )


def load(path_or_name: str | Path) -> City:
    """The city of a pack, with everything checked but the geometry. ``PackFaulty`` if any fault."""
    folder = locate(path_or_name)
    reader = PackReader(folder)
    brought.bring(reader)
    city = _read(reader)
    if city is None or reader.faults:
        raise PackFaulty(str(path_or_name), sorted(reader.faults))
    return city


Judge = Callable[[City], Iterable[tuple[str, str, str]]]
"""Looks at a city's default rules: (code of the rule, what is wrong, remedy) for each fault."""


def check(path_or_name: str | Path, *, judge: Judge | None = None) -> list[Fault]:
    """Every fault of a pack, geometry included, by file and line; empty when it is sound.

    The rule engine stands on a higher floor; whoever has it gives it as ``judge``.
    """
    reader = PackReader(locate(path_or_name))
    brought.bring(reader)
    city = _read(reader)
    if city is not None:
        streets.check(reader, [one.code for one in city.sending.street])
        layer.check(reader, city)
        for code, what, remedy in judge(city) if judge else ():
            source, line = reader.anywhere(device.FILE, f'"{code}"')
            source.fault(device.FILE, line, f"rule {code}: {what}", remedy)
    return sorted(set(reader.faults))


OF_HEAD = (
    "code", "name", "languages", "time_zone", "country", "center", "bbox", "merging",
    "ruling_within", "village_radius_m", "retention", "side_paths", "asking", "taking",
    "admission", "letterhead", "desk", "attendance", "outbound", "basemap",
)  # fmt: skip
"""what a city takes from its head as it stands there"""


def _read(reader: PackReader) -> City | None:
    found = read_head(reader)
    if found is None:
        return None
    document, head = found
    tiers = {tier.number: tier for tier in head.tier}
    editions = {edition.id: edition for edition in head.edition}
    divisions = division.read(reader, tiers)
    departments = department.read(reader, divisions, tiers)
    matters = matter.read(reader, editions, head.merging.radius_m, head.merging.window_min)
    profiles = profile.read(reader, tiers)
    chosen = profiles.get(head.profile)
    if chosen is None and profiles:
        what, line = f"no profile {head.profile!r}", document.line("profile")
        reader.fault(HEAD, line, what, f"use one of {', '.join(profiles)}")
    named = {level.number: level.name for level in chosen.levels} if chosen else {}
    levels = set(named.values())
    for one in reader.brought:
        one.levels = named
    kinds, categories = device.read(reader, departments, matters, levels)
    duties = duty.read(reader, divisions, departments, matters)
    plans = plan.read(reader, levels, matters, departments, set(tiers))
    rules = grading.read(reader, matters, divisions)
    wanted = {label for rule in rules.rules for label in rule.when.place}
    places = sensitive.read(reader, wanted)
    units = force.read(reader, departments, divisions)
    sends = sending.read(reader, chosen, matters, units)
    plan.check_kinds(reader, plans, sends.kinds)
    ready = resource.read(reader, sends.resources, departments, divisions)
    seeds = seeding.read(reader, divisions, kinds, matters)
    told = truth.read(reader, kinds, matters)
    wet, built = waters.read(reader), building.read(reader)
    shops, ledger = front.read(reader), hazard.read(reader, matters)
    warned = warning.read(reader, matters, divisions)
    working = workdays.read(reader, head.time_zone, head.country)
    shifts = roster.read(reader, departments, divisions)
    posts = {one.person.post for one in shifts}
    reached = contact.read(reader, levels, departments, set(tiers), posts)
    if chosen is None or working is None:
        return None
    if divisions and head.code not in divisions:
        what, remedy = f"code {head.code} is no division", "use the city's in divisions.csv"
        reader.fault(HEAD, document.line("code"), what, remedy)
    return City(
        folder=reader.folder,
        **{name: getattr(head, name) for name in OF_HEAD},
        digest=brought.digest(reader.folder),
        notes=head.note,
        tiers=head.tier,
        divisions=divisions,
        departments=departments,
        editions=editions,
        matters=matters,
        scenario_matters=brought.matters(reader, matters),
        duties=duties,
        categories=categories,
        kinds=kinds,
        profiles=profiles,
        profile=chosen,
        plans=plans,
        grading=rules,
        units=units,
        seeding=seeds,
        working=working,
        shifts=tuple(shifts),
        sensitive=places,
        sending=sends,
        resources=ready,
        short_names=head.short_name,
        contact=reached,
        truth=told,
        waters=wet,
        terrain=terrain.read(reader),
        buildings=built,
        warnings=warned,
        fronts=shops,
        networks=network.read(reader, matters),
        hazards=ledger,
        weights=weight.read(reader),
    )
