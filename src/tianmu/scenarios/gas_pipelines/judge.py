"""What works judges after each step: whether the network leaks, where, and how sure that is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tianmu.scenarios.gas_pipelines import leak
from tianmu.scenarios.gas_pipelines.held import Held, held
from tianmu.scenarios.gas_pipelines.hydraulics import NoSolution
from tianmu.scenarios.gas_pipelines.isolation import isolate
from tianmu.scenarios.gas_pipelines.kept import kept_threshold
from tianmu.scenarios.gas_pipelines.layout import Layout
from tianmu.scenarios.gas_pipelines.measured import measured
from tianmu.scenarios.gas_pipelines.network import F64, Network
from tianmu.scenarios.gas_pipelines.simulate import Readings
from tianmu.scenarios.gas_pipelines.trial import trial
from tianmu.scenarios.gas_pipelines.words import said
from tianmu.scenarios.judging import Condition, Judgement
from tianmu.scenarios.settings import settings_of
from tianmu.scenarios.world import World

RULE = "gas_network.leak"
SILENT = float(settings_of(__file__)["judged"]["silent"])
"""share of the meters that may be silent before the network is prepared anew without them"""
_UNREAD: dict[Layout, Layout] = {}
"""a city's instruments → those for which the network was prepared last"""


def judge(world: World) -> Judgement:
    """Raises ``TooCostly`` where the past would cost too much to read."""
    known = held(world.folder, *world.city.center)
    every = trial().every_min
    told = measured(world, known, every, leak.readings(leak.settings()))
    found: dict[str, Any] = {
        "registered": told.registered, "silent": told.silent, "origins": list(told.origins),
    }  # fmt: skip
    if not told.registered or not np.isfinite(told.readings.inflow[:, -2:]).any():
        # nothing came in that was measured: the network cannot be judged
        return Judgement(able=False, said={**found, "state": "no_readings"})
    layout = _heard(known.layout, told.readings)
    watch = leak.prepare(known.network, layout, every)
    try:
        compared = leak.compare(watch, told.readings)
    except NoSolution as error:
        return Judgement(able=False, said={**found, "state": "no_state", "reason": str(error)})
    shipped = not (known.own_instruments or known.own_network) and layout is known.layout
    at_least = trial().at_least if shipped else kept_threshold(watch, world.folder)
    network = known.network
    score, lost = leak.scores(watch, compared), leak.balance(watch, compared)
    instruments = len(network.feed) + len(known.layout.flow)
    inflow = float(network.m3h(means(told.readings.inflow[:, -12:]).sum()))
    found |= {
        "inflow": finite(inflow), "score": finite(float(score[-1] / at_least)),
        "lost": finite(float(network.m3h(lost[-1]))),
        "off": finite(largest(compared.off[instruments:, -12:]) * 100),
        "estimated": estimated(network, told.readings),
    }  # fmt: skip
    if not np.isfinite(score[-1]):  # too few readings of late to say that nothing leaks
        return Judgement(able=False, said={**found, "state": "few_readings"})
    where = leak.place(watch, compared, len(score) - 1)
    if where is None or score[-1] < at_least:
        return Judgement(said={**found, "state": "tight"})
    here = described(known, where, inflow)
    condition = Condition(
        RULE, bearer(world, known), said("leak", **here["words"]), here["size"],
        longitude=here["longitude"], latitude=here["latitude"], within_m=here["within"],
        data={name: here[name] for name in ("size", "share", "valves", "households")},
    )  # fmt: skip
    return Judgement((condition,), said={**found, "state": "leak", "leak": here})


def described(known: Held, where: leak.Place, inflow: float) -> dict[str, Any]:
    """The leak in plain figures, with what shuts it off and whom that cuts off."""
    network = known.network
    size = float(network.m3h(np.array(where.kg_s)))
    cut = isolate(network, known.valves, _pipe(known, where.junction))
    valves = [] if cut.valves is None else [f"V{one + 1}" for one in cut.valves]
    share = size / max(inflow, 1e-9)
    return {
        "junction": int(network.junction[where.junction]), "size": round(size, 2),
        "share": round(share, 4), "within": round(max(where.within_m, 15.0), 1),
        "longitude": float(network.longitude[where.junction]),
        "latitude": float(network.latitude[where.junction]),
        "valves": valves, "households": len(cut.consumers),
        "words": {
            "size": f"{size:.1f}", "part": f"{share:.1%}", "within": f"{where.within_m:.0f}",
            "valves": ", ".join(valves) or "–", "cut": str(len(cut.consumers)),
        },
    }  # fmt: skip


def estimated(network: Network, readings: Readings) -> dict[str, float]:
    """Consumers of whom no meter told anything in the last hour: how many, of how many, and what
    part of all they usually take. What they take is guessed, and the score weighs how wrong that
    may be."""
    unread = ~np.isfinite(readings.meter[:, -12:]).any(axis=1)
    part = network.usual[unread].sum() / network.usual.sum()
    return {"count": int(unread.sum()), "of": len(network.sink), "part": round(float(part), 3)}


def _heard(layout: Layout, readings: Readings) -> Layout:
    """Consumers whose meters have told nothing in all the time are unread, where they are many. It
    takes minutes to prepare the network for others: until these differ by as many, it stays
    prepared for those of before, whose silent ones are reckoned as such all the same."""
    dumb = layout.metered & ~np.isfinite(readings.meter).any(axis=1)
    few = SILENT * layout.metered.sum()
    if dumb.sum() <= few:
        return layout
    before = _UNREAD.get(layout)
    if before is not None and ((layout.metered & ~before.metered) ^ dumb).sum() <= few:
        return before
    _UNREAD.clear()
    _UNREAD[layout] = replace(layout, metered=layout.metered & ~dumb)
    return _UNREAD[layout]


def bearer(world: World, known: Held) -> str:
    """The device whose alarm it is, wherever the leak may lie: the first feed's flow meter that is
    registered."""
    feeds = sorted(
        (number, name) for name, (what, number) in known.devices.items() if what == "inflow"
    )
    there = [name for _, name in feeds if world.registry.find(name) is not None]
    return there[0] if there else feeds[0][1]


def _pipe(known: Held, junction: int) -> int:
    """A pipe at a junction: a main before a house connection."""
    network = known.network
    at = np.flatnonzero((network.start == junction) | (network.end == junction))
    return int(at[np.argmin(network.house[at])])


def largest(off: F64) -> float:
    told = means(off)
    return float(told[np.argmax(np.abs(told))]) if len(told) else float("nan")


def means(values: F64) -> F64:
    """Over the moments, of those instruments that told anything."""
    found: F64 = np.nanmean(values[np.isfinite(values).any(axis=1)], axis=1)
    return found


def finite(value: float, digits: int = 2) -> float | None:
    return round(value, digits) if np.isfinite(value) else None
