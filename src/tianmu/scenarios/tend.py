"""What a scenario has done at devices and cases by itself, at times of its own choosing.

A scenario that does has a ``tend.py`` with ``errands(world, since, until, seed) -> Errands``: a
pure function of these, so that the same stretch of time gives the same errands. Hub writes each
down once, with how far time has been tended, in one commit; gate does them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RAISE = "case.raise"
"""a case is of a level at least: ``data`` has its number, ``level``, and ``why``, a text. It lowers
none and leaves alone what a person has set, so it may be said again and again"""
VERBS = frozenset({"panel.duty_check", RAISE})
"""that may be done without a person: they ask and change nothing, or raise what a person may set
back"""


@dataclass(frozen=True)
class Errand:
    at: int
    """µs when it fell due"""
    verb: str
    object: str
    """device, or case"""
    data: dict[str, Any]


@dataclass(frozen=True)
class Errands:
    due: tuple[Errand, ...]
    late: int = 0
    """that fell due too long ago, while the city was down: they are not done, and that is told"""
