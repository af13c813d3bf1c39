"""The city as its pack says it: its parts, and the questions that need several of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tianmu.city.calendar.calendar import Calendar, WorkingTime
from tianmu.city.calendar.limit import Limit
from tianmu.city.charter import weight
from tianmu.city.charter.admission import Admission
from tianmu.city.charter.attendance import Attendance
from tianmu.city.charter.basemap import Basemap
from tianmu.city.charter.bounds import Asking, Taking
from tianmu.city.charter.desk import Desk
from tianmu.city.charter.head import Merging
from tianmu.city.charter.letterhead import Letterhead
from tianmu.city.charter.outbound import Outbound
from tianmu.city.charter.retention import Retention
from tianmu.city.charter.side_paths import SidePaths
from tianmu.city.device.device import DeviceKind
from tianmu.city.force import force
from tianmu.city.force.force import Unit
from tianmu.city.force.resource import Resource
from tianmu.city.force.sending import Sending
from tianmu.city.level import grading, plan, warning
from tianmu.city.level.grading import Grade, Grading, Known
from tianmu.city.level.plan import Plan
from tianmu.city.level.profile import ResponseProfile
from tianmu.city.level.response import Response, resolve
from tianmu.city.matter import hazard
from tianmu.city.matter.matter import Edition, Matter
from tianmu.city.matter.telling import Telling
from tianmu.city.people import duty
from tianmu.city.people.absence import Absence
from tianmu.city.people.contact import Contact
from tianmu.city.people.department import Department
from tianmu.city.people.duty import Duties, Duty
from tianmu.city.people.roster import Roster, Shift
from tianmu.city.place import front, network
from tianmu.city.place.building import Building
from tianmu.city.place.cell import Cells
from tianmu.city.place.division import Division, Tier
from tianmu.city.place.naming import ShortName
from tianmu.city.place.place import LAYERS, Places
from tianmu.city.place.sensitive import SensitivePlaces
from tianmu.city.place.terrain import Terrain
from tianmu.city.place.waters import Waters
from tianmu.city.trial.seeding import Seeding
from tianmu.city.trial.truth import Truth
from tianmu.city.way.streets import Streets
from tianmu.city.way.travel import Travel
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
    marked_duties: Duties | None = None
    """duties with what was ruled on marked cases, which counts for these alone; None: as for all"""
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
    """stations, reaches and outlets of its rivers and lakes"""
    terrain: Terrain = field(default_factory=Terrain)
    """how high the ground is and where it is wooded"""
    buildings: dict[str, Building] = field(default_factory=dict)
    """those with a fire panel, by its address"""
    warnings: warning.Warnings = field(default_factory=warning.Warnings)
    fronts: tuple[front.Front, ...] = ()
    """of shops, and where cameras see them"""
    networks: dict[str, network.Along] = field(default_factory=dict)
    """along what things travel from one place to the next"""
    hazards: hazard.Hazards = field(default_factory=hazard.Hazards)
    telling: Telling = field(default_factory=Telling)
    """how its people say things"""
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
        found = [name for name in LAYERS if self.places.layer_file(name)]
        return [*found, "streets", "units"]

    def map_layer(self, name: str) -> bytes:
        """A map layer as GeoJSON: a file's, ``streets`` or ``units``. KeyError if not there."""
        if name == "streets":
            return self.streets.geojson()
        if name == "units":
            return force.geojson(self.units)
        return self.places.geojson(name)
