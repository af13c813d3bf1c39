"""A scenario in one city: which of its kinds, rules, matters and parties the pack knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tianmu.city.city import City
from tianmu.city.people.department import Department
from tianmu.facts.text import Text
from tianmu.scenarios.folder.manifest import Manifest, Role


@dataclass(frozen=True)
class Party:
    code: str
    name: Text


@dataclass(frozen=True)
class Post:
    """A role and who has it here; nobody where no duty says so."""

    role: Role
    parties: tuple[Party, ...]


@dataclass(frozen=True)
class Fit:
    kinds: tuple[str, ...]
    """that the pack knows"""
    no_kinds: tuple[str, ...]
    rules: tuple[str, ...]
    no_rules: tuple[str, ...]
    matters: tuple[str, ...]
    """keys"""
    no_matters: tuple[str, ...]
    posts: tuple[Post, ...]

    @property
    def lacks(self) -> tuple[str, ...]:
        """Codes of the scenario that this city's pack does not have."""
        return (*self.no_kinds, *self.no_rules, *self.no_matters)


def fit(manifest: Manifest, city: City) -> Fit:
    """What of the scenario this city has."""
    rules = {str(rule["code"]) for rule in city.rules}
    kinds, no_kinds = _split(manifest.devices, city.kinds)
    known, unknown = _split(manifest.rules, rules)
    keys = {code: matter_keys(city, manifest.id, code) for code in manifest.matters}
    return Fit(
        kinds, no_kinds, known, unknown,
        tuple(key for found in keys.values() for key in found),
        tuple(code for code, found in keys.items() if not found),
        tuple(Post(role, _parties(manifest.id, role, city)) for role in manifest.roles),
    )  # fmt: skip


def matter_keys(city: City, scenario: str, code: str) -> tuple[str, ...]:
    """The matter of this code, or key, that the scenario brings, as the city has it; else keys of
    the matters of this code in whatever edition, or the key itself."""
    for key, here in city.scenario_matters.get(scenario, {}).items():
        if code in {key, key.rpartition(":")[2]}:
            return (here,)
    return tuple(one.key for one in city.matters.values() if code in {one.key, one.code})


def _split(codes: Iterable[str], known: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    held = set(known)
    listed = tuple(codes)
    return (
        tuple(one for one in listed if one in held),
        tuple(one for one in listed if one not in held),
    )


def _parties(scenario: str, role: Role, city: City) -> tuple[Party, ...]:
    for key in matter_keys(city, scenario, role.matter):
        duty = city.owner_of(key)
        if duty is not None:
            codes = (duty.department,) if role.party == "lead" else duty.joint
            return tuple(Party(code, _name(city, code)) for code in codes)
    return ()


def _name(city: City, code: str) -> Text:
    found: Department | None = city.departments.get(code)
    if found is not None:
        return found.name
    tier = code.partition(":")[2]
    for one in city.tiers:
        if tier == str(one.number):
            return one.name
    return {"en": code}
