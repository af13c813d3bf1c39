"""``[settings]`` of ``scenario.toml`` and numbers of ``weights.toml``, as the code uses them."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from tianmu.city.brought import id_of
from tianmu.city.charter.weight import BASIS, BETWEEN, FILE
from tianmu.city.city import City
from tianmu.facts.text import Text, fill
from tianmu.scenarios.settings import settings_of

FOLDER = Path(__file__).parent


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a signal comes from."""

    code: str
    name: Text
    weight: float = 0.0
    """natural logarithm of how much likelier it is to alarm in a fire than a smoke detector is"""
    alarm: bool = False
    """it tells of fire by itself, so it is judged"""
    fire: bool = False
    """it stands for a detector: another one of it near by is a second detector"""
    components: tuple[int, ...] = ()
    """component types of GB/T 26875.3 (table 5) that are of this kind"""


class Sign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that makes a fire likelier or less likely."""

    code: str
    says: Text
    """``{count}`` and ``{times}`` may stand in it"""
    ask: Text = {}
    """how to find out, where it is not there yet; empty: nobody can"""
    each: bool = False
    """it weighs so much each time that it is there"""
    weight: float = 0.0
    """natural logarithm of the likelihood ratio: how many times as often it is seen in a real
    fire as in a false alarm"""


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast what became of earlier alarms counts."""

    strength: float
    """so many alarms with a known end weigh as much as the prior"""
    most: float
    """and the weight is never further from 0 than this"""


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an alarm is judged by, without its numbers."""

    kinds: tuple[Kind, ...]
    signs: tuple[Sign, ...]


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    prior: float
    """share of automatic fire alarms that are real, before anything else is known"""
    lowest: float
    highest: float
    """no probability is told beyond these: nothing is ever sure, and nothing is never"""
    window_min: float
    """signs this long before and after an alarm belong to it"""
    near_m: float
    """calls and cameras this far away may speak of it"""
    quick_s: float
    """back to normal, or reset, so soon: hardly a fire"""
    again_days: float
    """in which a detector that keeps alarming is noticed"""
    again_most: int
    fault_h: float
    """a fault of the detector this long before"""
    burst_min: float
    """alarms of one detector this close together are one, when they are counted"""
    past_days: float
    """of which ends are learnt"""
    likely: float
    sure: float
    """from these probabilities on an alarm is of the degrees *likely* and *as good as sure*"""
    raise_likely: int
    """level that the case of an alarm of that degree has at least; 0: it is left alone"""
    raise_sure: int
    own: Counted
    building: Counted
    kinds: tuple[Kind, ...]
    signs: tuple[Sign, ...]


class Watched(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of the city's devices stands for what; kinds, properties and rules of the pack."""

    unit: str
    system: str
    component: str
    zone_label: str
    """label of a detector's registration that names its zone; without it the upper half of its
    address on the panel does"""
    building_label: str
    detectors: dict[str, str]
    """kind of device that is no part of a panel → what it is"""
    rules: dict[str, str]
    """rule → what kind of signal its alarm is; ``component``: what its component type says"""
    called: tuple[str, ...]
    """codes of matters: whose cases alarms and calls about a fire end in"""
    near: tuple[str, ...]
    """rules of cameras and others that see fire from afar"""
    impaired: tuple[str, ...]
    """rules whose open alarms say that a building's protection does not work as it should"""
    unattended: str
    pressure: tuple[str, ...]
    """kinds of devices that measure water for fighting fire"""
    water_rules: tuple[str, ...]
    """more rules, of other kinds, that say that there is too little of it"""
    water: tuple[str, ...]
    """kinds of the pack's resources from which engines take water"""
    sources: int
    """that are named for a building"""
    buildings: int
    """that are shown on the map at most"""
    states: dict[str, Text]
    """bits of a component's state that are worth telling, the gravest first"""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    evidence: Shown
    watched: Watched
    words: dict[str, Text]
    seeding: dict[str, object]
    backtest: dict[str, object]


@cache
def settings() -> Settings:
    return msgspec.convert(settings_of(__file__), Settings)


@cache
def defaults() -> dict[str, float]:
    """The scenario's own numbers, as ``City.weights`` has them."""
    text = (FOLDER / FILE).read_text(encoding="utf-8")
    found: dict[str, float] = {}
    for name, told in tomllib.loads(text)[id_of(FOLDER)].items():
        if isinstance(told, dict) and name != BETWEEN:
            found |= {f"{name}.{inner}": float(value) for inner, value in told.items()}
        elif name not in (BASIS, BETWEEN):
            found[name] = float(told)
    return found


def evidence(city: City | None = None) -> Evidence:
    """By what an alarm is judged in this city; without one by the scenario's own numbers."""
    own = city.weights.get(id_of(FOLDER), {}) if city is not None else {}
    return weighed(tuple(sorted({**defaults(), **own}.items())))


@cache
def weighed(numbers: tuple[tuple[str, float], ...]) -> Evidence:
    told, shown = dict(numbers), settings().evidence
    plain: dict[str, Any] = {
        name: type_(told[name]) for name, type_ in (
            *((name, float) for name in _PLAIN), *((name, int) for name in _WHOLE)
        )
    }  # fmt: skip
    return Evidence(
        **plain,
        own=Counted(told["own.strength"], told["own.most"]),
        building=Counted(told["building.strength"], told["building.most"]),
        kinds=tuple(
            msgspec.structs.replace(one, weight=told.get(f"kind.{one.code}", 0.0))
            for one in shown.kinds
        ),
        signs=tuple(
            msgspec.structs.replace(one, weight=told[f"sign.{one.code}"]) for one in shown.signs
        ),
    )


_PLAIN = ("prior", "lowest", "highest", "window_min", "near_m", "quick_s", "again_days", "fault_h",
          "burst_min", "past_days", "likely", "sure")  # fmt: skip
_WHOLE = ("again_most", "raise_likely", "raise_sure")


def say(word: str, **given: object) -> Text:
    """A text of ``[settings.words]``; texts among ``given`` are said in each language."""
    return fill(settings().words[word], **given)
