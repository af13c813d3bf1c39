"""A gas network as pandapipes keeps it: junctions, pipes, consumers, feeds, and the gas.

Read from the library's own JSON without the library. What the city's steady state does not know
(pumps, compressors, pressure control, heat) is refused by name rather than left out in silence.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.place import DEGREE_M

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
NORMAL_K, NORMAL_BAR = 273.15, 1.01325
SHIPPED = Path(__file__).parent / "net" / "schutterwald.json"
_KNOWN = {"junction", "pipe", "sink", "ext_grid", "junction_geodata", "pipe_geodata"}
_HOUSE = "house_connection"


class BadNetwork(ValueError):
    """A network that cannot be reckoned with: which file, what, and how to mend it."""


@dataclass(frozen=True)
class Gas:
    """Properties at the temperature of the ground."""

    density: float
    """kg/m³ at 0 °C and 1.01325 bar"""
    viscosity: float
    """Pa s"""
    slope: float
    offset: float
    """compressibility = offset + slope · absolute pressure in bar"""


@dataclass(frozen=True, eq=False)
class Network:
    """Junctions and pipes by their place in the arrays; ``junction``, ``pipe``, ``sink`` and
    ``feed`` hold the numbers by which the file calls them."""

    gas: Gas
    kelvin: float
    junction: I64
    name: tuple[str, ...]
    longitude: F64
    latitude: F64
    height: F64
    """m"""
    pipe: I64
    start: I64
    end: I64
    length: F64
    """m"""
    diameter: F64
    """m, inside"""
    rough: F64
    """m"""
    loss: F64
    house: NDArray[np.bool_]
    """of pipes: the connection of one house"""
    sink: I64
    sink_at: I64
    usual: F64
    """of each consumer in the file, kg/s"""
    feed: I64
    feed_at: I64
    feed_bar: F64
    """gauge"""
    transplanted: bool
    """moved to a place that is not its own"""

    @property
    def junctions(self) -> int:
        return len(self.junction)

    def m3h(self, kg_s: F64) -> F64:
        """Standard cubic metres an hour (0 °C, 1.01325 bar)."""
        return kg_s * 3600.0 / self.gas.density

    def kg_s(self, m3h: F64) -> F64:
        return m3h * self.gas.density / 3600.0

    def metres(self) -> tuple[F64, F64]:
        """Junctions as metres east and north of the middle: a plane good to some kilometres."""
        east = DEGREE_M * float(np.cos(np.radians(self.latitude.mean())))
        return (
            (self.longitude - self.longitude.mean()) * east,
            (self.latitude - self.latitude.mean()) * DEGREE_M,
        )


@lru_cache(maxsize=4)
def read(file: Path) -> Network:
    """The network in ``file``, where it stands there. Raises ``BadNetwork``, ``OSError``.

    Coordinates are degrees, or metres of any plane grid: such a network has no place on Earth
    until ``moved`` gives it one.
    """
    tables, whole = _tables(file)

    def column(table: str, name: str) -> list[Any]:
        head, rows = tables.get(table, ([], []))
        if name not in head:
            raise BadNetwork(f"{file}: {table} has no column {name}: write it with pandapipes")
        at = head.index(name)
        return [row[at] for row in rows]

    def numbers(table: str, name: str) -> F64:
        return np.array(column(table, name), dtype=np.float64)

    def index(table: str) -> I64:
        return np.array(whole[table]["index"], dtype=np.int64)

    for table, (_, rows) in tables.items():
        if table not in _KNOWN and rows and not table.startswith(("res_", "controller")):
            raise BadNetwork(
                f"{file}: {len(rows)} {table}: only pipes, consumers and feeds are reckoned with: "
                "leave them out, or put what they do into the feeds"
            )
    for table in ("junction", "pipe", "sink", "ext_grid", "junction_geodata"):
        if not tables.get(table, ([], []))[1]:
            raise BadNetwork(f"{file}: no {table}: write the whole network with pandapipes")
        used = column(table, "in_service") if table != "junction_geodata" else [True]
        if not all(used):
            at = used.index(False)
            raise BadNetwork(f"{file}: {table} {index(table)[at]} is out of service: leave it out")
    junction = index("junction")
    place = {int(number): at for at, number in enumerate(junction)}

    def places(table: str, name: str) -> I64:
        try:
            return np.array([place[int(one)] for one in column(table, name)], dtype=np.int64)
        except KeyError as error:
            raise BadNetwork(f"{file}: {table} names junction {error}: there is none") from None

    drawn = {int(n): row for n, row in zip(index("junction_geodata"),
             zip(column("junction_geodata", "x"), column("junction_geodata", "y"), strict=True),
             strict=True)}  # fmt: skip
    lacking = [int(one) for one in junction if int(one) not in drawn]
    if lacking:
        raise BadNetwork(f"{file}: junction {lacking[0]} has no place: add it to junction_geodata")
    xy = np.array([drawn[int(one)] for one in junction], dtype=np.float64)
    kelvin = numbers("junction", "tfluid_k")
    network = Network(
        gas=_gas(json.loads(_fluid(whole)), float(kelvin.mean()), file),
        kelvin=float(kelvin.mean()), junction=junction,
        name=tuple(str(one) for one in column("junction", "name")),
        longitude=xy[:, 0], latitude=xy[:, 1], height=numbers("junction", "height_m"),
        pipe=index("pipe"), start=places("pipe", "from_junction"),
        end=places("pipe", "to_junction"), length=numbers("pipe", "length_km") * 1000.0,
        diameter=numbers("pipe", "diameter_m"), rough=numbers("pipe", "k_mm") / 1000.0,
        loss=numbers("pipe", "loss_coefficient"),
        house=np.array([one == _HOUSE for one in column("pipe", "type")]),
        sink=index("sink"), sink_at=places("sink", "junction"),
        usual=numbers("sink", "mdot_kg_per_s") * numbers("sink", "scaling"),
        feed=index("ext_grid"), feed_at=places("ext_grid", "junction"),
        feed_bar=numbers("ext_grid", "p_bar"), transplanted=False,
    )  # fmt: skip
    _check(network, file)
    return network


def on_earth(network: Network) -> bool:
    """Whether its coordinates are degrees."""
    return bool((np.abs(network.longitude) <= 180).all() and (np.abs(network.latitude) <= 90).all())


def moved(network: Network, longitude: float, latitude: float) -> Network:
    """A network drawn in metres with its middle at a place on Earth: its shape, not its town."""
    east = (network.longitude.min() + network.longitude.max()) / 2
    north = (network.latitude.min() + network.latitude.max()) / 2
    lat = latitude + (network.latitude - north) / DEGREE_M
    scale = DEGREE_M * float(np.cos(np.radians(latitude)))
    lon = longitude + (network.longitude - east) / scale
    return replace(network, longitude=lon, latitude=lat, transplanted=True)


def _tables(file: Path) -> tuple[dict[str, tuple[list[str], list[Any]]], dict[str, Any]]:
    """Table → (columns, rows), and all of what the file holds, tables decoded."""
    try:
        net = json.loads(file.read_text(encoding="utf-8"))["_object"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadNetwork(
            f"{file}: no network: {error}: write it with pandapipes.to_json"
        ) from error
    tables: dict[str, tuple[list[str], list[Any]]] = {}
    for key, value in net.items():
        if isinstance(value, dict) and value.get("_class") == "DataFrame":
            net[key] = json.loads(value["_object"])
            tables[key] = (net[key]["columns"], net[key]["data"])
    return tables, net


def _fluid(net: dict[str, Any]) -> str:
    fluid = net.get("fluid")
    return str(fluid["_object"]) if isinstance(fluid, dict) else str(fluid)


def _gas(fluid: dict[str, Any], kelvin: float, file: Path) -> Gas:
    if not fluid.get("is_gas"):
        raise BadNetwork(f"{file}: {fluid.get('name')} is no gas: this is for gas networks")

    def held(name: str) -> dict[str, Any]:
        own = fluid["all_properties"].get(name)
        if own is None:
            raise BadNetwork(f"{file}: the gas has no {name}: add it with pandapipes")
        found: dict[str, Any] = json.loads(own["_object"])
        return found

    def at(name: str, where: float) -> float:
        own = held(name)
        if "value" in own:
            return float(own["value"])
        return float(np.interp(where, own["x"]["_object"], own["y"]["_object"]))

    squeeze = held("compressibility")
    return Gas(
        density=at("density", NORMAL_K), viscosity=at("viscosity", kelvin),
        slope=float(squeeze.get("slope", 0.0)),
        offset=float(squeeze.get("offset", squeeze.get("value", 1.0))),
    )  # fmt: skip


def _check(network: Network, file: Path) -> None:
    for what, values in (("length_km", network.length), ("diameter_m", network.diameter),
                         ("k_mm", network.rough)):  # fmt: skip
        bad = np.flatnonzero(~(values > 0))
        if len(bad):
            raise BadNetwork(
                f"{file}: pipe {network.pipe[bad[0]]}: {what} is {values[bad[0]]:g}: correct it"
            )
    if len(np.unique(network.feed_at)) < len(network.feed_at):
        raise BadNetwork(f"{file}: two feeds at one junction: leave one out")
