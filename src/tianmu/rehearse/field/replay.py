"""When recorded instants come round again: their time of day is laid onto now, at any speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise


class Due:
    """Replays instants for ever: ``of`` gives seconds to wait and which instant it is.

    The first is the last one before now, by day of the year and time of day where the recording
    has that day, else by time of day on its first day; then each follows at its recorded distance
    divided by ``speed``, and after the last comes the first again.
    """

    def __init__(self, now: datetime, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed {speed} has to be above 0")
        self._now, self._speed = now.replace(tzinfo=None), speed
        self._carried = 0.0

    def carry(self, delay: float) -> None:
        """Add a wait to the next one (what was due said nothing)."""
        self._carried += delay

    def first(self, instants: Sequence[datetime]) -> int:
        """Index of the instant to begin with; ``instants`` are in order."""
        now = self._now
        today = [i for i, at in enumerate(instants) if (at.month, at.day) == (now.month, now.day)]
        if not today:
            today = [i for i, at in enumerate(instants) if at.date() == instants[0].date()]
        earlier = [i for i in today if instants[i].time() <= now.time()]
        return earlier[-1] if earlier else today[0]

    def of(self, instants: Sequence[datetime]) -> Iterator[tuple[float, int]]:
        """(seconds after the one before, index) without end; nothing where there are none."""
        if not instants:
            return
        index = self.first(instants)
        yield self._taken(0.0), index
        # the first was late: the second comes at its own time of day all the same
        late = _of_day(self._now) - _of_day(instants[index])
        while True:
            nearest = index + 1 if index + 1 < len(instants) else 0
            step = instants[nearest] - instants[index] if nearest else _usual(instants)
            delay, late = max(timedelta(), step - late), timedelta()
            index = nearest
            yield self._taken(delay.total_seconds() / self._speed), index

    def _taken(self, delay: float) -> float:
        carried, self._carried = self._carried, 0.0
        return delay + carried


def _of_day(at: datetime) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)


def _usual(instants: Sequence[datetime]) -> timedelta:
    """The usual distance: from the last instant to the first again."""
    gaps = sorted(b - a for a, b in pairwise(instants) if b > a)
    return gaps[len(gaps) // 2] if gaps else timedelta(days=1)
