"""A ledger that comes as a file: CSV with a head line, read whole before any of it is entered."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tianmu.facts.place import Place
from tianmu.manage.hazard.step import HazardRefused, enter

if TYPE_CHECKING:
    from tianmu.city.city import City

NEEDED = ("title", "kind", "grade", "division")
OPTIONAL = ("number", "address", "lon", "lat", "department", "measures", "due")
MOST = 5000
"""rows of one file"""
FAULTS = 100
"""that are told of one file"""


@dataclass(frozen=True)
class SheetFault:
    line: int
    what: str
    remedy: str


@dataclass(frozen=True)
class SheetRow:
    line: int
    key: str
    """the same for a row that comes again: its number in its division (each town counts from 1), or
    all that it says"""
    data: dict[str, Any]
    """what the event of the hazard holds"""


def read(text: str, city: City, now: int) -> tuple[list[SheetRow], list[SheetFault]]:
    """The rows of a file, or every fault of it with its line. ``measures`` are parted by ``;`` or
    its wide form; ``due`` is a day (YYYY-MM-DD): its last moment."""
    faults: list[SheetFault] = []
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        head = [name.strip() for name in next(lines, [])]
        faults += _head(head)
        if faults:
            return [], faults
        rows: list[SheetRow] = []
        keys: dict[str, int] = {}
        for cells in lines:
            if not any(cells):
                continue
            if len(rows) >= MOST:
                return [], [SheetFault(lines.line_num, f"more than {MOST} rows", "part the file")]
            line = lines.line_num
            try:
                row = _row(dict(zip(head, cells, strict=True)), line, city, now)
            except HazardRefused as error:
                faults.append(SheetFault(line, str(error), error.remedy))
                continue
            except ValueError:
                what = f"{len(cells)} cells where the head line has {len(head)}"
                faults.append(SheetFault(line, what, 'put a cell with a comma in "quotes"'))
                continue
            if row.key in keys:
                what = f"the same as line {keys[row.key]}"
                faults.append(SheetFault(line, what, "remove it, or give each a number"))
                continue
            keys[row.key] = line
            rows.append(row)
    except csv.Error as error:
        return [], [SheetFault(lines.line_num, f"no CSV: {error}", "save it as CSV again")]
    if not rows and not faults:
        faults.append(SheetFault(1, "no rows", "give a row for each hazard"))
    return ([], faults[:FAULTS]) if faults else (rows, [])


def _head(head: list[str]) -> list[SheetFault]:
    known = (*NEEDED, *OPTIONAL)
    found = [
        SheetFault(1, f"column {name!r} is missing", "add it to the head line")
        for name in NEEDED
        if name not in head
    ]
    for name in head:
        if name not in known:
            remedy = f"remove it; known columns: {', '.join(known)}"
            found.append(SheetFault(1, f"nobody reads column {name!r}", remedy))
        elif head.count(name) > 1:
            found.append(SheetFault(1, f"column {name!r} stands there twice", "leave one"))
    return found


def _row(cells: dict[str, str], line: int, city: City, now: int) -> SheetRow:
    told = {name: cells.get(name, "").strip() for name in (*NEEDED, *OPTIONAL)}
    number = told["number"]
    whole = "\x1f".join(told[name] for name in sorted(told))
    digest = hashlib.sha256(whole.encode()).hexdigest()
    data = enter(
        city,
        title=told["title"],
        kind=told["kind"],
        grade=told["grade"],
        place=_place(told),
        department=told["department"],
        measures=tuple(told["measures"].replace("\uff1b", ";").split(";")),
        due=_due(told["due"], city),
        source=f"import:{number or digest[:12]}",
        now=now,
    )
    key = f"{data['place']['division']} {number}" if number else digest
    return SheetRow(line, key, data)


def _place(told: dict[str, str]) -> Place:
    try:
        longitude, latitude = (float(told[name]) if told[name] else None for name in ("lon", "lat"))
        return Place(
            longitude=longitude, latitude=latitude, division=told["division"],
            address=told["address"],
        )  # fmt: skip
    except ValueError as error:
        what = f"lon {told['lon']!r}, lat {told['lat']!r} is no place ({error})"
        raise HazardRefused("invalid", what, "give degrees, or leave both empty") from error


def _due(text: str, city: City) -> int:
    if not text:
        return 0
    from datetime import date

    try:
        return city.calendar.instant(date.fromisoformat(text), 24 * 60)
    except (ValueError, OverflowError) as error:
        raise HazardRefused("invalid", f"due {text!r} is no day", "give YYYY-MM-DD") from error
