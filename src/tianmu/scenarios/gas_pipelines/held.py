"""What a city holds of its gas network: its own files, or the shipped network in their place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from tianmu.facts.place import DEGREE_M
from tianmu.facts.text import Text
from tianmu.scenarios.contract import BadInput
from tianmu.scenarios.gas_pipelines.hydraulics import NoSolution, tree
from tianmu.scenarios.gas_pipelines.layout import Layout, Valve, placed_valves
from tianmu.scenarios.gas_pipelines.network import (
    SHIPPED,
    BadNetwork,
    Network,
    moved,
    on_earth,
    read,
)
from tianmu.scenarios.gas_pipelines.permits import Permit
from tianmu.scenarios.gas_pipelines.trial import (
    instruments,
    layout_of,
    read_instruments,
    read_permits,
    read_valves,
    trial,
    trial_layout,
)
from tianmu.scenarios.gas_pipelines.words import said

NETWORK, INSTRUMENTS, VALVES, PERMITS = (
    "network.json", "instruments.csv", "valves.csv", "permits.csv",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Held:
    network: Network
    layout: Layout
    devices: dict[str, tuple[str, int]]
    """device → what it measures, and the number of it in the network's file"""
    own_instruments: bool
    """by the city's table, not the trial's"""
    own_network: bool
    """the city's file, not the shipped one"""
    valves: tuple[Valve, ...]
    permits: tuple[Permit, ...]
    notes: tuple[Text, ...]
    """what stands in for a file of the city's, and files that cannot be read"""


def held(folder: Path, longitude: float, latitude: float) -> Held:
    """What stands in ``folder``; a network drawn in metres gets its middle at this place. A file
    that cannot be read is told in the notes, and what is shipped stands for it."""
    stamps = []
    for name in (NETWORK, INSTRUMENTS, VALVES, PERMITS):
        file = folder / name
        stamps.append((name, file.stat().st_mtime_ns if file.exists() else 0))
    return _held(folder, longitude, latitude, tuple(stamps))


@lru_cache(maxsize=4)
def _held(
    folder: Path, longitude: float, latitude: float, stamps: tuple[tuple[str, int], ...]
) -> Held:
    notes: list[Text] = []
    there = {name for name, stamp in stamps if stamp}
    network = _network(folder, there, notes)
    own_network = NETWORK in there and not notes
    if not on_earth(network):
        own = trial()
        east = DEGREE_M * float(np.cos(np.radians(latitude)))
        network = moved(network, longitude + own.east_m / east, latitude + own.north_m / DEGREE_M)
        notes.append(said("transplanted"))
    layout = trial_layout(network)
    devices = instruments(network, layout)
    own_instruments = False
    valves: tuple[Valve, ...] = ()
    permits: tuple[Permit, ...] = ()
    if INSTRUMENTS in there:
        try:
            devices = read_instruments(folder / INSTRUMENTS, network)
            layout = layout_of(network, devices)
            own_instruments = True
        except (BadInput, OSError) as error:
            notes.append(said("bad_file", file=INSTRUMENTS, why=str(error)))
    try:
        if VALVES in there:
            valves = read_valves(folder / VALVES, network)
    except (BadInput, OSError) as error:
        notes.append(said("bad_file", file=VALVES, why=str(error)))
    if not valves:
        valves = placed_valves(network, trial().valve_share, trial().seed)
        notes.append(said("seeded_valves", count=str(len(valves))))
    try:
        if PERMITS in there:
            permits = read_permits(folder / PERMITS)
        else:
            notes.append(said("no_permits", file=PERMITS))
    except (BadInput, OSError) as error:
        notes.append(said("bad_file", file=PERMITS, why=str(error)))
    return Held(
        network, layout, devices, own_instruments, own_network, valves, permits, tuple(notes)
    )


def _network(folder: Path, there: set[str], notes: list[Text]) -> Network:
    if NETWORK in there:
        try:
            found = replace(read(folder / NETWORK))
            tree(found)
            return found
        except (BadNetwork, NoSolution, OSError) as error:
            notes.append(said("bad_file", file=NETWORK, why=str(error)))
    return read(SHIPPED)
