"""The danger of now: stations reckoned through their days, carried to squares, with the outlook and
where wind would carry what cameras see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import msgspec
import numpy as np

from tianmu.city.place.terrain import Terrain
from tianmu.facts.text import Text, fill
from tianmu.scenarios.contract import BadInput
from tianmu.scenarios.forest_fire.danger import Figures, grade_of
from tianmu.scenarios.forest_fire.grid import Grid, squares
from tianmu.scenarios.forest_fire.outlook import FILE, ahead, read_forecast
from tianmu.scenarios.forest_fire.relief import Bands, Lapse, heights, lifted
from tianmu.scenarios.forest_fire.seen import table
from tianmu.scenarios.forest_fire.spread import ellipse
from tianmu.scenarios.forest_fire.station import KMH, Reckoned, reckon
from tianmu.scenarios.forest_fire.warned import heeding
from tianmu.scenarios.forest_fire.weather import F64, Days, Settings, days_of
from tianmu.scenarios.present import Ahead, Figure, Present, Shape
from tianmu.scenarios.settings import settings_of
from tianmu.scenarios.world import World

_SETTINGS = settings_of(__file__)
WEATHER = msgspec.convert(_SETTINGS["weather"], Settings)
FIGURES = msgspec.convert(_SETTINGS["danger"], Figures)
LAPSE = msgspec.convert(_SETTINGS["relief"], Lapse)
WORDS: dict[str, Text] = _SETTINGS["words"]
SHARE = float(_SETTINGS["share"])
"""the city has the highest degree that at least this part of its squares has"""
SPREAD_M = float(_SETTINGS["spread_m"])


def present(world: World) -> Present:
    """By weather, or by the warning in force where that is higher. Raises ``TooCostly`` where the
    past would cost too much to read."""
    found = heeding(world, _by_weather(world))
    seen = table(world)
    return found if seen is None else replace(found, tables=(*found.tables, seen))


def _by_weather(world: World) -> Present:
    days = days_of(world, WEATHER)
    origins = days.stations.origins
    if not len(days.stations):
        return Present(at=world.now, degree=0, why=(WORDS["no_station"],))
    grid, terrain = _grid(world), world.city.terrain
    if not len(grid.rings):
        return Present(at=world.now, degree=0, why=(WORDS["no_wood"],), origins=origins)
    stations = days.stations
    bands = Bands(stations.longitude, stations.latitude, heights(terrain, grid, LAPSE), grid)
    at = [lifted(days, terrain, height, LAPSE) for height in bands.heights.tolist()]
    reckoned = [reckon(one, FIGURES) for one in at]
    if not np.isfinite(reckoned[0].index).any():
        return Present(at=world.now, degree=0, why=(WORDS["no_weather"],), origins=origins)
    notes = _notes(days, reckoned[0], terrain)
    index = bands.over([one.index for one in reckoned])
    fwi = bands.over([one.fwi for one in reckoned])
    try:
        forecast = read_forecast(world.folder / FILE)
    except BadInput as error:
        forecast = {}
        notes.append(_said("bad_forecast", file=FILE, why=str(error)))
    coming = [ahead(own, one, FIGURES, forecast) for own, one in zip(at, reckoned, strict=True)]
    outlook = tuple(
        Ahead(step[0][0], *_city(bands.over([one[1] for one in step])), persistence=step[0][2])
        for step in zip(*coming, strict=True)
    )
    degree, _ = _city(index)
    cells = [
        Shape("cell", ring, grade_of(FIGURES, float(value)), round(float(value), 1))
        for ring, value in zip(grid.rings, index, strict=True)
    ]
    return Present(
        at=world.now, degree=degree, why=(_why(index, degree),), figures=_figures(index, fwi, days),
        shapes=(*cells, *_spread(world, days)), ahead=outlook,
        ahead_why=_carried_on(outlook, degree, reckoned[0]), notes=tuple(notes), origins=origins,
    )  # fmt: skip


def _city(index: F64) -> tuple[int, float | None]:
    """Degree of the city, from the index of its squares, and the index by which it has it."""
    if not np.isfinite(index).all() or not len(index):
        return 0, None
    at = float(np.quantile(index, 1 - SHARE, method="lower"))
    return grade_of(FIGURES, at), round(at, 1)


def _carried_on(outlook: Sequence[Ahead], degree: int, today: Reckoned) -> tuple[Text, ...]:
    """What days without a forecast rest on; and why the same weather makes for a higher degree."""
    carried = [one for one in outlook if one.persistence]
    if not carried:
        return ()
    told = [WORDS["persistence"]]
    if max(one.degree for one in carried) > degree:
        known = np.isfinite(today.index)
        dry = [one.points for one, there in zip(today.dry, known, strict=True) if there]
        points = {"now": np.median(dry), "each": FIGURES.per_day, "most": FIGURES.most}
        told.append(_said("dries", **{name: f"{value:.0f}" for name, value in points.items()}))
    return tuple(told)


@lru_cache(maxsize=4)
def _squares(folder: str, digest: str, side_km: float) -> Grid:
    from tianmu.city import pack

    city = pack.load(folder)
    return squares(city.places.outline, side_km, city.terrain)


def _grid(world: World) -> Grid:
    return _squares(str(world.city.folder), world.city.digest, WEATHER.cell_km)


def _spread(world: World, days: Days) -> list[Shape]:
    """The ellipse of each camera with an open alarm, by the wind of the nearest station."""
    stations = days.stations
    origin = world.newest(world.streams(stations, WEATHER.direction.property), WEATHER.fresh)
    wind = days.wind[:, -1]
    told = np.flatnonzero(np.isfinite(origin) & np.isfinite(wind))
    found = []
    seen: set[str] = set()
    for alarm in world.alarms():
        if alarm.longitude is None or alarm.latitude is None or not len(told):
            continue
        if alarm.device in seen:  # two rules of one camera see one smoke
            continue
        seen.add(alarm.device)
        scale = np.cos(np.radians(alarm.latitude))
        away = ((stations.longitude[told] - alarm.longitude) * scale) ** 2
        near = told[int(np.argmin(away + (stations.latitude[told] - alarm.latitude) ** 2))]
        ring = ellipse(
            alarm.longitude, alarm.latitude, float(origin[near]), float(wind[near]), SPREAD_M
        )
        label = _said("spread", device=alarm.device, wind=f"{wind[near] / KMH:.1f}")
        found.append(Shape("spread", ring, 0, None, label))
    return found


def _why(index: F64, degree: int) -> Text:
    part = float(np.mean([grade_of(FIGURES, float(one)) >= degree for one in index]))
    low, high = f"{index.min():.0f}", f"{index.max():.0f}"
    return _said("why_one" if low == high else "why", low=low, high=high, part=f"{part:.0%}")


def _figures(index: F64, fwi: F64, days: Days) -> tuple[Figure, ...]:
    def middle(values: F64) -> float | None:
        return round(float(np.nanmedian(values)), 1) if np.isfinite(values).any() else None

    return (
        Figure(WORDS["index"], middle(index)),
        Figure(WORDS["fwi"], middle(fwi)),
        Figure(WORDS["temp"], middle(days.temp[:, -1]), "°C"),
        Figure(WORDS["humidity"], middle(days.humidity[:, -1]), "%"),
        Figure(WORDS["wind"], middle(days.wind[:, -1] / KMH), "m/s"),
        Figure(WORDS["rain"], middle(days.rain[:, -1]), "mm"),
        Figure(WORDS["stations"], float(days.known[:, -1].sum())),
    )


def _notes(days: Days, reckoned: Reckoned, terrain: Terrain) -> list[Text]:
    notes = [WORDS["with_relief" if len(terrain) else "no_relief"],
             _said("behind", days=f"{np.nanmax(reckoned.reckoned):.0f}")]  # fmt: skip
    if days.no_noon:
        notes.append(WORDS["no_noon"])
    if days.no_rain_gauge:
        notes.append(WORDS["no_gauge"])
    if reckoned.skipped:
        notes.append(_said("skipped", days=str(reckoned.skipped)))
    if days.stations.left_out:
        notes.append(_said("left_out", count=str(days.stations.left_out)))
    return notes


def _said(word: str, **given: str) -> Text:
    return fill(WORDS[word], **given)
