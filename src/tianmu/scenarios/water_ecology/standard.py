"""The tables of the standards beside this file, read once: items, limits, names, units."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache, cached_property
from pathlib import Path

import msgspec

from tianmu.facts.text import Text

HERE = Path(__file__).parent
WORST = 5
"""number of the class beyond the fifth; the first is 0"""

_TAIL = re.compile(r"^(.*?)\s*[(\[]([^()\[\]]*)[)\]]$")


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something measured in water."""

    key: str
    name: Text
    unit: str
    """what ``limits`` are in; a key of ``Standard.units``"""
    also: tuple[str, ...] = ()
    """other names under which it is published"""
    codes: dict[str, str] = {}
    """codes under which it is published in a unit of their own"""
    sense: str = "at_most"
    """``at_most`` or ``at_least`` its limits, or ``between`` two of them"""
    limits: tuple[float, ...] = ()
    """of the five classes; of ``between`` lowest and highest; none: it has no class"""
    lake_limits: tuple[float, ...] = ()
    """where lakes and reservoirs have their own"""
    waters: tuple[str, ...] = ("river", "lake")
    """where it has limits at all"""
    counted: bool = True
    """for the class of the water; else it is judged apart"""
    multiple: bool = True
    """whether a multiple of excess is reckoned"""
    low: float = 0.0
    high: float = float("inf")
    """figures beyond these are impossible"""
    basis: str = ""

    def limits_in(self, water: str) -> tuple[float, ...]:
        """Its limits in ``water`` (river or lake); empty where it has none."""
        if water not in self.waters:
            return ()
        return self.lake_limits if water == "lake" and self.lake_limits else self.limits


class Quality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words and colour of the classes up to ``upto``."""

    name: Text
    colour: str
    upto: str


class Cells(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Texts that stand for figures."""

    missing: tuple[str, ...]
    not_found: tuple[str, ...]


class Standard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """All of ``gb3838.toml``."""

    classes: tuple[str, ...]
    """names of the six, best first"""
    join: Text
    """stands between names of items in one cell"""
    source: Text
    below_share: float
    """the share of a detection limit that counts for what lies below it"""
    quality: tuple[Quality, ...]
    cells: Cells
    beside: str
    """what brackets in a head hold beside a unit: a regular expression"""
    columns: dict[str, tuple[str, ...]]
    """station, time, official class, state: names under which they are published"""
    units: dict[str, dict[str, float]]
    """unit of an item → written unit → factor to it"""
    item: tuple[Item, ...]

    @cached_property
    def items(self) -> dict[str, Item]:
        return {one.key: one for one in self.item}

    @cached_property
    def by_name(self) -> dict[str, Item]:
        """Plain name → item."""
        return {
            plain(word): one
            for one in self.item
            for word in (one.key, *one.name.values(), *one.also)
        }

    @cached_property
    def by_code(self) -> dict[str, tuple[Item, str]]:
        """Plain code → item and the unit that goes with the code."""
        return {plain(code): (one, unit) for one in self.item for code, unit in one.codes.items()}

    @cached_property
    def plain_units(self) -> dict[str, dict[str, float]]:
        return {
            unit: {plain(word): factor for word, factor in written.items()}
            for unit, written in self.units.items()
        }

    def words(self, language: str) -> list[str]:
        """The quality of each of the six classes in words."""
        found: list[str] = []
        for one in self.quality:
            upto = self.classes.index(one.upto) + 1
            found += [one.name[language]] * (upto - len(found))
        return found

    def class_number(self, name: str) -> int | None:
        """0 for the first class; None for a name that is none of the six. Its number in figures and
        a word behind it that is not of Latin letters (as Chinese tables add) mean the same."""
        wanted = plain(name)
        if wanted.isdecimal() and 1 <= int(wanted) <= len(self.classes):
            return int(wanted) - 1
        for number, one in reversed(list(enumerate(self.classes))):
            before, _, behind = wanted.partition(plain(one))
            if not before and wanted and (not behind or not behind[0].isascii()):
                return number
        return None


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One index of TLI(Σ): 10 (a + b ln(factor x))."""

    item: str
    a: float
    b: float
    r: float
    factor: float = 1.0
    """from the item's unit to the formula's"""


class Trophic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of ``tli.toml``."""

    source: Text
    decides: str
    """the item without which there is no index"""
    part: tuple[Part, ...]


def plain(word: str) -> str:
    """A name as it is compared: width, case and blanks do not matter."""
    return "".join(unicodedata.normalize("NFKC", word).split()).lower()


def split_head(head: str) -> tuple[str, str]:
    """(name, unit) of a column's head like ``氨氮(mg/L)``; the unit is empty if none is said."""
    found = _TAIL.match(unicodedata.normalize("NFKC", head).strip())
    return (found[1], found[2]) if found else (head.strip(), "")


@cache
def standard() -> Standard:
    """``gb3838.toml``."""
    return msgspec.convert(tomllib.loads((HERE / "gb3838.toml").read_text("utf-8")), Standard)


@cache
def trophic() -> Trophic:
    """``tli.toml``."""
    return msgspec.convert(tomllib.loads((HERE / "tli.toml").read_text("utf-8")), Trophic)
