"""The journal on SQLite files: the reading side, for any process of the city."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2

from tianmu.facts.topic import TOPICS
from tianmu.store.journal.contract import Entry, Purged
from tianmu.store.journal.file import connect
from tianmu.store.journal.wake import Sleeper

_READ = (
    "SELECT position, at, payload FROM journal_entry"
    " WHERE topic = ? AND position > ? ORDER BY position LIMIT ?"
)
_FIRST = "SELECT min(position) FROM journal_entry WHERE topic = ?"
_COUNT = "SELECT count(*) FROM journal_entry WHERE topic = ? AND position > ?"
_HORIZON = "SELECT horizon FROM journal_topic WHERE id = ?"
_LAST = (
    "SELECT coalesce((SELECT max(position) FROM journal_entry WHERE topic = ?1),"
    " (SELECT horizon FROM journal_topic WHERE id = ?1))"
)
"""of a topic that was let go to its end: where it had come"""


class _File:
    """A read-only connection to one file, and the numbers of its topics."""

    def __init__(self, path: Path) -> None:
        self.connection = connect(path, readonly=True)
        self.numbers: dict[str, int] = {}

    def number(self, topic: str) -> int | None:
        number = self.numbers.get(topic)
        if number is None:
            try:
                row = self.connection.execute(
                    "SELECT id FROM journal_topic WHERE name = ?", (topic,)
                ).fetchone()
            except dbapi2.OperationalError as error:
                if "no such table" in str(error):
                    return None  # its writer is just making it
                raise
            if row is None:
                return None
            number = self.numbers[topic] = row[0]
        return number


class SqliteJournal:
    """Reads every topic of the city under ``data``; never writes but for its wake socket.

    A topic whose process has not started yet is empty. Safe from several threads (calls take
    turns), except that only one may wait at a time.
    """

    def __init__(self, data: Path) -> None:
        self._data = Path(data)
        self._files: dict[str, _File] = {}
        self._sleeper: Sleeper | None = None
        self._lock = threading.RLock()

    def _open(self, topic: str) -> tuple[_File, int] | None:
        """The file of a topic and its number there; None while its process has not begun it."""
        known = TOPICS.get(topic)
        if known is None:
            raise KeyError(f"unknown topic {topic!r}: topics are those of facts/topic.py")
        file = self._files.get(known.file)
        if file is None:
            path = self._data / f"{known.file}.sqlite"
            try:
                file = self._files[known.file] = _File(path)
            except FileNotFoundError:
                return None
        number = file.number(topic)
        return None if number is None else (file, number)

    def read(
        self, topic: str, after: int, *, entries: int = 1024, size: int = 8 << 20
    ) -> Sequence[Entry]:
        """See ``Journal.read``."""
        with self._lock:
            opened = self._open(topic)
            if opened is None:
                return []
            file, number = opened
            found: list[Entry] = []
            total = 0
            cursor = file.connection.execute(_READ, (number, after, entries))
            try:
                for position, at, payload in cursor:
                    found.append(Entry(position, at, payload))
                    total += len(payload)
                    if total >= size:
                        break
            finally:
                cursor.close()
            # the horizon only rises: what was read is whole if it has not passed us by now
            horizon = self._horizon(file, number)
            if after < horizon:
                raise Purged(topic, after, self._first(file, number, horizon))
            return found

    @staticmethod
    def _first(file: _File, number: int, horizon: int) -> int:
        row = file.connection.execute(_READ, (number, horizon, 1)).fetchone()
        return int(row[0]) if row else horizon + 1

    @staticmethod
    def _horizon(file: _File, number: int) -> int:
        (horizon,) = file.connection.execute(_HORIZON, (number,)).fetchone()
        return int(horizon)

    def last(self, topic: str) -> int:
        """See ``Journal.last``."""
        return self._number(topic, _LAST)

    def first(self, topic: str) -> int:
        """Position of the oldest entry kept, 0 where there is none."""
        return self._number(topic, _FIRST)

    def count(self, topic: str, after: int) -> int:
        """How many entries come after a position, without reading them: a reader's lag."""
        return self._number(topic, _COUNT, after)

    def _number(self, topic: str, asked: str, *more: int) -> int:
        """What ``asked`` answers of a topic; 0 where it answers nothing, or its process has not
        begun it."""
        with self._lock:
            opened = self._open(topic)
            if opened is None:
                return 0
            file, number = opened
            (found,) = file.connection.execute(asked, (number, *more)).fetchone()
            return int(found or 0)

    def _news(self, after: Mapping[str, int]) -> bool:
        return any(self.last(topic) > position for topic, position in after.items())

    def _ear(self, topics: Mapping[str, int]) -> Sleeper:
        with self._lock:
            if self._sleeper is None:
                self._sleeper = Sleeper(self._data)
            self._sleeper.listen(topics)
            return self._sleeper

    def wait(self, after: Mapping[str, int], timeout: float) -> bool:
        """See ``Journal.wait``."""
        sleeper = self._ear(after)
        end = time.monotonic() + timeout
        while True:
            sleeper.drain()
            if self._news(after):
                return True
            if not sleeper.sleep(end - time.monotonic()):
                return self._news(after)

    async def wait_async(self, after: Mapping[str, int], timeout: float) -> bool:  # noqa: ASYNC109
        """``wait`` for an event loop: nothing blocks but the look at the positions (~20 µs)."""
        sleeper = self._ear(after)
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        woken = asyncio.Event()
        loop.add_reader(sleeper.fileno(), woken.set)
        try:
            while True:
                woken.clear()
                sleeper.drain()
                if self._news(after):
                    return True
                left = end - loop.time()
                if left <= 0:
                    return False
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), left)
        finally:
            loop.remove_reader(sleeper.fileno())

    def close(self) -> None:
        with self._lock:
            for file in self._files.values():
                file.connection.close()
            self._files.clear()
            if self._sleeper is not None:
                self._sleeper.close()
                self._sleeper = None

    def __enter__(self) -> SqliteJournal:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
