"""Mending the past: damaged files again from the journal, roll-ups again from observations.

What the journal no longer has is taken from the row groups that can still be read; what is lost
then is noted in the manifest and told, with its datastreams, times and number of rows.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tianmu.facts.batch import ObservationBatch
from tianmu.store.history import manifest
from tianmu.store.history.area import Membership
from tianmu.store.history.check import Damage, group_of, read
from tianmu.store.history.compact import merge
from tianmu.store.history.duck import Duck
from tianmu.store.history.job import Job, new_token
from tianmu.store.history.manifest import BY_AREA, DAILY, HOUR, OUTSIDE, RAW, Covered, File, Loss
from tianmu.store.history.parquet import SCHEMAS, Covers, Output
from tianmu.store.history.rolling import Rolling
from tianmu.store.history.write import Collector, Columns, by_day, sort_unique, tell, to_arrow
from tianmu.store.journal.contract import Journal, Purged
from tianmu.store.records import Records, Transaction

PIECE = 2_000_000
"""rows read again at once"""


@dataclass(frozen=True)
class Mended:
    """What became of the damaged files of one flush or merge."""

    damages: tuple[Damage, ...]
    files: tuple[File, ...]
    losses: tuple[Loss, ...]


class Mender:
    """For whoever is the one writer of works' records; one thread at a time, and no merge at the
    same time."""

    def __init__(
        self, folder: Path, records: Records, journal: Journal, membership: Membership | None
    ) -> None:
        self._folder, self._records, self._journal = folder, records, journal
        self._membership = membership
        self._token = ""
        self._losses: list[Loss] = []

    def mend(self, damages: Sequence[Damage], files: Sequence[File]) -> list[Mended]:
        """Mend ``damages``; ``files`` are all of the past. Each flush or merge is one commit."""
        groups: dict[tuple[str, int, int, int], list[Damage]] = defaultdict(list)
        for damage in damages:
            groups[group_of(damage.file)].append(damage)
        return [
            self._group(tuple(mine), [f for f in files if group_of(f) == group])
            for group, mine in groups.items()
        ]

    def _group(self, damages: tuple[Damage, ...], files: Sequence[File]) -> Mended:
        self._token, self._losses = new_token(), []
        work = self._folder / f".work-{self._token}"
        work.mkdir(parents=True)
        duck = Duck(work, threads=1)
        made: list[File] = []
        try:
            bad = [d.file for d in damages]
            for file in (f for f in bad if f.kind == RAW):
                made += self._raw_again(file, work, duck)
            raw = [f for f in files if f.kind == RAW and f not in bad] + made
            old = [f for f in files if f.kind != RAW]
            again = bool(self._losses) or any(f.kind != RAW for f in bad)
            gone = list(bad)
            if again and raw and files[0].day != OUTSIDE:
                gone = [f for f in bad if f.kind == RAW] + old
                job = self._job(files[0], raw, raw=False)
                made += merge(self._folder, duck, job, self._membership)
            elif again:
                made += self._without_raw(bad, old)
            self._commit(gone, made)
        except BaseException:
            for file in made:
                (self._folder / file.name).unlink(missing_ok=True)
            raise
        finally:
            duck.close()
            shutil.rmtree(work, ignore_errors=True)
        return Mended(damages, tuple(made), tuple(self._losses))

    def _job(self, like: File, inputs: Sequence[File], **more: Any) -> Job:
        return Job(
            token=self._token,
            day=like.day,
            level=like.level,
            inputs=tuple(inputs),
            over=(like.first_order, like.last_order),
            positions=_positions(self._flushes(like)),
            **more,
        )

    def _flushes(self, like: File) -> list[Covered]:
        first, last = like.first_order, like.last_order
        return self._records.transact(lambda tx: manifest.flushes(tx, first, last))

    # observations

    def _raw_again(self, file: File, work: Path, duck: Duck) -> list[File]:
        """The observations of a damaged file, from the journal where it reaches back."""
        flushes = self._flushes(file)
        pieces, reached = self._from_journal(file, flushes, work)
        missing = (file.last_order - file.first_order + 1) - len(reached)
        bad: list[Loss] = []
        if missing:
            saved, bad = self._salvaged(file, work)
            pieces = [*saved, *pieces]
        if not pieces:
            self._losses += bad
            return []
        found = merge(self._folder, duck, self._job(file, pieces, rollups=False), self._membership)
        short = file.rows - sum(f.rows for f in found)
        if bad and short > 0:
            self._losses += bad if len(bad) > 1 else [replace(bad[0], rows=short)]
        return found

    def _from_journal(
        self, file: File, flushes: Sequence[Covered], work: Path
    ) -> tuple[list[File], set[int]]:
        """Rows of the flushes the journal still has whole, in pieces; and which flushes these
        are."""
        orders: dict[int, list[Covered]] = defaultdict(list)
        for one in flushes:
            orders[one.number].append(one)
        pieces: list[File] = []
        reached: set[int] = set()
        for number, covered in sorted(orders.items()):
            output = Output(work, file.day, RAW, 0)
            try:
                for rows in self._entries(file, covered):
                    output.write(to_arrow(rows))
                    piece = output.close(Covers(number, number))
                    pieces += [] if piece is None else [_within(work, piece)]
                    output = Output(work, file.day, RAW, 0)
            except Purged:
                pieces = [p for p in pieces if p.first_order != number]
                continue
            finally:
                output.abandon()
            reached.add(number)
        return pieces, reached

    def _entries(self, file: File, covered: Sequence[Covered]) -> Any:
        """Rows of one flush that belong into ``file``, sorted, a piece at a time."""
        collector = Collector()
        for one in covered:
            after = one.after
            while after < one.upto:
                entries = [
                    e for e in self._journal.read(one.topic, after) if e.position <= one.upto
                ]
                if not entries:
                    break
                after = entries[-1].position
                for entry in entries:
                    try:
                        collector.add([ObservationBatch.decode(entry.payload)], {})
                    except ValueError:
                        continue  # nor was it in history before
                if collector.rows >= PIECE:
                    yield from _mine(file, collector, one.at)
                    collector.clear()
        if collector.rows:
            yield from _mine(file, collector, covered[0].at)

    def _salvaged(self, file: File, work: Path) -> tuple[list[File], list[Loss]]:
        """What can still be read of a damaged file; and what cannot."""
        lost: list[Any] = []
        output = Output(work, file.day, file.kind, 0)
        try:
            for columns in read(self._folder / file.name, file.kind, lost):
                output.write(to_arrow(columns))
            piece = output.close(Covers(file.first_order, file.first_order))
        except Exception:  # the file is gone, or its footer
            output.abandon()
            return [], [_loss(file, "it cannot be opened, and the journal has gone on")]
        saved = [] if piece is None else [_within(work, piece)]
        return saved, [_loss_of_group(file, group) for group in lost]

    # roll-ups of observations that were let go

    def _without_raw(self, bad: Sequence[File], old: Sequence[File]) -> list[File]:
        """Roll-ups from hours that are whole; hours and minutes, from what can be read of them."""
        made: list[File] = []
        hours = [f for f in old if f.kind == HOUR and f not in bad]
        from_hours = [f for f in bad if f.kind in (DAILY, *BY_AREA)] if hours else []
        if from_hours:
            made += self._from_hours(from_hours, hours)
        for file in bad:
            if file.kind == RAW or file in from_hours:
                continue
            work = self._folder / f".work-{self._token}"
            saved, losses = self._salvaged(file, work)
            self._losses += losses
            covers = Covers(file.first_order, file.last_order)
            for piece in saved:
                output = Output(self._folder, file.day, file.kind, file.level, self._token)
                for columns in read(self._folder / piece.name, file.kind):
                    output.write(columns)
                found = output.close(covers)
                made += [] if found is None else [found]
        return made

    def _from_hours(self, bad: Sequence[File], hours: Sequence[File]) -> list[File]:
        like = bad[0]
        rolling = Rolling(self._folder, self._job(like, ()), self._membership)
        for file in hours:
            for columns in read(self._folder / file.name, HOUR):
                rolling.write_hours(columns)
        covers = Covers(like.first_order, like.last_order)
        duck = Duck(self._folder)
        found = rolling.close(covers, duck)
        wanted = {f.kind for f in bad}
        for file in found:
            if file.kind not in wanted:
                (self._folder / file.name).unlink()
        return [f for f in found if f.kind in wanted]

    def _commit(self, gone: Sequence[File], made: Sequence[File]) -> None:
        def change(tx: Transaction) -> None:
            manifest.remove(tx, gone)
            manifest.add(tx, made)
            manifest.note_losses(tx, self._losses)
            tell(tx, made, gone, {})

        self._records.transact(change)


def _mine(file: File, collector: Collector, at: int) -> Any:
    rows: Columns | None = by_day(collector.columns(), at).get(file.day)
    if rows is None:
        return
    keep = (rows["datastream"] >= file.low_stream) & (rows["datastream"] <= file.high_stream)
    if keep.any():
        yield sort_unique({n: v[keep] for n, v in rows.items()})


def _within(work: Path, piece: File) -> File:
    """A file of the work folder, named as merging reads it."""
    return replace(piece, name=f"{work.name}/{piece.name}")


def _positions(flushes: Sequence[Covered]) -> dict[str, tuple[int, int]]:
    topics: dict[str, tuple[int, int]] = {}
    for one in flushes:
        after, upto = topics.get(one.topic, (one.after, one.upto))
        topics[one.topic] = (min(after, one.after), max(upto, one.upto))
    return topics


def _loss(file: File, why: str) -> Loss:
    return Loss(
        file.day, file.kind, file.rows, file.low_stream, file.high_stream, file.low_time,
        file.high_time, f"{file.name}: {why}",
    )  # fmt: skip


def _loss_of_group(file: File, group: Any) -> Loss:
    names = SCHEMAS[file.kind].names
    bounds: dict[str, tuple[int, int]] = {}
    for name, whole in (
        ("datastream", (file.low_stream, file.high_stream)),
        ("time", (file.low_time, file.high_time)),
    ):
        told = group.column(names.index(name)).statistics if name in names else None
        bounds[name] = whole if told is None or not told.has_min_max else (told.min, told.max)
    return Loss(
        file.day, file.kind, group.num_rows, *bounds["datastream"], *bounds["time"],
        f"{file.name}: a part of it cannot be read, and the journal has gone on",
    )  # fmt: skip
