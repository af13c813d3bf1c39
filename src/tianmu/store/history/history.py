"""The past of a city, for the process that writes it and for those that ask."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.batch import ObservationBatch
from tianmu.store.history import compact as compacting
from tianmu.store.history import manifest
from tianmu.store.history import series as one
from tianmu.store.history import windows as many
from tianmu.store.history.area import Membership
from tianmu.store.history.asked import Asked, Cost, Reckoned, Reckoning
from tianmu.store.history.duck import Duck
from tianmu.store.history.footer import Shelf
from tianmu.store.history.manifest import READER, File, Manifest, day_of
from tianmu.store.history.retain import Retention, expired
from tianmu.store.history.series import Series
from tianmu.store.history.windows import Windows
from tianmu.store.history.write import Collector, flush
from tianmu.store.records import Records


class History:
    """Parquet files under ``<data>/history``, named by the manifest in works' file.

    With ``records`` (works' own) it writes; without it only asks, from any process and thread.
    What has been appended but not flushed is not found yet: flush every 10 to 30 seconds, and take
    the newest values from ``live``.

    ``membership`` gives, at every flush and merge, to what datastreams belong now; without it
    there are no roll-ups by area and nothing exceeds.
    """

    def __init__(
        self,
        data: Path,
        records: Records | None = None,
        *,
        membership: Callable[[], Membership | None] = lambda: None,
    ) -> None:
        self._data = Path(data)
        self.folder = self._data / "history"
        self._records = records
        self._membership = membership
        self._collector = Collector()
        self._manifest = Manifest(self._data)
        self._lock = threading.Lock()
        self._duck = Duck(self.folder)
        self._shelf = Shelf(self.folder)
        if records is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            records.create(manifest.metadata)
            records.transact(lambda tx: manifest.sweep(tx, self.folder))

    # writing

    def _writer(self) -> Records:
        if self._records is None:
            raise RuntimeError("this History only asks: the one that writes is given its Records")
        return self._records

    def position(self, topic: str) -> int:
        """Up to where a topic of observations is in: where to go on reading."""
        return self._writer().positions().get((READER, topic), 0)

    @property
    def waiting(self) -> int:
        """Rows appended and not flushed."""
        return self._collector.rows

    @property
    def waiting_seconds(self) -> float:
        """Age of the oldest of them."""
        since = self._collector.since
        return 0.0 if since is None else time.monotonic() - since

    def append(self, batches: Sequence[ObservationBatch], positions: Mapping[str, int]) -> None:
        """Collect observations up to the given position of each topic; nothing is durable yet,
        and need not be: the journal has them."""
        self._collector.add(batches, positions)

    def flush(self) -> list[File]:
        """Write what was collected: files, manifest, positions and facts are one commit.

        Raises ``DiskFull`` or ``OSError`` where there is no room; what was collected stays."""
        return flush(self._writer(), self.folder, self._collector)

    def tidy(self) -> list[File]:
        """Merge the small files of one day where there are many; the new ones."""
        for day in self.days():
            merged = compacting.tidy(self._writer(), self.folder, self._duck, self.files(day))
            if merged:
                return merged
        return []

    def compact(self, day: str) -> list[File]:
        """Merge all of a UTC day into sorted files and roll it up by minute and hour; the new
        files, none where that has been done. Late observations make it worth doing again."""
        return compacting.compact(self._writer(), self.folder, self._duck, self.files(day))

    def due(self, now: int, *, after: int = 3_600_000_000) -> list[str]:
        """Days that ended ``after`` µs ago or earlier and have files that are not compacted."""
        limit = day_of(now - after)
        return [
            day
            for day in self.days()
            if day < limit and day != manifest.OUTSIDE and any(f.level < 3 for f in self.files(day))
        ]

    def retain(self, policy: Retention, now: int | None = None) -> list[File]:
        """Let go of what is older than ``policy`` says; the files that went."""
        gone = expired(self.files(), policy, time.time_ns() // 1000 if now is None else now)
        if gone:
            self._writer().transact(lambda tx: manifest.remove(tx, gone))
        return gone

    def collect_garbage(self) -> int:
        """Delete replaced files that no query reads any more; how many."""
        return self._writer().transact(lambda tx: manifest.collect_garbage(tx, self.folder))

    # asking

    def files(self, day: str | None = None) -> list[File]:
        """Files as of now, in the order in which they hold."""
        with self._lock:
            if day is None:
                return self._manifest.select()
            return self._manifest.select("day = ?", (day,))

    def days(self) -> list[str]:
        return sorted({f.day for f in self.files()})

    def _between(self, start: int, end: int) -> list[File]:
        with self._lock:
            return self._manifest.between(start, end)

    def cost(self, question: str, *arguments: Any, **more: Any) -> Cost:
        """What ``question`` (the name of one of the methods below, with its arguments) would read,
        from the manifest and the footers alone: ``history.cost("windows", streams, start, end,
        step)``."""
        reckoning = Reckoning()
        with contextlib.suppress(Reckoned):
            getattr(self, question)(*arguments, asked=reckoning, **more)
        return reckoning.cost

    def series(
        self,
        datastream: int,
        start: int,
        end: int,
        max_points: int = 2000,
        *,
        asked: Asked | None = None,
    ) -> Series:
        """Observations of one datastream from ``start`` to before ``end`` (µs): as they were where
        there are at most ``max_points``, else an envelope of at most so many stretches. Raises
        ``ValueError`` for an empty span; ``TooCostly`` and ``Cancelled`` as ``asked`` says, like
        every question here."""
        files = self._between(start, end)
        asked = asked or Asked()
        return one.series(self._shelf, files, datastream, start, end, max_points, asked)

    def windows(
        self,
        datastreams: NDArray[Any] | Sequence[int],
        start: int,
        end: int,
        step: int,
        groups: NDArray[Any] | Sequence[int] | None = None,
        *,
        asked: Asked | None = None,
    ) -> Windows:
        """Count, mean, lowest and highest of every stretch of ``step`` µs, by datastream or by
        ``groups`` (a number for each datastream: its town, its department…)."""
        return many.windows(
            self._shelf,
            self._duck,
            self._between(start, end),
            np.asarray(datastreams, np.uint32),
            start,
            end,
            step,
            None if groups is None else np.asarray(groups),
            asked or Asked(),
        )

    def close(self) -> None:
        """Let go of files; what was not flushed comes again from the journal."""
        with self._lock:
            self._manifest.close()
        self._duck.close()
