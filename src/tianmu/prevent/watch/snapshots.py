"""Snapshots of live and of the rules' state, written beside the judging and hardly felt by it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from tianmu.store.live import Live
from tianmu.store.live.snapshot import Frozen, Room

log = logging.getLogger(__name__)
BESIDE = 10
"""how much less than the others the threads here ask of the processor (nice)"""


class Snapshots:
    """One at a time: room for the copy is made in a thread, the copy between two readings, and it
    is compressed and written in a thread again.

    Memory that was never touched is slow: a copy of 1.56 M devices took 0.9 s into fresh pages, in
    which no fire alarm was judged, and takes less than a tenth into those of the time before.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._room = Room({})
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def ready(self, state: Mapping[str, NDArray[Any]]) -> bool:
        """Whether a copy can be made now; where it is room that lacks, it is being made."""
        if self.busy:
            return False
        columns = self._live.columns(state)
        if self._room.fits(columns):
            return True

        def make() -> None:
            self._room = Room.like(columns)

        self._begin(make)
        return False

    def write(
        self,
        positions: Mapping[str, int],
        state: Mapping[str, NDArray[Any]],
        meta: Mapping[str, Any],
    ) -> None:
        """Copy now, write in a thread. A disk that is full is logged: the one before stays."""
        frozen = self._live.freeze(positions, state, meta, self._room)
        self._begin(lambda: _write(frozen))

    def finish(self) -> None:
        """Wait for what is being written."""
        if self._thread is not None:
            self._thread.join()

    def _begin(self, work: Callable[[], None]) -> None:
        def beside() -> None:
            # on Linux a thread has a niceness of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BESIDE)
            work()

        self._thread = threading.Thread(target=beside, name="snapshot", daemon=True)
        self._thread.start()


def _write(frozen: Frozen) -> None:
    try:
        frozen.write()
    except OSError as error:
        log.error("snapshot not written, the one before stays: %s", error)
