"""What is usual of a device's values now, beside what it measures, as anomaly detection has it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.prevent.anomaly import record
from tianmu.prevent.anomaly.watched import ahead_of_utc
from tianmu.store.shared import NotThere
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.hub import Hub

if TYPE_CHECKING:
    from tianmu.prevent.anomaly.learnt import Glance

KEY = "anomaly"
"""of what hub remembers between requests"""


class UsualSaid(msgspec.Struct, frozen=True, kw_only=True):
    """The band that 99.5 % of usual values at the hour of the latest one lie in; null each while
    too little has come to judge by."""

    expected: float | None
    low: float | None
    high: float | None
    learning: bool
    since: Instant | None = None
    """its values are unusual since then; null: they are as usual"""
    chance: float | None = None
    """calibrated probability of a value as unusual as the one that told it"""
    why: str = ""
    """``above``, ``below``, ``drifts up``, ``drifts down``, ``stuck``"""


def usual_of(hub: Hub, streams: Iterable[int]) -> dict[int, UsualSaid]:
    """By datastream, of these, those that are learnt."""
    glance, live = _glance(hub), hub.live()
    if glance is None or live is None:
        return {}
    bands: dict[int, tuple[float, float, float]] = {}
    for stream in streams:
        if stream < live.count_datastreams and live.count[stream]:
            at = int(live.time[stream])
            band = glance.band(stream, at, ahead_of_utc(hub.city.time_zone, at))
            if band is not None:
                bands[stream] = band
    if not bands:
        return {}
    names = {hub.registry.datastream(stream): stream for stream in bands}
    standing: dict[str, Any] = hub.ask("works", lambda c: record.standing_of(c, names), {})
    found: dict[int, UsualSaid] = {}
    for name, stream in names.items():
        expected, low, high = (_number(number) for number in bands[stream])
        now = standing.get(name)
        found[stream] = UsualSaid(
            expected=expected,
            low=low,
            high=high,
            learning=expected is None,
            since=moment.say(now.since) if now is not None else None,
            chance=now.chance if now is not None else None,
            why=now.why if now is not None else "",
        )
    return found


def _glance(hub: Hub) -> Glance | None:
    from tianmu.prevent.anomaly.learnt import Glance  # brings Numba: hub starts without it

    held: Glance | None = hub.memory.get(KEY)
    if held is None:
        try:
            held = Glance(hub.data)
        except NotThere:
            return None
        held = hub.memory.setdefault(KEY, held)
    return held


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
