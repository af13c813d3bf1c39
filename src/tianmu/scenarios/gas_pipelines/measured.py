"""What the city's instruments told lately, as readings of the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tianmu.scenarios.gas_pipelines.held import Held
from tianmu.scenarios.gas_pipelines.network import F64
from tianmu.scenarios.gas_pipelines.simulate import Readings
from tianmu.scenarios.gas_pipelines.table import KPA
from tianmu.scenarios.world import World
from tianmu.store.history.asked import Asked
from tianmu.store.registry import UNKNOWN

MINUTE = 60_000_000
PROPERTY = {"inflow": "flow", "flow": "flow", "pressure": "pressure", "meter": "flow"}


@dataclass(frozen=True, eq=False)
class Measured:
    readings: Readings
    registered: int
    """of the devices that the city's table names"""
    silent: int
    """of those registered, told nothing in all this time"""
    origins: tuple[str, ...]


def measured(world: World, held: Held, every_min: float, moments: int) -> Measured:
    """Means of the last ``moments`` whole steps before now. Raises ``TooCostly``."""
    step = round(every_min * MINUTE)
    end = world.now // step * step
    names = list(held.devices)
    ids = [f"{name}/{PROPERTY[held.devices[name][0]]}" for name in names]
    streams = world.registry.datastream_index(ids)
    known = np.flatnonzero(streams != UNKNOWN)
    values = np.full((len(names), moments), np.nan)
    start = end - moments * step
    if world.history is not None and len(known):
        rows = world.history.windows(
            streams[known], start, end, step, groups=known.astype(np.int64),
            asked=Asked(rows=world.rows),
        )  # fmt: skip
        values[rows.key, (rows.time - start) // step] = rows.mean
    return Measured(
        _readings(held, names, values), len(known),
        int((~np.isfinite(values[known])).all(axis=1).sum()), _origins(world, streams[known]),
    )  # fmt: skip


def _origins(world: World, streams: np.ndarray) -> tuple[str, ...]:
    if not len(streams):
        return ()
    registry = world.registry
    devices = np.unique(registry.device_of(streams))
    return tuple(sorted({registry.origins[one] for one in np.unique(registry.origin[devices])}))


def _readings(held: Held, names: list[str], values: F64) -> Readings:
    network, layout = held.network, held.layout
    row = {what: at for at, what in enumerate(held.devices[name] for name in names)}

    def of(measures: str, numbers: np.ndarray) -> F64:
        found = np.full((len(numbers), values.shape[1]), np.nan)
        for at, number in enumerate(numbers):
            where = row.get((measures, int(number)))
            if where is not None:
                found[at] = values[where]
        return found

    return Readings(
        network.kg_s(of("inflow", network.feed)),
        network.kg_s(of("flow", network.pipe[layout.flow])),
        of("pressure", network.junction[layout.pressure]) / KPA,
        network.kg_s(np.maximum(of("meter", network.sink), 0.0)),
    )
