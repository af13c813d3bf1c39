"""What a journal is: the small interface that every engine fills.

A topic is an append-only list of entries with positions 1, 2, 3 … in the writer's file. An append
may carry a ``key``: a second append of the same key to the same topic is not written again, it
gets the first one's position, so a resent frame takes effect once and is still acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Entry(NamedTuple):
    position: int
    """rises along a topic; not necessarily without gaps, since topics of one file share a count"""
    at: int
    """µs: when it became durable, by the writer's clock"""
    payload: bytes


class Appended(NamedTuple):
    position: int
    duplicate: bool
    """the key was there already; ``position`` is the first one's"""


class Journal(Protocol):
    """Reading side, for any process; safe to use from one thread at a time."""

    def read(
        self, topic: str, after: int, *, entries: int = 1024, size: int = 8 << 20
    ) -> Sequence[Entry]:
        """Entries after position ``after`` in order, at most ``entries`` of about ``size`` bytes;
        empty at the end. Raises ``Purged`` where ``after`` lies before the horizon."""
        ...

    def last(self, topic: str) -> int:
        """Position of the newest entry, 0 where there is none."""
        ...

    def wait(self, after: Mapping[str, int], timeout: float) -> bool:
        """Sleep until any topic has entries after its given position; False on time-out (s)."""
        ...


class Purged(LookupError):
    """Entries asked for lie before the journal's horizon: rebuild from snapshot or history."""

    def __init__(self, topic: str, after: int, first: int) -> None:
        super().__init__(
            f"topic {topic}: entries after {after} are gone, the first kept is {first}; "
            "rebuild from a snapshot or from history"
        )
        self.topic, self.after, self.first = topic, after, first
