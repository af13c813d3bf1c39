"""Reading alarms and reports into cases, each fact exactly once.

The effects of a batch of facts and how far the topics were read are one commit. A fact that cannot
be worked with is kept with its error and passed over; a full disk is waited out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from sqlalchemy import insert

from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.encoding import decode
from tianmu.facts.report import Report
from tianmu.facts.topic import ALARM, REPORT
from tianmu.manage.desk import season
from tianmu.manage.desk.desk import Desk
from tianmu.manage.desk.reckon import reckon
from tianmu.manage.desk.upgraded import upgrade
from tianmu.manage.desk.work import Work
from tianmu.manage.hazard import reckon as hazard_reckon
from tianmu.manage.hazard import table as hazard_table
from tianmu.manage.kept import older
from tianmu.manage.kept import search as case_search
from tianmu.manage.kept import table as case_table
from tianmu.manage.merging.bridge import bridge
from tianmu.store.disk import DiskFull
from tianmu.store.journal.contract import Entry, Journal
from tianmu.store.records import Records, Transaction

if TYPE_CHECKING:
    from tianmu.city.city import City

T = TypeVar("T")
Told: TypeAlias = tuple[str, Entry]
"""a topic, and a fact of it"""
log = logging.getLogger(__name__)

READER = "manage"
TOPICS = (ALARM.name, REPORT.name)
BATCH = 1024
"""facts of one transaction: many share one commit, and none keeps a command waiting for long"""


@dataclass(frozen=True)
class Lag:
    """How far behind a topic the room is."""

    topic: str
    entries: int


class Reader:
    """The loop over the topics and the clocks. ``job`` is how any other change is made."""

    def __init__(
        self,
        records: Records,
        journal: Journal,
        desk: Desk,
        clock: Callable[[], int],
        *,
        leaps: bool = False,
    ) -> None:
        """``leaps``: the clock is moved on by a drill, and each limit is attended to at its own
        time as if nothing had been leapt over."""
        self.records, self.journal, self.clock = records, journal, clock
        self._leaps = leaps
        self._desk = desk
        self._read: dict[str, int] = dict.fromkeys(TOPICS, 0)
        self._ahead: tuple[dict[str, int], list[Told]] = ({}, [])
        """positions, and what was read after them while what comes before was written"""
        self._next_due = 0
        self._older = False
        self.failed = 0

    def start(self) -> None:
        """Make the tables, read what is open and how far the topics were read."""
        self.records.create(
            case_table.metadata,
            room="manage",
            migrations=older.MIGRATIONS,
        )

        self.records.transact(lambda tx: case_search.make(tx.connection))

        def look(tx: Transaction) -> tuple[dict[str, int], int]:
            self._desk.load(tx.connection)
            return {topic: tx.position(READER, topic) for topic in TOPICS}, self._desk.due.next_at

        self._read, self._next_due = self.records.transact(look)
        self._older = self.records.read(older.waits)
        self.records.create(hazard_table.metadata, room="hazard")
        self._work(upgrade)
        self._reckon()

    def set_city(self, city: City) -> None:
        """Another pack (or another roster) is in force from the next change on; limits that run
        follow its calendar."""

        def job(tx: Transaction) -> None:
            self._desk.set_city(city)
            self._desk.load(tx.connection)

        self.records.transact(job)
        self._reckon()

    def _reckon(self) -> None:
        """Limits that run, of cases and of hazards, by the calendar in force."""
        self._work(reckon)
        self.records.transact(lambda tx: hazard_reckon.reckon(tx, self._desk.city, self.clock()))

    def set_roster(self, city: City) -> None:
        """Other persons are on duty from the next change on."""
        self.records.transact(lambda tx: self._desk.set_roster(city, tx.connection))

    def step(self, timeout: float = 1.0) -> int:
        """Work through what is there; if nothing is, sleep until something comes, a clock runs to
        a mark, or ``timeout`` (s). How many facts and clocks were attended to. Raises ``DiskFull``
        where nothing can be written: call again later, nothing is lost."""
        done = self._facts()
        now = self.clock()
        if self._next_due and self._next_due <= now:
            done += self._work(self._tick)
        if not done and self._older:
            self._older = self.records.transact(lambda tx: older.some(tx.connection))
            return 1
        if not done:
            wait = timeout
            if self._next_due:
                wait = min(wait, max(0.0, (self._next_due - now) / 1e6))
            self.journal.wait(self._read, wait)
        return done

    def _tick(self, work: Work) -> int:
        if self._leaps:
            work.now = self._next_due
        return work.tick(work.now)

    def run(self, stop: threading.Event, timeout: float = 1.0) -> None:
        """``step`` until ``stop``; a full disk is waited out."""
        while not stop.is_set():
            try:
                self.step(timeout)
            except DiskFull as error:
                log.warning("manage waits: %s", error)
                stop.wait(1.0)

    def lag(self) -> list[Lag]:
        """How many positions each topic is ahead of what was read."""
        return [
            Lag(topic, max(0, self.journal.last(topic) - read))
            for topic, read in self._read.items()
        ]

    def behind(self) -> bool:
        """Whether more waits of a topic than one commit takes in."""
        return any(one.entries > BATCH for one in self.lag())

    def _facts(self) -> int:
        after, batch = self._ahead
        self._ahead = ({}, [])
        if after != self._read or not batch:  # where nothing followed, something may by now
            batch = self._next(self._read)
        if not batch:
            return 0
        written = self._write(batch)
        try:
            if len(batch) >= BATCH:  # more waits: it is read while this is written
                behind = self._behind(batch)
                self._ahead = behind, self._next(behind)
        finally:
            self._settle(batch, written)
        return len(batch)

    def _next(self, read: Mapping[str, int]) -> list[Told]:
        """What comes after these positions, in the order in which it was told."""
        batch: list[Told] = []
        for topic in TOPICS:
            entries = self.journal.read(topic, read[topic], entries=BATCH)
            batch += [(topic, entry) for entry in entries]
        batch.sort(key=lambda one: (one[1].at, one[1].position))
        return batch

    def _behind(self, batch: Sequence[Told]) -> dict[str, int]:
        """How far the topics are read once ``batch`` is."""
        read = dict(self._read)
        for topic, entry in batch:
            read[topic] = max(read[topic], entry.position)
        return read

    def _write(self, batch: Sequence[Told]) -> Future[None]:
        before, behind = self._read, self._behind(batch)

        def take(work: Work) -> None:
            facts = [(entry, decode(entry.payload)) for _, entry in batch]
            work.look(
                [fact.alarm for _, fact in facts if isinstance(fact, AlarmEvent)],
                [fact.report for _, fact in facts if isinstance(fact, Report)],
            )
            for entry, fact in facts:
                if isinstance(fact, AlarmEvent):
                    work.alarm(fact)
                elif isinstance(fact, Report):
                    work.report(fact, entry.position)
            for topic, position in behind.items():
                if position > before[topic]:
                    work.tx.advance(READER, topic, position)

        return self.records.write(self.job(take))

    def _settle(self, batch: Sequence[Told], written: Future[None]) -> None:
        """Wait until the batch is on disk; one that failed is tried fact by fact."""
        try:
            written.result()
        except DiskFull:
            raise
        except Exception:
            log.exception("a batch of %d facts failed; each is tried alone", len(batch))
            for one in batch:
                self._take_alone(one)
        else:
            self._read = self._behind(batch)

    def _take_alone(self, one: tuple[str, Entry]) -> None:
        try:
            self._write([one]).result()
            self._read = self._behind([one])
        except DiskFull:
            raise
        except Exception as error:
            topic, entry = one
            log.exception("%s at %d cannot be worked with; it is kept", topic, entry.position)
            row = {
                "topic": topic,
                "position": entry.position,
                "at": self.clock(),
                "error": f"{type(error).__name__}: {error}"[:500],
                "payload": entry.payload,
            }

            def skip(tx: Transaction) -> None:
                tx.connection.execute(insert(case_table.unread).values(row))
                tx.advance(READER, topic, entry.position)

            self.records.transact(skip)
            self._read = {**self._read, topic: entry.position}
            self.failed += 1

    def job(self, fn: Callable[[Work], T]) -> Callable[[Transaction], T]:
        """``fn`` as a function for ``Records.write``."""

        def job(tx: Transaction) -> T:
            work = Work(self._desk, tx)
            work.now = self.clock()
            season.watch(work)
            result = fn(work)
            work.finish()
            if work.bridges:
                more = Work(self._desk, tx)
                more.now = work.now
                bridge(more, work.bridges)
                more.finish(again=False)  # what it would find waits for the next work
            self._next_due = self._desk.due.next_at
            return result

        return job

    def _work(self, fn: Callable[[Work], T]) -> T:
        return self.records.transact(self.job(fn))
