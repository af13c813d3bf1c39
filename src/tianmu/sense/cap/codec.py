"""CAP 1.2 (and 1.1, 1.0) as others write it: 1.2 held against the schema of OASIS
(``CAP-v1.2.xsd``), and all with what the standard leaves to be checked beside it. A fault names the
element and what would mend it. No I/O."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from tianmu.city.level.warning import (
    CATEGORIES,
    CERTAINTIES,
    NAMESPACE,
    RESPONSES,
    SEVERITIES,
    URGENCIES,
)
from tianmu.facts.warning import Ring
from tianmu.sense.cap.outline import fewer
from tianmu.sense.cap.xml import BadXml, parse

NAMESPACES = (
    NAMESPACE,
    "urn:oasis:names:tc:emergency:cap:1.1",
    "http://www.incident.com/cap/1.0",
)
STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")
KINDS = ("Alert", "Update", "Cancel", "Ack", "Error")
SCOPES = ("Public", "Restricted", "Private")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
_NAME = re.compile(r"[^\s,<&]+")
_LISTED = re.compile(r'"([^"]*)"|(\S+)')


POINTS = 100_000
"""of all outlines of a message"""
OUTLINES = 2_000
"""and circles of a message"""


class NotCap(ValueError):
    """It is no CAP that can be acted on; ``remedy`` says what would mend it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


