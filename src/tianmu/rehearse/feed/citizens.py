"""Citizens of a seeded city: they tell of what happens, and of what no device could see."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any

import numpy as np

from tianmu.facts.origin import Origin
from tianmu.rehearse.city.city import Answered, City
from tianmu.rehearse.feed.complaints import Complaints
from tianmu.rehearse.truth.fleet import scatter
from tianmu.rehearse.truth.incident import Telling
from tianmu.rehearse.truth.words import Words

log = logging.getLogger("tianmu.feed")

PRECISION_M = 100.0
"""how exactly people say where it is"""


class Citizens:
    """Reports by the API. What they say of nothing in particular is filled from the pack's
    templates, or dealt from ``complaints`` of another place; of incidents, always templates."""

    def __init__(
        self,
        hotline: City,
        seeding: dict[str, Any],
        towns: dict[str, Any],
        words: Words,
        random: np.random.Generator,
        *,
        per_hour: float,
        complaints: Complaints | None = None,
    ) -> None:
        self._hotline, self._words, self._random = hotline, words, random
        self._seeding, self._towns = seeding, towns
        self._per_hour, self._complaints = per_hour, complaints
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """For ever: one report after the other, with exponential waits."""
        while self._per_hour > 0:
            await asyncio.sleep(float(self._random.exponential(3600 / self._per_hour)))
            report = self.anything()
            if report is None:
                return
            await self._post(report)

    async def tell(self, telling: Telling) -> None:
        """Tell of an incident, where the pack has words for it."""
        said = self._words.tell(telling.matter, telling.division, telling.division, self._random)
        if said is not None:
            report = {"text": said[0], "category": said[1], "origin": Origin.SEEDED.value}
            place = (telling.longitude, telling.latitude)
            await self._post(report | self._about(telling.channel, *place))

    def anything(self) -> dict[str, Any] | None:
        """A report of nothing that a device could see: most of what a hotline hears. None where
        there are no words for any."""
        x, y, (division,) = scatter(self._seeding["weights"], self._towns, 1, self._random)
        about = self._about(self._channel(), float(x[0]), float(y[0]))
        if self._complaints is not None:
            title, text = self._complaints.next()
            return {"title": title, "text": text, "origin": Origin.TRANSPLANTED.value, **about}
        matter = self._words.any_matter(self._random)
        said = matter and self._words.tell(matter, division, division, self._random)
        if not said:
            return None
        return {"text": said[0], "category": said[1], "origin": Origin.SEEDED.value, **about}

    def _channel(self) -> str:
        """How somebody tells of something, by the pack's shares."""
        channels: dict[str, float] = self._seeding["channels"]
        if not channels:
            return "hotline"
        share = np.array(list(channels.values()))
        return str(self._random.choice(list(channels), p=share / share.sum()))

    def _about(self, channel: str, longitude: float, latitude: float) -> dict[str, Any]:
        number = int(self._random.integers(10_000))
        return {
            "channel": channel,
            "place": {"longitude": longitude, "latitude": latitude, "precision": PRECISION_M},
            # numbers of a block that no operator gives out
            "reporter": {"phone": f"1990000{number:04d}"},
        }

    async def _post(self, report: dict[str, Any]) -> None:
        try:
            await asyncio.to_thread(self._hotline.post, "/api/reports", report)
            self.counts["reports"] += 1
        except Answered as problem:
            self.counts["reports_refused"] += 1
            log.warning("a report was refused: %s", problem)
            if problem.status >= 500:
                raise
