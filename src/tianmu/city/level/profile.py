"""The response profile: five ordered levels, their meaning, and the tier that commands at each.

Tiers and levels are two scales: a level says how grave a thing is (or how far up it goes), a tier
who commands. A pack may carry several readings and puts one in force.
"""

from __future__ import annotations

import msgspec

from tianmu.city.calendar.limit import Limit
from tianmu.city.file.reader import PackReader
from tianmu.city.place.division import Tier
from tianmu.facts.text import Text

FILE = "profiles.toml"
LEVELS = 5


class Escalation(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When a level rises by itself."""

    remind_at: float | None = None
    """part of the limit (0…1) after which the owner is reminded"""
    rise_at: float | None = None
    """part of the limit after which the level rises by one"""
    departments: int | None = None
    """rises when at least so many departments are needed"""
    when: Text = msgspec.field(default_factory=dict)
    """what else makes it rise: read by persons, not by the engine"""


class Level(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    name: str
    """its short name, unique in the profile, used in facts"""
    number: int
    """1 is the highest"""
    text: Text
    colour: str
    """as ``#rrggbb``"""
    colour_name: Text = msgspec.field(default_factory=dict)
    tier: int
    """the tier that commands"""
    accept: Limit
    onsite: Limit
    close: Limit | None = None
    """None: without end, until it is over"""
    escalate: Escalation = msgspec.field(default_factory=Escalation)
    actor: Text = msgspec.field(default_factory=dict)
    basis: str = ""


class ResponseProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    reading: Text
    """what the five levels mean in this profile"""
    levels: tuple[Level, ...]
    basis: str = ""

    def level(self, name: str) -> Level:
        """The level of that name; KeyError where there is none."""
        for level in self.levels:
            if level.name == name:
                return level
        raise KeyError(f"profile {self.name} has no level {name!r}")

    def numbered(self, number: int) -> Level:
        """The level of that number, kept within the scale (1 highest … 5)."""
        levels = self.levels
        if 0 < number <= len(levels):  # asked several times for each signal
            return levels[number - 1]
        return levels[0] if number < 1 else levels[-1]


def read(reader: PackReader, tiers: dict[int, Tier]) -> dict[str, ResponseProfile]:
    """Profiles by name; each must have five levels of rising number on tiers that exist."""
    document = reader.toml(FILE)
    if document is None:
        return {}
    reader.only(document, "profile")
    found: dict[str, ResponseProfile] = {}
    for index, value in enumerate(document.data.get("profile", [])):
        path = ("profile", index)
        profile = reader.build(document, path, value, ResponseProfile)
        if profile is None:
            continue
        line = document.line(*path)
        numbers = [level.number for level in profile.levels]
        if numbers != list(range(1, LEVELS + 1)):
            wrong = next((i for i, number in enumerate(numbers) if number != i + 1), 0)
            reader.fault(
                FILE,
                document.line(*path, "levels", wrong, "number"),
                f"profile {profile.name} has levels {numbers}",
                f"give {LEVELS} levels numbered 1 (highest) to {LEVELS}, in order",
            )
        if len({level.name for level in profile.levels}) != len(profile.levels):
            what = f"two levels of profile {profile.name} have one name"
            reader.fault(FILE, line, what, "name each differently")
        for place, level in enumerate(profile.levels):
            where = (*path, "levels", place)
            reader.words(document, (*where, "text"), level.text)
            if level.tier not in tiers:
                reader.fault(
                    FILE,
                    document.line(*where, "tier"),
                    f"level {level.name} is commanded at tier {level.tier}, which is not there",
                    f"use one of {', '.join(map(str, sorted(tiers)))}",
                )
        if profile.name in found:
            what = f"two profiles are called {profile.name}"
            reader.fault(FILE, line, what, "name each differently")
        found[profile.name] = profile
    names = [tuple(level.name for level in profile.levels) for profile in found.values()]
    if len(set(names)) > 1:
        what = "profiles name their levels differently"
        remedy = "use one set of names in all, so that rules and plans hold under each"
        reader.fault(FILE, document.line("profile", 1), what, remedy)
    if not found and not reader.faults:
        reader.fault(FILE, 1, "no profile", "add at least one [[profile]]")
    return found
