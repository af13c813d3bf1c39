"""City packs: ``load`` gives a checked city, ``check`` names every fault of one.

A pack is a folder; docs/pack.md says what stands in each file. Packs that come with the program
are found by their name, others by their path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from pathlib import Path

from tianmu.city import brought, layer
from tianmu.city.calendar import workdays
from tianmu.city.charter import weight
from tianmu.city.charter.head import HEAD, Head, read_head
from tianmu.city.city import City
from tianmu.city.device import device
from tianmu.city.device.part import FILE as KINDS
from tianmu.city.file.document import Document
from tianmu.city.file.fault import Fault, PackFaulty
from tianmu.city.file.reader import PackReader
from tianmu.city.force import force, resource, sending
from tianmu.city.level import grading, plan, profile, warning
from tianmu.city.matter import hazard, matter, telling
from tianmu.city.people import contact, department, duty, roster
from tianmu.city.place import building, division, front, network, sensitive, terrain, waters
from tianmu.city.trial import seeding, truth
from tianmu.city.way import streets


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
            source, line = reader.anywhere(KINDS, f'"{code}"')
            source.fault(KINDS, line, f"rule {code}: {what}", remedy)
    return sorted(set(reader.faults))


OF_HEAD = (
    "code", "name", "languages", "time_zone", "country", "center", "bbox", "merging",
    "ruling_within", "village_radius_m", "retention", "side_paths", "asking", "taking",
    "admission", "letterhead", "desk", "attendance", "outbound", "basemap",
)  # fmt: skip
"""what a city takes from its head as it stands there"""


def _check_head(
    reader: PackReader,
    document: Document,
    head: Head,
    profiles: Mapping[str, profile.ResponseProfile],
    divisions: Mapping[str, division.Division],
) -> None:
    """What the head names must be there."""
    if profiles and head.profile not in profiles:
        what, line = f"no profile {head.profile!r}", document.line("profile")
        reader.fault(HEAD, line, what, f"use one of {', '.join(profiles)}")
    if divisions and head.code not in divisions:
        what, remedy = f"code {head.code} is no division", "use the city's in divisions.csv"
        reader.fault(HEAD, document.line("code"), what, remedy)


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
    _check_head(reader, document, head, profiles, divisions)
    named = {level.number: level.name for level in chosen.levels} if chosen else {}
    levels = set(named.values())
    for one in reader.brought:
        one.levels = named
    kinds, categories = device.read(reader, departments, matters, levels)
    duties = duty.read(reader, divisions, departments, matters)
    commands = {level.name: level.tier for level in chosen.levels} if chosen else {}
    plans = plan.read(reader, commands, matters, departments, set(tiers))
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
    weights = weight.read(reader, [one.number for one in chosen.levels] if chosen else ())
    reached = contact.read(reader, levels, departments, set(tiers), posts)
    if chosen is None or working is None:
        return None
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
        telling=telling.read(reader),
        weights=weights,
    )
