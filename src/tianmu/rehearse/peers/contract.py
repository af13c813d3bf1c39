"""What a peer is: where it comes from, how it is had, and what it reaches on a given input."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

SECONDS = 15.0
"""a peer gets at most so much load for one figure"""

Input_contra = TypeVar("Input_contra", contravariant=True)


class Absent(RuntimeError):
    """A peer cannot be had, or does not run, here: says why, and what would help."""


@dataclass(frozen=True)
class Figure:
    """What a peer reached. ``against`` is the key of our own answer that it is compared with;
    empty where there is nothing of ours to compare."""

    what: str
    figure: float
    unit: str
    against: str = ""
    better: Literal["more", "less"] = "more"
    note: str = ""
    """what the peer does more, or less, than we do"""


class Peer(Protocol[Input_contra]):
    """One other project, for one kind of measurement.

    ``install`` puts it into ``folder`` unless it is there already and returns its version;
    ``run`` starts what it needs on 127.0.0.1, loads it for at most ``SECONDS`` a figure and stops
    everything. Both raise ``Absent`` where that is not possible.
    """

    name: str
    licence: str

    def installed(self, folder: Path) -> bool: ...

    def install(self, folder: Path) -> str: ...

    def run(self, folder: Path, given: Input_contra) -> list[Figure]: ...


def cache() -> Path:
    """Where peers are installed: ``TIANMU_PEERS``, or a folder of the user's cache."""
    told = os.environ.get("TIANMU_PEERS")
    if told:
        return Path(told)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tianmu" / "peers"
