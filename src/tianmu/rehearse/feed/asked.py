"""What a feed is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """What ``tianmu feed`` was asked to play."""

    data: Path
    devices: int
    seed: int = 1
    speed: float = 1.0
    incidents_per_hour: float = 40.0
    reports_per_hour: float = 40.0
    panels: int = 12
    cameras: int = 6
    water: Path | None = None
    complaints: Path | None = None
    seconds: float | None = None
