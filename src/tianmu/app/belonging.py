"""To what datastreams belong now: by the registry, the pack's divisions, the rules in force."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tianmu.city.city import City
from tianmu.prevent.kernel.compile import Compiled
from tianmu.prevent.kernel.fleet import Fleet
from tianmu.prevent.kernel.threshold import thresholds
from tianmu.prevent.rule.edition import Editions, heartbeats, parents, vocabulary
from tianmu.prevent.rule.rule import AnyRule
from tianmu.store.history import Membership
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.registry import Registry

log = logging.getLogger("tianmu.works")

TOWN, VILLAGE = 2, 3
"""tiers of the pack's divisions"""
AGAIN_S = 60.0
"""shortest time between two makings, however many devices come one by one"""


def membership_file(data: Path) -> Path:
    """Where works keeps it for the process that merges."""
    return data / "history" / "membership.arrow"


class Belonging:
    """Call it for the newest ``Membership``; from any thread. Follows topic ``registry``."""

    def __init__(self, data: Path, city: City) -> None:
        self._data, self._city = data, city
        self._journal = SqliteJournal(data)
        self._registry = Registry(data)
        self._editions = Editions(city.rules)
        self._lock = threading.Lock()
        self._made: Membership | None = None
        self._made_at = 0.0
        self._news = True

    def follow(self) -> Registry:
        """The registry as it is now, to look things up in."""
        with self._lock:
            before = self._registry.count_datastreams
            self._registry.refresh(self._journal, also=self._hear)
            self._news |= self._registry.count_datastreams != before
            return self._registry

    def __call__(self) -> Membership:
        with self._lock:
            before = self._registry.count_datastreams
            self._registry.refresh(self._journal, also=self._hear)
            self._news |= self._registry.count_datastreams != before
            late = time.monotonic() - self._made_at >= AGAIN_S
            if self._made is None or (self._news and late):
                self._made = self._make()
                self._made.save(membership_file(self._data))
                self._made_at, self._news = time.monotonic(), False
            return self._made

    def look(self) -> tuple[Registry, list[AnyRule]]:
        """The devices and the rules in force, as of now."""
        return self.edition()[:2]

    def edition(self) -> tuple[Registry, list[AnyRule], int]:
        """The same, and how many rule sets there have been."""
        with self._lock:
            self._registry.refresh(self._journal, also=self._hear)
            rules, _ = self._editions.in_force(vocabulary(self._city))
            return self._registry, rules, len(self._editions.all)

    def _hear(self, fact: object) -> None:
        if self._editions.apply(fact):
            self._news = True

    def _make(self) -> Membership:
        city = self._city
        rules, fault = self._editions.in_force(vocabulary(city))
        if fault is not None:
            log.warning("thresholds are of an earlier rule set: %s", fault)
        compiled = Compiled(rules, parents=parents(city), heartbeats=heartbeats(city))
        low, high = thresholds(compiled, Fleet.of(self._registry))
        return membership(self._registry, city, low, high)

    def close(self) -> None:
        with self._lock:
            self._journal.close()


def membership(
    registry: Registry, city: City, low: NDArray[np.float64], high: NDArray[np.float64]
) -> Membership:
    """``low`` and ``high`` are thresholds by datastream, NaN where none."""
    columns = registry.columns
    device = columns.device_of
    lineages = [city.lineage(code) for code in registry.divisions]
    town, towns = _coded(_of_tier(city, codes, TOWN) for codes in lineages)
    village, villages = _coded(_of_tier(city, codes, VILLAGE) for codes in lineages)
    kind, kinds = _coded(registry.kinds)
    department, departments = _coded(registry.departments)
    observed, properties = _coded(registry.properties)
    return Membership(
        town=town[columns.division][device].astype(np.uint16),
        village=village[columns.division][device].astype(np.uint32),
        kind=kind[columns.kind][device].astype(np.uint16),
        department=department[columns.department][device].astype(np.uint16),
        property=observed[columns.property].astype(np.uint16),
        low=low,
        high=high,
        towns=towns,
        villages=villages,
        kinds=kinds,
        departments=departments,
        properties=properties,
    )


def _of_tier(city: City, codes: Iterable[str], tier: int) -> str:
    return next((code for code in codes if city.divisions[code].tier == tier), "")


def _coded(words: Iterable[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """By word its code, and the list of codes, which begins with the empty word."""
    codes: dict[str, int] = {"": 0}
    places = [codes.setdefault(word, len(codes)) for word in words]
    return np.array(places, np.int64), tuple(codes)
