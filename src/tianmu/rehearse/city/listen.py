"""A subscriber to a city's push, in a thread of its own: what came, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from tianmu.rehearse.city.city import City


class Heard:
    """Events with the wall time (s) they arrived at; resumes where it was when the line breaks."""

    def __init__(self, city: City, wanted: set[str] | None = None) -> None:
        self._city, self._wanted = city, wanted
        self._arrived = threading.Condition()
        self.events: list[tuple[float, str, Any]] = []
        self.cursor = ""
        self.breaks = 0
        self._stop = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="push", daemon=True)

    def __enter__(self) -> Heard:
        self._thread.start()
        if not self._ready.wait(20):
            raise TimeoutError("the city pushes nothing: no event came within 20 s")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True

    def _run(self) -> None:
        while not self._stop:
            try:
                for cursor, event, data in self._city.events(self.cursor, self._wanted or ()):
                    at = time.time()
                    self.cursor = cursor or self.cursor
                    self._ready.set()
                    if self._wanted is None or event in self._wanted:
                        with self._arrived:
                            self.events.append((at, event, data))
                            self._arrived.notify_all()
                    if self._stop:
                        return
            except httpx.HTTPError:
                self.breaks += 1
                time.sleep(0.2)

    def take(self, within: float = 0.0) -> list[tuple[float, str, Any]]:
        """What has come since the last time, waited for so many seconds; it is let go of here."""
        with self._arrived:
            self._arrived.wait_for(lambda: self.events, within)
            taken, self.events = self.events, []
        return taken

    def first(
        self, event: str, fits: Callable[[Any], bool], within: float
    ) -> tuple[float, Any] | None:
        """(arrival, data) of the first event that fits, waiting for it; None if none came."""
        end = time.monotonic() + within
        seen = 0
        with self._arrived:
            while True:
                for at, name, data in self.events[seen:]:
                    if name == event and fits(data):
                        return at, data
                seen = len(self.events)
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self._arrived.wait(min(left, 1.0))
