"""What the web pushes, as a test hears it."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx


class Stream:
    """An event stream read in a thread: (id, event, data)."""

    def __init__(self, client: httpx.Client, last: str = "", only: str = "") -> None:
        self.events: list[tuple[str, str, Any]] = []
        self.status = 0
        self._client, self._last = client, last
        self._asked = {"only": only} if only else {}
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._came = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def _run(self) -> None:
        headers = {"Last-Event-ID": self._last} if self._last else {}
        try:
            with self._client.stream(
                "GET", "/api/push", headers=headers, params=self._asked
            ) as response:
                self.status = response.status_code
                if response.status_code != 200:
                    self._ready.set()
                    return
                one, kind, data = "", "", ""
                for line in response.iter_lines():
                    if line.startswith("id: "):
                        one = line[4:]
                    elif line.startswith("event: "):
                        kind = line[7:]
                    elif line.startswith("data: "):
                        data = line[6:]
                    elif not line and data:
                        with self._came:
                            self.events.append((one, kind, json.loads(data)))
                            self._came.notify_all()
                        kind, data = "", ""
                        self._ready.set()
                    if self._stop.is_set():
                        return
        except httpx.HTTPError:
            pass
        finally:
            self._ready.set()

    def of(self, kind: str) -> list[Any]:
        return [data for _, event, data in list(self.events) if event == kind]

    @property
    def cursor(self) -> str:
        return self.events[-1][0]

    def wait(self, kind: str, count: int = 1, within: float = 10) -> list[Any]:
        with self._came:
            came = self._came.wait_for(lambda: len(self.of(kind)) >= count, within)
        found = self.of(kind)
        assert came, f"{len(found)} of {count} {kind} came: {[one[1] for one in self.events]}"
        return found

    def stop(self) -> None:
        self._stop.set()

    def ended(self, within: float) -> bool:
        """Whether the server ends it in time."""
        self._thread.join(within)
        return not self._thread.is_alive()
