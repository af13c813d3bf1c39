"""The small town, with anomaly detection on its gauges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tianmu.city.device.anomaly import Anomaly
from tianmu.facts.batch import ObservationBatch
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import encode
from tianmu.prevent.anomaly.learner import Learner
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import Registry

from ..town import S, Town

STEP = 300 * S
LEARNT = 600
"""values after which alarms may come"""


class Watched(Town):
    """``feed`` gives a gauge values five minutes apart; ``learn`` has them learnt and judged."""

    def __init__(self, data: Path, *, gauges: int = 3, per_week: float = 1.0, **asked: Any) -> None:
        self._asked = Anomaly(false_alarms_per_week=per_week, **asked)
        self.learner: Learner | None = None
        super().__init__(data, gauges=gauges)
        self.watch_gauges(self.city)
        self.begun = self.now
        self.rows = dict.fromkeys(range(gauges), 0)
        self.draw = np.random.default_rng(7)
        self.begin()

    def watch_gauges(self, city: Any) -> None:
        gauge = city.kinds["gauge"]
        level = msgspec.structs.replace(gauge.properties["level"], anomaly=True)
        city.kinds["gauge"] = msgspec.structs.replace(
            gauge, properties={"level": level}, anomaly=self._asked
        )

    def begin(self, **more: Any) -> None:
        self.works = Records(self.data / "works.sqlite")
        self.ear = SqliteJournal(self.data)
        registry = Registry(self.data)

        def follow() -> Registry:
            registry.refresh(self.ear)
            return registry

        self.learner = Learner(
            self.works, self.ear, follow, self.city, self.data, lambda: self.now, **more
        )
        self.learner.start()

    def fall(self, **more: Any) -> None:
        """What is in memory is gone; what is on disk stays."""
        self.works.close()
        self.ear.close()
        self.begin(**more)

    def feed(self, gauge: int, values: Any, *, size: int = 100) -> None:
        stream = self.book.datastreams_of(self.book.find(f"g{gauge}") or 0)[0]
        for first in range(0, len(values), size):
            part = np.asarray(values[first : first + size], np.float64)
            at = self.begun + (self.rows[gauge] + np.arange(len(part))) * STEP
            self.rows[gauge] += len(part)
            self.now = max(self.now, int(at[-1]))
            batch = ObservationBatch(
                datastream=np.full(len(part), stream, np.uint32),
                phenomenon_time=at.astype(np.int64),
                value=part,
                received=self.now,
                source=1,
            )
            self.gate.transact(lambda tx, b=batch: tx.append("observation", b.encode()))

    def usual(self, n: int, level: float = 1.0) -> Any:
        return level + self.draw.normal(0, 0.02, n)

    def learn(self) -> None:
        """Learn and judge all there is; then watch looks at what was found."""
        assert self.learner is not None
        while self.learner.step(0):
            pass
        while self.watch.step(0):
            pass

    def say(self, verb: str, name: str, **data: Any) -> None:
        self.deeds += 1
        deed = Deed(
            deed=f"d{self.deeds}", verb=verb, object=name, actor="officer", at=self.now, data=data
        )
        self.hub.transact(lambda tx: tx.append("deed", encode(deed)))

    def close(self) -> None:
        if self.learner is not None:
            self.learner.close()
            self.works.close()
            self.ear.close()
        super().close()
