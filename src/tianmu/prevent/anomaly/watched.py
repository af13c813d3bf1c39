"""Which datastreams of a city are learnt: those whose property says so in the pack."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tianmu.city.city import City
    from tianmu.city.device.anomaly import Anomaly
    from tianmu.store.registry import Registry

NOT = -1
"""in ``group``: not watched"""


def ahead_of_utc(time_zone: str, at: int) -> float:
    """Seconds by which clocks of a zone are ahead of UTC at ``at`` (µs since 1970): what people do
    has its seasons by them."""
    offset = (
        datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(ZoneInfo(time_zone)).utcoffset()
    )
    return offset.total_seconds() if offset is not None else 0.0


class Watched:
    """``kinds`` are those with a property that is watched; ``group`` (by datastream) says which of
    them a datastream belongs to."""

    def __init__(self, city: City) -> None:
        self._properties = {
            code: frozenset(one.code for one in kind.properties.values() if one.anomaly)
            for code, kind in city.kinds.items()
        }
        self.kinds = tuple(code for code, watched in self._properties.items() if watched)
        self.asked: tuple[Anomaly, ...] = tuple(city.kinds[code].anomaly for code in self.kinds)
        self.group: NDArray[np.int16] = np.zeros(0, np.int16)
        self._time_zone = city.time_zone

    def clock(self, at: int) -> float:
        """Seconds by which the city's clock is ahead of UTC at ``at`` (µs)."""
        return ahead_of_utc(self._time_zone, at)

    def number(self, kind: str) -> int:
        """Number of a kind, ``NOT`` where none of its properties is watched."""
        return self.kinds.index(kind) if kind in self.kinds else NOT

    def follow(self, registry: Registry) -> None:
        """Take in what has been registered since."""
        columns = registry.columns
        have, now = len(self.group), len(columns.property)
        if now == have:
            return
        table = np.full((len(registry.kinds), len(registry.properties)), NOT, np.int16)
        numbers = {name: at for at, name in enumerate(registry.properties)}
        for at, kind in enumerate(registry.kinds):
            for name in self._properties.get(kind, ()):
                if name in numbers:
                    table[at, numbers[name]] = self.kinds.index(kind)
        kind_of = columns.kind[columns.device_of[have:now]]
        more = table[kind_of, columns.property[have:now]]
        self.group = np.concatenate((self.group, more))
