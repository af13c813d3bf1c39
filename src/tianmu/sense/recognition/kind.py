"""Kinds of event that are taken, by their code or by the labels that recognisers have for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tianmu.facts.text import Text
from tianmu.sense.recognition.dwell import Box, Patience

SIGHTING = "sighting"
"""property of a camera whose values are the confidences of all its events; what each showed stands
beside it"""


@dataclass(frozen=True)
class EventKind:
    """A kind of event; its code is the property that says how many such things stand."""

    code: str
    name: Text
    labels: tuple[str, ...]
    patience: Patience


@dataclass(frozen=True)
class Sighted:
    """A thing that has come to stand, for whoever knows more of the place."""

    device: str
    kind: str
    longitude: float | None
    latitude: float | None
    box: Box | None


Adds = Callable[[Sighted], Mapping[str, Any]]
"""what a scenario adds to an alarm of a thing: ``description`` goes into the case's words"""


def nothing(sighted: Sighted) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Catalogue:
    """All kinds that this city takes. ``device`` is what an unregistered camera is offered as."""

    kinds: Mapping[str, EventKind] = field(default_factory=dict)
    device: str = ""
    adds: Adds = nothing

    def find(self, told: str) -> EventKind | None:
        """By code or by label, whatever its case."""
        return self.kinds.get(told) or self._labels.get(told.casefold())

    @property
    def known(self) -> str:
        return ", ".join(self.kinds) or "none: no scenario of this city takes events"

    @property
    def _labels(self) -> dict[str, EventKind]:
        return {label.casefold(): one for one in self.kinds.values() for label in one.labels}


def catalogue(kinds: Iterable[EventKind], device: str = "", adds: Adds = nothing) -> Catalogue:
    """Raises ``ValueError`` where two kinds have one code or one label."""
    found: dict[str, EventKind] = {}
    labels: dict[str, str] = {}
    for one in kinds:
        if one.code in found:
            raise ValueError(f"kind {one.code} stands twice")
        found[one.code] = one
        for label in one.labels:
            other = labels.setdefault(label.casefold(), one.code)
            if other != one.code:
                raise ValueError(f"label {label} is of {other} and of {one.code}")
    return Catalogue(found, device, adds)
