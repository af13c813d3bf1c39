"""The present danger as a scenario tells it: what its page and its map layer are made of.

A scenario whose danger is more than its open alarms has a ``present.py`` with
``present(world: World) -> Present``. Without one, the page shows the alarms of its rules.
"""

from __future__ import annotations

from dataclasses import dataclass

from tianmu.facts.text import Text

Ring = tuple[tuple[float, float], ...]
"""(longitude, latitude), the first point once more at the end"""


@dataclass(frozen=True)
class Shape:
    """An area of the map layer."""

    kind: str
    """``cell`` of a grid, or what else the scenario calls it"""
    ring: Ring
    degree: int
    """1 … as many as the scenario has; 0: none"""
    value: float | None = None
    label: Text | None = None
    thing: str = ""
    """what ``picture.py`` has a picture of, where it has one"""


@dataclass(frozen=True)
class Figure:
    name: Text
    value: float | None
    unit: str = ""
    says: Text | None = None
    """what it counts, where the name could be taken for something else"""


@dataclass(frozen=True)
class Line:
    """A row of a table. Accounts of a part of the city see those of their part."""

    cells: tuple[Text, ...]
    degree: int = 0
    """of danger, by whose colour it is marked; 0: none"""
    thing: str = ""
    """what ``picture.py`` has a picture of, where it has one"""
    alarm: str = ""
    """where it tells of one"""
    case: str = ""
    """likewise"""
    division: str = ""
    department: str = ""


@dataclass(frozen=True)
class Table:
    """What the page lists, in its order: the weightiest first."""

    code: str
    name: Text
    columns: tuple[Text, ...]
    lines: tuple[Line, ...]
    none: Text
    """what is said where there is no line"""


@dataclass(frozen=True)
class Ahead:
    """The danger so many hours from now."""

    hours: int
    degree: int
    value: float | None
    persistence: bool
    """nobody forecast it: the weather of now, carried on"""


@dataclass(frozen=True)
class Present:
    """``degree`` 0: it cannot be told, and ``why`` says why."""

    at: int
    """µs: as of when"""
    degree: int
    why: tuple[Text, ...] = ()
    figures: tuple[Figure, ...] = ()
    shapes: tuple[Shape, ...] = ()
    ahead: tuple[Ahead, ...] = ()
    ahead_why: tuple[Text, ...] = ()
    """what the outlook rests on, and why it rises or falls"""
    tables: tuple[Table, ...] = ()
    notes: tuple[Text, ...] = ()
    """what was assumed or is missing"""
    origins: tuple[str, ...] = ()
    """of the devices it rests on: ``real``, ``seeded``…"""
