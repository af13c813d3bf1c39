"""The work of keeping the past: read and write; merge and let go; until told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from tianmu.facts.batch import ObservationBatch
from tianmu.facts.topic import OBSERVATION, OBSERVATION_LIFE
from tianmu.store.disk import is_full
from tianmu.store.history.history import History
from tianmu.store.history.job import Job
from tianmu.store.history.manifest import File
from tianmu.store.history.retain import Retention
from tianmu.store.journal.contract import Entry, Journal, Purged

FLUSH_SECONDS = 15.0
FLUSH_ROWS = 2_000_000
TIDY_SECONDS = 60.0
INSPECT_SECONDS = 3600.0
GATHER_SECONDS = 0.5
"""after being woken, so that a flood of small entries is read in large pieces"""


def keep(
    history: History,
    journal: Journal,
    stop: threading.Event,
    *,
    trouble: Callable[[Exception], None] = lambda error: None,
    flush_seconds: float = FLUSH_SECONDS,
) -> None:
    """Run in a thread of its own (works) until ``stop`` is set; flushes once more at the end.

    A full disk is told to ``trouble`` and tried again: the journal has what is not written, and
    nothing is read ahead meanwhile. So is an entry that was purged before it was read; reading
    goes on with the first one kept. Anything else that fails is raised.
    """
    positions = {t.name: history.position(t.name) for t in (OBSERVATION_LIFE, OBSERVATION)}
    while not stop.is_set():
        try:
            if history.waiting < FLUSH_ROWS:
                _read(history, journal, positions, trouble)
            if history.waiting and (
                history.waiting >= FLUSH_ROWS or history.waiting_seconds >= flush_seconds
            ):
                history.flush()
        except Exception as error:
            if not is_full(error):
                raise
            trouble(error)
            stop.wait(5.0)
        left = flush_seconds - history.waiting_seconds if history.waiting else 1.0
        if history.waiting < FLUSH_ROWS and journal.wait(positions, min(1.0, max(0.0, left))):
            stop.wait(min(GATHER_SECONDS, flush_seconds))
    if history.waiting:
        history.flush()


def _read(
    history: History,
    journal: Journal,
    positions: dict[str, int],
    trouble: Callable[[Exception], None],
) -> None:
    for topic in list(positions):
        try:
            entries = journal.read(topic, positions[topic])
        except Purged as purged:
            trouble(purged)
            positions[topic] = purged.first - 1
            continue
        if entries:
            positions[topic] = entries[-1].position
            history.append(_decoded(topic, entries, trouble), {topic: positions[topic]})


def _decoded(
    topic: str, entries: Sequence[Entry], trouble: Callable[[Exception], None]
) -> list[ObservationBatch]:
    """The batches of entries; one that cannot be read is told, and does not end history."""
    found: list[ObservationBatch] = []
    for entry in entries:
        try:
            found.append(ObservationBatch.decode(entry.payload))
        except ValueError as error:
            trouble(ValueError(f"{topic} at {entry.position} is not in history: {error}"))
    return found


def tend(
    history: History,
    stop: threading.Event,
    *,
    retention: Callable[[], Retention] = Retention,
    merge: Callable[[Job], list[File]] | None = None,
    inspect: Callable[[], object] = lambda: None,
    trouble: Callable[[Exception], None] = lambda error: None,
    every: float = TIDY_SECONDS,
    inspect_every: float = INSPECT_SECONDS,
) -> None:
    """Merge and let go, in a thread beside ``keep``, until ``stop`` is set.

    ``merge`` writes the files of a job (here and now where it is not given). What fails is told to
    ``trouble`` and tried again after a while; what it had written has gone. ``inspect`` (see
    ``rounds``) is called now and then, and after a merge that failed: what it was to read may be
    damaged.
    """
    inspected = time.monotonic()
    while not stop.wait(every):
        try:
            while not stop.is_set() and (job := history.job()) is not None:
                history.commit(job, (merge or history.merge)(job))
            history.retain(retention())
            history.collect_garbage()
        except Exception as error:
            if not stop.is_set():
                trouble(error)
                inspected = -inspect_every
        if time.monotonic() - inspected < inspect_every or stop.is_set():
            continue
        inspected = time.monotonic()
        try:
            inspect()
        except Exception as error:
            trouble(error)
