"""Tickets: what was begun and is to be finished soon, kept in memory only.

A sign-in that waits for its second step, a passkey's challenge, a sign-in that went to the city's
own sign-on. Each is a secret of its own, is over in minutes, and is taken once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tianmu.access import token
from tianmu.access.policy import MINUTE

LASTS = 5 * MINUTE
MOST = 10_000
"""at once: whoever asks for more pushes the oldest out"""


@dataclass(frozen=True)
class Ticket:
    kind: str
    about: Any
    expires_at: int


class Tickets:
    """All that are open."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._held: dict[str, Ticket] = {}
        self._lock = threading.Lock()

    def give(self, kind: str, about: Any, lasts: int = LASTS) -> str:
        """A new ticket for ``about``."""
        plain, now = token.secret(), self._clock()
        with self._lock:
            while self._held:
                first = next(iter(self._held))
                if self._held[first].expires_at > now and len(self._held) < MOST:
                    break
                del self._held[first]
            self._held[plain] = Ticket(kind, about, now + lasts)
        return plain

    def look(self, kind: str, plain: str) -> Any | None:
        """What a ticket is about; None where there is none (any more)."""
        held = self._held.get(plain)
        if held is None or held.kind != kind or held.expires_at <= self._clock():
            return None
        return held.about

    def take(self, kind: str, plain: str) -> Any | None:
        """The same, once."""
        with self._lock:
            found = self.look(kind, plain)
            if found is not None:
                del self._held[plain]
        return found