class CapArea(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    rings: tuple[Ring, ...]
    """with as many points as are kept (``outline.fewer``)"""
    circles: tuple[tuple[float, float, float], ...]
    """longitude, latitude, radius in km"""
    codes: tuple[tuple[str, str], ...]


class CapInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What one ``info`` says."""

    language: str
    categories: tuple[str, ...]
    event: str
    responses: tuple[str, ...]
    urgency: str
    severity: str
    certainty: str
    onset: int
    """µs, 0: not said; so the next two"""
    effective: int
    expires: int
    sender_name: str
    headline: str
    description: str
    instruction: str
    codes: tuple[tuple[str, str], ...]
    """(system, code) of the event"""
    parameters: tuple[tuple[str, str], ...]
    areas: tuple[CapArea, ...]


class CapAlert(msgspec.Struct, frozen=True, kw_only=True):
    identifier: str
    sender: str
    sent: int
    status: str
    kind: str
    scope: str
    restriction: str
    addresses: tuple[str, ...]
    note: str
    references: tuple[tuple[str, str, int], ...]
    infos: tuple[CapInfo, ...]

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from all others: identifiers of two senders may be the same."""
        return self.sender, self.identifier, self.sent


def read(data: bytes) -> CapAlert:
    """The message in ``data``. Raises ``NotCap``."""
    try:
        root = parse(data)
    except BadXml as error:
        raise NotCap(str(error), "send the XML of one alert") from error
    space, _, tag = root.tag.removeprefix("{").rpartition("}")
    if tag != "alert" or space not in NAMESPACES:
        raise NotCap(
            f"the document is <{root.tag[:90]}>, not an alert of CAP",
            f"its namespace is {NAMESPACE}",
        )
    here = _At(root, space, "alert")
    kind, scope = here.one("msgType", KINDS), here.one("scope", SCOPES)
    references = _references(here.words("references"))
    if kind in {"Update", "Cancel"} and not references:
        raise NotCap(f"an {kind} refers to no message", "name what it follows in references")
    for name, wanted in (("restriction", "Restricted"), ("addresses", "Private")):
        if scope == wanted and not here.words(name):
            raise NotCap(f"its scope is {wanted}, and {name} is missing", f"add {name}")
    _bounded(root, space)
    infos = tuple(_info(one) for one in here.all("info"))
    if kind == "Alert" and not infos:
        raise NotCap("an Alert has no info", "say what it warns of")
    told = CapAlert(
        identifier=here.name("identifier"),
        sender=here.name("sender"),
        sent=here.time("sent", needed=True),
        status=here.one("status", STATUSES),
        kind=kind,
        scope=scope,
        restriction=here.words("restriction"),
        addresses=names(here.words("addresses")),
        note=here.words("note"),
        references=references,
        infos=infos,
    )
    if space == NAMESPACE:
        _valid(root)
    return told


def _bounded(root: ET.Element, space: str) -> None:
    """``NotCap`` for more outlines, or points of them, than a warning needs."""
    drawn = [one.text or "" for one in root.iter(f"{{{space}}}polygon")]
    count = len(drawn) + sum(1 for _ in root.iter(f"{{{space}}}circle"))
    points = sum(text.count(",") for text in drawn)
    for what, found, most in (
        ("outlines and circles", count, OUTLINES),
        ("points in its outlines", points, POINTS),
    ):
        if found > most:
            raise NotCap(
                f"it has {found} {what}, more than {most}",
                "draw it coarser, to some 50 m, or name its areas by codes",
            )


@cache
def _schema() -> Any:
    import xmlschema

    return xmlschema.XMLSchema(files("tianmu.sense.cap").joinpath("CAP-v1.2.xsd").read_text())


def _valid(root: ET.Element) -> None:
    """``NotCap`` at the first thing that the schema does not allow."""
    errors = _schema().iter_errors(root, use_location_hints=False)
    if (error := next(errors, None)) is not None:
        where = re.sub(r"\{[^}]*\}|\w+:", "", error.path or "alert").strip("/")
        why = re.sub(r"\{[^}]*\}", "", error.reason or "it does not fit")
        raise NotCap(
            f"{where}: not valid by the schema of CAP 1.2: {why[:300]}",
            "hold it against CAP-v1.2.xsd: the order of elements counts, too",
        )


class _At:
    """An element, and how to read what stands in it."""

    def __init__(self, element: ET.Element, space: str, path: str) -> None:
        self._element, self._space, self.path = element, space, path

    def all(self, name: str) -> list[_At]:
        found = self._element.findall(f"{{{self._space}}}{name}")
        return [_At(one, self._space, f"{self.path}/{name}[{n}]") for n, one in enumerate(found, 1)]

    def lines(self, name: str) -> list[str]:
        return [(one._element.text or "").strip() for one in self.all(name)]

    def words(self, name: str, *, needed: bool = False) -> str:
        found = self.lines(name)
        if len(found) > 1:
            raise NotCap(f"{self.path} has {len(found)} {name}", "leave one")
        if needed and not (found and found[0]):
            raise NotCap(f"{self.path}/{name} is missing or empty", "the standard asks for it")
        return found[0] if found else ""

    def name(self, tag: str) -> str:
        found = self.words(tag, needed=True)
        if not _NAME.fullmatch(found):
            raise NotCap(f"{self.path}/{tag} is {found[:80]!r}", "it has no blanks, commas, < or &")
        return found

    def one(self, tag: str, known: tuple[str, ...]) -> str:
        found = self.words(tag, needed=True)
        if found not in known:
            raise NotCap(f"{self.path}/{tag} is {found[:40]!r}", f"use {', '.join(known)}")
        return found

    def many(self, tag: str, known: tuple[str, ...], least: int) -> tuple[str, ...]:
        found = self.lines(tag)
        if len(found) < least:
            raise NotCap(f"{self.path} has no {tag}", f"use one of {', '.join(known)}")
        for one in found:
            if one not in known:
                raise NotCap(f"{self.path}/{tag} is {one[:40]!r}", f"use {', '.join(known)}")
        return tuple(found)

    def time(self, tag: str, *, needed: bool = False) -> int:
        found = self.words(tag, needed=needed)
        return time_of(found, f"{self.path}/{tag}") if found else 0

    def pairs(self, tag: str) -> tuple[tuple[str, str], ...]:
        return tuple((one.words("valueName"), one.words("value")) for one in self.all(tag))


def time_of(text: str, path: str) -> int:
    """µs of a time as CAP writes it. Raises ``NotCap``: ``Z`` and fractions are not allowed."""
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        return int(datetime.fromisoformat(text).timestamp()) * 1_000_000
    except (ValueError, OverflowError) as error:
        raise NotCap(
            f"{path} is {text[:60]!r}",
            "write it like 2026-11-28T08:00:00+08:00; UTC is -00:00, never Z",
        ) from error


def names(text: str) -> tuple[str, ...]:
    """What a list of names has: blanks between them, and quotes around one that has blanks."""
    return tuple(quoted or plain for quoted, plain in _LISTED.findall(text))


def _references(text: str) -> tuple[tuple[str, str, int], ...]:
    found = []
    for one in text.split():
        parts = one.split(",")
        if len(parts) != 3 or not all(parts):
            raise NotCap(
                f"alert/references has {one[:80]!r}",
                "each is sender,identifier,sent without blanks",
            )
        found.append((parts[0], parts[1], time_of(parts[2], "alert/references")))
    return tuple(found)


def _info(here: _At) -> CapInfo:
    return CapInfo(
        language=here.words("language") or "en-US",
        categories=here.many("category", CATEGORIES, 1),
        event=here.words("event", needed=True),
        responses=here.many("responseType", RESPONSES, 0),
        urgency=here.one("urgency", URGENCIES),
        severity=here.one("severity", SEVERITIES),
        certainty=here.one("certainty", (*CERTAINTIES, "Very Likely")),
        onset=here.time("onset"),
        effective=here.time("effective"),
        expires=here.time("expires"),
        sender_name=here.words("senderName"),
        headline=here.words("headline"),
        description=here.words("description"),
        instruction=here.words("instruction"),
        codes=here.pairs("eventCode"),
        parameters=here.pairs("parameter"),
        areas=tuple(_area(one) for one in here.all("area")),
    )


def _area(here: _At) -> CapArea:
    return CapArea(
        name=here.words("areaDesc", needed=True),
        rings=tuple(
            fewer(_ring(text, f"{here.path}/polygon[{n}]"))
            for n, text in enumerate(here.lines("polygon"), 1)
            if text
        ),
        circles=tuple(
            _circle(text, f"{here.path}/circle[{n}]")
            for n, text in enumerate(here.lines("circle"), 1)
            if text
        ),
        codes=here.pairs("geocode"),
    )


def _point(text: str, path: str) -> tuple[float, float]:
    parts = text.split(",")
    try:
        latitude, longitude = map(float, parts)
    except ValueError as error:
        raise NotCap(f"{path} has {text[:40]!r}", "a point is latitude,longitude") from error
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise NotCap(
            f"{path} has {text[:40]!r}", "latitude comes first, then longitude, in degrees"
        )
    return longitude, latitude


def _ring(text: str, path: str) -> Ring:
    ring = tuple(_point(one, path) for one in text.split())
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise NotCap(
            f"{path} has {len(ring)} points or is not closed",
            "at least four, the last of which is the first",
        )
    return ring


def _circle(text: str, path: str) -> tuple[float, float, float]:
    parts = text.split()
    try:
        (longitude, latitude), radius = _point(parts[0], path), float(parts[1])
        if len(parts) != 2 or not 0 <= radius < 1e5:
            raise ValueError
    except (ValueError, IndexError) as error:
        if isinstance(error, NotCap):
            raise
        raise NotCap(f"{path} is {text[:40]!r}", "write latitude,longitude radius (km)") from error
    return longitude, latitude, radius
