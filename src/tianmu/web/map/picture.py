"""How all devices look now, along the curve, and where that changed since.

The look of a device is one byte: its state and the priority of its worst active alarm. Once a
second at most, and only while somebody looks, all looks are taken anew and compared with those
before. What changed raises the epoch of its block of 64 devices; the highest epoch of a tile's run
of blocks says whether the tile could have changed, and a short log of what changed where says
which tiles to take again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tianmu.web.devices.heard import heard
from tianmu.web.hub import Hub
from tianmu.web.map.zorder import Order

FRESH = 1.0
"""seconds a picture is kept"""
BLOCK = 6
"""2**BLOCK devices share an epoch"""
LOGGED = 120
"""epochs the log of changes goes back at most"""
MOST = 2_000_000
"""changes in the log at most; who is behind them takes everything anew"""
ALARM, STATE = 7, 3
"""look & ALARM is the priority (0 none), look >> STATE the number into ``filter.STATES``"""

Rows = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Picture:
    """All looks at one moment; ``look`` in the order of the curve, epochs by block."""

    order: Order
    epoch: int
    look: NDArray[np.uint8]
    alarm_epochs: NDArray[np.uint32]
    """epoch of the last change of an alarm in each block"""
    look_epochs: NDArray[np.uint32]
    """epoch of the last change of anything in each block"""
    alarmed: Rows
    """rows of the devices that have an alarm"""

    def version(self, start: int, end: int, *, states: bool) -> int:
        """Epoch of the last change within a run; ``states`` whether those of state count."""
        if start >= end:
            return 0
        epochs = self.look_epochs if states else self.alarm_epochs
        return int(epochs[start >> BLOCK : (end - 1 >> BLOCK) + 1].max())


@dataclass(frozen=True, eq=False)
class Change:
    epoch: int
    alarms: Rows
    """rows of the devices whose worst alarm changed"""
    states: Rows
    """rows of those of which only the state changed"""


@dataclass(eq=False)
class Pictures:
    """The present picture of one hub."""

    hub: Hub
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _held: Picture | None = None
    _taken: float = 0.0
    _log: deque[Change] = field(default_factory=deque)
    _looks: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))
    """the picture's, by device"""
    _since: int = 0
    """the log tells of all changes after this epoch"""

    def now(self) -> Picture:
        """The picture, no older than ``FRESH`` seconds; while one thread takes a new one, others
        have the one before."""
        held = self._held
        if held is None:
            self._lock.acquire()
        elif time.monotonic() - self._taken < FRESH or not self._lock.acquire(blocking=False):
            return held
        try:
            held = self._held
            if held is None or time.monotonic() - self._taken >= FRESH:
                held = self._take(held)
                self._held, self._taken = held, time.monotonic()
            return held
        finally:
            self._lock.release()

    def since(self, epoch: int) -> tuple[Picture, list[Change] | None]:
        """What changed after an epoch, up to the picture; None where the log does not go back so
        far, or devices were added."""
        with self._lock:
            held, since, log = self._held, self._since, list(self._log)
        if held is None:
            return self.now(), None
        if not since <= epoch <= held.epoch:
            return held, None
        return held, [one for one in log if one.epoch > epoch]

    def _take(self, held: Picture | None) -> Picture:
        columns = self.hub.registry.columns
        order = held.order if held else Order.of(columns)
        if order.devices != len(columns.kind):
            order = Order.of(columns, order)
        found = looks(self.hub)[: order.devices]
        before, self._looks = self._looks, found
        if held is None or held.order is not order or len(before) != len(found):
            look = found[order.device]
            # epochs grow by one a second at most, so those of a later process are higher
            epoch = max(int(time.time()), held.epoch + 1 if held else 0)
            self._log.clear()
            self._since = epoch
            epochs = np.full((len(look) >> BLOCK) + 1, epoch, dtype=np.uint32)
            return Picture(order, epoch, look, epochs, epochs.copy(), _alarmed(look))
        moved = np.flatnonzero(found != before)
        changed = np.sort(order.rows(moved))
        if not len(changed):
            return held
        look = held.look.copy()
        look[changed] = found[order.device[changed]]
        epoch = held.epoch + 1
        heard = ((look[changed] ^ held.look[changed]) & ALARM) > 0
        change = Change(epoch, changed[heard], changed[~heard])
        alarm_epochs, look_epochs = held.alarm_epochs.copy(), held.look_epochs.copy()
        alarm_epochs[change.alarms >> BLOCK] = epoch
        look_epochs[changed >> BLOCK] = epoch
        self._remember(change)
        alarmed = _alarmed(look) if len(change.alarms) else held.alarmed
        return Picture(order, epoch, look, alarm_epochs, look_epochs, alarmed)

    def _remember(self, change: Change) -> None:
        self._log.append(change)
        size = sum(len(one.alarms) + len(one.states) for one in self._log)
        while self._log and (size > MOST or len(self._log) > LOGGED):
            gone = self._log.popleft()
            self._since = gone.epoch
            size -= len(gone.alarms) + len(gone.states)


def _alarmed(look: NDArray[np.uint8]) -> Rows:
    return np.flatnonzero(look & ALARM).astype(np.uint32)


def looks(hub: Hub) -> NDArray[np.uint8]:
    """The look of every device, shape (devices,)."""
    found = heard(hub).states()
    found <<= STATE
    live = hub.live()
    if live is not None:
        alarm = live.alarm[: len(found)]
        found[: len(alarm)] |= alarm
    return found
