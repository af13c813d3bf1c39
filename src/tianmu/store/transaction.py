"""What a writing function is given: the tables, the topics and the read positions of its file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tianmu.facts import clock
from tianmu.facts.topic import TOPICS
from tianmu.store import rows
from tianmu.store.journal.contract import Appended
from tianmu.store.journal.topics import Topics, shorten

if TYPE_CHECKING:
    import sqlalchemy

_ENTRY = ("position", "topic", "at", "payload")
_INSERT = "INSERT INTO journal_entry (position, topic, at, payload) VALUES (?, ?, ?, ?)"
_PAYLOAD = "SELECT payload FROM journal_entry WHERE position = ?"
_SEEN = (
    "SELECT position FROM journal_seen0 WHERE topic = ? AND key = ?",
    "SELECT position FROM journal_seen1 WHERE topic = ? AND key = ?",
)
_SEE = (
    "INSERT INTO journal_seen0 (topic, key, position) VALUES (?, ?, ?)",
    "INSERT INTO journal_seen1 (topic, key, position) VALUES (?, ?, ?)",
)


class Transaction:
    """The writer thread's transaction. Valid only while the function it was given to runs."""

    def __init__(self, connection: Any, topics: Topics) -> None:
        self._raw = connection
        self._cursor = connection.cursor()
        self._topics = topics
        self._woken: set[str] = set()
        self._now = 0
        self._engine: sqlalchemy.Engine | None = None
        self._core: sqlalchemy.Connection | None = None

    @property
    def connection(self) -> sqlalchemy.Connection:
        """SQLAlchemy Core inside this transaction; never commit or roll back by it."""
        if self._core is None:
            if self._engine is None:
                from tianmu.store.engine import writing_engine

                self._engine = writing_engine(self._raw)
            self._core = self._engine.connect()
        return self._core

    @property
    def raw(self) -> Any:
        """The DBAPI connection, for statements that run thousands of times a second."""
        return self._raw

    @property
    def now(self) -> int:
        """µs: the time all entries of this commit carry."""
        return self._now

    def append(self, topic: str, payload: bytes, key: bytes | None = None) -> Appended:
        """Append an entry; readers waiting for the topic are woken after the commit.

        A ``key`` seen before on this topic writes nothing and gives the first one's position.
        """
        if key is not None:
            first = self.seen(topic, key)
            if first is not None:
                return Appended(first, True)
        topics = self._topics
        number = topics.number(topic)
        position = topics.head = topics.head + 1
        self._cursor.execute(_INSERT, (position, number, self._now, payload))
        self._woken.add(topic)
        if key is not None:
            self.see(topic, (key,), position)
        return Appended(position, False)

    def append_all(self, topic: str, payloads: Sequence[bytes]) -> range:
        """Append entries without keys, one after the other; their positions."""
        topics, now = self._topics, self._now
        number = topics.number(topic)
        positions = range(topics.head + 1, topics.head + 1 + len(payloads))
        entries = [(at, number, now, one) for at, one in zip(positions, payloads, strict=True)]
        rows.insert(self._raw, "journal_entry", _ENTRY, entries)
        topics.head += len(payloads)
        if payloads:
            self._woken.add(topic)
        return positions

    def entry(self, position: int) -> bytes:
        """The payload of an entry of this file, of this commit too; ``LookupError`` where there is
        none, or none any more."""
        row = self._cursor.execute(_PAYLOAD, (position,)).fetchone()
        if row is None:
            raise LookupError(f"there is no entry at position {position}")
        return bytes(row[0])

    def seen(self, topic: str, key: bytes) -> int | None:
        """Position of the entry that ``key`` on ``topic``; None where there is none."""
        topics, key = self._topics, shorten(key)
        number = topics.number(topic)
        for generation in (topics.generation, 1 - topics.generation):
            row = self._cursor.execute(_SEEN[generation], (number, key)).fetchone()
            if row is not None:
                return int(row[0])
        return None

    def see(self, topic: str, keys: Iterable[bytes], position: int) -> None:
        """Remember keys, none of them seen before, as those of the entry at ``position``: an entry
        that holds what several senders sent has several."""
        topics = self._topics
        number = topics.number(topic)
        seen = [(number, shorten(key), position) for key in keys]
        self._cursor.executemany(_SEE[topics.generation], seen)
        topics.rows += len(seen)

    def position(self, reader: str, topic: str) -> int:
        """How far ``reader`` has read ``topic``; 0 at first."""
        row = self._cursor.execute(
            "SELECT position FROM journal_reader WHERE reader = ? AND topic = ?", (reader, topic)
        ).fetchone()
        return int(row[0]) if row else 0

    def advance(self, reader: str, topic: str, position: int) -> None:
        """``reader`` has read ``topic`` up to ``position``, in the same commit as what it wrote.

        Raises ``ValueError`` when that would go backwards.
        """
        if topic not in TOPICS:
            raise KeyError(f"unknown topic {topic!r}: topics are those of facts/topic.py")
        before = self.position(reader, topic)
        if position < before:
            raise ValueError(f"{reader} has read {topic} up to {before}, not only {position}")
        self._cursor.execute(
            "INSERT INTO journal_reader (reader, topic, position) VALUES (?, ?, ?)"
            " ON CONFLICT (reader, topic) DO UPDATE SET position = excluded.position",
            (reader, topic, position),
        )

    def drop(self, topic: str, upto: int) -> int:
        """Purge entries of ``topic`` up to position ``upto``; how many went. Readers behind it
        get ``Purged``: see ``store/purge.py`` for who must have passed them."""
        number = self._topics.number(topic)
        self._cursor.execute(
            "DELETE FROM journal_entry WHERE topic = ? AND position <= ?", (number, upto)
        )
        gone = int(self._cursor.rowcount)
        self._cursor.execute(
            "UPDATE journal_topic SET horizon = max(horizon, ?) WHERE id = ?", (upto, number)
        )
        return gone

    # used by Records alone

    def begin(self) -> None:
        self._now = clock.now()
        self._woken.clear()
        self._cursor.execute("BEGIN IMMEDIATE")
        self._topics.turn(self._now)

    def savepoint(self) -> None:
        self._cursor.execute("SAVEPOINT one")

    def release(self) -> None:
        self._cursor.execute("RELEASE one")
        self.release_core()

    def release_core(self) -> None:
        """A function is done: what it left open in Core is closed."""
        if self._core is not None and self._core.in_nested_transaction():
            self._drop_core()

    def undo(self) -> None:
        """Roll back what the last function did, and nothing else."""
        self._drop_core()
        self._cursor.execute("ROLLBACK TO one")
        self._cursor.execute("RELEASE one")
        self._topics.forget_new()

    def reusable(self) -> int:
        """Bytes of the file that hold nothing."""
        free = self._cursor.execute("PRAGMA freelist_count").fetchone()[0]
        size = self._cursor.execute("PRAGMA page_size").fetchone()[0]
        return int(free * size)

    def alive(self) -> bool:
        """Whether SQLite has not rolled back the whole transaction by itself."""
        return bool(self._raw.in_transaction)

    def commit(self) -> set[str]:
        """Commit to disk; the topics that have news."""
        self._cursor.execute("COMMIT")
        return self._woken

    def abandon(self) -> None:
        """Roll back all of it, if SQLite has not done so already."""
        self._drop_core()
        with contextlib.suppress(Exception):
            if self._raw.in_transaction:
                self._cursor.execute("ROLLBACK")
        with contextlib.suppress(Exception):
            self._topics.reload()

    def _drop_core(self) -> None:
        """A failed function may leave Core's connection in a state of its own: take a new one."""
        if self._core is not None:
            with contextlib.suppress(Exception):
                self._core.close()
            self._core = None

    def close(self) -> None:
        self._drop_core()
        if self._engine is not None:
            self._engine.dispose()
