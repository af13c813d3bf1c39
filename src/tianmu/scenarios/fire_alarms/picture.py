"""A building as those who go there need it: what burns where, whom to call, where water is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tianmu.city.place.building import Building
from tianmu.city.way.travel import Pace
from tianmu.facts.text import Text
from tianmu.scenarios.fire_alarms import duty
from tianmu.scenarios.fire_alarms.estate import Estate
from tianmu.scenarios.fire_alarms.event import DAY, FALSE, REAL
from tianmu.scenarios.fire_alarms.figures import evidence, say, settings
from tianmu.scenarios.fire_alarms.model import both
from tianmu.scenarios.fire_alarms.present import buildings_of, plain, when
from tianmu.scenarios.fire_alarms.ranking import Ranked, past_events, rank
from tianmu.scenarios.picture import Fact, Picture, Reach
from tianmu.scenarios.present import Line, Table
from tianmu.scenarios.signals import Signal
from tianmu.scenarios.world import Devices, World

SHOWN = 40
"""lines of a table"""
STATE = "state"


def picture(world: World, thing: str) -> Picture | None:
    """Of the building with this transmission unit; None where ``thing`` is none."""
    registry, estate = world.registry, Estate(world)
    index = registry.find(thing)
    if index is None or registry.kinds[registry.kind[index]] != settings().watched.unit:
        return None
    unit = registry.device(index)
    source = estate.source(thing)
    known = world.city.buildings.get(source)
    place = unit.place
    ranked = [one for one in rank(world, estate) if one.spot.building == thing]
    notes = [] if known else [say("no_building_entry")]
    if known and not known.plan:
        notes.append(say("no_plan"))
    water = None
    if place.longitude is not None and place.latitude is not None:
        water = _water(world, place.longitude, place.latitude)
    else:
        notes.append(say("no_place"))
    alarms = Table(
        "building_alarms", say("open_alarms"),
        tuple(say(f"column_{c}") for c in ("share", "detector", "time", "reasons", "confirm")),
        tuple(
            Line((plain(f"{100 * one.judged.probability:.0f} %"), plain(one.spot.name),
                  plain(when(world, one.alarm.at)), both("reasons", one.judged),
                  both("confirm", one.judged)),
                 one.degree, alarm=one.alarm.alarm)
            for one in ranked[:SHOWN]
        ),
        say("no_alarm_here"),
    )  # fmt: skip
    tables = [alarms, _cases(world, estate, thing), *_zones(world, estate, thing)]
    if water is not None:
        tables.append(water)
    tables.append(_history(world, estate, thing))
    return Picture(
        thing=thing,
        title=estate.name(thing),
        longitude=place.longitude,
        latitude=place.latitude,
        division=registry.divisions[registry.division[index]],
        department=unit.department,
        degree=_degree(world, estate, index, ranked),
        facts=(*_facts(known), *_state(world, index, thing)),
        reaches=_reaches(known),
        tables=tuple(tables),
        image=world.city.folder / known.plan if known and known.plan else None,
        asks=thing if source else "",
        notes=tuple(notes),
    )


def _degree(world: World, estate: Estate, index: int, ranked: Sequence[Ranked]) -> int:
    """The same that the map of all buildings shows: fire, unattended, impaired, unheard."""
    real = [one for one in ranked if not one.alarm.test]
    return buildings_of(world, estate, _alone(world, index), real, world.alarms())[0].degree


def _alone(world: World, index: int) -> Devices:
    """One unit, as the devices of a kind are given."""
    registry = world.registry
    here = slice(index, index + 1)
    return Devices(np.array([index]), registry.longitude[here], registry.latitude[here], (), 0)


def _facts(known: Building | None) -> list[Fact]:
    if known is None:
        return []
    found = [(say("use"), known.use), (say("holds"), known.holds)]
    if known.storeys is not None:
        found.append((say("storeys"), plain(str(known.storeys))))
    if known.height_m is not None:
        found.append((say("height"), plain(f"{known.height_m:g} m")))
    if known.basis:
        found.append((say("basis"), plain(known.basis)))
    return [Fact(name, value) for name, value in found if value]


def _reaches(known: Building | None) -> tuple[Reach, ...]:
    if known is None:
        return ()
    found = (
        Reach(say("room"), "", known.room_phone),
        Reach(say("manager"), known.manager, known.manager_phone),
    )
    return tuple(one for one in found if one.name or one.phone)


def _state(world: World, index: int, unit: str) -> list[Fact]:
    """Link, and what became of the last duty checks."""
    link, _ = world.last(np.array([world.stream(unit, "link")], np.uint32))
    words = {0.0: "link_down", 1.0: "link_up"}
    found = duty.checks(world, _alone(world, index))
    last = say("never")
    if found.last_at[0]:
        word = "answered" if found.last[0] else "nobody"
        last = say(word, when=when(world, int(found.last_at[0])))
    counted = plain(f"{found.answered[0]}/{found.asked[0]}")
    return [
        Fact(say("link"), say(words.get(float(link[0]), "link_unknown"))),
        Fact(say("column_last_check"), last),
        Fact(say("column_checks", days=duty.DAYS), counted),
    ]


def _zones(world: World, estate: Estate, unit: str) -> list[Table]:
    """Zones with how many detectors each has, and every component that is not normal."""
    registry, watched = world.registry, settings().watched
    parts = estate.components(unit)
    streams = np.full(len(parts), 0, np.uint32)
    ids = [f"{registry.device_id(int(part))}/{STATE}" for part in parts]
    if ids:
        streams = registry.datastream_index(ids)
    values, at = world.last(streams)
    zones: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    lines: list[tuple[int, Line]] = []
    bits = [(int(code.removeprefix("bit")), name) for code, name in watched.states.items()]
    for row, part in enumerate(parts.tolist()):
        device = registry.device_id(part)
        spot = estate.spot(device)
        word = int(values[row]) if np.isfinite(values[row]) else 0
        held = [(rank_, name) for rank_, (bit, name) in enumerate(bits) if word >> bit & 1]
        if registry.kinds[registry.kind[part]] == watched.component:
            zones[spot.zone][0] += 1
            zones[spot.zone][1] += bool(held)
        if held:
            state = _join([name for _, name in held])
            cells = (plain(spot.name), plain(spot.zone), state, plain(when(world, int(at[row]))))
            lines.append((held[0][0], Line(cells, 3 if held[0][0] == 0 else 2)))
    lines.sort(key=lambda pair: pair[0])
    columns = ("detector", "zone", "state", "time")
    abnormal = Table(
        "components", say("component_table"), tuple(say(f"column_{c}") for c in columns),
        tuple(line for _, line in lines[:SHOWN]),
        say("all_normal" if len(parts) else "no_components"),
    )  # fmt: skip
    listed = Table(
        "zones", say("zone_table"),
        tuple(say(f"column_{c}") for c in ("zone", "detectors", "abnormal")),
        tuple(
            Line((plain(zone or "–"), plain(str(count)), plain(str(bad))), 2 if bad else 0)
            for zone, (count, bad) in sorted(zones.items(), key=lambda pair: (-pair[1][1], pair[0]))
        )[:SHOWN],
        say("no_components"),
    )  # fmt: skip
    return [abnormal, listed]


def _join(texts: Sequence[Text]) -> Text:
    return {
        "zh": "、".join(one["zh"] for one in texts),
        "en": ", ".join(one["en"] for one in texts),
    }


def _water(world: World, longitude: float, latitude: float) -> Table:
    """The nearest sources of water of the pack, by the way of an engine."""
    city, watched = world.city, settings().watched
    held = [one for one in city.resources.values() if one.kind in watched.water]
    lines: tuple[Line, ...] = ()
    if held:
        here = np.array([[longitude, latitude]])
        points = np.array([(one.longitude, one.latitude) for one in held], np.float64)
        flat = city.travel.flat(np.vstack([here, points]))
        metres = np.hypot(*(flat[1:] - flat[0]).T)
        near = np.argsort(metres, kind="stable")[: 4 * watched.sources]
        times = city.travel.times(points[near], here, Pace()).seconds[:, 0]
        chosen = near[np.argsort(times, kind="stable")[: watched.sources]]
        seconds = np.sort(times, kind="stable")
        lines = tuple(
            Line((held[at].name, city.sending.resources[held[at].kind].name,
                  plain(f"{metres[at]:.0f} m"),
                  plain(f"{seconds[row] / 60:.0f} min" if np.isfinite(seconds[row]) else "–"),
                  plain(held[at].holds or "–")))
            for row, at in enumerate(chosen.tolist())
        )  # fmt: skip
    columns = ("source", "kind", "metres", "drive", "holds")
    return Table("sources", say("source_table"), tuple(say(f"column_{c}") for c in columns),
                 lines, say("no_source"))  # fmt: skip


def _cases(world: World, estate: Estate, unit: str) -> Table:
    """Open cases that hold an alarm of the building, the newest first."""
    watched = settings().watched
    since = world.now - round(evidence(world.city).past_days * DAY)
    found: dict[str, list[Signal]] = defaultdict(list)
    for one in world.signals(watched.called, since):
        if not one.closed_at:
            found[one.case].append(one)
    lines = [
        Line((plain(those[0].number), plain(when(world, those[0].at)), plain(str(len(those)))),
             case=case)
        for case, those in reversed(found.items())
        if any(one.device and estate.spot(one.device).building == unit for one in those)
    ]  # fmt: skip
    return Table("cases", say("case_table"),
                 tuple(say(f"column_{c}") for c in ("number", "time", "signals")),
                 tuple(lines[:SHOWN]), say("no_case"))  # fmt: skip


def _history(world: World, estate: Estate, unit: str) -> Table:
    """Each detector that alarmed, with how its cases ended."""
    since = world.now - round(evidence(world.city).past_days * DAY)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in past_events(world, estate, since):
        if one.building == unit:
            counts[one.detector][{REAL: 0, FALSE: 1}.get(one.verdict, 2)] += 1
    ordered = sorted(counts.items(), key=lambda pair: (-sum(pair[1]), pair[0]))
    return Table(
        "history", say("history_table", days=round(evidence(world.city).past_days)),
        tuple(say(f"column_{c}") for c in ("detector", "real", "void", "undecided")),
        tuple(
            Line((plain(estate.spot(device).name), *(plain(str(n)) for n in those)))
            for device, those in ordered[:SHOWN]
        ),
        say("no_history"),
    )  # fmt: skip
