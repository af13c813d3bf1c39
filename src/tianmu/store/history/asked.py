"""A question about the past while it is answered: what it may cost, and how it is given up."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass


class Cancelled(Exception):
    """The question was given up: nobody waits for its answer any more."""


@dataclass(frozen=True)
class Cost:
    """What a question reads: about so many rows, of so many files."""

    rows: int
    files: int


class TooCostly(Exception):
    """The question was not answered: it would read more rows than it may."""

    def __init__(self, cost: Cost, most: int) -> None:
        self.cost, self.most = cost, most
        super().__init__(
            f"the answer would read about {cost.rows:,} rows of {cost.files} files; at most "
            f"{most:,} rows are read: ask for a shorter span, fewer datastreams or a larger step"
        )


class Asked:
    """Give one to a question, and ``cancel`` it from any thread; its ``cost`` is known before
    anything is read. ``rows``: at most so many may be read, else ``TooCostly``."""

    def __init__(self, *, rows: int | None = None) -> None:
        self._most = rows
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._stops: list[Callable[[], object]] = []
        self.cost = Cost(0, 0)
        """so far; a question that finds less than it hoped for in roll-ups may cost more later"""

    def reckon(self, rows: int, files: int) -> None:
        """Called by who answers, before reading. Raises ``TooCostly``, ``Cancelled``."""
        self.go_on()
        self.cost = Cost(self.cost.rows + rows, self.cost.files + files)
        if self._most is not None and self.cost.rows > self._most:
            raise TooCostly(self.cost, self._most)

    def go_on(self) -> None:
        """Called by who answers, again and again. Raises ``Cancelled`` where it was given up."""
        if self._over.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Give it up; it ends with ``Cancelled`` some milliseconds later."""
        with self._lock:
            self._over.set()
            for stop in self._stops:
                stop()

    @contextlib.contextmanager
    def interrupts(self, stop: Callable[[], object]) -> Iterator[None]:
        """Where a long call cannot look by itself: ``stop`` interrupts it, and whatever it then
        raises becomes ``Cancelled``."""
        with self._lock:
            self.go_on()
            self._stops.append(stop)
        try:
            yield
        except Exception:
            self.go_on()
            raise
        finally:
            with self._lock:
                self._stops.remove(stop)


class Reckoned(Exception):
    """Not an error: the cost is known, and that was all that was asked."""


class Reckoning(Asked):
    """Ends every question before it reads anything, with ``Reckoned``."""

    def reckon(self, rows: int, files: int) -> None:
        super().reckon(rows, files)
        raise Reckoned
