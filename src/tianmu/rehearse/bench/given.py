"""What a peer is given: the very load that our own city had in the same run."""

from __future__ import annotations

from dataclasses import dataclass

from tianmu.rehearse.city.equipment import Bench

LIMIT, DEADBAND = 1e9, 1.0
"""the one rule of a peer: the first of the seven that our own load goes through"""


TOWNS = 12
"""areas that exceedances are counted in"""


@dataclass(frozen=True)
class Ingest:
    """Observations of ``bench``'s datastreams as ``tianmu bench ingest`` sends them."""

    bench: Bench
    form: str
    batch: int
    seconds: float


@dataclass(frozen=True)
class Latency:
    """Ordinary load at ``rate`` observations a second, and now and then one that alarms."""

    bench: Bench
    rate: float
    seconds: float


@dataclass(frozen=True)
class Storm:
    """Signals in the order they are sent; ``incident``, ``x`` and ``y`` (degrees) of each."""

    devices: list[str]
    incident: list[int]
    x: list[float]
    y: list[float]
    rate: float
