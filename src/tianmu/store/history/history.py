"""The past of a city, for the process that writes it and for those that ask."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tianmu.facts import clock
from tianmu.facts.batch import ObservationBatch
from tianmu.store.history import batches as stream
from tianmu.store.history import by_area, manifest
from tianmu.store.history import series as one
from tianmu.store.history import top as leading
from tianmu.store.history import windows as many
from tianmu.store.history.area import Membership
from tianmu.store.history.asked import Asked, Cost, Reckoned, Reckoning
from tianmu.store.history.by_area import Areas, AreaShelf, Exceedances
from tianmu.store.history.check import Damage, examine
from tianmu.store.history.compact import merge
from tianmu.store.history.daily import Daily
from tianmu.store.history.duck import Duck
from tianmu.store.history.footer import Shelf
from tianmu.store.history.job import AFTER, Job, compaction, due, tidying
from tianmu.store.history.manifest import READER, File, Loss, Manifest
from tianmu.store.history.mend import Mended, Mender
from tianmu.store.history.retain import Retention, expired
from tianmu.store.history.series import Series
from tianmu.store.history.top import Top
from tianmu.store.history.windows import Windows
from tianmu.store.history.write import Collector, flush, tell
from tianmu.store.journal.contract import Journal
from tianmu.store.records import Records, Transaction


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
        self._areas = AreaShelf(self._shelf)
        self._daily = Daily(self._shelf)
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
        return flush(self._writer(), self.folder, self._collector, self._membership())

    def job(self, now: int | None = None) -> Job | None:
        """The next merge worth doing: small files of a day that are many, or a day that ended."""
        moment = clock.now() if now is None else now
        for files in self._days():
            found = tidying(files) or (compaction(files) if due(files, moment) else None)
            if found is not None:
                return self._told(found)
        return None

    def merge(self, job: Job) -> list[File]:
        """Write the files of a job here and now; ``commit`` makes them the past. Works has a
        process of its own do it (``app/compact.py``)."""
        return merge(self.folder, self._duck, job, self._membership())

    def commit(self, job: Job, files: Sequence[File]) -> list[File]:
        """What a job wrote takes the place of what it read, in one commit. Raises ``LookupError``
        where that has gone meanwhile; then nothing has changed, and its files go."""
        gone = [*(job.inputs if job.raw or job.adds else ()), *job.replaces, *job.adds]

        def change(tx: Transaction) -> None:
            manifest.remove(tx, gone)
            manifest.add(tx, files)
            tell(tx, files, gone, {})

        try:
            self._writer().transact(change)
        except Exception:
            for file in files:
                (self.folder / file.name).unlink(missing_ok=True)
            raise
        return list(files)

    def _told(self, job: Job) -> Job:
        """The job with the journal positions its files cover, where they are known."""
        first, last = job.orders
        covered = self._writer().transact(lambda tx: manifest.flushes(tx, first, last))
        positions: dict[str, tuple[int, int]] = {}
        for entry in covered:
            after, upto = positions.get(entry.topic, (entry.after, entry.upto))
            positions[entry.topic] = (min(after, entry.after), max(upto, entry.upto))
        return msgspec.structs.replace(job, positions=positions)

    def _days(self) -> list[list[File]]:
        """Files of each day, the days in order."""
        days: dict[str, list[File]] = {}
        for file in self.files():
            days.setdefault(file.day, []).append(file)
        return [days[day] for day in sorted(days)]

    def tidy(self) -> list[File]:
        """Merge the small files of one day where there are many; the new ones."""
        for files in self._days():
            job = tidying(files)
            if job is not None:
                return self.commit(job, self.merge(self._told(job)))
        return []

    def compact(self, day: str) -> list[File]:
        """Merge all of a UTC day into sorted files and roll it up; the new files, none where that
        has been done. Late observations make it worth doing again."""
        job = compaction(self.files(day))
        return [] if job is None else self.commit(job, self.merge(self._told(job)))

    def due(self, now: int, *, after: int = AFTER) -> list[str]:
        """Days that ended ``after`` µs ago or earlier and are worth merging whole (see
        ``job.due``)."""
        return [files[0].day for files in self._days() if due(files, now, after)]

    def retain(self, policy: Retention, now: int | None = None) -> list[File]:
        """Let go of what is older than ``policy`` says; the files that went."""
        gone = expired(self.files(), policy, clock.now() if now is None else now)
        if gone:
            self._writer().transact(lambda tx: manifest.remove(tx, gone))
        return gone

    def examine(self) -> Iterator[Damage]:
        """Every file that is not as it was written (see ``check.examine``); from any process."""
        for damage in examine(self.folder, self.files()):
            if any(f.name == damage.file.name for f in self.files(damage.file.day)):
                yield damage  # it was not replaced while we looked

    def mend(self, damages: Sequence[Damage], journal: Journal) -> list[Mended]:
        """Mend damaged files, from the journal where it reaches back (see ``mend``). Not while a
        merge is under way: a thread that does both does one after the other."""
        mender = Mender(self.folder, self._writer(), journal, self._membership())
        return mender.mend(damages, self.files())

    def losses(self) -> list[Loss]:
        """What could not be mended, ever."""
        return self._writer().transact(manifest.losses)

    def forget_flushes(self, kept: Mapping[str, int]) -> int:
        """Forget which journal entries flushes covered of which the journal keeps nothing: topic
        → first position kept."""
        return self._writer().transact(lambda tx: manifest.forget_flushes(tx, kept))

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

    def areas(
        self,
        dimension: str,
        start: int,
        end: int,
        step: int,
        areas: Iterable[str] | None = None,
        kind: str | None = None,
        property: str | None = None,
        *,
        asked: Asked | None = None,
    ) -> Areas:
        """Count, mean, lowest, highest and exceedances of every stretch of ``step`` µs, by area
        (of ``dimension``: town, village, kind, department) and property. Bounds and step are whole
        hours, else ``ValueError``; ``areas`` (codes), device ``kind`` and ``property`` narrow."""
        return by_area.areas(
            self._areas,
            self._between(start, end),
            dimension,
            start,
            end,
            step,
            areas,
            kind,
            property,
            asked or Asked(),
        )

    def exceedances(
        self,
        dimension: str,
        start: int,
        end: int,
        *,
        kind: str | None = None,
        property: str | None = None,
        asked: Asked | None = None,
    ) -> Exceedances:
        """How many observations of each area lay beyond the alarm thresholds of their rules; the
        bounds are whole hours, else ``ValueError``."""
        return by_area.exceedances(
            self._areas,
            self._between(start, end),
            dimension,
            start,
            end,
            kind,
            property,
            asked or Asked(),
        )

    def top(
        self,
        n: int,
        start: int,
        end: int,
        among: NDArray[Any] | Sequence[int] | None = None,
        *,
        lowest: bool = False,
        asked: Asked | None = None,
    ) -> Top:
        """The ``n`` datastreams whose largest (or ``lowest``) value of the span is most extreme,
        of all or ``among`` some (indices, or a mask by datastream). What they observe should be
        the same property: that is for the asker to say."""
        return leading.top(
            self._shelf,
            self._daily,
            self._between(start, end),
            n,
            start,
            end,
            None if among is None else np.asarray(among),
            lowest,
            asked or Asked(),
        )

    def raw(
        self,
        datastreams: NDArray[Any] | Sequence[int] | None,
        start: int,
        end: int,
        *,
        asked: Asked | None = None,
    ) -> Any:
        """Observations as they stand, of some datastreams or of all (None), as a
        ``pyarrow.RecordBatchReader`` that reads as it goes; by day, datastream and time."""
        wanted = None if datastreams is None else np.unique(np.asarray(datastreams, np.uint32))
        files = self._between(start, end)
        return stream.batches(self._shelf, files, wanted, start, end, asked or Asked())

    @property
    def held_bytes(self) -> dict[str, int]:
        """What is kept in memory for questions, bounded each: footers, roll-ups by area, columns
        of days."""
        return {
            "footers": self._shelf.footers.bytes,
            "areas": self._areas.tables.bytes,
            "days": self._daily.columns.bytes,
        }

    def close(self) -> None:
        """Let go of files; what was not flushed comes again from the journal."""
        with self._lock:
            self._manifest.close()
        self._duck.close()
