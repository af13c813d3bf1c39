"""Which devices the map is asked for: by kind, department, state and alarm.

A filter is canonical: what means the same is equal, so that all who ask for the same share tiles.
Within one group any may hold, between groups all must; an empty group asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.access.scope import Scope, lookup
from tianmu.web.answer.problem import Fault, Problem
from tianmu.web.devices import signs
from tianmu.web.hub import Hub

STATES = ("never", "silent", "online")
"""of a device: never heard of, silent beyond its heart-beat, heard within it"""
PRIORITIES = (1, 2, 3, 4)
LARGEST = 2000
"""characters of one group"""


@dataclass(frozen=True)
class Filter:
    kinds: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    alarms: tuple[int, ...] = ()
    """priorities of the worst active alarm"""

    @property
    def still(self) -> Filter:
        """What of it does not change with the devices' state."""
        return Filter(kinds=self.kinds, departments=self.departments)

    @property
    def moves(self) -> bool:
        """Whether the devices' state decides who is in it."""
        return bool(self.states or self.alarms)

    def looks(self) -> NDArray[np.bool_]:
        """Which looks (``picture.look``) pass, shape (256,)."""
        look = np.arange(256)
        passes = np.ones(256, dtype=bool)
        if self.states:
            passes &= np.isin(look >> 3, [STATES.index(one) for one in self.states])
        if self.alarms:
            passes &= np.isin(look & 7, self.alarms)
        return passes


ALL = Filter()


def _words(text: str) -> list[str]:
    return sorted({word for one in text.split(",") if (word := one.strip())})


def read(
    hub: Hub, *, kind: str = "", category: str = "", department: str = "", state: str = "",
    alarm: str = "",
) -> Filter:  # fmt: skip
    """The filter that a query asks for, lists separated by commas. A 422 problem names every word
    that the pack or the map does not know."""
    city, faults = hub.city, []

    def known(where: str, words: Iterable[str], these: Iterable[str]) -> None:
        have = list(these)
        for word in words:
            if word not in have:
                what = f"{word!r} is none of {', '.join(have[:40])}"
                faults.append(Fault(where=f"query.{where}", what=what))

    groups = {"kind": kind, "category": category, "department": department,
              "state": state, "alarm": alarm}  # fmt: skip
    for where, text in groups.items():
        if len(text) > LARGEST:
            faults.append(Fault(where=f"query.{where}", what=f"more than {LARGEST} characters"))
    kinds, categories, departments, states, alarms = map(_words, groups.values())
    known("kind", kinds, city.kinds)
    known("category", categories, city.categories)
    known("department", departments, city.departments)
    known("state", states, STATES)
    known("alarm", alarms, map(str, PRIORITIES))
    if faults:
        raise Problem(
            422, "invalid", "; ".join(f"{one.where}: {one.what}" for one in faults),
            "GET /api/city lists kinds, categories and departments", faults=faults,
        )  # fmt: skip
    wanted = set(kinds) | {k.code for k in city.kinds.values() if k.category in categories}
    if (kinds or categories) and wanted == set(city.kinds):
        wanted = set()
    return Filter(
        kinds=tuple(sorted(wanted)),
        departments=tuple(departments),
        states=() if len(states) == len(STATES) else tuple(states),
        alarms=tuple(map(int, alarms)),
    )


def mask(hub: Hub, scope: Scope, wanted: Filter) -> NDArray[np.bool_] | None:
    """Which devices the scope holds and the filter's still part asks for, shape (devices,); None
    for all of them."""
    registry, found = hub.registry, signs.device_mask(hub, scope)
    columns = registry.columns
    if wanted.kinds:
        chosen = lookup(registry.kinds, frozenset(wanted.kinds))[columns.kind]
        found = chosen if found is None else found[: len(chosen)] & chosen[: len(found)]
    if wanted.departments:
        chosen = lookup(registry.departments, frozenset(wanted.departments))[columns.department]
        found = chosen if found is None else found[: len(chosen)] & chosen[: len(found)]
    return found
