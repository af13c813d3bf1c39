"""The danger of now: what the network should show and does, where it leaks, what lies near it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tianmu.facts.text import Text
from tianmu.scenarios.gas_pipelines import leak
from tianmu.scenarios.gas_pipelines.held import Held, held
from tianmu.scenarios.gas_pipelines.hydraulics import NoSolution
from tianmu.scenarios.gas_pipelines.isolation import isolate
from tianmu.scenarios.gas_pipelines.measured import Measured, measured
from tianmu.scenarios.gas_pipelines.network import F64
from tianmu.scenarios.gas_pipelines.permits import Ground
from tianmu.scenarios.gas_pipelines.shapes import mains, outlines, valve_squares
from tianmu.scenarios.gas_pipelines.threshold import threshold
from tianmu.scenarios.gas_pipelines.trial import trial
from tianmu.scenarios.gas_pipelines.words import said
from tianmu.scenarios.manifest import settings_of
from tianmu.scenarios.present import Figure, Present, Shape
from tianmu.scenarios.ring import around
from tianmu.scenarios.world import World

NORMAL, WATCHED, SUSPECTED, DANGER = 1, 2, 3, 4
PER_WEEK = 1.0
LOUD = tuple(settings_of(__file__)["danger_rules"])
"""an open alarm of these is danger"""


@dataclass(frozen=True, eq=False)
class Judged:
    degree: int
    why: tuple[Text, ...] = ()
    figures: tuple[Figure, ...] = ()
    shapes: tuple[Shape, ...] = ()
    notes: tuple[Text, ...] = ()


def present(world: World) -> Present:
    """Raises ``TooCostly`` where the past would cost too much to read."""
    known = held(world.folder, *world.city.center)
    own = trial()
    steps = leak.settings().windows[-1]
    told = measured(world, known, own.every_min, steps)
    parts = [_leak(known, told, own.every_min), _digs(world, known), _alarms(world)]
    degree = max(one.degree for one in parts)
    if parts[0].degree == 0 and degree == NORMAL:
        degree = 0  # nothing speaks against it, and the network cannot be judged
    why = tuple(text for one in parts for text in one.why)
    return Present(
        at=world.now, degree=degree, why=why or (said("normal"),),
        figures=tuple(figure for one in parts for figure in one.figures),
        shapes=(
            *mains(known.network), *valve_squares(known),
            *(shape for one in parts for shape in one.shapes),
        ),
        notes=(*(note for one in parts for note in one.notes), *known.notes),
        origins=told.origins,
    )  # fmt: skip


def _leak(known: Held, told: Measured, every_min: float) -> Judged:
    network = known.network
    count = Figure(said("instruments"), float(told.registered))
    if not told.registered or not np.isfinite(told.readings.inflow[:, -2:]).any():
        # nothing came in that was measured: the network cannot be judged, and that is said
        return Judged(0, (said("no_readings"),), (count,))
    watch = leak.prepare(network, known.layout, every_min)
    try:
        compared = leak.compare(watch, told.readings)
    except NoSolution as error:
        return Judged(WATCHED, (said("no_state", why=str(error)),), (count,))
    score, lost = leak.scores(watch, compared), leak.balance(watch, compared)
    at_least = threshold(watch, PER_WEEK) if known.own_instruments else trial().at_least
    inflow = float(network.m3h(_means(told.readings.inflow).sum()))
    feeds, flows = len(network.feed), len(known.layout.flow)
    off = compared.off[feeds + flows :]
    figures = (
        Figure(said("inflow"), _rounded(inflow, 1), "m³/h"),
        Figure(said("unaccounted"), _rounded(float(network.m3h(lost[-1]))), "m³/h"),
        Figure(said("score"), _rounded(float(score[-1] / at_least))),
        Figure(said("pressure_off"), _rounded(_largest(off) * 100), "kPa"),
        count,
        Figure(said("silent"), float(told.silent)),
    )  # fmt: skip
    notes = (said("silent_note", count=str(told.silent)),) if told.silent else ()
    where = leak.place(watch, compared, score.shape[0] - 1)
    if not np.isfinite(score[-1]):  # too few readings of late to say that nothing leaks
        return Judged(0, (said("few_readings"),), figures, (), notes)
    if where is None or score[-1] < at_least:
        return Judged(WATCHED if told.silent else NORMAL, (), figures, (), notes)
    size = float(network.m3h(np.array(where.kg_s)))
    cut = isolate(network, known.valves, _pipe(known, where.junction))
    closed = "–" if cut.valves is None else ", ".join(f"V{one + 1}" for one in cut.valves)
    given = {
        "size": f"{size:.1f}", "part": f"{size / max(inflow, 1e-9):.1%}",
        "within": f"{where.within_m:.0f}", "valves": closed, "cut": str(len(cut.consumers)),
    }  # fmt: skip
    centre = (float(network.longitude[where.junction]), float(network.latitude[where.junction]))
    shape = Shape(
        "leak", around(*centre, max(where.within_m, 15.0), 24), SUSPECTED, round(size, 2),
        said("leak", **given),
    )  # fmt: skip
    return Judged(SUSPECTED, (said("leak", **given),), figures, (shape,), notes)


def _digs(world: World, known: Held) -> Judged:
    today = world.city.calendar.local(world.now).date()
    open_now = [one for one in known.permits if one.since <= today <= one.until]
    if not open_now:
        return Judged(NORMAL)
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
    return Judged(WATCHED if why else NORMAL, tuple(why), (), tuple(shapes))


def _alarms(world: World) -> Judged:
    alarms = world.alarms()
    if not alarms:
        return Judged(NORMAL)
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
    return Judged(degree, (said("alarms", count=str(len(alarms))),), (), tuple(shapes))


def _pipe(known: Held, junction: int) -> int:
    """A pipe at a junction: a main before a house connection."""
    network = known.network
    at = np.flatnonzero((network.start == junction) | (network.end == junction))
    return int(at[np.argmin(network.house[at])])


def _largest(off: F64) -> float:
    told = _means(off)
    return float(told[np.argmax(np.abs(told))]) if len(told) else float("nan")


def _means(values: F64) -> F64:
    """Over the moments, of those instruments that told anything."""
    found: F64 = np.nanmean(values[np.isfinite(values).any(axis=1)], axis=1)
    return found


def _rounded(value: float, digits: int = 2) -> float | None:
    return round(value, digits) if np.isfinite(value) else None
