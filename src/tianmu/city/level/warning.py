"""How the city warns: the pack's ``warnings.toml``. Whoever sends, the four colours, the events.

Without the file nobody warns. All of it is a default, to be set by the city.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader, is_language
from tianmu.city.level.plan import COLOURS
from tianmu.city.matter.matter import Matter
from tianmu.facts.text import Text

FILE = "warnings.toml"
CATEGORIES = (
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra",
    "CBRNE", "Other",
)  # fmt: skip
RESPONSES = (
    "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None",
)  # fmt: skip
URGENCIES = ("Immediate", "Expected", "Future", "Past", "Unknown")
CERTAINTIES = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")
NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
"""of CAP 1.2, as it is written and read"""
NATIONAL_COLOURS = {"red": "Red", "orange": "Orange", "yellow": "Yellow", "blue": "Blue"}
NATIONAL_LANGUAGE = "zh"
"""colours as the Chinese national format names them, and the one language it is in"""
SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
_SENDER = re.compile(r"[^\s,<&]+")
_NATIONAL_SENDER = re.compile(r"\d{14}")


class WarningColour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    """one of ``plan.COLOURS``"""
    name: Text
    level: Text = {}
    """what the statute calls it"""
    severity: str
    """of CAP"""
    hours: float
    """for which it is proposed to hold"""
    basis: str = ""


class WarningKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event that is warned of."""

    code: str
    name: Text
    categories: tuple[str, ...]
    responses: tuple[str, ...] = ()
    matters: tuple[str, ...] = ()
    """keys of matters, or codes without the edition: a warning that a case's plan proposes is of
    this event"""
    instruction: Text = {}
    """what people are told to do where nobody writes anything else"""
    national: str = ""
    """code of the national catalogue; empty: not known, and no national message can be made"""
    others: tuple[str, ...] = ()
    """names and codes by which other bodies warn of it, beside its own"""
    basis: str = ""


class _Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sender: str
    name: Text
    contact: str = ""
    web: str = ""
    geocode: str = "code"
    geocodes: dict[str, str] = {}
    open: bool = False
    tags: dict[str, str] = {}
    national: str = ""
    basis: str = ""


@dataclass(frozen=True)
class Warnings:
    sender: str = ""
    """unique among all who send, no blanks nor commas; empty: the city does not warn"""
    name: Text = field(default_factory=dict)
    contact: str = ""
    web: str = ""
    geocode: str = "code"
    """what the codes of divisions are called in messages"""
    geocodes: Mapping[str, str] = field(default_factory=dict)
    """codes of places in other bodies' messages → division here; those of divisions are known"""
    open: bool = False
    """whether anybody may read the feed and its messages without an account"""
    tags: Mapping[str, str] = field(default_factory=dict)
    """language of the pack → language tag of messages"""
    national: str = ""
    """code of the sender in the national system, 14 digits"""
    colours: Mapping[str, WarningColour] = field(default_factory=dict)
    events: Mapping[str, WarningKind] = field(default_factory=dict)

    def of_matter(self, key: str) -> WarningKind | None:
        """The event that cases of a matter warn of, or None."""
        code = key.rpartition(":")[2]
        for one in self.events.values():
            if key in one.matters or code in one.matters:
                return one
        return None


def read(reader: PackReader, matters: Mapping[str, Matter], divisions: Collection[str]) -> Warnings:
    """The pack's ``warnings.toml``; without one, a city that does not warn."""
    if not (reader.folder / FILE).is_file():
        return Warnings()
    document = reader.toml(FILE)
    if document is None:
        return Warnings()
    reader.only(document, "sender", "colour", "event")
    head = reader.build(document, ("sender",), document.data.get("sender", {}), _Head)
    colours = {one.code: one for _, one in reader.tables(document, "colour", WarningColour)}
    events = {one.code: one for _, one in reader.tables(document, "event", WarningKind)}
    if head is None:
        return Warnings()
    _check_head(reader, document, head, divisions)
    _check_colours(reader, document, colours)
    known = set(matters) | {key.rpartition(":")[2] for key in matters}
    for index, code in enumerate(events):
        _check_event(reader, document, index, events[code], known)
    return Warnings(
        sender=head.sender,
        name=head.name,
        contact=head.contact,
        web=head.web,
        geocode=head.geocode,
        geocodes=head.geocodes,
        open=head.open,
        tags={one: head.tags.get(one, one) for one in reader.languages},
        national=head.national,
        colours=colours,
        events=events,
    )


def _check_head(
    reader: PackReader, document: Document, head: _Head, divisions: Collection[str]
) -> None:
    def fault(key: str, what: str, remedy: str) -> None:
        reader.fault(FILE, document.line("sender", key), what, remedy)

    if not _SENDER.fullmatch(head.sender):
        what = f"sender {head.sender!r} is empty or has blanks, commas, < or &"
        fault("sender", what, "give a name like warnings@city.example")
    reader.words(document, ("sender", "name"), head.name)
    if head.national and not _NATIONAL_SENDER.fullmatch(head.national):
        fault(
            "national", f"national {head.national!r} is not 14 digits", "give it, or leave it out"
        )
    for told, code in head.geocodes.items():
        if code not in divisions:
            fault("geocodes", f"{told} stands for {code!r}, which is no division", "use one's code")
    for language, tag in head.tags.items():
        if language not in reader.languages:
            fault("tags", f"{language!r} is no language of the pack", "remove it")
        elif not is_language(tag):
            fault("tags", f"{tag!r} is no language tag", "give one like zh-CN")


def _check_colours(
    reader: PackReader, document: Document, colours: Mapping[str, WarningColour]
) -> None:
    for index, one in enumerate(colours.values()):
        where = ("colour", index)
        if one.code not in COLOURS:
            what = f"no warning is {one.code!r}"
            reader.fault(FILE, document.line(*where), what, f"use {', '.join(COLOURS)}")
        if one.severity not in SEVERITIES:
            line = document.line(*where, "severity")
            what = f"severity {one.severity!r}"
            reader.fault(FILE, line, what, f"use one of {', '.join(SEVERITIES)}")
        if not 0 < one.hours <= 24 * 31:
            line = document.line(*where, "hours")
            reader.fault(FILE, line, f"hours is {one.hours:g}", "give more than 0, at most 744")
        reader.words(document, (*where, "name"), one.name)
    for code in COLOURS:
        if code not in colours:
            reader.fault(FILE, 0, f"no [[colour]] is {code}", "add it: a warning may need it")


def _check_event(
    reader: PackReader, document: Document, index: int, one: WarningKind, matters: Iterable[str]
) -> None:
    where = ("event", index)
    reader.words(document, (*where, "name"), one.name)
    for key, known in (("categories", CATEGORIES), ("responses", RESPONSES)):
        for code in getattr(one, key):
            if code not in known:
                line = document.line(*where, key)
                what = f"event {one.code}: {key} has {code!r}"
                reader.fault(FILE, line, what, f"use {', '.join(known)}")
    if not one.categories:
        line = document.line(*where)
        reader.fault(FILE, line, f"event {one.code} has no category", "give at least one")
    for code in one.matters:
        if code not in matters:
            line = document.line(*where, "matters")
            what = f"event {one.code}: no matter is {code!r}"
            reader.fault(FILE, line, what, "use one of matters.csv")
