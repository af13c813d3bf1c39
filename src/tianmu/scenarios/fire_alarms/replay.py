"""The city's fire alarms of the past as rows of ``judge``, with how their cases ended."""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from tianmu.scenarios.fire_alarms.estate import Estate
from tianmu.scenarios.fire_alarms.event import REAL
from tianmu.scenarios.fire_alarms.figures import settings
from tianmu.scenarios.fire_alarms.ranking import past_events
from tianmu.scenarios.world import World


def rows(world: World, since: date) -> pa.Table:
    """Alarms of cases that were closed or made void, and signs of them, from ``since`` on, in
    order; ``event`` is 1 for alarms of cases that were closed as real. What is still open has no
    end to be judged by, and signs are not judged."""
    calendar = world.city.calendar
    kinds = {one.code: one for one in settings().evidence.kinds}
    events = [
        one
        for one in past_events(world, Estate(world), calendar.instant(since, 0), calls=True)
        if not kinds[one.kind].alarm or one.verdict
    ]  # fmt: skip
    return pa.table(
        {
            "timestamp": [calendar.local(one.at).isoformat() for one in events],
            "building": [one.building for one in events],
            "detector": [one.detector for one in events],
            "kind": [one.kind for one in events],
            "zone": [one.zone for one in events],
            "verdict": [one.verdict for one in events],
            "closed": [
                calendar.local(one.known).isoformat() if one.known else "" for one in events
            ],
            "event": [int(one.verdict == REAL and kinds[one.kind].alarm) for one in events],
        },
        schema=SCHEMA,
    )


SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("timestamp", "building", "detector", "kind", "zone",
                                           "verdict", "closed")),
        ("event", pa.int8()),
    ]
)  # fmt: skip
