"""The city pack: what it is, whether it is sound, what reloading would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import msgspec

from tianmu.access.policy import policy_of
from tianmu.city import brought
from tianmu.city import pack as packs
from tianmu.city.calendar.calendar import WorkingTime
from tianmu.city.city import City
from tianmu.city.file.fault import PackFaulty
from tianmu.facts.registry import PackLoaded
from tianmu.facts.text import Text
from tianmu.prevent.rule.edition import judge
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.problem import Fault, Problem
from tianmu.web.api.duty import shifts
from tianmu.web.hub import parents
from tianmu.web.route.route import Asking, Routes

routes = Routes("pack")

NOUNS = ("divisions", "departments", "matters", "kinds", "profiles", "units", "editions")
APART = {*NOUNS, "plans", "shifts", "absences", "profile", "working", "digest"}
"""fields of a city that are not among its settings: told by themselves, or no part of the pack"""
MADE = {"duties", "marked_duties", "sensitive", "terrain"}
"""fields that two readings of one pack do not have alike"""


class PackSaid(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    folder: str
    digest: str
    loaded_at: Instant | None
    actor: str
    profile: str
    profiles: dict[str, Text]
    """the readings of the five levels it carries"""
    counts: dict[str, int]
    basis: dict[str, int]
    """how much of it rests on what: ``""`` is verified, the rest says so"""
    notes: list[Text]
    published: dict[str, bool]
    """year → whether its calendar of holidays is published"""


class FaultSaid(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    line: int
    what: str
    remedy: str


class NounChange(msgspec.Struct, frozen=True, kw_only=True):
    """What reloading would change of one noun."""

    noun: str
    """``calendar`` and ``settings``: ``changed`` names what of them"""
    added: list[str]
    removed: list[str]
    changed: list[str]


class PackChecked(msgspec.Struct, frozen=True, kw_only=True):
    faults: list[FaultSaid]
    digest: str
    same: bool
    """nothing would change"""
    changes: list[NounChange]


def _nouns(city: City) -> dict[str, Mapping[str, Any]]:
    nouns: dict[str, Mapping[str, Any]] = {name: getattr(city, name) for name in NOUNS}
    nouns["plans"] = {f"{plan.level}/{n}": plan for n, plan in enumerate(city.plans)}
    nouns["rules"] = {str(rule.get("code", n)): rule for n, rule in enumerate(city.rules)}
    nouns["shifts"] = {f"{one.person.account}/{n}": one for n, one in enumerate(city.shifts)}
    return nouns


def _basis(city: City) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for noun in _nouns(city).values():
        for one in noun.values():
            basis = getattr(one, "basis", None)
            if isinstance(basis, str):
                counted[basis] += 1
    return dict(counted)


@routes("GET", "/api/pack", may="pack.read", gives=PackSaid)
def get_pack(ask: Asking) -> PackSaid:
    """The pack in force: counts, what is verified and what is a default."""
    hub, city = ask.hub, ask.hub.city
    held = hub.registrar.pack
    year = city.calendar.local(hub.clock()).year
    return PackSaid(
        name=city.folder.name,
        folder=str(city.folder),
        digest=city.digest,
        loaded_at=moment.say(held.at) if held else None,
        actor=held.actor if held else "",
        profile=city.profile.name,
        profiles={name: one.reading for name, one in city.profiles.items()},
        counts={name: len(noun) for name, noun in _nouns(city).items()},
        basis=_basis(city),
        notes=list(city.notes),
        published={str(one): city.calendar.published(one) for one in (year - 1, year, year + 1)},
    )


def _unlike(before: Any, after: Any, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if getattr(before, name) != getattr(after, name))


def _changes(before: City, after: City) -> list[NounChange]:
    found = []
    old, new = _nouns(before), _nouns(after)
    for noun, held in new.items():
        was = old[noun]
        change = NounChange(
            noun=noun,
            added=sorted(held.keys() - was.keys())[:200],
            removed=sorted(was.keys() - held.keys())[:200],
            changed=sorted(key for key in held.keys() & was.keys() if held[key] != was[key])[:200],
        )
        if change.added or change.removed or change.changed:
            found.append(change)
    settings = {one.name for one in fields(City)} - APART - MADE
    working = _unlike(before.working, after.working, (one.name for one in fields(WorkingTime)))
    for noun, changed in (
        ("calendar", working),
        ("settings", _unlike(before, after, settings)),
    ):
        if changed:
            found.append(NounChange(noun=noun, added=[], removed=[], changed=changed))
    if before.profile.name != after.profile.name:
        found.append(
            NounChange(
                noun="profile",
                added=[after.profile.name],
                removed=[before.profile.name],
                changed=[],
            )
        )
    return found


@routes("POST", "/api/pack/check", may="pack.write", gives=PackChecked)
def check_pack(ask: Asking) -> PackChecked:
    """Read the pack's folder as it is now: its faults, and what reloading would change."""
    hub, city = ask.hub, ask.hub.city
    faults = packs.check(city.folder, judge=judge)
    changes: list[NounChange] = []
    digest = brought.digest(city.folder)
    if not faults:
        changes = _changes(city, hub.load_pack(city.folder))
    return PackChecked(
        faults=[
            FaultSaid(file=one.file, line=one.line, what=one.what, remedy=one.remedy)
            for one in faults
        ],
        digest=digest,
        same=digest == city.digest,
        changes=changes,
    )


@routes("POST", "/api/pack/reload", may="pack.write", gives=PackChecked)
def reload_pack(ask: Asking) -> PackChecked:
    """Put the pack as it is now in force, if it has no fault. Other processes follow."""
    hub, before = ask.hub, ask.hub.city
    faults = packs.check(before.folder, judge=judge)
    try:
        if faults:
            raise PackFaulty(before.folder.name, faults)
        after = hub.load_pack(before.folder)
    except PackFaulty as error:
        raise Problem(
            422,
            "pack-faulty",
            f"the pack has {len(error.faults)} faults",
            "mend them, check again, then reload",
            faults=[
                Fault(where=f"{one.file}:{one.line}", what=f"{one.what}: {one.remedy}")
                for one in error.faults[:100]
            ],
        ) from error
    changes = _changes(before, after)

    def make(tx: Transaction) -> PackLoaded:
        ask.note(tx, "pack.reload", after.folder.name, before=before.digest, digest=after.digest)
        return PackLoaded(
            name=after.folder.name, digest=after.digest, at=hub.clock(), actor=ask.who.account
        )

    hub.registrar.write(make)
    shifts.use(hub, after)
    hub.sessions.use(*parents(after), policy_of(after.admission))
    return PackChecked(
        faults=[], digest=after.digest, same=after.digest == before.digest, changes=changes
    )
