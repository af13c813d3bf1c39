"""Who may put how much on the way to disk: bounded, fair between sources, life safety apart.

Three things are bounded: messages under way, their bytes, and how far the readers of the journal
are behind. A door that answers (HTTP) says 429 with the seconds to wait; a door that reads (MQTT,
TCP) reads on only when there is room, so that the sender's window closes.

*Fair* means: of ``n`` sources that have something under way each may have a part of ``n + 1``, so
that a part is always free for one that comes new; and for small messages of those that have nothing
under way there is a reserve beside. While readers are behind, those go first that wanted to send
least lately: one that sends no more than its fair part, or very little, is taken until the readers
are twice as far behind as they may be.

Life-safety sources have a room of their own under the same rules, and no reader's lag holds them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import msgspec

from tianmu.facts import clock
from tianmu.facts.registry import SourceChanged


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The pack's ``[taking]``."""

    messages: int = 1024
    """under way at once, of all ordinary sources together; as many again of life-safety ones"""
    size: int = 192 << 20
    """bytes of them, as sent"""
    reserve: float = 0.25
    """of both, beyond them, for small messages of sources that have nothing under way"""
    small: int = 256 << 10
    """bytes of those"""
    watch_s: float = 20.0
    """seconds that the rules may be behind what is on disk before sources are slowed"""
    history_s: float = 600.0
    """the same for history, which writes every few seconds and catches up after a burst"""


HALF = 20.0
"""seconds after which half of what a source has wanted to send is forgotten"""
LITTLE = 64 << 10
"""bytes of late that are nobody's flood"""
SOON, LATE = 1.0, 60.0
"""seconds that a source is told to wait, at least and at most"""
AGAIN = 0.05
"""seconds between two looks of a door that reads"""
SPELL = 15.0
"""seconds without a refusal after which a source is no longer slowed down"""
HEEDLESS = 20.0
"""refusals within a few seconds after which a source is answered late: it does not wait itself"""
HOLD = 0.5
"""seconds that such an answer is held back"""


class Slowed(msgspec.Struct, kw_only=True):
    """What a source has met with."""

    refused: int = 0
    """messages that were answered with 429, since the beginning"""
    delayed: int = 0
    """messages that were read later than they could have been"""
    since: int = 0
    """µs since when it is slowed down; 0: it is not"""
    at: int = 0
    """µs of the latest time"""


@dataclass(eq=False)
class _Fading:
    """A sum that halves every ``HALF`` seconds."""

    value: float = 0.0
    at: float = 0.0

    def now(self, now: float) -> float:
        self.value *= 0.5 ** ((now - self.at) / HALF)
        self.at = now
        return self.value

    def add(self, more: float, now: float) -> None:
        self.value = self.now(now) + more


