"""The danger of now: what the network should show and does, where it leaks, what lies near it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tianmu.facts.text import Text
from tianmu.scenarios.gas_pipelines.held import Held, held
from tianmu.scenarios.gas_pipelines.measured import PROPERTY
from tianmu.scenarios.gas_pipelines.permits import Ground
from tianmu.scenarios.gas_pipelines.shapes import mains, outlines, valve_squares
from tianmu.scenarios.gas_pipelines.words import said
from tianmu.scenarios.judging import Judged
from tianmu.scenarios.present import Figure, Present, Shape
from tianmu.scenarios.ring import around
from tianmu.scenarios.settings import settings_of
from tianmu.scenarios.world import World
from tianmu.store.registry import UNKNOWN

NORMAL, WATCHED, SUSPECTED, DANGER = 1, 2, 3, 4
MINUTE = 60_000_000
LATE = round(settings_of(__file__)["judged"]["late_min"] * MINUTE)
"""µs after which what was judged is told to be old"""
NEEDED = min(settings_of(__file__)["leak"]["windows"]) * settings_of(__file__)["trial"]["every_min"]
"""minutes of readings without which nothing is told of the network"""
LOUD = tuple(settings_of(__file__)["danger_rules"])
"""an open alarm of these is danger"""


@dataclass(frozen=True, eq=False)
class Part:
    degree: int
    why: tuple[Text, ...] = ()
    figures: tuple[Figure, ...] = ()
    shapes: tuple[Shape, ...] = ()
    notes: tuple[Text, ...] = ()


def present(world: World) -> Present:
    known = held(world.folder, *world.city.center)
    told = world.judged()
    parts = [_leak(world, known, told), _digs(world, known), _alarms(world)]
    degree = max(one.degree for one in parts)
    if parts[0].degree == 0 and degree == NORMAL:
        degree = 0  # nothing speaks against it, and the network cannot be judged
    why = tuple(text for one in parts for text in one.why)
    return Present(
        at=world.now, degree=degree, why=why or (said("normal"),),
        figures=tuple(figure for one in parts for figure in one.figures),
        shapes=(
            *mains(known.network, _told(told, parts[0])), *valve_squares(known),
            *(shape for one in parts for shape in one.shapes),
        ),
        notes=(*(note for one in parts for note in one.notes), *known.notes),
        origins=tuple(told.said.get("origins", ())) if told is not None else (),
    )  # fmt: skip


def _told(told: Judged | None, leak: Part) -> bool:
    """Whether what works judged last says anything of the pipes as they are now."""
    return leak.degree > 0 and told is not None and told.said["state"] in {"tight", "leak"}


def _leak(world: World, known: Held, told: Judged | None) -> Part:
    """What works judged last; nothing is reckoned here."""
    registered, heard = _connected(world, known)
    count = Figure(said("instruments"), float(registered))
    needed = f"{NEEDED:g}"
    if not registered:
        return Part(0, (said("no_instruments"),), (count,))
    if told is None:
        return Part(0, (said("waiting", minutes=needed),), (count,))
    if told.fault:
        return Part(0, (said("judge_failed", why=told.fault),), (count,))
    if world.now - told.until > LATE:
        minutes = (world.now - told.until) // MINUTE
        return Part(0, (said("judged_long_ago", minutes=str(minutes)),), (count,))
    was: dict[str, Any] = told.said
    if was["state"] == "no_readings" and (not heard or heard > told.made_at):
        # it was judged before the first of them were in
        return Part(0, (said("waiting", minutes=needed),), (count,))
    silent = int(was["silent"])
    notes = (*_estimated(was), *((said("silent_note", count=str(silent)),) if silent else ()))
    figures: tuple[Figure, ...] = (count,)
    if "score" in was:
        figures = (
            Figure(said("inflow"), was["inflow"], "m³/h"),
            Figure(said("unaccounted"), was["lost"], "m³/h"),
            Figure(said("score"), was["score"]),
            Figure(said("pressure_off"), was["off"], "kPa"),
            count,
            Figure(said("silent"), float(silent)),
        )
    match was["state"]:
        case "no_state":
            return Part(WATCHED, (said("no_state", why=was["reason"]),), figures)
        case "leak":
            return _found(was["leak"], figures, notes)
        case "tight":
            return Part(WATCHED if silent else NORMAL, (), figures, (), notes)
        case other:  # no readings, or too few of late to say that nothing leaks
            why = said(other, minutes=needed)
            return Part(0, (why,), figures, (), notes if "score" in was else ())


def _estimated(was: dict[str, Any]) -> tuple[Text, ...]:
    """That the network is judged by what some consumers were guessed to take, where it was."""
    found = was.get("estimated")  # what an earlier release judged says nothing of it
    if not found or not found["count"]:
        return ()
    count, of, part = found["count"], found["of"], f"{found['part']:.0%}"
    return (said("estimated", count=f"{count:,}", of=f"{of:,}", part=part),)


def _connected(world: World, known: Held) -> tuple[int, int]:
    """How many instruments of the city's table are registered now, and when (µs) a reading of the
    inflow came in last, however old it was; 0: none ever did."""
    names = {f"{name}/{PROPERTY[what]}": what for name, (what, _) in known.devices.items()}
    streams = world.registry.datastream_index(list(names))
    feeds = streams[[what == "inflow" for what in names.values()]]
    return int(np.count_nonzero(streams != UNKNOWN)), int(world.received(feeds).max(initial=0))


def _found(here: dict[str, Any], figures: tuple[Figure, ...], notes: tuple[Text, ...]) -> Part:
    text = said("leak", **here["words"])
    ring = around(here["longitude"], here["latitude"], here["within"], 24)
    shape = Shape("leak", ring, SUSPECTED, here["size"], text)
    return Part(SUSPECTED, (text,), figures, (shape,), notes)


def _digs(world: World, known: Held) -> Part:
    today = world.city.calendar.local(world.now).date()
    open_now = [one for one in known.permits if one.since <= today <= one.until]
    if not open_now:
        return Part(NORMAL)
    ground = Ground(known.network)
    shapes, why = [], []
    for permit in open_now:
        near = ground.near(permit.area)
        if near.zone == "clear":
            continue
        text = said(near.zone, code=permit.code, what=permit.what, metres=f"{near.metres:.1f}",
                    pipes=str(len(near.pipes)))  # fmt: skip
        why.append(text)
        shapes += [Shape("dig", ring, WATCHED, None, text) for ring in outlines(permit.area)]
    return Part(WATCHED if why else NORMAL, tuple(why), (), tuple(shapes))


def _alarms(world: World) -> Part:
    alarms = world.alarms()
    if not alarms:
        return Part(NORMAL)
    degree = DANGER if any(one.rule in LOUD for one in alarms) else SUSPECTED
    shapes = [
        Shape(
            "alarm",
            around(one.longitude, one.latitude, 30.0),
            degree,
            None,
            {"zh": one.device, "en": one.device},
        )
        for one in alarms
        if one.longitude is not None and one.latitude is not None
    ]
    return Part(degree, (said("alarms", count=str(len(alarms))),), (), tuple(shapes))
