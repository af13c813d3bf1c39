"""``scenario.toml``'s settings, as the models use them."""

from __future__ import annotations

import tomllib
from functools import cache

import msgspec

from tianmu.facts.text import Text
from tianmu.scenarios.water_ecology.standard import HERE


class TrophicWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    upto: tuple[float, ...]
    """upper ends of all grades but the last"""
    grades: tuple[Text, ...]
    whole: Text
    renormalised: Text
    undecided: Text


class TrendWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    better: Text
    worse: Text
    neither: Text
    unknown: Text


class Grades(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"starts": "from"}):
    starts: tuple[float, ...]
    """lower end of each grade but the first, in the item's unit"""
    names: tuple[Text, ...]
    basis: str


class OutlookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tolerance_h: float
    """a sample so near to the time looked at is what came"""
    grades: dict[str, Grades]
    """by item"""


class TraceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    speed_m_s: tuple[float, ...]
    """of stream orders 1, 2…; the last for all higher ones"""
    slowest: float
    fastest: float
    half_h: float
    scatter: float
    """see trace.py"""
    basis: str
    usual: dict[str, float]
    decay_per_day: dict[str, float]


class OutletKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    name: Text
    share: float
    profile: dict[str, float]
    """item → usual concentration, mg/L"""


class SeedingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outlets: int
    scatter: float
    """standard deviation of natural logarithms between outlets of a kind"""
    basis: str
    kind: tuple[OutletKind, ...]


class BasinSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares in per cent; see scenario.toml."""

    few: int
    excellent: float
    good: float
    moderate: float
    heavy: float


class ReportWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    month: Text
    """as it is written: its year, number and English name"""
    river: Text
    lake: Text
    same: Text
    better: Text
    worse: Text
    none: Text
    unknown: Text
    worst: Text
    """the class below the last"""
    places: Text
    """an item, and at how many sections it is beyond the target"""
    times: Text
    """an item, and by which multiple it is"""


class PresentWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fresh_h: float
    """what is older is not the water of now"""
    ring_m: float
    """how large a station is on the map"""
    no_station: Text
    no_figure: Text
    why: Text
    stations: Text
    judged: Text
    share_good: Text
    share_worst: Text
    as_rivers: Text
    silent: Text
    left_out: Text
    sources: Text
    under: Text
    worst: Text
    """the class below all others"""
    nothing: Text
    """of a station without a figure"""
    bad: Text
    bad_columns: tuple[Text, ...]
    none_bad: Text
    no_cause: Text


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    trophic: TrophicWords
    trend: TrendWords
    outlook: OutlookSettings
    trace: TraceSettings
    seeding: SeedingSettings
    basin: BasinSettings
    report: ReportWords
    present: PresentWords
    backtest: dict[str, str | float]
    """read by ``tianmu backtest``"""


@cache
def settings() -> Settings:
    """The table ``settings`` of ``scenario.toml``."""
    whole = tomllib.loads((HERE / "scenario.toml").read_text("utf-8"))
    return msgspec.convert(whole["settings"], Settings)
