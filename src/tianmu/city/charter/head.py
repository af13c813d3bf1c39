"""``city.toml``: what the city is called, where it lies, and what it settles for itself."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from tianmu.city.calendar.limit import Limit
from tianmu.city.charter import (
    admission,
    attendance,
    basemap,
    bounds,
    desk,
    letterhead,
    outbound,
    retention,
    side_paths,
)
from tianmu.city.charter.admission import Admission
from tianmu.city.charter.attendance import Attendance
from tianmu.city.charter.basemap import Basemap
from tianmu.city.charter.bounds import Asking, Taking
from tianmu.city.charter.desk import Desk
from tianmu.city.charter.letterhead import Letterhead
from tianmu.city.charter.outbound import Outbound
from tianmu.city.charter.retention import Retention
from tianmu.city.charter.side_paths import SidePaths
from tianmu.city.charter.tuning import Again, Metres, Tuning
from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader, is_language
from tianmu.city.matter.matter import Edition
from tianmu.city.people import duty
from tianmu.city.place.division import Tier
from tianmu.city.place.naming import ShortName
from tianmu.facts.text import Text

HEAD = "city.toml"


class Merging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When two signals may be one problem, unless their matter says otherwise."""

    radius_m: float
    window_min: float
    ties: tuple[str, ...] = ()
    """labels of devices that hang together where they say the same: ``panel``, ``main``"""
    parts: tuple[str, ...] = ()
    """those of them by which devices that say something else are of other things"""
    weights: Tuning = Tuning()
    again: Again = Again()
    metres: Metres = Metres()
    basis: str = ""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``city.toml`` as it is written."""

    code: str
    name: Text
    languages: tuple[str, ...]
    time_zone: str
    country: str
    center: tuple[float, float]
    bbox: tuple[float, float, float, float]
    profile: str
    merging: Merging
    ruling_within: Limit = duty.RULING_WITHIN
    retention: Retention = Retention()
    side_paths: SidePaths = SidePaths()
    asking: Asking = Asking()
    taking: Taking = Taking()
    admission: Admission = Admission()
    letterhead: Letterhead = Letterhead()
    desk: Desk = Desk()
    attendance: Attendance = Attendance()
    outbound: Outbound = Outbound()
    crs: str = "EPSG:4490"
    village_radius_m: float = 0.0
    short_name: tuple[ShortName, ...] = ()
    note: tuple[Text, ...] = ()
    basemap: Basemap | None = None
    tier: tuple[Tier, ...] = ()
    edition: tuple[Edition, ...] = ()


def read_head(reader: PackReader) -> tuple[Document, Head] | None:
    """The document and what it says; faults go to the reader."""
    document = reader.toml(HEAD)
    if document is None:
        return None
    languages = document.data.get("languages")
    if isinstance(languages, list):
        reader.languages = tuple(str(one) for one in languages)
    head = reader.build(document, (), document.data, Head)
    if head is None:
        return None

    def fault(key: str, what: str, remedy: str) -> None:
        reader.fault(HEAD, document.line(key), what, remedy)

    if not head.languages or not all(map(is_language, head.languages)):
        fault("languages", "no languages, or one that is no language tag", 'say ["zh", "en"]')
    reader.words(document, ("name",), head.name)
    try:
        ZoneInfo(head.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        fault("time_zone", f"no time zone {head.time_zone!r}", 'use an IANA name, "Asia/Shanghai"')
    west, south, east, north = head.bbox
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        fault("bbox", "is no box", "give west, south, east, north in degrees")
    elif not (west <= head.center[0] <= east and south <= head.center[1] <= north):
        fault("center", "lies outside the bbox", "give longitude, latitude within it")
    for key, what, remedy in basemap.faults(head.basemap) if head.basemap else ():
        reader.fault(HEAD, document.line("basemap", key), what, remedy)
    metres = head.merging.metres
    if metres.exact > metres.vague:
        line = document.line("merging", "metres", "exact")
        what = f"points are exact up to {metres.exact:g} m and vague from {metres.vague:g} m on"
        reader.fault(HEAD, line, what, "let exact be at most vague")
    numbers = [tier.number for tier in head.tier]
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        wrong = next((i for i, number in enumerate(numbers) if number != i + 1), 0)
        line = document.line("tier", wrong, "number")
        what = f"tiers are numbered {numbers}"
        reader.fault(HEAD, line, what, "give [[tier]] 1, 2, 3 … in order")
    ids = [edition.id for edition in head.edition]
    if len(set(ids)) != len(ids) or any(":" in one or "*" in one for one in ids):
        fault("edition", "two editions have one id, or one holds : or *", "rename one")
    retention.check(reader, document, head.retention)
    side_paths.check(reader, document, head.side_paths)
    bounds.check(reader, document, head.asking, head.taking)
    admission.check(reader, document, head.admission)
    letterhead.check(reader, document, head.letterhead)
    desk.check(reader, document, head.desk)
    attendance.check(reader, document, head.attendance)
    outbound.check(reader, document, head.outbound)
    for index, text in enumerate(head.note):
        reader.words(document, ("note", index), text)
    return document, head
