"""What a scenario may see of the running city: its pack, its devices, their past and present.

Read-only. The same ``World`` serves the page and a back-test, which stands at another time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.city.city import City
from tianmu.scenarios.judging import Judged
from tianmu.scenarios.signals import Signal
from tianmu.scenarios.warned import Warned
from tianmu.store.history.asked import Asked
from tianmu.store.history.history import History
from tianmu.store.live import Live
from tianmu.store.registry import UNKNOWN, Registry

F64 = NDArray[np.float64]
U32 = NDArray[np.uint32]
HOUR = 3_600_000_000


@dataclass(frozen=True, eq=False)
class Devices:
    """Devices of one kind whose place is known; arrays of one length."""

    index: NDArray[np.int64]
    longitude: F64
    latitude: F64
    origins: tuple[str, ...]
    """that occur among them"""
    left_out: int
    """because there were more than were asked for"""

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True)
class OpenAlarm:
    rule: str
    device: str
    longitude: float | None
    latitude: float | None
    at: int
    alarm: str = ""
    division: str = ""
    test: bool = False
    """its device was being tested"""
    returned_at: int = 0
    """µs when its condition went; 0 while it holds"""


def _nothing() -> None:
    """What a world has in which nothing was judged."""


def _none(*asked: object) -> tuple[()]:
    """What a world of which nothing is known answers."""
    return ()


@dataclass(frozen=True, eq=False)
class World:
    city: City
    now: int
    """µs"""
    registry: Registry
    history: History | None
    live: Live | None
    """None: the past alone is to be looked at"""
    folder: Path
    """``<data>/scenarios/<id>``: files that the city gives to the scenario, such as a forecast"""
    alarms: Callable[[], tuple[OpenAlarm, ...]] = tuple
    """open alarms of the scenario's rules, tests aside"""
    others: Callable[[Sequence[str]], tuple[OpenAlarm, ...]] = _none
    """open alarms of these rules of the pack, tests too"""
    signals: Callable[[Sequence[str], int], tuple[Signal, ...]] = _none
    """(codes of matters, since when in µs) → what their cases are made of and how they ended"""
    warned: Callable[[str], tuple[Warned, ...]] = _none
    """event of the pack's ``warnings.toml`` → the warnings of it that hold, the city's own first"""
    judged: Callable[[], Judged | None] = _nothing
    """what works' last run of the scenario's ``judge.py`` came to; ``None`` before the first"""
    rows: int = 20_000_000
    """that one question about the past may read"""

    def devices(self, kind: str, most: int) -> Devices:
        """Devices of ``kind`` with a place; of more than ``most`` every so many-th, in the order
        of their registration."""
        registry = self.registry
        if kind not in registry.kinds:
            none = np.empty(0)
            return Devices(np.empty(0, np.int64), none, none, (), 0)
        found = np.flatnonzero(registry.kind == list(registry.kinds).index(kind))
        found = found[np.isfinite(registry.longitude[found])]
        kept = found
        if len(found) > most:
            kept = found[np.linspace(0, len(found) - 1, most).astype(np.int64)]
        origins = {registry.origins[code] for code in np.unique(registry.origin[kept])}
        return Devices(
            kept.astype(np.int64), registry.longitude[kept], registry.latitude[kept],
            tuple(sorted(origins)), len(found) - len(kept),
        )  # fmt: skip

    def streams(self, devices: Devices, property: str) -> U32:
        """Datastream of each device, ``UNKNOWN`` where it has none of that property."""
        names, columns = list(self.registry.properties), self.registry.columns
        found = np.full(len(devices), UNKNOWN, np.uint32)
        if property not in names:
            return found
        code = names.index(property)
        for row, device in enumerate(devices.index):
            of = self.registry.datastreams_of(int(device))
            same = np.flatnonzero(columns.property[of.start : of.stop] == code)
            if len(same):
                found[row] = of.start + int(same[0])
        return found

    def asked(self) -> Asked:
        """What one question about the past may cost, for whoever asks history itself."""
        return Asked(rows=self.rows)

    def hourly(self, streams: U32, start: int, hours: int) -> F64:
        """Means of each hour from ``start`` (a whole hour, µs), shape (streams, hours); nan where
        nothing was measured. Raises ``TooCostly``."""
        found = np.full((len(streams), hours), np.nan)
        known = np.flatnonzero(streams != UNKNOWN)
        if self.history is None or not len(known) or hours <= 0:
            return found
        rows = self.history.windows(
            streams[known], start, start + hours * HOUR, HOUR,
            groups=known.astype(np.int64), asked=self.asked(),
        )  # fmt: skip
        found[rows.key, (rows.time - start) // HOUR] = rows.mean
        return found

    def stream(self, device: str, property: str) -> int:
        """Datastream of a device by its id, ``UNKNOWN`` where it has none of that property."""
        return int(self.registry.datastream_index([f"{device}/{property}"])[0])

    def last(self, streams: U32) -> tuple[F64, NDArray[np.int64]]:
        """Latest values, however old, and when they were measured (µs); nan and 0 where nothing
        ever was."""
        found, at = np.full(len(streams), np.nan), np.zeros(len(streams), np.int64)
        live = self.live
        if live is None:
            return found, at
        known = np.flatnonzero((streams != UNKNOWN) & (streams < live.count_datastreams))
        measured = known[live.count[streams[known]] > 0]
        found[measured] = live.value[streams[measured]]
        at[measured] = live.time[streams[measured]]
        return found, at

    def received(self, streams: U32) -> NDArray[np.int64]:
        """When the latest value of each came in (µs), 0 where none ever did."""
        at, live = np.zeros(len(streams), np.int64), self.live
        if live is not None:
            known = np.flatnonzero((streams != UNKNOWN) & (streams < live.count_datastreams))
            at[known] = np.where(live.count[streams[known]] > 0, live.received[streams[known]], 0)
        return at

    def newest(self, streams: U32, within: int) -> F64:
        """Latest values not older than ``within`` µs, nan where there is none."""
        found = np.full(len(streams), np.nan)
        live = self.live
        if live is None:
            return found
        known = np.flatnonzero((streams != UNKNOWN) & (streams < live.count_datastreams))
        at: Any = streams[known]
        fresh = (live.count[at] > 0) & (live.time[at] > self.now - within)
        found[known[fresh]] = live.value[at[fresh]]
        return found
