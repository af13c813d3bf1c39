"""Process works, at low priority: history, roll-ups, retention. It never delays an alarm."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from tianmu.app.process import Said, say
from tianmu.app.settings import Settings
from tianmu.city.pack import City
from tianmu.facts.batch import ObservationBatch
from tianmu.facts.topic import OBSERVATION, OBSERVATION_LIFE
from tianmu.store.history import History
from tianmu.store.history.retain import Retention
from tianmu.store.journal.contract import Purged
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import DiskFull, Records

log = logging.getLogger("tianmu.works")

TOPICS = (OBSERVATION_LIFE.name, OBSERVATION.name)
FLUSH_ROWS = 2_000_000
FLUSH_S = 15.0
"""rows and seconds after which what was collected becomes a file"""
TIDY_S = 60.0


def serve(settings: Settings, city: City, stop: threading.Event) -> None:
    """Run works until ``stop`` is set."""
    said = Said(name="works", pid=os.getpid(), state="starting")
    say(settings.run, said)
    records = Records(settings.folder / "works.sqlite")
    history = History(settings.folder, records)
    journal = SqliteJournal(settings.folder)
    said.state = "ready"
    say(settings.run, said)
    works = Works(history, journal, Retention())
    try:
        works.run(stop)
    finally:
        history.close()
        journal.close()
        records.close()


class Works:
    """Takes observations from the journal into history, and keeps history in order."""

    def __init__(self, history: History, journal: SqliteJournal, retention: Retention) -> None:
        self._history, self._journal, self._retention = history, journal, retention
        self._read = {topic: history.position(topic) for topic in TOPICS}
        self._tidied = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                if not self._collect():
                    self._journal.wait(self._read, timeout=1.0)
                if self._history.waiting >= FLUSH_ROWS or self._history.waiting_seconds >= FLUSH_S:
                    self._history.flush()
                if time.monotonic() - self._tidied >= TIDY_S:
                    self._keep_order()
            except DiskFull as full:
                log.warning("waiting for room: %s", full)
                stop.wait(5.0)
        _try(self._history.flush)

    def _collect(self) -> int:
        """Read on in each topic; how many rows came."""
        rows = 0
        for topic in TOPICS:
            try:
                entries = self._journal.read(topic, self._read[topic], entries=512)
            except Purged as purged:
                log.error("%s; going on from the first that is kept", purged)
                self._read[topic] = purged.first - 1
                continue
            if entries:
                batches = [ObservationBatch.decode(entry.payload) for entry in entries]
                self._read[topic] = entries[-1].position
                self._history.append(batches, {topic: self._read[topic]})
                rows += sum(map(len, batches))
        return rows

    def _keep_order(self) -> None:
        self._tidied = time.monotonic()
        now = time.time_ns() // 1000
        self._history.tidy()
        for day in self._history.due(now):
            self._history.compact(day)
        self._history.retain(self._retention, now)
        self._history.collect_garbage()


def _try(do: Callable[[], object]) -> None:
    try:
        do()
    except DiskFull as full:
        log.warning("not flushed: %s; it comes again from the journal", full)
