"""Roll-ups of one merge, made while its sorted observations pass by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tianmu.store.history.area import Membership
from tianmu.store.history.duck import Duck, quoted
from tianmu.store.history.job import Job
from tianmu.store.history.manifest import (
    AREA_DAY,
    AREA_HOUR,
    BY_STREAM,
    DAILY,
    DAY,
    HOUR,
    MINUTE,
    File,
)
from tianmu.store.history.parquet import CHUNK, Covers, Output
from tianmu.store.history.rollup import DENSE, HOUR_US, MINUTE_US, combine, roll_up
from tianmu.store.history.totals import AreaTotals

Columns = dict[str, Any]


class Rolling:
    """Hours and days by datastream and by area; minutes too in a day's final merge, of the
    datastreams that are dense in it. Of one flush (level 0) by area only."""

    def __init__(self, folder: Path, job: Job, membership: Membership | None) -> None:
        self._folder, self._job, self._membership = folder, job, membership
        kinds = (MINUTE, HOUR, DAILY) if job.final else (HOUR, DAILY) if job.level else ()
        self._outputs = {kind: self._output(kind) for kind in kinds}
        self._totals = None if membership is None else AreaTotals(membership, HOUR_US)
        self._carried: dict[str, Columns] = {}

    def _output(self, kind: str) -> Output:
        return Output(self._folder, self._job.day, kind, self._job.level, self._job.token)

    def write(self, columns: Columns) -> None:
        """Rows sorted and unique, complete for every hour they touch."""
        self.write_hours(roll_up(columns, HOUR_US, self._membership))
        if MINUTE in self._outputs:
            self._minutes(self._whole(MINUTE, roll_up(columns, MINUTE_US, self._membership)))

    def write_hours(self, hours: Columns) -> None:
        """The same where only the hours are there still."""
        if HOUR in self._outputs:
            self._outputs[HOUR].write(hours)
            self._days(self._whole(HOUR, hours))
        if self._totals is not None:
            self._totals.add(hours)

    def _whole(self, kind: str, rows: Columns) -> Columns:
        """Rows of the datastreams that are complete; the last one's wait for more."""
        before = self._carried.get(kind)
        if before is not None:
            rows = {n: np.concatenate((before[n], v)) for n, v in rows.items()}
        streams = rows["datastream"]
        cut = int(np.searchsorted(streams, streams[-1])) if len(streams) else 0
        self._carried[kind] = {n: v[cut:] for n, v in rows.items()}
        return {n: v[:cut] for n, v in rows.items()}

    def _days(self, hours: Columns) -> None:
        self._outputs[DAILY].write(combine(hours, DAY))

    def _minutes(self, minutes: Columns) -> None:
        if not len(minutes["datastream"]):
            return
        _, place = np.unique(minutes["datastream"], return_inverse=True)
        keep = np.bincount(place, minutes["count"])[place] >= DENSE
        self._outputs[MINUTE].write({n: v[keep] for n, v in minutes.items()})

    def close(self, covers: Covers, duck: Duck) -> list[File]:
        if HOUR in self._carried:
            self._days(self._carried[HOUR])
        if MINUTE in self._carried:
            self._minutes(self._carried[MINUTE])
        if self._totals is not None:
            for kind, width in ((AREA_HOUR, HOUR_US), (AREA_DAY, DAY)):
                output = self._outputs[kind] = self._output(kind)
                output.write(self._totals.columns(width))
        made = [f for o in self._outputs.values() if (f := o.close(covers)) is not None]
        return self._added(made, covers, duck) if self._job.adds else made

    def _added(self, made: list[File], covers: Covers, duck: Duck) -> list[File]:
        """Our roll-ups and those of observations that were let go, added up."""
        files: list[File] = []
        for kind in sorted({f.kind for f in (*made, *self._job.adds)}):
            mine = [f for f in made if f.kind == kind]
            paths = [self._folder / f.name for f in (*self._job.adds, *mine) if f.kind == kind]
            output = self._outputs[f"{kind}+"] = self._output(kind)
            cursor = duck.cursor()
            try:
                reader = cursor.sql(_sum(kind, quoted(paths))).to_arrow_reader(CHUNK)
                for batch in reader:
                    output.write({n: batch[n] for n in batch.schema.names})
            finally:
                cursor.close()
            file = output.close(covers)
            files += [] if file is None else [file]
            for one in mine:
                (self._folder / one.name).unlink()
        return files

    def abandon(self) -> None:
        for output in self._outputs.values():
            output.abandon()


def _sum(kind: str, files: str) -> str:
    by_stream = kind in BY_STREAM
    keys = "datastream, time" if by_stream else "dimension, area, kind, property, time"
    number = "UINTEGER" if by_stream else "UBIGINT"
    last = ' arg_max("last", file_index) AS "last",' if by_stream else ""
    return (
        f"SELECT {keys}, sum(count)::{number} AS count, min(low) AS low, max(high) AS high,"  # noqa: S608
        f" sum(total) AS total,{last} sum(coalesce(exceeded, 0))::{number} AS exceeded"
        f" FROM read_parquet({files}, union_by_name = true) GROUP BY {keys} ORDER BY {keys}"
    )
