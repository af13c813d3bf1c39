"""What a writer keeps in memory of its journal: topic numbers, the head, the generations of keys.

Keys of appends are remembered in two tables in turn: both are looked up, the current one is
written; when it is old or large the other one is emptied and becomes current. So a key is
remembered for at least ``KEEP_KEYS_US`` (unless more than ``KEEP_KEYS_ROWS`` came meanwhile), and
forgetting costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

KEEP_KEYS_US = 12 * 3600 * 1_000_000
"""µs (default, to be set by the city)"""
KEEP_KEYS_ROWS = 8_000_000
_KEY = 32
_COUNT = ("SELECT count(*) FROM journal_seen0", "SELECT count(*) FROM journal_seen1")
_CLEAR = ("DELETE FROM journal_seen0", "DELETE FROM journal_seen1")


class Topics:
    """State of the writer; changed only inside its transactions, put back when they roll back."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._numbers: dict[str, int] = {}
        self.head = 0
        self.reload()
        self.rows: int = connection.execute(_COUNT[self.generation]).fetchone()[0]

    def reload(self) -> None:
        """As the file has it; the head never goes back: gaps are allowed, positions given twice
        are not."""
        self.forget_new()
        execute = self._connection.execute
        head = execute("SELECT max(position) FROM journal_entry").fetchone()[0]
        horizon = execute("SELECT max(horizon) FROM journal_topic").fetchone()[0]
        self.head = max(self.head, head or 0, horizon or 0)
        settings = dict(execute("SELECT name, value FROM journal_setting"))
        self.generation: int = settings.get("generation", 0)
        self.since: int = settings.get("since", 0)

    def name(self, topics: Sequence[str]) -> None:
        """Give these topics their numbers before anything is appended: a reader asks for the number
        of a topic at every look until there is one. Outside a transaction."""
        if not self._numbers.keys() >= set(topics):
            self._connection.executemany(
                "INSERT INTO journal_topic (name) VALUES (?) ON CONFLICT (name) DO NOTHING",
                [(topic,) for topic in topics],
            )
            self.forget_new()

    def names(self) -> list[str]:
        return list(self._numbers)

    def number(self, topic: str) -> int:
        """The topic's number in this file, given on its first append."""
        number = self._numbers.get(topic)
        if number is None:
            cursor = self._connection.execute(
                "INSERT INTO journal_topic (name) VALUES (?)", (topic,)
            )
            number = self._numbers[topic] = int(cursor.lastrowid)
        return number

    def forget_new(self) -> None:
        """After a rollback of one function: topics are as the transaction has them."""
        self._numbers = {
            name: number
            for number, name in self._connection.execute("SELECT id, name FROM journal_topic")
        }

    def turn(self, now: int) -> None:
        """Forget old keys when it is time; inside a transaction."""
        if self.since and now - self.since < KEEP_KEYS_US and self.rows < KEEP_KEYS_ROWS:
            return
        if self.since:
            self.generation = 1 - self.generation
            self._connection.execute(_CLEAR[self.generation])
            self.rows = 0
        self.since = now
        self._connection.executemany(
            "INSERT INTO journal_setting (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [("generation", self.generation), ("since", self.since)],
        )


def shorten(key: bytes) -> bytes:
    """Keys longer than 32 bytes are remembered by their BLAKE2b-256 digest."""
    return key if len(key) < _KEY else hashlib.blake2b(key, digest_size=_KEY).digest()
