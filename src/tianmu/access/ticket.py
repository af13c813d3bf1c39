"""Tickets: what was begun and is to be finished soon. Each is over in minutes and is taken once.

What somebody began who has proved something (a sign-in that waits for its second step) is kept in
memory, a few for each account. What anybody may begin (a passkey's challenge, a sign-in that goes
to the city's own sign-on) is kept by whoever began it, sealed: a flood of them pushes nobody's
out.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tianmu.access import token
from tianmu.access.policy import MINUTE

LASTS = 5 * MINUTE
EACH = 10
"""of one account and kind at once: one more pushes its own oldest out"""
_NONCE = 12


@dataclass(frozen=True)
class Ticket:
    kind: str
    owner: str
    about: Any
    expires_at: int


class Tickets:
    """All that are open. The seal is this process's own: after a restart one begins again."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._held: dict[str, Ticket] = {}
        self._owned: dict[tuple[str, str], list[str]] = {}
        self._seal = AESGCM(AESGCM.generate_key(256))
        self._spent: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def give(self, kind: str, about: Any, owner: str) -> str:
        """A new ticket for ``about``, kept for ``owner``, an account."""
        plain, now = token.secret(), self._clock()
        with self._lock:
            while self._held and self._held[first := next(iter(self._held))].expires_at <= now:
                self._drop(first)
            mine = self._owned.setdefault((kind, owner), [])
            if len(mine) >= EACH:
                self._held.pop(mine.pop(0))
            mine.append(plain)
            self._held[plain] = Ticket(kind, owner, about, now + LASTS)
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
                self._drop(plain)
        return found

    def _drop(self, plain: str) -> None:
        gone = self._held.pop(plain)
        mine = self._owned[gone.kind, gone.owner]
        mine.remove(plain)
        if not mine:
            del self._owned[gone.kind, gone.owner]

    def seal(self, kind: str, said: bytes) -> str:
        """A ticket that holds what it is about itself; nobody else can read or make one."""
        nonce = secrets.token_bytes(_NONCE)
        until = (self._clock() + LASTS).to_bytes(8, "big")
        sealed = nonce + self._seal.encrypt(nonce, until + said, kind.encode())
        return base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")

    def unseal(self, kind: str, plain: str) -> bytes | None:
        """What such a ticket holds, once; None where it is none of ours, over, or spent."""
        try:
            sealed = base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
            nonce = sealed[:_NONCE]
            said = self._seal.decrypt(nonce, sealed[_NONCE:], kind.encode())
        except (InvalidTag, ValueError, binascii.Error):
            return None
        until, now = int.from_bytes(said[:8], "big"), self._clock()
        with self._lock:
            while self._spent and self._spent[first := next(iter(self._spent))] <= now:
                del self._spent[first]
            if until <= now or nonce in self._spent:
                return None
            self._spent[nonce] = until
        return said[8:]
