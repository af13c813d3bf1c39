"""Alarm floods by operating position (IEC 62682 / ISA-18.2: begins above so many alarms in a
period, ends below so many).

An operating position here is the department that owns the devices; what nobody owns is the
centre's.
"""

from __future__ import annotations

from collections import deque

from tianmu.prevent.alarm.target import Targets

_BUCKETS = 60


class Flood:
    """Annunciations of one position, in buckets of a sixtieth of the period."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._period = round(targets.flood_period_s * 1e6)
        self._bucket = max(1, self._period // _BUCKETS)
        self._counts: deque[tuple[int, int]] = deque()
        self._total = 0
        self.standing = False

    def add(self, at: int) -> None:
        """An alarm was annunciated at ``at`` (µs)."""
        bucket = at // self._bucket
        if self._counts and self._counts[-1][0] >= bucket:
            last, n = self._counts.pop()
            self._counts.append((last, n + 1))
        else:
            self._counts.append((bucket, 1))
        self._total += 1

    def count(self, now: int) -> int:
        """Annunciations within the period before ``now``."""
        oldest = (now - self._period) // self._bucket
        while self._counts and self._counts[0][0] <= oldest:
            self._total -= self._counts.popleft()[1]
        return self._total

    def turn(self, now: int) -> bool | None:
        """True: a flood begins now; False: it ends; None: nothing changes."""
        n = self.count(now)
        if not self.standing and n > self._targets.flood_begins:
            self.standing = True
            return True
        if self.standing and n < self._targets.flood_ends:
            self.standing = False
            return False
        return None
