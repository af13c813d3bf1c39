"""The pack's working calendar: ``calendar.toml`` read and checked."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from tianmu.city.calendar.calendar import Span, WorkingTime
from tianmu.city.calendar.clock import DAYS, minute
from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader

FILE = "calendar.toml"


class _Half(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    day: str
    hours: list[tuple[str, str]]


class _Calendar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    hours: list[tuple[str, str]]
    weekend: list[str]
    holidays: bool = True
    subdivision: str = ""
    published: Literal["always", "substitution", "listed"] = "always"
    published_years: list[int] = []
    free: list[date] = []
    worked: list[date] = []
    half_day: list[_Half] = []
    basis: str = ""


def read(reader: PackReader, time_zone: str, country: str) -> WorkingTime | None:
    """Working time of the pack, or None with faults."""
    document = reader.toml(FILE)
    if document is None:
        return None
    plain = reader.build(document, (), document.data, _Calendar)
    if plain is None:
        return None
    hours = _spans(reader, document, "hours", 0, plain.hours)
    if not hours:
        reader.fault(FILE, document.line("hours"), "no working hours", 'say [["09:00", "17:00"]]')
    for day in plain.weekend:
        if day not in DAYS:
            what = f"{day!r} is no weekday"
            reader.fault(FILE, document.line("weekend"), what, f"use {', '.join(DAYS)}")
    halves: dict[str, tuple[Span, ...]] = {}
    for index, half in enumerate(plain.half_day):
        try:
            date.fromisoformat(half.day if len(half.day) == 10 else f"2024-{half.day}")
        except ValueError:
            what = f"{half.day!r} is no day"
            line = document.line("half_day", index, "day")
            reader.fault(FILE, line, what, "write YYYY-MM-DD, or MM-DD for every year")
        halves[half.day] = _spans(reader, document, "half_day", index, half.hours)
    if plain.holidays and not _known(country, plain.subdivision):
        what = f"no holidays are known for {country} {plain.subdivision}".rstrip()
        remedy = "correct country and subdivision, or say holidays = false and list free days"
        reader.fault(FILE, document.line("holidays"), what, remedy)
        return None
    return WorkingTime(
        time_zone=time_zone,
        hours=hours,
        weekend=frozenset(DAYS.index(day) for day in plain.weekend if day in DAYS),
        country=country if plain.holidays else "",
        subdivision=plain.subdivision,
        published=plain.published,
        published_years=frozenset(plain.published_years),
        free=frozenset(plain.free),
        worked=frozenset(plain.worked),
        half_days=halves,
    )


def _spans(
    reader: PackReader, document: Document, key: str, index: int, given: list[tuple[str, str]]
) -> tuple[Span, ...]:
    line = document.line(key, index) if reader.faults or given else 1
    found: list[Span] = []
    for start, end in given:
        first, last = minute(start), minute(end)
        if first is None or last is None or first >= last:
            what = f"{start!r} to {end!r} is no span of one day"
            reader.fault(FILE, line, what, "write HH:MM, the earlier first; 24:00 ends a day")
            continue
        if found and first < found[-1].end:
            what = f"{start} begins before the span before it ends"
            reader.fault(FILE, line, what, "order the spans, without overlap")
        found.append(Span(first, last))
    return tuple(found)


def _known(country: str, subdivision: str) -> bool:
    """Whether the library has the country, without importing all of it."""
    from holidays.registry import COUNTRIES

    if not any(country in classes for classes in COUNTRIES.values()):
        return False
    if not subdivision:
        return True
    import holidays

    return subdivision in holidays.list_supported_countries().get(country, [])
