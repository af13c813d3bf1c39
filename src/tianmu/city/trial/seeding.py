"""How a city without devices of its own is filled to be tried: shares, incidents, reports.

All of it is plain data for whoever plays a city (``rehearse``), and marked as seeded wherever it
shows. Incidents say what a thing looks like in signals; report templates are citizens' words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tianmu.city.device.device import DeviceKind
from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader
from tianmu.city.matter.matter import Matter
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

    channel: str = ""
    """empty: the one that most people use"""
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
    void: bool = False
    """whoever goes there finds nothing: the feed's people make a case of it void"""
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


class _Head(msgspec.Struct, frozen=True):
    """What stands above the incidents; names as in ``Seeding``."""

    population: int = 0
    weights: dict[str, float] = {}
    channels: dict[str, float] = {}
    basis: str = ""


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
    """The pack's seeding, with the incidents and reports of scenarios; faults for kinds,
    properties, matters and placeholders not there."""
    main = reader.toml(INCIDENTS, required=False)
    head = (reader.build(main, (), main.data, _Head) if main is not None else None) or _Head()
    for code in head.weights:
        if main is not None and code not in divisions:
            what = f"{code} is no division"
            reader.fault(INCIDENTS, main.line("weights", code), what, "see divisions.csv")
    words: dict[str, dict[str, tuple[str, ...]]] = {}
    reports: list[ReportTemplates] = []
    incidents: dict[str, Incident] = {}
    for source in reader.sources:
        told = source.toml(REPORTS, required=False)
        if told is not None:
            reports += _reports(source, told, words, matters)
        document = main if source is reader else source.toml(INCIDENTS, required=False)
        if document is None:
            continue
        if source.scenario:
            source.only(document, "incident")
        else:
            source.only(document, "population", "weights", "channels", "incident", "basis")
        for one in _incidents(source, document, kinds, matters):
            incidents.setdefault(one.code, _told_by(one, head.channels))
    return Seeding(
        population=head.population,
        weights=head.weights,
        words=words,
        channels=head.channels,
        incidents=tuple(incidents.values()),
        reports=tuple(reports),
        basis=head.basis,
    )


def _told_by(incident: Incident, channels: Mapping[str, float]) -> Incident:
    """The incident told by the city's busiest channel where it says none."""
    busiest = max(channels, key=channels.__getitem__, default="")
    told = (msgspec.structs.replace(one, channel=one.channel or busiest) for one in incident.told)
    return msgspec.structs.replace(incident, told=tuple(told))


def _reports(
    source: PackReader,
    document: Document,
    words: dict[str, dict[str, tuple[str, ...]]],
    matters: Mapping[str, Matter],
) -> Iterator[ReportTemplates]:
    """Citizens' words of one file; its placeholders are added to ``words``."""
    source.only(document, "words", "report")
    built = source.build(
        document, ("words",), document.data.get("words", {}), dict[str, dict[str, tuple[str, ...]]]
    )
    for name, said in (built or {}).items():
        words.setdefault(name, said)
    for index, value in enumerate(document.data.get("report", [])):
        path = ("report", index)
        one = source.build(document, path, value, ReportTemplates)
        if one is None:
            continue
        if one.matter not in matters:
            what = f"{one.matter!r} is no matter"
            source.fault(REPORTS, document.line(*path, "matter"), what, "see matters.csv")
        for language, texts in one.texts.items():
            for place, text in enumerate(texts):
                for name in _PLACEHOLDER.findall(text):
                    if not words.get(name, {}).get(language) and name not in BUILT_IN:
                        what = f"{{{name}}} has no words in {language!r}"
                        line = document.line(*path, "texts", language, place)
                        remedy = f"add {name} to [words] or use {', '.join(BUILT_IN)}"
                        source.fault(REPORTS, line, what, remedy)
        yield one


def _incidents(
    source: PackReader,
    document: Document,
    kinds: Mapping[str, DeviceKind],
    matters: Mapping[str, Matter],
) -> Iterator[Incident]:
    for index, value in enumerate(document.data.get("incident", [])):
        path = ("incident", index)
        incident = source.build(document, path, value, Incident)
        if incident is None:
            continue
        for key in (incident.matter, *(one.matter for one in incident.told if one.matter)):
            if key and key not in matters:
                what = f"incident {incident.code}: {key!r} is no matter"
                source.fault(INCIDENTS, document.line(*path, "matter"), what, "see matters.csv")
        if incident.void and incident.truth:
            what = f"incident {incident.code}: who goes there finds nothing, though it is true"
            remedy = "add truth = false, or leave void out"
            source.fault(INCIDENTS, document.line(*path, "void"), what, remedy)
        for place, signal in enumerate(incident.signals):
            kind = kinds.get(signal.kind)
            if kind is None or signal.property not in kind.properties:
                what = f"incident {incident.code}: no {signal.kind}/{signal.property}"
                line = document.line(*path, "signals", place)
                source.fault(INCIDENTS, line, what, "use a kind and property of kinds.toml")
            if signal.shape not in SHAPES:
                what = f"incident {incident.code}: unknown shape {signal.shape!r}"
                line = document.line(*path, "signals", place)
                source.fault(INCIDENTS, line, what, f"use one of {', '.join(SHAPES)}")
        yield incident


BUILT_IN = ("place", "division", "town", "time", "number")
"""Placeholders that whoever plays the city fills from where and when it happens."""
SHAPES = ("step", "ramp", "pulse", "bits", "silent")
