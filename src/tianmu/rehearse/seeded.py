"""The seeded part of the feed: devices that speak by their rhythm, incidents, people who tell."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from tianmu.rehearse.city import Answered, City
from tianmu.rehearse.fleet import Fleet
from tianmu.rehearse.incident import Effect, Happening, Incidents, Queue, Telling
from tianmu.rehearse.send import Gateway
from tianmu.rehearse.words import Words

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
        city: City,
        hotline: City,
        fleet: Fleet,
        incidents: Incidents,
        words: Words,
        gateways: dict[bool, Gateway],
        *,
        zone: str,
        truth: Path,
        reports_per_hour: float,
        speed: float,
        random: np.random.Generator,
    ) -> None:
        self._city, self._hotline, self._fleet = city, hotline, fleet
        self._incidents, self._words, self._gateways = incidents, words, gateways
        self._zone, self._truth, self._random = ZoneInfo(zone), truth, random
        self._reports_per_hour = reports_per_hour
        self._rhythm = Rhythm(fleet, random, speed)
        self._effects: dict[int, list[Effect]] = {}
        self._queue = Queue()

    async def run(self) -> None:
        """For ever: a look at the clock each second."""
        self._queue.put(self._incidents.next_after(time.time()), "incident")
        self._queue.put(time.time() + self._wait_for_report(), "report")
        while True:
            now = time.time()
            touched = await self._happen(now)
            await self._observe(now, touched)
            await asyncio.sleep(max(0.05, 1.0 - (time.time() - now)))

    def _wait_for_report(self) -> float:
        if self._reports_per_hour <= 0:
            return float("inf")
        return float(self._random.exponential(3600 / self._reports_per_hour))

    # what happens

    async def _happen(self, now: float) -> list[int]:
        """Begin what is due; returns datastreams whose value changes now."""
        touched: list[int] = []
        for thing in self._queue.due(now):
            if thing == "incident":
                self._begin(self._incidents.draw(now))
                self._queue.put(self._incidents.next_after(now), "incident")
            elif thing == "report":
                await self._tell_of_anything(now)
                self._queue.put(now + self._wait_for_report(), "report")
            elif isinstance(thing, Effect):
                self._effects.setdefault(thing.datastream, []).append(thing)
                touched.append(thing.datastream)
            elif isinstance(thing, Telling):
                await self._tell(thing)
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

    # what people say

    async def _tell_of_anything(self, now: float) -> None:
        """A report of nothing that a device could see: most of what a hotline hears."""
        matter = self._words.any_matter(self._random)
        if matter is None:
            return
        spot = self._incidents.somewhere()
        channel = self._incidents.channel()
        await self._tell(Telling(now, channel, matter, *spot))

    async def _tell(self, telling: Telling) -> None:
        said = self._words.tell(telling.matter, telling.division, telling.division, self._random)
        if said is None:
            return
        text, category = said
        number = int(self._random.integers(10_000))
        report: dict[str, Any] = {
            "channel": telling.channel,
            "text": text,
            "category": category,
            "origin": "seeded",
            "place": {
                "longitude": telling.longitude,
                "latitude": telling.latitude,
                "precision": 100.0,
            },
            # numbers of a block that no operator gives out
            "reporter": {"phone": f"1990000{number:04d}"},
        }
        try:
            await asyncio.to_thread(self._hotline.post, "/api/reports", report)
        except Answered as problem:
            self._gateways[False].counts["reports_refused"] += 1
            if problem.status >= 500:
                raise


def _pieces(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), LARGEST):
        yield rows[start : start + LARGEST]
