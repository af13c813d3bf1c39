"""What forecasts a city's scenarios ask for, and of which of its datastreams."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.city.city import City
from tianmu.city.device.property import Property
from tianmu.prevent.forecast.season import season_of
from tianmu.prevent.forecast.walk import Course
from tianmu.prevent.rule.rule import AnyRule, Threshold
from tianmu.scenarios.folder.manifest import Forecast, Manifest, steps_of
from tianmu.store.registry import Registry

F64 = NDArray[np.float64]
MINUTE = 60_000_000
MOST = 200
"""datastreams of one forecast; of more those that were forecast before, then every so many-th"""
ROUNDS = 8
"""forecasts that are made within the horizon of one"""
LATE = 5 * MINUTE
"""that a step's last values may take to come in"""


def every_of(asked: Forecast) -> int:
    """µs between two origins, whole steps."""
    return max(1, steps_of(asked) // ROUNDS) * asked.step_min * MINUTE


def due_of(asked: Forecast, now: int) -> int:
    """The newest origin (µs) that a forecast can have."""
    every = every_of(asked)
    return (now - LATE) // every * every


@dataclass(frozen=True)
class Wanted:
    """One forecast of one scenario, and of what datastreams."""

    scenario: str
    forecast: Forecast
    measured: Property | None
    """as the pack says it"""
    streams: NDArray[np.uint32]
    left_out: int
    """streams beyond ``MOST``"""
    limits: F64
    """shape (streams, 2): low and high, nan where there is none"""

    @property
    def step(self) -> int:
        return self.forecast.step_min * MINUTE

    @property
    def every(self) -> int:
        """µs between two origins, whole steps."""
        return every_of(self.forecast)

    def due(self, now: int) -> int:
        """The newest origin that a forecast can have."""
        return due_of(self.forecast, now)

    @property
    def course(self) -> Course:
        own = self.measured
        low = -np.inf if own is None or own.low is None else own.low
        high = np.inf if own is None or own.high is None else own.high
        return Course(season=season_of(self.step), least=low, most=high)


def wanted(
    manifests: Mapping[str, Manifest],
    city: City,
    registry: Registry,
    rules: Iterable[AnyRule],
    before: Callable[[str, str], Collection[int]] = lambda scenario, code: (),
) -> list[Wanted]:
    """All forecasts of properties that the city's kinds have and its devices measure. ``before``:
    by scenario and code, the datastreams of the newest forecasts."""
    known = {one.code: one for one in rules if isinstance(one, Threshold) and one.enabled}
    found = []
    for scenario, manifest in manifests.items():
        for asked in manifest.forecasts:
            kind = city.kinds.get(asked.kind)
            own = kind.properties.get(asked.property) if kind else None
            streams = _streams(registry, asked) if own else np.empty(0, np.uint32)
            if not len(streams):
                continue
            kept = _sample(streams, before(scenario, asked.code))
            limits = _limits(registry, city, known.get(asked.rule), kept)
            left_out = len(streams) - len(kept)
            found.append(Wanted(scenario, asked, own, kept, left_out, limits))
    return found


def _sample(streams: NDArray[np.uint32], before: Collection[int]) -> NDArray[np.uint32]:
    """At most ``MOST`` of ``streams``: new devices do not push out those that have a past here."""
    if len(streams) <= MOST:
        return streams
    known = np.isin(streams, np.fromiter(before, np.uint32, len(before)))
    held, rest = streams[known][:MOST], streams[~known]
    more = MOST - len(held)
    if more:
        held = np.append(held, rest[np.linspace(0, len(rest) - 1, more).astype(np.int64)])
    return np.sort(held)


def _streams(registry: Registry, asked: Forecast) -> NDArray[np.uint32]:
    """Of every device of the kind that of the property, in the order of registration."""
    kinds, properties = list(registry.kinds), list(registry.properties)
    if asked.kind not in kinds or asked.property not in properties:
        return np.empty(0, np.uint32)
    columns = registry.columns
    of_kind = registry.kind[columns.device_of] == kinds.index(asked.kind)
    of_property = columns.property == properties.index(asked.property)
    found: NDArray[np.uint32] = np.flatnonzero(of_kind & of_property).astype(np.uint32)
    return found


def _limits(
    registry: Registry,
    city: City,
    rule: Threshold | None,
    streams: Sequence[int] | NDArray[np.uint32],
) -> F64:
    found = np.full((len(streams), 2), np.nan)
    if rule is None:
        return found
    for at, stream in enumerate(streams):
        device = registry.device(int(registry.device_of(int(stream))))
        found[at] = limit_of(rule, device.device, city.lineage(device.place.division))
    return found


def limit_of(rule: Threshold, device: str, divisions: Iterable[str]) -> tuple[float, float]:
    """Low and high limit of a threshold rule on one device, nan where it has none: the device's
    own, else that of the smallest of its ``divisions`` (smallest first), else the rule's."""
    of = {one.device: one for one in rule.overrides if one.device}
    around = {one.division: one for one in rule.overrides if one.division}
    own = of.get(device) or next((around[code] for code in divisions if code in around), None)

    def figure(name: str) -> float:
        value = getattr(own, name) if own is not None else None
        value = getattr(rule, name) if value is None else value
        return float("nan") if value is None else float(value)

    if rule.direction == "outside":
        return figure("low"), figure("high")
    limit = figure("limit")
    return (limit, float("nan")) if rule.direction == "low" else (float("nan"), limit)
