"""The seeded part of the feed: devices that speak by their rhythm, and incidents."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from tianmu.rehearse.feed.citizens import Citizens
from tianmu.rehearse.field.gateway import Gateway
from tianmu.rehearse.truth.fleet import Fleet
from tianmu.rehearse.truth.incident import Effect, Happening, Incidents, Queue, Telling

LARGEST = 1_000
"""rows in one batch"""


GREETING_S = 60.0
"""seconds within which every datastream speaks once when the feed begins"""


class Rhythm:
    """Which datastreams are due to speak: each every ``period`` seconds, at a phase of its own;
    and once soon after the beginning, as devices do that find their gateway again."""

    def __init__(self, fleet: Fleet, random: np.random.Generator, speed: float) -> None:
        self._greeting = random.random(len(fleet.period)) * GREETING_S + time.time()
        self._period = fleet.period / speed
        self._phase = random.random(len(fleet.period)) * self._period
        self._turn = self._turns(time.time())

    def _turns(self, now: float) -> NDArray[np.int64]:
        return np.floor((now + self._phase) / self._period).astype(np.int64)

    def due(self, now: float) -> NDArray[np.int64]:
        turn = self._turns(now)
        greets = self._greeting <= now
        which = np.flatnonzero((turn > self._turn) | greets)
        self._greeting[greets] = np.inf
        self._turn = turn
        return which


class SeededCity:
    """Plays a fleet and its incidents into a city through its real doors."""

    def __init__(
        self,
        fleet: Fleet,
        incidents: Incidents,
        citizens: Citizens,
        gateways: dict[bool, Gateway],
        *,
        zone: str,
        truth: Path,
        speed: float,
        random: np.random.Generator,
    ) -> None:
        self._fleet, self._incidents = fleet, incidents
        self._citizens, self._gateways = citizens, gateways
        self._zone, self._truth, self._random = ZoneInfo(zone), truth, random
        self._rhythm = Rhythm(fleet, random, speed)
        self._effects: dict[int, list[Effect]] = {}
        self._queue = Queue()
        self._told: set[str] = set()

    async def run(self) -> None:
        """For ever: a look at the clock each second."""
        self._queue.put(self._incidents.next_after(time.time()), "incident")
        while True:
            now = time.time()
            touched = await self._happen(now)
            await self._observe(now, touched)
            await asyncio.sleep(max(0.05, 1.0 - (time.time() - now)))

    # what happens

    async def _happen(self, now: float) -> list[int]:
        """Begin what is due; returns datastreams whose value changes now."""
        touched: list[int] = []
        for thing in self._queue.due(now):
            if thing == "incident":
                self._begin(self._incidents.draw(now))
                self._queue.put(self._incidents.next_after(now), "incident")
            elif isinstance(thing, Effect):
                self._effects.setdefault(thing.datastream, []).append(thing)
                touched.append(thing.datastream)
                self._note_told(thing.incident, now)
            elif isinstance(thing, Telling):
                self._note_told(thing.incident, now)
                await self._citizens.tell(thing)
            else:
                touched.append(thing)  # an effect that ends
        return touched

    def _begin(self, happening: Happening) -> None:
        """Write down the truth first, then let it happen."""
        with self._truth.open("a", encoding="utf-8") as file:
            file.write(json.dumps(happening.record(self._fleet), ensure_ascii=False) + "\n")
        for effect in happening.effects:
            self._queue.put(effect.start, effect)
            step = max(5.0, effect.over_s / 8) if effect.over_s else 30.0
            for at in np.arange(effect.start + step, effect.end, step).tolist():
                self._queue.put(at, effect.datastream)
            self._queue.put(effect.end + 1.0, effect.datastream)
        for telling in happening.tellings:
            self._queue.put(telling.at, telling)

    def _note_told(self, incident: str, now: float) -> None:
        """Write down that the city can know of it from now on: a device shows it, or somebody
        tells. What a feed that stopped never came to tell was not missed by anybody."""
        if incident and incident not in self._told:
            self._told.add(incident)
            with self._truth.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"told": incident, "at": now}) + "\n")

    # what devices say

    async def _observe(self, now: float, touched: list[int]) -> None:
        due = self._rhythm.due(now)
        if touched:
            due = np.union1d(due, np.array(touched, dtype=np.int64))
        if not len(due):
            return
        zone = datetime.fromtimestamp(now, self._zone).utcoffset()
        offset = zone.total_seconds() if zone else 0.0
        values = self._fleet.values(due, now, offset, self._random)
        keep = self._apply_effects(due, values, now)
        for life in (True, False):
            lane = keep & (self._fleet.life[due] == life)
            for rows in _pieces(np.flatnonzero(lane)):
                body = self._body(due[rows], values[rows], now)
                await self._gateways[life].send(body, uuid.uuid4().hex)

    def _apply_effects(
        self, due: NDArray[np.int64], values: NDArray[np.float64], now: float
    ) -> NDArray[np.bool_]:
        keep = np.ones(len(due), dtype=bool)
        for datastream, effects in list(self._effects.items()):
            effects[:] = [e for e in effects if e.end > now]
            if not effects:
                del self._effects[datastream]
                continue
            row = int(np.searchsorted(due, datastream))
            if row >= len(due) or due[row] != datastream:
                continue
            for effect in effects:
                shown = effect.at(now, float(values[row]))
                if shown is None:
                    keep[row] = False
                else:
                    values[row] = shown
        return keep

    def _body(self, which: NDArray[np.int64], values: NDArray[np.float64], now: float) -> bytes:
        at = int(now * 1000)
        return msgspec.json.encode(
            {
                "datastream": [self._fleet.name[i] for i in which.tolist()],
                "time": [at] * len(which),
                "value": values.round(6).tolist(),
            }
        )


def _pieces(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), LARGEST):
        yield rows[start : start + LARGEST]
