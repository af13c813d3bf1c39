"""The city's time. It is the machine's, but for a city of a drill: there a drill moves it ahead.

Whatever is written down, compared with a limit or shown goes by this clock; what only sleeps goes
by the machine's steady one. A drill's clock is a file of 16 bytes that all processes of the city
map: how far its time is from the machine's, and until when hub has attended to what was due.
"""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path

_SLOT = struct.Struct("<q")
SIZE = 2 * _SLOT.size


class DrillClock:
    """A clock that a drill moves: µs since the epoch, forward only, running on between moves."""

    def __init__(self, path: Path) -> None:
        """``ValueError`` where the file is no clock, ``FileNotFoundError`` where there is none."""
        self.path = path
        with path.open("r+b") as file:
            if path.stat().st_size != SIZE:
                raise ValueError(f"{path} is no clock of a drill: it has not {SIZE} bytes")
            self._map = mmap.mmap(file.fileno(), SIZE)

    @classmethod
    def make(cls, path: Path, at: int) -> DrillClock:
        """A new clock file that shows ``at`` now."""
        path.write_bytes(_SLOT.pack(at - machine()) + _SLOT.pack(0))
        return cls(path)

    @property
    def ahead(self) -> int:
        """µs that it is ahead of the machine's (below 0: behind)."""
        return int(_SLOT.unpack_from(self._map, 0)[0])

    def now(self) -> int:
        return machine() + self.ahead

    def move(self, at: int) -> None:
        """Move it on to ``at``; never back."""
        _SLOT.pack_into(self._map, 0, max(at - machine(), self.ahead))

    @property
    def attended(self) -> int:
        """Until when hub has read all reports and alarms and attended to every limit."""
        return int(_SLOT.unpack_from(self._map, _SLOT.size)[0])

    def attend(self, at: int) -> None:
        _SLOT.pack_into(self._map, _SLOT.size, at)


class Leaps:
    """When a drill last moved the clock, as far as whoever looks now and then can tell. What has
    lasted longer than that has not: in a leap nothing can be read, and nobody can speak."""

    def __init__(self) -> None:
        self._ahead, self._at = self._now(), 0

    def last(self) -> int:
        """µs by the city's clock of the first look after the last leap; 0 where there was none."""
        ahead = self._now()
        if ahead != self._ahead:
            self._ahead, self._at = ahead, now()
        return self._at

    @staticmethod
    def _now() -> int:
        moved = drill()
        return moved.ahead if moved else 0


def machine() -> int:
    """µs since the epoch by the machine's clock."""
    return time.time_ns() // 1000


_in_force: list[DrillClock] = []
"""the drill's clock, where this process goes by one"""


def now() -> int:
    """µs since the epoch by the city's clock."""
    return _in_force[0].now() if _in_force else machine()


def use(path: str) -> None:
    """Go by a drill's clock from now on, or (``""``) by the machine's."""
    _in_force[:] = [DrillClock(Path(path))] if path else []


def drill() -> DrillClock | None:
    """The drill's clock where this process goes by one."""
    return _in_force[0] if _in_force else None
