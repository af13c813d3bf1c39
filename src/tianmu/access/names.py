"""Looking names up, apart from all else that a process does.

The system's look-up cannot be ended while a name server stays silent. So each name has a thread of
its own that holds up nothing else, not even the end of the process; whoever asks for the same name
meanwhile waits for the same answer, and nobody waits for longer than ``WITHIN``.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from functools import partial

AT_ONCE = 16
"""names that are looked up at one time; others wait for their turn"""
WITHIN = 5.0
"""seconds after which a name counts as one that stands for nothing now"""

Found = list[str] | OSError


class Names:
    """All look-ups under way."""

    def __init__(self, at_once: int = AT_ONCE, within: float = WITHIN) -> None:
        self._turns, self._within = threading.BoundedSemaphore(at_once), within
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], Future[Found]] = {}

    async def look_up(self, host: str, port: int) -> list[str]:
        """The addresses that a name stands for. ``OSError`` where it stands for none, or nobody
        says so in time."""
        with self._lock:
            found = self._under_way.get((host, port))
            if found is None:
                found = self._under_way[host, port] = Future()
                ask = partial(self._ask, host, port, found)
                threading.Thread(target=ask, name="name", daemon=True).start()
        answer = asyncio.shield(asyncio.wrap_future(found))
        try:
            said = await asyncio.wait_for(answer, self._within)
        except TimeoutError as error:
            raise OSError(
                f"nobody said within {self._within:g} s what {host} stands for"
            ) from error
        if isinstance(said, OSError):
            raise said
        return said

    def _ask(self, host: str, port: int, found: Future[Found]) -> None:
        said: Found
        try:
            with self._turns:
                told = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            said = [str(one[4][0]) for one in told]
        except OSError as error:
            said = error
        except Exception as error:  # a name that the system's codec cannot take
            said = OSError(f"{host} cannot be looked up: {error}")
        with self._lock:
            self._under_way.pop((host, port), None)
        found.set_result(said)
