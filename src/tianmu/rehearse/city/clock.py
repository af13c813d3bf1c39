"""The clock that a running city goes by, for whoever tells it when something happened."""

from __future__ import annotations

from pathlib import Path

from tianmu.facts.clock import DrillClock

MARK = "drill"
"""file in the folder of a city that goes by a drill's clock, with the clock's path"""


class ClockLost(RuntimeError):
    """A city goes by a drill's clock whose file cannot be used; says what to do."""


def clock_of(data: Path) -> DrillClock | None:
    """The drill's clock of the city whose folder this is; None: it goes by the machine's."""
    mark = data / MARK
    if not mark.exists():
        return None
    path = Path(mark.read_text(encoding="utf-8").strip())
    try:
        return DrillClock(path)
    except (OSError, ValueError) as error:
        raise ClockLost(
            f"{data} goes by a drill's clock, and its file {path} cannot be used from here: "
            f"{error}. Start the city with the whole path of the file (--clock-file)"
        ) from error


def ahead_s(data: Path) -> float:
    """Seconds that the city's clock is ahead of the machine's (below 0: behind)."""
    clock = clock_of(data)
    return clock.ahead / 1e6 if clock is not None else 0.0