class _Room:
    """What is under way of one kind of sources."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.messages: Counter[str] = Counter()
        self.sizes: Counter[str] = Counter()
        self.total, self.size = 0, 0

    def has(self, source: str, size: int) -> bool:
        bounds, mine = self._bounds, self.messages[source]
        if not mine:
            most = 1.0 + (bounds.reserve if size <= bounds.small else 0.0)
            return self.total < bounds.messages * most and (
                self.size + size <= bounds.size * most or not self.total
            )
        part = 1.0 / (len(self.messages) + 1)
        return (
            self.total < bounds.messages
            and mine < bounds.messages * part
            and self.size + size <= bounds.size
            and self.sizes[source] + size <= bounds.size * part
        )

    def put(self, source: str, size: int) -> None:
        self.messages[source] += 1
        self.sizes[source] += size
        self.total += 1
        self.size += size

    def take(self, source: str, size: int) -> None:
        self.messages[source] -= 1
        self.sizes[source] -= size
        self.total -= 1
        self.size -= size
        if not self.messages[source]:
            del self.messages[source], self.sizes[source]


class Admission:
    """One for all doors of a gate; every call from its event loop.

    ``clock`` gives seconds that only rise, ``now`` µs since the epoch.
    """

    def __init__(
        self,
        bounds: Bounds | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], int] = clock.now,
    ) -> None:
        self.bounds = bounds or Bounds()
        self._clock, self._now = clock, now
        self._ordinary, self._life = _Room(self.bounds), _Room(self.bounds)
        self._asked: dict[str, _Fading] = {}
        self._denied: dict[str, _Fading] = {}
        self._lag = 0.0
        self._over = 0.0
        self.slowed: dict[str, Slowed] = {}
        """source → what it has met with, for those that met with anything"""

    # -- asking --

    def enter(self, source: SourceChanged, size: int, *, again: bool = False) -> float:
        """0 where a message of ``size`` bytes may go on its way (``leave`` when it has arrived);
        else the seconds to wait before it is asked for again (``again``, by a door that kept
        it)."""
        name, now = source.source, self._clock()
        room = self._life if source.life_safety else self._ordinary
        wait = 0.0
        if not source.life_safety:
            if not again:
                self._asked.setdefault(name, _Fading(0.0, now)).add(size, now)
            wait = self._behind(name, now)
        if not wait and not room.has(name, size):
            wait = SOON
        if not wait:
            room.put(name, size)
        return wait

    def leave(self, source: SourceChanged, size: int) -> None:
        """What ``enter`` let in is on disk, or refused."""
        (self._life if source.life_safety else self._ordinary).take(source.source, size)

    @contextlib.asynccontextmanager
    async def turn(self, source: SourceChanged, size: int) -> AsyncIterator[None]:
        """Wait for room as long as it takes: for a door that meanwhile reads nothing more."""
        wait = self.enter(source, size)
        if wait:
            self._note(source.source).delayed += 1
        while wait:
            await asyncio.sleep(min(wait, AGAIN))
            self._note(source.source)
            wait = self.enter(source, size, again=True)
        try:
            yield
        finally:
            self.leave(source, size)

    async def refused(self, source: SourceChanged) -> None:
        """A door is about to answer 429; one that does not heed it is answered late."""
        name, now = source.source, self._clock()
        self._note(name).refused += 1
        denied = self._denied.setdefault(name, _Fading(0.0, now))
        denied.add(1.0, now)
        if denied.value > HEEDLESS and not source.life_safety:
            await asyncio.sleep(HOLD)

    # -- readers that are behind --

    def look(self, behind: dict[str, float]) -> None:
        """How far readers are behind (``watch``, ``history`` → s), about once a second."""
        lags = (
            (behind.get("watch", 0.0), self.bounds.watch_s),
            (behind.get("history", 0.0), self.bounds.history_s),
        )
        self._lag = max(lag / bound for lag, bound in lags)
        self._over = max(lag - bound for lag, bound in lags)
        now = self._clock()
        for told in (self._asked, self._denied):
            for name in [name for name, sum_ in told.items() if sum_.now(now) < 1e-3]:
                del told[name]
        at = self._now()
        for one in self.slowed.values():
            if one.since and at - one.at > SPELL * 1_000_000:
                one.since = 0

    def _behind(self, name: str, now: float) -> float:
        """Seconds to wait because readers are behind; 0 where this source need not."""
        if self._lag < 1.0:
            return 0.0
        if self._lag < 2.0:
            mine = self._asked[name].now(now) if name in self._asked else 0.0
            fair = sum(one.now(now) for one in self._asked.values()) / max(1, len(self._asked))
            if mine <= max(LITTLE, fair * (2.0 - self._lag)):
                return 0.0
        # readers catch up as fast as time passes, or faster
        return min(max(self._over, SOON), LATE)

    def _note(self, name: str) -> Slowed:
        one = self.slowed.setdefault(name, Slowed())
        one.at = self._now()
        one.since = one.since or one.at
        return one

    # -- for the wall --

    @property
    def under_way(self) -> int:
        """Messages of all sources."""
        return self._ordinary.total + self._life.total

    def turned(self) -> int:
        """Messages refused or delayed since the beginning, of all sources."""
        return sum(one.refused + one.delayed for one in self.slowed.values())
