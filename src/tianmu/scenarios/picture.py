"""What is known of one thing that a scenario watches: a building, a works, a section of a pipe.

A scenario whose map and tables name things (``Shape.thing``, ``Line.thing``) has a ``picture.py``
with ``picture(world: World, thing: str) -> Picture | None``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tianmu.facts.text import Text
from tianmu.scenarios.present import Table


@dataclass(frozen=True)
class Fact:
    name: Text
    value: Text


@dataclass(frozen=True)
class Reach:
    """Somebody who can be called about it. Personal: masked until somebody gives a reason."""

    post: Text
    name: str
    phone: str


@dataclass(frozen=True)
class Picture:
    thing: str
    title: Text
    longitude: float | None
    latitude: float | None
    division: str
    department: str
    degree: int
    """of danger; 0: none"""
    facts: tuple[Fact, ...] = ()
    reaches: tuple[Reach, ...] = ()
    tables: tuple[Table, ...] = ()
    image: Path | None = None
    """a plan or photograph in the city pack's folder"""
    asks: str = ""
    """device at which it can be asked whether anybody is there (查岗)"""
    notes: tuple[Text, ...] = ()
    """what was assumed or is missing"""
