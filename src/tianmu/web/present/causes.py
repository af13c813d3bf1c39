"""What causes what in the running city: the recent alarms judged along the networks of the pack and
of its scenarios.

Nothing is kept: the same alarms give the same answer, after a restart as before. It is reckoned
once for all who ask within some seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from tianmu.city.city import City
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.cause import found as judged
from tianmu.prevent.cause.found import Caused
from tianmu.prevent.cause.ways import Line, Ways
from tianmu.scenarios.folder.laid import lines
from tianmu.web.hub import Hub

MOST = 1_000
"""alarms that are judged together, the newest"""
KEPT = 5_000_000
"""µs for which an answer is given again"""
HOUR = 3_600_000_000


@dataclass(frozen=True, eq=False)
class Causes:
    """``of``: alarm → what it hangs under; ``alarms`` by name."""

    at: int
    of: Mapping[str, Caused] = field(default_factory=dict)
    alarms: Mapping[str, Alarm] = field(default_factory=dict)

    def under(self, alarm: str) -> list[Caused]:
        """What hangs under an alarm, the earliest first."""
        mine = [one for one in self.of.values() if one.hung.cause == alarm]
        return sorted(mine, key=lambda one: (one.hung.delay_s, one.hung.sign))


@dataclass
class _Held:
    city: City
    ways: list[Line]
    lock: threading.Lock = field(default_factory=threading.Lock)
    last: Causes | None = None


def causes(hub: Hub) -> Causes:
    """As of now, at most ``KEPT`` old. Nobody's scope is looked at: that is for who tells it."""
    held: _Held | None = hub.memory.get("causes")
    if held is None or held.city is not hub.city:
        ways: list[Line] = [Ways(hub.city, one) for one in hub.city.networks.values()]
        ways += lines(hub.city, hub.data)
        held = hub.memory["causes"] = _Held(hub.city, ways)
    with held.lock:
        now = hub.clock()
        if held.last is None or not 0 <= now - held.last.at < KEPT:
            held.last = _reckoned(hub, held.ways, now)
        return held.last


def _reckoned(hub: Hub, ways: list[Line], now: int) -> Causes:
    if not ways:
        return Causes(now)
    matters = {matter for one in ways for matter in one.along.matters}
    since = now - round(max(one.along.hours for one in ways) * HOUR)
    alarms: list[Alarm] = hub.ask(
        "watch", lambda connection: judged.recent(connection, matters, since, MOST), []
    )
    names: dict[str, tuple[str, ...]] = {}
    for device in {alarm.device for alarm in alarms}:
        index = hub.registry.find(device)
        if index is not None:
            names[device] = (hub.registry.device(index).name,)
    by_name = {alarm.alarm: alarm for alarm in alarms}
    return Causes(now, judged.causes(ways, alarms, names), by_name)
