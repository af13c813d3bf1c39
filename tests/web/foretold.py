"""Works played by a test: a weather station measured for twenty days, forecast, and judged."""

from __future__ import annotations

from typing import Any

import numpy as np

from tianmu.facts.batch import ObservationBatch
from tianmu.prevent.rule.edition import vocabulary
from tianmu.prevent.rule.reading import load
from tianmu.scenarios.folder.load import manifests
from tianmu.scenarios.foresight import foresight, settling, table
from tianmu.scenarios.foresight.wanted import wanted
from tianmu.store.history import History
from tianmu.store.records import Records

HOUR, DAY = 3_600_000_000, 86_400_000_000


def foretell(world: Any) -> str:
    """The device: each of its days passes the limit of heat, and the latest hour is the coolest of
    its day, at whatever hour this runs: a limit that is passed already is not told ahead."""
    hub = world.hub
    one = manifests()["forest-fire"]
    rules = load(hub.city.rules, vocabulary(hub.city))
    [first, *_] = wanted({"forest-fire": one}, hub.city, hub.registry, rules)
    stream = int(first.streams[0])
    now = hub.clock()
    begin = now // HOUR * HOUR - 20 * DAY
    at = begin + np.arange(20 * 24) * HOUR
    swing = np.cos(2 * np.pi * (np.arange(len(at)) - (len(at) - 1)) / 24)
    value = 36 - 4 * swing + np.random.default_rng(1).normal(0, 0.3, len(at))
    with Records(hub.data / "works.sqlite") as records:
        records.create(table.METADATA)
        history = History(hub.data, records)
        history.append(
            [
                ObservationBatch(
                    datastream=np.full(len(at), stream, np.uint32), phenomenon_time=at,
                    value=value, received=now, source=1,
                )
            ],
            {"observation": 1},
        )  # fmt: skip
        history.flush()
        foresight.make(records, history, first, now, lambda: True)
        settling.settle(records, history, [first], now)
        history.close()
    return str(hub.registry.device(int(hub.registry.device_of(stream))).device)
