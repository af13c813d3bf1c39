"""Which devices speak, which fell silent, which were never heard of: kept from look to look.

A look costs what changed since the one before: the datastreams that were heard of are found by
comparing one column, and only their devices are judged; of the others, those of a block are judged
again when the first of it could have fallen silent.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.web.devices import signs
from tianmu.web.hub import Hub

NEVER, SILENT, ONLINE = 0, 1, 2
"""states of a device, as ``filter.STATES`` counts them"""
_BLOCK = 11
"""2**_BLOCK devices share the moment at which the first of them falls silent"""
_CHUNK = 1 << 15
"""datastreams compared at once: what a processor's cache holds"""
_NEVER_DUE = np.iinfo(np.int64).max
_NOBODY = np.zeros(0, dtype=np.int64)


class Heard:
    """The states of one hub's devices; any thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._columns: Any = None
        self._beats = _NOBODY
        self._at = 0
        self._received = _NOBODY
        self._known = 0
        """devices all of whose datastreams live has"""
        self._state = np.zeros(0, dtype=np.uint8)
        self._due = _NOBODY
        """µs of the first silence in each block, or earlier"""
        self.marked = _NOBODY
        """devices that a probe is made of, as of the last look"""

    def states(self) -> NDArray[np.uint8]:
        """The state of every device now, shape (devices,)."""
        with self._lock:
            self._look()
            return self._state.copy()

    def _look(self) -> None:
        hub = self._hub
        live, columns, now = hub.live(), hub.registry.columns, hub.clock()
        received = _NOBODY if live is None else live.received
        beats = signs.heartbeats(hub)
        if (
            columns is not self._columns
            or len(received) != len(self._received)
            or now < self._at
            or not np.array_equal(beats, self._beats)
        ):
            self._columns, self._beats = columns, beats
            self._anew(received, now)
        else:
            self._follow(received, now)
        self._at = now

    def _anew(self, received: NDArray[np.int64], now: int) -> None:
        columns = self._columns
        devices, first = len(columns.kind), columns.first_datastream
        self._received = received.copy()
        self.marked = np.flatnonzero(columns.probe)
        self._state = np.zeros(devices, dtype=np.uint8)
        # live grows a moment after the registry: devices beyond it have not spoken
        known = int(np.searchsorted(first[1 : devices + 1], len(received), side="right"))
        self._due = np.full((known >> _BLOCK) + 1, _NEVER_DUE, dtype=np.int64)
        self._known = known
        for block in range(len(self._due)):
            self._judge(block, now)

    def _judge(self, block: int, now: int) -> None:
        """All devices of a block."""
        low, high = block << _BLOCK, min((block + 1) << _BLOCK, self._known)
        if low >= high:
            return
        last = signs.latest(self._received, self._columns.first_datastream[low : high + 1])
        due = last + self._beats[self._columns.kind[low:high]]
        online = (last > 0) & (due >= now)
        self._state[low:high] = (last > 0).view(np.uint8) + online.view(np.uint8)
        self._due[block] = due[online].min(initial=_NEVER_DUE)

    def _follow(self, received: NDArray[np.int64], now: int) -> None:
        heard: list[NDArray[np.int64]] = []
        for low in range(0, len(received), _CHUNK):
            held = self._received[low : low + _CHUNK]
            changed = np.flatnonzero(received[low : low + _CHUNK] != held)
            if len(changed):
                # what is written while we look is found by the next look at the latest
                held[changed] = received[low : low + _CHUNK][changed]
                heard.append(changed + low)
        if heard:
            self._judge_some(np.concatenate(heard), now)
        for block in np.flatnonzero(self._due < now).tolist():
            self._judge(block, now)

    def _judge_some(self, datastreams: NDArray[np.int64], now: int) -> None:
        """The devices of ascending datastreams."""
        first = self._columns.first_datastream
        devices = self._columns.device_of[datastreams].astype(np.int64)
        devices = devices[np.flatnonzero(np.diff(devices, prepend=-1))]
        devices = devices[devices < self._known]
        begin = first[devices].astype(np.int64)
        count = first[devices + 1].astype(np.int64) - begin
        last = self._received[begin]
        for more in range(1, int(count.max(initial=1))):
            rows = np.flatnonzero(count > more)
            last[rows] = np.maximum(last[rows], self._received[begin[rows] + more])
        due = last + self._beats[self._columns.kind[devices]]
        online = (last > 0) & (due >= now)
        self._state[devices] = (last > 0).view(np.uint8) + online.view(np.uint8)
        np.minimum.at(self._due, devices[online] >> _BLOCK, due[online])


def heard(hub: Hub) -> Heard:
    """The one of this hub."""
    found: Heard = hub.memory.setdefault("heard", Heard(hub))
    return found
