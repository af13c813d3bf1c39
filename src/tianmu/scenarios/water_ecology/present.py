"""The quality of the water now: every station judged by its latest figures, and likely sources.

A station is judged by the limits of its line in ``water_stations.csv`` (found by its id or one of
its names), else by those of rivers, and the page says so. The city as a whole is judged from its
stations as a basin is from its sections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.city.device.device import DeviceKind
from tianmu.city.place.waters import Waters, WaterStation
from tianmu.facts.text import Text, fill
from tianmu.scenarios.present import Figure, Line, Present, Shape, Table
from tianmu.scenarios.ring import around
from tianmu.scenarios.water_ecology import surface
from tianmu.scenarios.water_ecology.figures import Figures, identify
from tianmu.scenarios.water_ecology.network import first_causes
from tianmu.scenarios.water_ecology.report import overall
from tianmu.scenarios.water_ecology.run_trace import network_of, trace_station
from tianmu.scenarios.water_ecology.standard import WORST, Standard, plain, standard
from tianmu.scenarios.water_ecology.words import settings
from tianmu.scenarios.world import Devices, World

KIND = "surface_water_station"
MOST = 2_000
"""stations that are judged"""
SHOWN = 100
"""lines of a table"""
SOURCES = 3
"""that are named for a bad station"""


@dataclass(frozen=True, eq=False)
class Stations:
    """What is known of the devices, in their order."""

    devices: Devices
    entries: tuple[WaterStation | None, ...]
    figures: tuple[Figures, ...]


def present(world: World) -> Present:
    known, words = standard(), settings().present
    kind = world.city.kinds.get(KIND)
    found = world.devices(KIND, MOST)
    if kind is None or not len(found):
        return Present(at=world.now, degree=0, why=(words.no_station,))
    stations = Stations(found, _entries(world, found), _figures(world, found, kind, known))
    lake = np.array([one is not None and one.water == "lake" for one in stations.entries])
    target = np.array([_target(one, known) for one in stations.entries], np.int8)
    river, still = (surface.judge(stations.figures, water, target) for water in ("river", "lake"))
    worst = np.where(lake, still.worst, river.worst)
    told = np.flatnonzero(worst != surface.NONE)
    if not len(told):
        return Present(
            at=world.now,
            degree=0,
            why=(fill(words.no_figure, hours=f"{words.fresh_h:g}"),),
            origins=found.origins,
        )
    quality = _qualities(known)
    degree = overall([int(n) for n in worst[told]], settings().basin) + 1
    judged = [still if one else river for one in lake]
    under = _under(stations, world.city.waters, [int(at) for at in told if worst[at] > target[at]])
    said = {
        at: _said(world, stations, judged[at], at, int(target[at]), known, under)
        for at in told.tolist()
    }
    shapes = []
    for at in range(len(found)):
        one = said.get(at)
        ring = around(float(found.longitude[at]), float(found.latitude[at]), words.ring_m, 8)
        degree_of = quality[int(worst[at])] + 1 if one else 0
        value = float(worst[at]) + 1 if one else None
        label = one.label() if one else joined(_name(world, stations, at), words.nothing)
        shapes.append(Shape("station", ring, degree_of, value, label))
    return Present(
        at=world.now,
        degree=degree,
        why=(_why(worst[told], target[told], known),),
        figures=_shares(worst[told], len(found)),
        shapes=tuple(shapes),
        tables=(_bad(world, stations, said, worst, target, quality),),
        notes=_notes(stations, len(found) - len(told)),
        origins=found.origins,
    )


def _entries(world: World, devices: Devices) -> tuple[WaterStation | None, ...]:
    by_name = world.city.waters.stations_by_name
    if not by_name:
        return (None,) * len(devices)
    found = []
    for index in devices.index:
        device = world.registry.device(int(index))
        names = (device.device, device.name)
        found.append(next((by_name[name] for name in names if name in by_name), None))
    return tuple(found)


def _figures(
    world: World, devices: Devices, kind: DeviceKind, known: Standard
) -> tuple[Figures, ...]:
    """The latest values of every property of the kind that is an item with a class."""
    fresh = round(settings().present.fresh_h * 3_600_000_000)
    found = []
    for code, own in kind.properties.items():
        item, _, unit = identify(code, known)
        if item is None or not item.limits:
            continue
        factor = known.plain_units[item.unit].get(plain(own.unit or unit or item.unit))
        if factor is None:
            continue  # a unit of the pack's that nobody here knows: the item stays out
        values = world.newest(world.streams(devices, code), fresh) * factor
        possible = (values >= item.low) & (values <= item.high)
        values = np.where(possible, values, np.nan)  # a fault of the instrument: other rules tell
        found.append(Figures(item, code, item.name["zh"], values, np.zeros(len(values), np.bool_)))
    return tuple(found)


def _target(entry: WaterStation | None, known: Standard) -> int:
    number = known.class_number(entry.target) if entry is not None else None
    return 2 if number is None or number == WORST else number


def _qualities(known: Standard) -> list[int]:
    """Number of the quality of each class."""
    words = known.words("en")
    order = list(dict.fromkeys(words))
    return [order.index(word) for word in words]


@dataclass(frozen=True)
class Said:
    """What is told of one station that has figures."""

    name: Text
    class_: Text
    target: Text
    deciding: Text
    cause: Text | None
    """where it may come from, of those that do not keep their target"""

    def label(self) -> Text:
        parts = [self.name, self.class_, self.deciding]
        return joined(*parts, *([self.cause] if self.cause else []))


def joined(*parts: Text) -> Text:
    return {language: " · ".join(one[language] for one in parts) for language in ("zh", "en")}


def _said(
    world: World,
    stations: Stations,
    judged: surface.Judged,
    at: int,
    target: int,
    known: Standard,
    under: dict[int, int],
) -> Said:
    """Class, what decides it, and where it may come from if the target is not kept: from a bad
    station upstream, else from outlets."""
    words, waters, number = settings().present, world.city.waters, int(judged.worst[at])
    items = [one.item for bit, one in enumerate(judged.counted) if judged.deciding[at] >> bit & 1]
    deciding = {
        language: known.join[language].join(one.name[language] for one in items)
        for language in ("zh", "en")
    }
    above = stations.entries[under[at]] if at in under else None
    cause: Text | None = None
    if above is not None:
        cause = {
            language: text.format(name=above.name.get(language, above.code))
            for language, text in words.under.items()
        }
    elif number > target and (sources := _sources(stations, waters, at)):
        cause = {
            language: text.format(
                names=known.join[language].join(
                    waters.outlets[code].name.get(language, code) for code in sources
                )
            )
            for language, text in words.sources.items()
        }
    return Said(
        _name(world, stations, at), _class(number, known), _class(target, known), deciding, cause
    )


def _class(number: int, known: Standard) -> Text:
    if number == WORST:
        return settings().present.worst
    return {"zh": known.classes[number], "en": known.classes[number]}


def _name(world: World, stations: Stations, at: int) -> Text:
    """As the pack calls the station, else as its device is registered."""
    entry = stations.entries[at]
    device = world.registry.device(int(stations.devices.index[at]))
    own = device.name or device.device
    name = {} if entry is None else entry.name
    return {language: name.get(language) or own for language in ("zh", "en")}


def _bad(
    world: World, stations: Stations, said: dict[int, Said], worst: NDArray[np.int8],
    target: NDArray[np.int8], quality: list[int],
) -> Table:  # fmt: skip
    """Stations that do not keep their target, the worst first."""
    words, registry = settings().present, world.registry
    bad = sorted((at for at in said if worst[at] > target[at]), key=lambda at: -int(worst[at]))
    lines = []
    for at in bad[:SHOWN]:
        one, index = said[at], int(stations.devices.index[at])
        lines.append(
            Line(
                cells=(one.name, one.class_, one.target, one.deciding, one.cause or words.no_cause),
                degree=quality[int(worst[at])] + 1,
                division=registry.divisions[registry.division[index]],
                department=registry.departments[registry.department[index]],
            )
        )
    return Table("bad", words.bad, words.bad_columns, tuple(lines), words.none_bad)


def _under(stations: Stations, waters: Waters, bad: list[int]) -> dict[int, int]:
    """Bad station → the bad one farthest upstream of it; only those that have one."""
    entries = {at: one for at in bad if (one := stations.entries[at]) is not None and one.reach}
    if len(entries) < 2:
        return {}
    network = network_of(list(waters.reaches.values()))
    order = list(entries)
    places = [(entries[at].reach, entries[at].km or 0.0) for at in order]
    causes = first_causes(network, places)
    return {at: order[one] for at, one in zip(order, causes, strict=True) if order[one] != at}


def _sources(stations: Stations, waters: Waters, at: int) -> list[str]:
    """Codes of the likeliest outlets upstream; none where the station lies on no reach."""
    entry = stations.entries[at]
    if entry is None or not entry.reach or not waters.outlets:
        return []
    profile = {
        one.item.key: float(one.values[at])
        for one in stations.figures
        if np.isfinite(one.values[at]) and one.item.multiple
    }
    return [code for code, _, _ in trace_station(waters, entry.code, profile)[:SOURCES]]


def _why(worst: NDArray[np.int8], target: NDArray[np.int8], known: Standard) -> Text:
    words = settings().present
    given = {
        "good": str(int((worst <= 2).sum())), "worst": str(int((worst == WORST).sum())),
        "kept": str(int((worst <= target).sum())), "all": str(len(worst)),
        "third": known.classes[2], "last": known.classes[WORST],
    }  # fmt: skip
    return fill(words.why, **given)


def _shares(worst: NDArray[np.int8], stations: int) -> tuple[Figure, ...]:
    words = settings().present
    return (
        Figure(words.stations, float(stations)),
        Figure(words.judged, float(len(worst))),
        Figure(words.share_good, round(100 * float(np.mean(worst <= 2)), 1), "%"),
        Figure(words.share_worst, round(100 * float(np.mean(worst == WORST)), 1), "%"),
    )


def _notes(stations: Stations, silent: int) -> tuple[Text, ...]:
    words = settings().present
    unknown = sum(one is None for one in stations.entries)
    said: Sequence[tuple[Text, int]] = (
        (words.as_rivers, unknown), (words.silent, silent),
        (words.left_out, stations.devices.left_out),
    )  # fmt: skip
    return tuple(fill(text, count=count) for text, count in said if count)
