"""Divisions: city → town or street → village or community, by the country's own codes."""

from __future__ import annotations

import msgspec

from tianmu.city.file.reader import PackReader
from tianmu.facts.place import Place
from tianmu.facts.text import Text

FILE = "divisions.csv"


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step of command: 1 is the city, higher numbers are nearer to the ground."""

    number: int
    name: Text
    centre: Text = msgspec.field(default_factory=dict)
    """what the centres that command at this tier are called, ``{name}`` for the division's name;
    empty: none, but those the pack lists"""
    basis: str = ""


class Division(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    kind: str
    """what the country calls it: ``city``, ``town``, ``street``, ``village``, ``community``…"""
    tier: int
    parent: str
    """code of the division it is part of; empty for the city"""
    point: Place | None = None
    """a known point in it, if any, with its precision"""
    precision: float | None = None
    """radius in metres within which a thing told only by this division's name lies, if known"""
    basis: str = ""


def read(reader: PackReader, tiers: dict[int, Tier]) -> dict[str, Division]:
    """Divisions by code, the city first; faults for unknown parents, tiers and doubled codes."""
    found: dict[str, Division] = {}
    lines: dict[str, int] = {}
    for row in reader.csv(
        FILE,
        ("code", "tier", "kind", "parent"),
        optional=("lon", "lat", "point_precision_m", "precision_m", "basis"),
        texts=("name",),
    ):
        code = row["code"]
        if not code:
            reader.fault(FILE, row.line, "no code", "give the division's code")
            continue
        if code in found:
            reader.fault(
                FILE, row.line, f"{code} stands on line {lines[code]} too", "keep one of them"
            )
            continue
        tier = reader.number(FILE, row, "tier", low=1)
        if tier is None or int(tier) not in tiers:
            reader.fault(
                FILE,
                row.line,
                f"{code} has tier {row['tier'] or '(none)'}, which is not a tier of the pack",
                f"use one of {', '.join(map(str, sorted(tiers)))} or add a [[tier]] to city.toml",
            )
            continue
        name = row.text("name", reader.languages)
        if not name:
            reader.fault(FILE, row.line, f"{code} has no name", "name it in one language at least")
        lon = reader.number(FILE, row, "lon", low=-180, high=180)
        lat = reader.number(FILE, row, "lat", low=-90, high=90)
        if (lon is None) != (lat is None):
            reader.fault(FILE, row.line, f"{code} has half a point", "give both lon and lat")
        point = None
        if lon is not None and lat is not None:
            point = Place(
                longitude=lon,
                latitude=lat,
                precision=reader.number(FILE, row, "point_precision_m", low=0),
                division=code,
            )
        found[code] = Division(
            code=code,
            name=name,
            kind=row["kind"],
            tier=int(tier),
            parent=row["parent"],
            point=point,
            precision=reader.number(FILE, row, "precision_m", low=0),
            basis=row["basis"],
        )
        lines[code] = row.line
        reader.note(FILE, code, row.line)
    _check_tree(reader, found, lines)
    return found


def _check_tree(reader: PackReader, found: dict[str, Division], lines: dict[str, int]) -> None:
    roots = [code for code, division in found.items() if not division.parent]
    if found and len(roots) != 1:
        reader.fault(
            FILE,
            lines[roots[1]] if len(roots) > 1 else 2,
            f"{len(roots)} divisions have no parent",
            "exactly one, the city itself, has none",
        )
    for code, division in found.items():
        if not division.parent:
            continue
        parent = found.get(division.parent)
        if parent is None:
            reader.fault(
                FILE,
                lines[code],
                f"{code} is part of {division.parent}, which is not there",
                "add the parent or correct its code",
            )
        elif parent.tier >= division.tier:
            reader.fault(
                FILE,
                lines[code],
                f"{code} of tier {division.tier} is part of {parent.code} of tier {parent.tier}",
                "a part has a higher tier number than the whole",
            )
