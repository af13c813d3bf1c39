"""One process's SQLite file: its output topics, its tables and its read positions, in one commit.

All writing goes through one thread, which takes what has queued up, runs each function in a
savepoint of its own, commits once (one fsync for all) and then resolves the futures: acknowledged
means on disk. Reading goes on beside it, from any thread and from other processes.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import fcntl
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tianmu.facts.topic import TOPICS
from tianmu.store.disk import RESERVE_FIRST, REUSE, DiskFull, free_bytes, is_full, reserve_of
from tianmu.store.journal.file import connect, migrate
from tianmu.store.journal.topics import Topics
from tianmu.store.journal.wake import Waker
from tianmu.store.transaction import Transaction

if TYPE_CHECKING:
    import sqlalchemy

__all__ = ["AlreadyOpen", "DiskFull", "Records", "Transaction"]

T = TypeVar("T")

_POSITIONS = "SELECT reader, topic, position FROM journal_reader"
_POSITION = "SELECT position FROM journal_reader WHERE reader = ? AND topic = ?"
GROUP = 512
"""most functions in one commit"""
TOGETHER = 16
"""functions that are worth a commit of their own, however soon after the one before"""


class AlreadyOpen(OSError):
    """Another process writes this file: each file has one writer."""


class _Work(Generic[T]):
    """A function to run in the writer thread, and who waits for its result."""

    __slots__ = ("error", "fn", "future", "loop", "result", "urgent")

    def __init__(
        self,
        fn: Callable[[Transaction], T],
        future: concurrent.futures.Future[T] | asyncio.Future[T],
        loop: asyncio.AbstractEventLoop | None,
        urgent: bool = False,
    ) -> None:
        self.fn, self.future, self.loop, self.urgent = fn, future, loop, urgent
        self.result: T
        self.error: BaseException | None = None

    def settle(self) -> None:
        """Tell who waits; called in the event loop for asyncio futures."""
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def position_of(connection: sqlalchemy.Connection, reader: str, topic: str) -> int:
    """How far a reader has read a topic, as the connection sees it."""
    row = connection.exec_driver_sql(_POSITION, (reader, topic)).fetchone()
    return int(row[0]) if row else 0


class Records:
    """A SQLite file with journal topics, tables and read positions.

    ``reserve`` is how many bytes must stay free on its disk (default: by its name, see ``disk``);
    below it writes raise ``DiskFull``, unless the file has room within itself. ``pace``: seconds
    between commits that hold little, so that a steady trickle is written, and read by whoever is
    woken, in fewer pieces; what comes alone is written at once all the same.
    Raises ``AlreadyOpen`` where another writer has the file, ``Unusable`` where the library or
    the file cannot be trusted, ``FileNotFoundError`` for a read-only file that is not there yet.
    """

    def __init__(
        self,
        path: Path,
        *,
        readonly: bool = False,
        reserve: int | None = None,
        pace: float = 0.0,
    ) -> None:
        self.path = Path(path)
        self._pace = pace
        self._committed_at = 0.0
        self._crowd = threading.Event()
        self.readonly = readonly
        self.reserve = reserve_of(self.path.stem) if reserve is None else reserve
        self._engine: sqlalchemy.Engine | None = None
        self._engine_lock = threading.Lock()
        self._glance: Any = None
        self._glance_lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Work[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._close_lock = threading.Lock()
        if readonly:
            connect(self.path, readonly=True).close()
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock_file = self._lock()
        try:
            self._connection = connect(self.path, readonly=False)
            migrate(self._connection, self.path)
            self._topics = Topics(self._connection)
            self._topics.name([t.name for t in TOPICS.values() if t.file == self.path.stem])
            self._transaction = Transaction(self._connection, self._topics)
            self._waker = Waker(self.path.parent)
        except BaseException:
            os.close(self._lock_file)
            raise
        # whoever slept while the last writer died between commit and wake
        self._waker.wake(self._topics.names())
        self._thread = threading.Thread(
            target=self._run, name=f"records-{self.path.stem}", daemon=True
        )
        self._thread.start()

    def _lock(self) -> int:
        descriptor = os.open(
            self.path.with_name(self.path.name + ".writer"),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
            0o640,
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise AlreadyOpen(
                error.errno,
                "another process writes this file: stop the city that runs on this data folder, "
                "or give this one another --data",
                str(self.path),
            ) from error
        return descriptor

    # reading

    @property
    def engine(self) -> sqlalchemy.Engine:
        """SQLAlchemy Core over read-only connections; writing goes through ``write`` alone."""
        with self._engine_lock:
            if self._engine is None:
                from tianmu.store.engine import reading_engine

                self._engine = reading_engine(self.path)
            return self._engine

    def read(self, fn: Callable[[sqlalchemy.Connection], T]) -> T:
        """``fn`` of a connection that sees one snapshot; any thread. Nothing it writes is kept."""
        with self.engine.connect() as connection:
            try:
                return fn(connection)
            finally:
                connection.rollback()

    def positions(self) -> dict[tuple[str, str], int]:
        """(reader, topic) → how far it has read."""
        with self._glance_lock:
            if self._glance is None:
                self._glance = connect(self.path, readonly=True)
            rows = self._glance.execute(_POSITIONS).fetchall()
        return {(reader, topic): position for reader, topic, position in rows}

    # writing

    @property
    def queued(self) -> int:
        """Functions waiting for the writer thread: a caller that sees it grow should slow down."""
        return self._queue.qsize()

    def create(
        self,
        metadata: sqlalchemy.MetaData,
        *,
        room: str = "",
        migrations: Sequence[Callable[[sqlalchemy.Connection], None]] = (),
    ) -> None:
        """Make missing tables, indexes and columns (nullable or with a server default).

        ``migrations[n]`` takes the tables of ``room`` from version n to n + 1 before that; a new
        file starts at the newest version. Raises ``Unusable`` if the file is newer than we are.
        """
        from tianmu.store.schema import bring_up

        self.transact(lambda tx: bring_up(tx.connection, metadata, room, migrations))

    def write(
        self, fn: Callable[[Transaction], T], *, urgent: bool = False
    ) -> concurrent.futures.Future[T]:
        """Run ``fn`` in the writer thread; the future resolves once its commit is on disk.

        A raising ``fn`` rolls back only itself. The future raises ``DiskFull`` where there was no
        room: then nothing of it was written. ``urgent`` is for what makes room.
        """
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._put(_Work(fn, future, None, urgent))
        return future

    def write_async(self, fn: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """``write`` for the running event loop, which is woken once per commit and not once per
        function."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._put(_Work(fn, future, loop))
        return future

    def transact(self, fn: Callable[[Transaction], T], *, urgent: bool = False) -> T:
        """``write`` and wait for it."""
        return self.write(fn, urgent=urgent).result()

    def _put(self, work: _Work[Any]) -> None:
        with self._close_lock:
            if self.readonly or self._closed:
                raise RuntimeError(
                    f"{self.path} is {'open read-only' if self.readonly else 'closed'}"
                )
            self._queue.put(work)
        if self._pace and (work.urgent or self._queue.qsize() >= TOGETHER):
            self._crowd.set()

    def close(self) -> None:
        """Write what is queued, then close."""
        with self._close_lock:
            if self._closed:
                return
            self._closed = True
            if not self.readonly:
                self._queue.put(None)
                self._crowd.set()
        if not self.readonly:
            self._thread.join()
            self._transaction.close()
            self._connection.close()
            self._waker.close()
            os.close(self._lock_file)
        with self._engine_lock:
            if self._engine is not None:
                self._engine.dispose()
        with self._glance_lock:
            if self._glance is not None:
                self._glance.close()
                self._glance = None

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # the writer thread

    def _run(self) -> None:
        ending = False
        while not ending:
            work = self._queue.get()
            self._await_company()
            group: list[_Work[Any]] = []
            while True:
                if work is None:
                    ending = True
                elif not isinstance(work.future, concurrent.futures.Future) or (
                    work.future.set_running_or_notify_cancel()
                ):
                    group.append(work)
                if ending or len(group) >= GROUP:
                    break
                try:
                    work = self._queue.get_nowait()
                except queue.Empty:
                    break
            while group:
                done = self._commit(group)
                _settle(group[:done])
                group = group[done:]
            self._committed_at = time.monotonic()

    def _await_company(self) -> None:
        """Where the last commit was a moment ago, let more come for this one."""
        left = self._committed_at + self._pace - time.monotonic()
        if left > 0 and self._queue.qsize() < TOGETHER:
            self._crowd.wait(left)
        self._crowd.clear()

    def _commit(self, group: list[_Work[Any]]) -> int:
        """Run and commit; how many of ``group`` are settled (those after it need a new commit,
        because SQLite rolled back the whole of this one)."""
        transaction = self._transaction
        done = 0
        try:
            refused = self._no_room()
            transaction.begin()
            for work in group:
                done += 1
                if refused is not None and not work.urgent:
                    work.error = refused
                elif len(group) == 1:
                    self._alone(transaction, work)
                else:
                    self._one(transaction, work)
            topics = transaction.commit()
        except BaseException as error:  # also SystemExit of a function: the thread must go on
            refusal = self._explain(error)
            transaction.abandon()
            done = done or len(group)
            for work in group[:done]:
                work.error = work.error or refusal
            return done
        if topics:
            self._waker.wake(topics)
        return done

    def _no_room(self) -> DiskFull | None:
        """Whether ordinary writes are to be refused now."""
        free = free_bytes(self.path.parent)
        if free >= self.reserve:
            return None
        inside = self._transaction.reusable()
        if inside >= REUSE and free >= RESERVE_FIRST:
            return None
        return DiskFull(self.path, free, self.reserve)

    def _alone(self, transaction: Transaction, work: _Work[Any]) -> None:
        """The only function of a commit, which is rolled back whole where it raises: to be able to
        go back to a savepoint SQLite copies every page that is changed, and large ones change
        thousands."""
        try:
            work.result = work.fn(transaction)
        except BaseException as error:
            work.error = self._explain(error)
            raise
        transaction.release_core()

    def _one(self, transaction: Transaction, work: _Work[Any]) -> None:
        transaction.savepoint()
        try:
            work.result = work.fn(transaction)
        except BaseException as error:  # also SystemExit: the thread must go on
            work.error = self._explain(error)
            if not transaction.alive():
                raise
            transaction.undo()
        else:
            transaction.release()

    def _explain(self, error: BaseException) -> BaseException:
        if isinstance(error, DiskFull) or not is_full(error):
            return error
        refusal = DiskFull(self.path, free_bytes(self.path.parent), self.reserve)
        refusal.__cause__ = error
        return refusal


def _settle(group: list[_Work[Any]]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[_Work[Any]]] = {}
    for work in group:
        if work.loop is None:
            work.settle()
        else:
            loops.setdefault(work.loop, []).append(work)
    for loop, works in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(_settle_here, works)


def _settle_here(works: list[_Work[Any]]) -> None:
    for work in works:
        work.settle()
