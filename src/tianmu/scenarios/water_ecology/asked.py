"""What was asked of a run: kind of water, target, language, items, as parameters say them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tianmu.city import pack
from tianmu.city.file.fault import PackFaulty
from tianmu.city.place.waters import Waters, WaterStation
from tianmu.scenarios.contract import BadInput, BadParameter, Parameter
from tianmu.scenarios.water_ecology.rows import Stations
from tianmu.scenarios.water_ecology.standard import WORST, Item, Standard, plain

RIVER, LAKE, BY_STATION = "river", "lake", "station"

WATER = Parameter(
    "water", "kind of the water; station: as the pack's table of stations says", RIVER,
    (RIVER, LAKE, BY_STATION),
)  # fmt: skip
TARGET = Parameter("target", "class to be kept; station: as the pack's table says", "Ⅲ")
LANGUAGE = Parameter("language", "of the words that are given", "zh", ("zh", "en"))
PACK = Parameter("pack", "a city pack, by name or folder, for what is of the city", "")


def waters(parameters: Mapping[str, str], why: str) -> Waters:
    """The waters of the pack that was named. ``BadParameter`` says what it would be needed for."""
    name = parameters["pack"]
    if not name:
        raise BadParameter("pack", f"is needed for {why}", "name a pack, or its folder")
    try:
        return _load(name)
    except (FileNotFoundError, PackFaulty) as error:
        raise BadParameter("pack", str(error), "mend it, or name another") from error


@cache
def _load(name: str) -> Waters:
    return pack.load(name).waters


def kinds(
    parameters: Mapping[str, str], rows: int, stations: Callable[[], Stations]
) -> dict[str, NDArray[np.bool_]]:
    """river, lake → rows of that kind; only kinds that occur (of no rows: rivers)."""
    water = parameters["water"]
    if water != BY_STATION or not rows:
        return {RIVER if water == BY_STATION else water: np.ones(rows, np.bool_)}
    known = waters(parameters, "water=station").stations_by_name
    own = stations()
    is_lake = np.array([_known(own, name, known).water == LAKE for name in own.names])[own.codes]
    found = {RIVER: ~is_lake, LAKE: is_lake}
    return {kind: which for kind, which in found.items() if which.any()}


def target(
    parameters: Mapping[str, str], standard: Standard, stations: Callable[[], Stations]
) -> int | NDArray[np.int8]:
    """Class number to be kept, or that of each row."""
    said = parameters["target"]
    if said == BY_STATION:
        known = waters(parameters, "target=station").stations_by_name
        own = stations()
        numbers = [_kept(_known(own, name, known), standard) for name in own.names]
        return np.array(numbers, np.int8)[own.codes]
    number = standard.class_number(said)
    if number is None or number == WORST:
        raise BadParameter(
            "target", f"{said} is no class that can be kept",
            f"one of {', '.join(standard.classes[:-1])} or {BY_STATION}",
        )  # fmt: skip
    return number


def item(name: str, parameter: str, standard: Standard) -> Item:
    """The item that a parameter names."""
    found = standard.by_name.get(plain(name))
    if found is None:
        known = ", ".join(standard.items)
        raise BadParameter(parameter, f"{name or 'nothing'} is no item", f"one of {known}")
    return found


def concentrations(text: str, parameter: str, standard: Standard) -> dict[str, float]:
    """``ammonia=3.2,TP=0.6`` → item → figure in the item's unit."""
    found: dict[str, float] = {}
    for part in text.replace(";", ",").replace("，", ",").replace("；", ",").split(","):
        if not part.strip():
            continue
        name, _, figure = part.replace(":", "=").replace("：", "=").partition("=")
        one = item(name, parameter, standard)
        try:
            found[one.key] = float(figure)
        except ValueError:
            raise BadParameter(
                parameter, f"{part.strip()!r} is no item=figure", "say ammonia=3.2,phosphorus=0.6"
            ) from None
        if not one.low <= found[one.key] <= one.high:
            raise BadParameter(
                parameter, f"{part.strip()!r} is no possible {one.key}", "correct the figure"
            )
    return found


def chosen(tables: Mapping[str, pa.Table], which: Mapping[str, NDArray[np.bool_]]) -> pa.Table:
    """Of the tables of each kind of water, each row from that of its own kind."""
    names = list(tables)
    whole = tables[names[0]]
    for name in names[1:]:
        mask = pa.array(which[name])
        other = tables[name]
        whole = pa.table(
            {
                column: pc.if_else(mask, other.column(column), whole.column(column))
                for column in whole.column_names
            }
        )
    return whole


def _kept(station: WaterStation, standard: Standard) -> int:
    """Class number that a station is to keep."""
    number = standard.class_number(station.target)
    if number is None or number == WORST:
        raise BadParameter(
            "pack", f"water_stations.csv: target {station.target} of {station.code} is no class "
            "that can be kept", f"one of {', '.join(standard.classes[:-1])}",
        )  # fmt: skip
    return number


def _known(stations: Stations, name: str, table: Mapping[str, WaterStation]) -> WaterStation:
    if name not in table:
        row = int(np.argmax(stations.codes == stations.names.index(name))) + 1
        raise BadInput(
            row, "", f"station {name} is not in the pack's water_stations.csv",
            "add it there, or say water=river or water=lake",
        )  # fmt: skip
    return table[name]
