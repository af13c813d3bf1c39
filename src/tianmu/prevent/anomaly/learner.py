"""Anomaly detection in the running city: a reader of the journal that learns and tells.

It runs in process works, at low priority, and never stands before a fire alarm. What it found,
what people said of it and the read positions are one commit; what it has learnt lies in memory and
in snapshots, each as of read positions. After a crash it takes the newest snapshot, learns again
what the journal has since, up to what was committed, without telling it again, and goes on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tianmu.facts.case import CaseEvent
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import decode, encode
from tianmu.facts.finding import FOUND, MISSED, READER
from tianmu.facts.topic import CASE, DEED, FINDING, OBSERVATION, OBSERVATION_LIFE
from tianmu.prevent.anomaly import record as tables
from tianmu.prevent.anomaly.band import ready, usual
from tianmu.prevent.anomaly.book import WITHDRAWN, Book, Drained, write
from tianmu.prevent.anomaly.judging import Begun, Ended, Judge
from tianmu.prevent.anomaly.layout import EXACT, SMALL
from tianmu.prevent.anomaly.learnt import Learnt
from tianmu.prevent.anomaly.watched import NOT, Watched
from tianmu.prevent.kernel.reading import read
from tianmu.store.journal.contract import Entry, Journal, Purged
from tianmu.store.records import DiskFull, Records

if TYPE_CHECKING:
    from tianmu.city.city import City
    from tianmu.store.registry import Registry

log = logging.getLogger("tianmu.prevent")

S = 1_000_000
LIFE, MAIN, DEEDS, CASES = OBSERVATION_LIFE.name, OBSERVATION.name, DEED.name, CASE.name
TOPICS = (LIFE, MAIN, DEEDS, CASES)
COMMIT = S
"""µs: positions without effect are committed no more often"""
SNAPSHOT = 600 * S
DAY = 86_400 * S
MOVES_KEPT = 2 * DAY
"""far longer than the oldest snapshot that is still there stands"""
QUICK = 200_000
"""rows whose snapshot takes about a second"""
GATHER_S = 1.0
"""after all was read, so that a flood of small entries is read in large pieces"""
MANY, LARGE = 4096, 8 << 20
"""entries, and bytes of them, that one reading takes"""


class Learner:
    """Call ``start`` once, then ``step`` for as long as it is to run, then ``close``.

    ``follow`` gives the registry as it is now; ``clock`` µs since the epoch; ``kept_days``: for how
    long what was told and has ended is kept, 0: for ever. All calls from one thread.
    """

    def __init__(
        self,
        records: Records,
        journal: Journal,
        follow: Callable[[], Registry],
        city: City,
        data: Path,
        clock: Callable[[], int],
        *,
        snapshot: int = SNAPSHOT,
        kept_days: int = 0,
    ) -> None:
        self._records, self._journal, self._follow, self._clock = records, journal, follow, clock
        self._data, self._every, self._kept = data, snapshot, kept_days * DAY
        self._heeding = ("", 0)
        """topic and position of what people said"""
        self.watched = Watched(city)
        self.positions = dict.fromkeys(TOPICS, 0)
        self._committed: dict[str, int] = {}
        self._committed_at = self._saved_at = 0
        self._pending: tuple[Drained, dict[str, int], dict[str, int], list[int]] | None = None
        self._told_kinds: list[int] = []
        self.full = False
        """the latest step read as much as it may: there is more"""

    # starting

    def start(self) -> None:
        """Where this fails nothing is left open: it can be tried for as long as it takes."""
        self._records.create(tables.METADATA, room=tables.ROOM)
        self.positions = self._records.transact(
            lambda tx: {topic: tx.position(READER, topic) for topic in TOPICS}
        )
        self._committed = dict(self.positions)
        self.learnt = Learnt(self._data)
        try:
            self._begin()
        except BaseException:
            self.learnt.close()
            raise

    def _begin(self) -> None:
        self.judge = Judge(self.learnt, self.watched)
        self.book = Book(
            self.watched,
            name=lambda number: self._follow().datastream(number),
            find=lambda name, since: self._records.read(lambda c: tables.find(c, name, since)),
            members=lambda case: self._records.read(lambda c: tables.members(c, case)),
            move=self._move,
        )
        self.book.policies = self._records.read(tables.policies)
        self.watched.follow(self._follow())
        _warm()
        after = self.learnt.load(self._committed, self.watched.clock(self._clock()))
        self.judge.count_kinds()
        self._replay(after)
        for number, by in self._records.read(lambda c: tables.moved_since(c, after)):
            self.judge.move(number, by)
        self.judge.counts.clear()
        now = self._clock()
        self._take_over(now)
        self._saved_at = now
        self._commit(now, force=True)

    def _replay(self, after: dict[str, int]) -> None:
        """Learn again what lies between the snapshot and what was committed; it was told then."""
        for topic in (LIFE, MAIN):
            position, end = after.get(topic, 0), self._committed[topic]
            while position < end:
                try:
                    entries = self._journal.read(topic, position)
                except Purged as purged:
                    log.warning("%s; what is learnt begins with the first that is kept", purged)
                    position = purged.first - 1
                    continue
                entries = [entry for entry in entries if entry.position <= end]
                if not entries:
                    break
                rates = self.book.rates(self.judge.by_kind, entries[-1].at)
                clock = self.watched.clock(entries[-1].at)
                self.judge.run(read(topic, entries).columns, rates, clock=clock, tell=False)
                position = entries[-1].position

    def _take_over(self, now: int) -> None:
        """The alarms that were told stand; those of what is no longer watched end."""
        told = []
        for record in self._records.read(tables.standing):
            self.book.standing[record.number] = record
            row = self.learnt.row_of(record.number)
            watched = record.number < len(self.watched.group)
            if row < 0 or not watched or self.watched.group[record.number] == NOT:
                value = float("nan") if record.value is None else record.value
                gone = Ended(record.number, record.since, value)
                self.book.ended(gone, now, WITHDRAWN)
                continue
            self.judge.standing.add(record.number)
            told.append(row)
        self.learnt.agree(np.array(told, np.int64))

    # one step

    def step(self, timeout: float = 1.0) -> bool:
        """Read, judge and write once; sleep up to ``timeout`` seconds where there is nothing.
        Whether anything was read. Raises ``DiskFull``: the same is then written by the next."""
        if self._pending is not None:
            self._write()
        self.full = False
        worked = self._heed()
        for topic in (LIFE, MAIN):
            worked |= self._observe(topic)
        now = self._clock()
        self._commit(now)
        if now - self._saved_at >= self._every:
            self.save()
        if not worked:
            worked = self._journal.wait(self.positions, timeout)
        return worked

    def _entries(self, topic: str) -> Sequence[Entry]:
        try:
            found = self._journal.read(topic, self.positions[topic], entries=MANY, size=LARGE)
        except Purged as purged:
            log.error("%s; going on from the first that is kept", purged)
            self.positions[topic] = purged.first - 1
            found = self._journal.read(topic, self.positions[topic], entries=MANY, size=LARGE)
        self.full |= len(found) == MANY or sum(len(one.payload) for one in found) >= LARGE
        return found

    def _observe(self, topic: str) -> bool:
        entries = self._entries(topic)
        if not entries:
            return False
        columns = read(topic, entries).columns
        if len(columns.datastream) and columns.datastream.max() >= len(self.watched.group):
            self.watched.follow(self._follow())
        now = self._clock()
        rates = self.book.rates(self.judge.by_kind, now)
        clock = self.watched.clock(entries[-1].at)
        for found in self.judge.run(columns, rates, clock=clock):
            if isinstance(found, Begun):
                self.book.begun(found, now)
            else:
                self.book.ended(found, now)
        self.positions[topic] = entries[-1].position
        return True

    def _heed(self) -> bool:
        """What people did: to alarms, to cases."""
        worked = False
        for topic in (DEEDS, CASES):
            for entry in self._entries(topic):
                fact = decode(entry.payload)
                self._heeding = topic, entry.position
                if isinstance(fact, CaseEvent):
                    self.book.case(fact)
                elif isinstance(fact, Deed) and fact.verb in (FOUND, MISSED):
                    self.watched.follow(self._follow())
                    self.book.deed(fact, self._number)
                self.positions[topic] = entry.position
                worked = True
        return worked

    def _move(self, number: int, by: int) -> None:
        self.judge.move(number, by)
        topic, position = self._heeding
        self.book.out.moves.append(
            {"topic": topic, "position": position, "at": self._clock(), "number": number, "by": by}
        )

    def _number(self, name: str) -> int | None:
        index = int(self._follow().datastream_index([name])[0])
        return index if index < len(self.watched.group) else None

    # writing

    def _commit(self, now: int, *, force: bool = False) -> None:
        """What has effect at once, positions alone once in a while."""
        moved = self.positions != self._committed
        due = force or now - self._committed_at >= COMMIT
        if not self.book.out and not (moved and due):
            return
        counts, self.judge.counts = self.judge.counts, {}
        self._pending = self.book.drain(), dict(self.positions), counts, list(self.judge.by_kind)
        self._committed_at = now
        self._write()

    def _write(self) -> None:
        if self._pending is None:
            return
        drained, positions, counts, kinds = self._pending
        learnt = [*zip(self.watched.kinds, kinds, strict=True)] if kinds != self._told_kinds else []

        def change(tx: Any) -> None:
            for finding in drained.findings:
                tx.append(FINDING.name, encode(finding))
            if drained:
                write(tx.connection, drained)
            tx.raw.executemany(_ADD, [(name, n) for name, n in counts.items()])
            tx.raw.executemany(_LEARNT, learnt)
            for topic, position in positions.items():
                if position != self._committed.get(topic):
                    tx.advance(READER, topic, position)

        self._records.transact(change)
        self._pending, self._committed, self._told_kinds = None, positions, kinds

    def save(self) -> None:
        """A snapshot of what was learnt, as of the committed positions."""
        self._commit(self._clock(), force=True)
        self._saved_at = self._clock()
        try:
            self.learnt.save(self._committed)
        except OSError as error:
            log.error("what was learnt is not saved, the snapshot before stays: %s", error)
        before = self._saved_at - self._kept if self._kept else 0
        moves = self._saved_at - MOVES_KEPT
        gone = self._records.transact(lambda tx: tables.prune(tx.connection, before, moves))
        if gone:
            log.info("%d anomalies told before are let go of: the pack keeps them no longer", gone)

    def abandon(self) -> None:
        """Let go of all that is not on disk: after a step that failed half way, what is in memory
        is of no read positions; who starts next learns it again from those that were committed."""
        self.learnt.close()

    def close(self) -> None:
        """Write what is left, with a last snapshot where that is quickly done: else what came
        since the one before is learnt again."""
        if self._pending is not None:
            self._write()
        if self.learnt.rows <= QUICK:
            self.save()
        else:
            self._commit(self._clock(), force=True)
        self.learnt.close()


_ADD = (
    f"INSERT INTO {tables.TOTAL.name} (name, value) VALUES (?, ?)"  # noqa: S608 - our table
    " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
)
_LEARNT = (
    f"INSERT INTO {tables.DATASTREAMS.name} (kind, datastreams) VALUES (?, ?)"  # noqa: S608
    " ON CONFLICT (kind) DO UPDATE SET datastreams = excluded.datastreams"
)


def _warm() -> None:
    """Have compiled what hub asks for too."""
    exact, small = np.zeros(EXACT), np.zeros(SMALL, np.float32)
    ready(small), usual(exact, small, 0.0, 0.0)


def run(learner: Learner, stop: threading.Event) -> None:
    """Step until ``stop`` is set; a full disk is waited out. What else goes wrong is raised, and
    nothing of the step that failed is written."""
    learner.start()
    while not stop.is_set():
        try:
            if learner.step(1.0) and not learner.full:
                stop.wait(GATHER_S)
        except DiskFull as full:
            log.warning("waiting for room: %s", full)
            stop.wait(5.0)
        except BaseException:
            learner.abandon()
            raise
    try:
        learner.close()
    except DiskFull as full:
        log.error("not written before the end, to be learnt again: %s", full)
        learner.abandon()
