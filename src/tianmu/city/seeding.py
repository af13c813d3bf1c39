"""How a city without devices of its own is filled to be tried: shares, incidents, reports.

All of it is plain data for whoever plays a city (``rehearse``), and marked as seeded wherever it
shows. Incidents say what a thing looks like in signals; report templates are citizens' words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tianmu.city.device import DeviceKind
from tianmu.city.matter import Matter
from tianmu.city.reader import PackReader
from tianmu.facts.text import Text

INCIDENTS, REPORTS = "seeding.toml", "reports.toml"
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


class Signal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one device shows during an incident."""

    kind: str
    property: str
    shape: str
    """``step`` (to ``value``), ``ramp`` (to ``value`` over ``over_s``), ``pulse`` (``value`` for
    ``for_s``), ``bits`` (``value`` is or-ed in), ``silent`` (nothing more comes)"""
    value: float = 0.0
    after_s: tuple[float, float] = (0.0, 0.0)
    """begins so long after the incident, between the two"""
    over_s: float = 0.0
    for_s: float = 0.0
    devices: tuple[int, int] = (1, 1)
    """how many devices of the kind show it, from … to"""
    within_m: float = 300.0
    chance: float = 1.0


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who tells of an incident."""

    channel: str
    matter: str = ""
    """whose report templates are used; empty: the incident's"""
    after_s: tuple[float, float] = (0.0, 0.0)
    number: tuple[int, int] = (0, 1)
    offset_m: float = 40.0
    """how far off people put it"""


class Incident(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    name: Text
    matter: str
    per_day: float
    """how often in the seeded city, per 100,000 inhabitants"""
    truth: bool = True
    """False: a false start, a test or a fault – signals without an incident"""
    hours: tuple[int, int] = (0, 24)
    signals: tuple[Signal, ...] = ()
    told: tuple[Told, ...] = ()
    basis: str = ""


class ReportTemplates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Citizens' words for one matter."""

    matter: str
    texts: dict[str, tuple[str, ...]]
    """language → templates"""
    category: str = "complaint"
    weight: float = 1.0


class Seeding(msgspec.Struct, frozen=True, kw_only=True):
    population: int
    weights: dict[str, float]
    """division of tier 2 → share of devices and reports"""
    words: dict[str, dict[str, tuple[str, ...]]]
    """placeholder → language → words that fill it"""
    channels: dict[str, float]
    incidents: tuple[Incident, ...]
    reports: tuple[ReportTemplates, ...]
    basis: str = ""

    def plain(self) -> dict[str, Any]:
        """The same as dicts and lists."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


def read(
    reader: PackReader,
    divisions: Mapping[str, object],
    kinds: Mapping[str, DeviceKind],
    matters: Mapping[str, Matter],
) -> Seeding:
    """The pack's seeding; faults for kinds, properties, matters and placeholders not there."""
    main = reader.toml(INCIDENTS, required=False)
    told = reader.toml(REPORTS, required=False)
    data: dict[str, Any] = main.data if main is not None else {}
    words: dict[str, dict[str, tuple[str, ...]]] = {}
    reports: list[ReportTemplates] = []
    if told is not None:
        reader.only(told, "words", "report")
        built = reader.build(
            told, ("words",), told.data.get("words", {}), dict[str, dict[str, tuple[str, ...]]]
        )
        words = built or {}
        for index, value in enumerate(told.data.get("report", [])):
            path = ("report", index)
            one = reader.build(told, path, value, ReportTemplates)
            if one is None:
                continue
            if one.matter not in matters:
                what = f"{one.matter!r} is no matter"
                reader.fault(REPORTS, told.line(*path, "matter"), what, "see matters.csv")
            for language, texts in one.texts.items():
                for place, text in enumerate(texts):
                    for name in _PLACEHOLDER.findall(text):
                        if not words.get(name, {}).get(language) and name not in BUILT_IN:
                            what = f"{{{name}}} has no words in {language!r}"
                            line = told.line(*path, "texts", language, place)
                            remedy = f"add {name} to [words] or use {', '.join(BUILT_IN)}"
                            reader.fault(REPORTS, line, what, remedy)
            reports.append(one)
    incidents: list[Incident] = []
    if main is not None:
        reader.only(main, "population", "weights", "channels", "incident", "basis")
        for code in data.get("weights", {}):
            if code not in divisions:
                what = f"{code} is no division"
                reader.fault(INCIDENTS, main.line("weights", code), what, "see divisions.csv")
        for index, value in enumerate(data.get("incident", [])):
            path = ("incident", index)
            incident = reader.build(main, path, value, Incident)
            if incident is None:
                continue
            for key in (incident.matter, *(one.matter for one in incident.told if one.matter)):
                if key and key not in matters:
                    what = f"incident {incident.code}: {key!r} is no matter"
                    reader.fault(INCIDENTS, main.line(*path, "matter"), what, "see matters.csv")
            for place, signal in enumerate(incident.signals):
                kind = kinds.get(signal.kind)
                if kind is None or signal.property not in kind.properties:
                    what = f"incident {incident.code}: no {signal.kind}/{signal.property}"
                    line = main.line(*path, "signals", place)
                    reader.fault(INCIDENTS, line, what, "use a kind and property of kinds.toml")
                if signal.shape not in SHAPES:
                    what = f"incident {incident.code}: unknown shape {signal.shape!r}"
                    line = main.line(*path, "signals", place)
                    reader.fault(INCIDENTS, line, what, f"use one of {', '.join(SHAPES)}")
            incidents.append(incident)
    return Seeding(
        population=int(data.get("population", 0)),
        weights={code: float(share) for code, share in data.get("weights", {}).items()},
        words=words,
        channels={name: float(share) for name, share in data.get("channels", {}).items()},
        incidents=tuple(incidents),
        reports=tuple(reports),
        basis=str(data.get("basis", "")),
    )


BUILT_IN = ("place", "division", "town", "time", "number")
"""Placeholders that whoever plays the city fills from where and when it happens."""
SHAPES = ("step", "ramp", "pulse", "bits", "silent")
