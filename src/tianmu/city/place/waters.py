"""The city's waters: stations that measure them, reaches of rivers, outlets along them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from tianmu.city.file.reader import PackReader, Row
from tianmu.facts.text import Text

STATIONS = "water_stations.csv"
REACHES = "river_reaches.csv"
OUTLETS = "water_outlets.csv"
KINDS = ("river", "lake")


class WaterStation(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    water: str
    """``river`` or ``lake``: by which limits it is judged"""
    target: str
    """class that is to be kept, as the standard names it"""
    reach: str = ""
    """on which it lies; empty where it lies on none of the network"""
    km: float | None = None
    """how far above the lower end of the reach; None: at the end"""
    basis: str = ""


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of river between two nodes of the network."""

    code: str
    name: str
    start: str
    """the node where it begins"""
    end: str
    """the node where it ends, downstream"""
    length_km: float
    order: int
    """Strahler's: 1 for a source stream"""


class WaterOutlet(msgspec.Struct, frozen=True, kw_only=True):
    """An outlet or a works from which something may get into a river."""

    code: str
    name: Text
    kind: str
    reach: str
    km: float | None = None
    """how far above the lower end of the reach; None: in its middle"""
    profile: Mapping[str, float]
    """item → usual concentration of what it lets out, mg/L"""
    basis: str = ""


@dataclass(frozen=True)
class Waters:
    """All of a city's; empty where its pack has none."""

    stations: Mapping[str, WaterStation] = field(default_factory=dict)
    reaches: Mapping[str, Reach] = field(default_factory=dict)
    outlets: Mapping[str, WaterOutlet] = field(default_factory=dict)

    @cached_property
    def stations_by_name(self) -> dict[str, WaterStation]:
        """By code and by every name."""
        return {
            word: one for one in self.stations.values() for word in (one.code, *one.name.values())
        }


def read(reader: PackReader) -> Waters:
    """The three files, each of which a pack may do without."""
    reaches = _reaches(reader)
    return Waters(_stations(reader, reaches), reaches, _outlets(reader, reaches))


def _reaches(reader: PackReader) -> dict[str, Reach]:
    found: dict[str, Reach] = {}
    columns = ("code", "from", "to", "length_km", "order")
    for row in reader.csv(REACHES, columns, optional=("name",), required=False):
        code = _code(reader, REACHES, row, found)
        length = reader.number(REACHES, row, "length_km", low=0)
        order = reader.number(REACHES, row, "order", low=1, high=20)
        if row["from"] == row["to"]:
            what = f"reach {code} begins and ends at {row['from']!r}"
            reader.fault(REACHES, row.line, what, "give the two nodes it lies between")
        if length is None or order is None:
            what = f"reach {code} has no length or order"
            reader.fault(REACHES, row.line, what, "give length_km and order")
        elif code:
            found[code] = Reach(
                code=code, name=row["name"], start=row["from"], end=row["to"],
                length_km=length, order=int(order),
            )  # fmt: skip
    return found


def _stations(reader: PackReader, reaches: Mapping[str, Reach]) -> dict[str, WaterStation]:
    found: dict[str, WaterStation] = {}
    for row in reader.csv(
        STATIONS, ("code", "water", "target"), optional=("reach", "km", "basis"), texts=("name",),
        required=False,
    ):  # fmt: skip
        code = _code(reader, STATIONS, row, found)
        if row["water"] not in KINDS:
            what = f"station {code}: water {row['water']!r} is not known"
            reader.fault(STATIONS, row.line, what, f"use one of {', '.join(KINDS)}")
        km = _place(reader, STATIONS, row, reaches)
        if not row["target"]:
            reader.fault(STATIONS, row.line, f"station {code} has no target", "give a class: Ⅲ")
        if code:
            found[code] = WaterStation(
                code=code, name=row.text("name", reader.languages), water=row["water"],
                target=row["target"], reach=row["reach"], km=km, basis=row["basis"],
            )  # fmt: skip
    return found


def _outlets(reader: PackReader, reaches: Mapping[str, Reach]) -> dict[str, WaterOutlet]:
    found: dict[str, WaterOutlet] = {}
    for row in reader.csv(
        OUTLETS, ("code", "kind", "reach", "profile"), optional=("km", "basis"), texts=("name",),
        required=False,
    ):  # fmt: skip
        code = _code(reader, OUTLETS, row, found)
        if not row["reach"]:
            reader.fault(OUTLETS, row.line, f"outlet {code} has no reach", f"use one of {REACHES}")
        km = _place(reader, OUTLETS, row, reaches)
        profile: dict[str, float] = {}
        for part in row["profile"].split():
            item, _, figure = part.partition("=")
            try:
                profile[item] = float(figure)
            except ValueError:
                what = f"outlet {code}: {part!r} is no item=figure"
                reader.fault(OUTLETS, row.line, what, "write it like ammonia=8 phosphorus=0.5")
        if code:
            found[code] = WaterOutlet(
                code=code, name=row.text("name", reader.languages), kind=row["kind"],
                reach=row["reach"], km=km, profile=profile, basis=row["basis"],
            )  # fmt: skip
    return found


def _code(reader: PackReader, file: str, row: Row, taken: Mapping[str, object]) -> str:
    code = row["code"]
    if not code or code in taken:
        what = f"code {code!r} is missing or taken"
        reader.fault(file, row.line, what, "give each line one code of its own")
        return ""
    return code


def _place(reader: PackReader, file: str, row: Row, reaches: Mapping[str, Reach]) -> float | None:
    """``km`` of a row, with a fault where its reach is not known or is shorter."""
    reach = reaches.get(row["reach"])
    if row["reach"] and reach is None:
        what = f"{row['code']}: reach {row['reach']!r} is not known"
        reader.fault(file, row.line, what, f"use one of {REACHES}, or none")
    return reader.number(
        file, row, "km", low=0, high=reach.length_km if reach else float("inf"), default=None
    )
