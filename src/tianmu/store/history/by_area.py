"""Hours and days by town, village, kind and department: from roll-ups alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tianmu.store.history.area import DIMENSIONS
from tianmu.store.history.asked import Asked
from tianmu.store.history.choice import by_day, within
from tianmu.store.history.footer import Shelf
from tianmu.store.history.held import Held
from tianmu.store.history.manifest import AREA_DAY, AREA_HOUR, DAY, OUTSIDE, RAW, File, begin_of
from tianmu.store.history.rollup import HOUR_US, counts
from tianmu.store.history.series import F64, I64

HELD = 64 << 20
"""bytes of roll-ups by area that are kept, about"""
_WORDS = ("area", "kind", "property")
_NUMBERS = ("time", "count", "low", "high", "total", "exceeded")


@dataclass(frozen=True, eq=False)
class Areas:
    """By area, property and stretch of time (``time`` is its beginning, µs), sorted in this order;
    empty ones are left out. All of length n; ``exceeded``: how many lay beyond alarm thresholds.

    ``settled`` is False where a day is in it that is not finally compacted: there an observation
    that was corrected by a later one counts twice. ``missing`` are days (UTC) with observations
    that are not, or not all, rolled up by area.
    """

    area: list[str]
    property: list[str]
    time: I64
    count: I64
    mean: F64
    low: F64
    high: F64
    exceeded: I64
    settled: bool
    missing: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.area)


@dataclass(frozen=True, eq=False)
class Exceedances:
    """By area, sorted by its code: how many observations count, and how many of them exceeded.
    ``settled`` and ``missing`` as in ``Areas``."""

    area: list[str]
    count: I64
    exceeded: I64
    settled: bool
    missing: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.area)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of roll-ups, from several files: codes of ``words``, and numbers."""

    codes: dict[str, NDArray[Any]]
    words: dict[str, list[str]]
    numbers: dict[str, NDArray[Any]]
    settled: bool
    missing: tuple[str, ...]


class AreaShelf:
    """Roll-ups by area, those read lately kept in memory."""

    def __init__(self, shelf: Shelf, most: int = HELD) -> None:
        self._shelf = shelf
        self.tables: Held[Any] = Held(most, lambda table: int(table.nbytes))
        self._telling: Held[bool] = Held(10_000, lambda _: 1)

    def table(self, file: File, dimension: str) -> Any:
        return self.tables.made((file.name, dimension), lambda: self._read(file, dimension))

    def tells(self, file: File, asked: Asked) -> bool:
        """Whether a raw file holds anything that counts: of nothing there is no roll-up."""
        found = self._telling.get(file.name)
        if found is None:
            parts = self._shelf.parts([file], None, file.low_time, file.high_time + 1)
            found = any(
                bool(counts(rows["value"], rows["quality"]).any())
                for part in parts
                for rows in self._shelf.pieces(
                    part, ("value", "quality"), None, file.low_time, file.high_time + 1, asked
                )
            )
            self._telling.put(file.name, found)
        return found

    def _read(self, file: File, dimension: str) -> Any:
        import pyarrow.parquet as pq

        metadata = self._shelf.footer(file).metadata
        groups = []
        for number in range(metadata.num_row_groups):
            told = metadata.row_group(number).column(0).statistics
            if told is None or told.min <= dimension <= told.max:
                groups.append(number)
        with pq.ParquetFile(
            self._shelf.folder / file.name, metadata=metadata, read_dictionary=[*_WORDS]
        ) as opened:
            names = ["dimension", *_WORDS, *_NUMBERS]
            table = opened.read_row_groups(groups, columns=names, use_threads=False)
        table = table.filter(pc.equal(table["dimension"], dimension)).drop_columns(["dimension"])
        return table.unify_dictionaries().combine_chunks()


def areas(
    shelf: AreaShelf,
    files: list[File],
    dimension: str,
    start: int,
    end: int,
    step: int,
    wanted: Iterable[str] | None,
    kind: str | None,
    property_: str | None,
    asked: Asked,
) -> Areas:
    """Stretches of ``step`` µs of areas; values of different properties are never mixed."""
    if step <= 0 or step % HOUR_US:
        raise ValueError(f"the step is {step} µs: areas are rolled up by whole hours")
    rows = _rows(shelf, files, dimension, start, end, step, wanted, kind, property_, asked)
    key = {n: rows.codes[n] for n in ("area", "property")}
    begin = (rows.numbers["time"] - start) // step
    order, firsts = _runs(begin, key["property"], key["area"])
    summed = {
        n: np.add.reduceat(rows.numbers[n][order], firsts) if len(firsts) else rows.numbers[n]
        for n in ("count", "total", "exceeded")
    }
    count = summed["count"].astype(np.int64)
    return Areas(
        area=[rows.words["area"][i] for i in key["area"][order][firsts].tolist()],
        property=[rows.words["property"][i] for i in key["property"][order][firsts].tolist()],
        time=start + begin[order][firsts] * step,
        count=count,
        mean=summed["total"] / count,
        low=_extreme(np.minimum, rows.numbers["low"][order], firsts),
        high=_extreme(np.maximum, rows.numbers["high"][order], firsts),
        exceeded=summed["exceeded"].astype(np.int64),
        settled=rows.settled,
        missing=rows.missing,
    )


def exceedances(
    shelf: AreaShelf,
    files: list[File],
    dimension: str,
    start: int,
    end: int,
    kind: str | None,
    property_: str | None,
    asked: Asked,
) -> Exceedances:
    """How many observations of each area lay beyond the alarm thresholds of the rules that were in
    force when they were rolled up."""
    step = max(end - start, HOUR_US)
    rows = _rows(shelf, files, dimension, start, end, step, None, kind, property_, asked)
    codes = rows.codes["area"]
    n = len(rows.words["area"])
    count = np.bincount(codes, rows.numbers["count"], n).astype(np.int64)
    exceeded = np.bincount(codes, rows.numbers["exceeded"], n).astype(np.int64)
    keep = np.flatnonzero(count)
    return Exceedances(
        area=[rows.words["area"][i] for i in keep.tolist()],
        count=count[keep],
        exceeded=exceeded[keep],
        settled=rows.settled,
        missing=rows.missing,
    )


def _rows(
    shelf: AreaShelf,
    files: list[File],
    dimension: str,
    start: int,
    end: int,
    step: int,
    wanted: Iterable[str] | None,
    kind: str | None,
    property_: str | None,
    asked: Asked,
) -> _Rows:
    if dimension not in DIMENSIONS:
        raise ValueError(f"dimension {dimension!r} is none of {', '.join(DIMENSIONS)}")
    if end <= start or start % HOUR_US or end % HOUR_US:
        raise ValueError(
            f"from {start} to {end} µs: areas are rolled up by whole hours (UTC); give an end "
            "after the start, both on the hour"
        )
    chosen, doubtful = _chosen(files, start, end, step)
    asked.reckon(sum(f.rows for f in chosen), len(chosen))
    tables = []
    for file in chosen:
        asked.go_on()
        tables.append(shelf.table(file, dimension))
    codes: dict[str, NDArray[Any]] = {n: np.zeros(0, np.int64) for n in _WORDS}
    words: dict[str, list[str]] = {n: [] for n in _WORDS}
    numbers: dict[str, NDArray[Any]] = {n: np.zeros(0, np.int64) for n in _NUMBERS}
    if tables:
        table = pa.concat_tables(tables)
        keep = pc.and_(pc.greater_equal(table["time"], start), pc.less(table["time"], end))
        for name, value in (("kind", kind), ("property", property_)):
            if value is not None:
                keep = pc.and_(keep, pc.equal(table[name].cast(pa.string()), value))
        if wanted is not None:
            among = pa.array(sorted(set(wanted)), pa.string())
            keep = pc.and_(keep, pc.is_in(table["area"].cast(pa.string()), among))
        table = table.filter(keep)
        for name in _WORDS:
            codes[name], words[name] = _coded(table[name])
        numbers = {n: table[n].to_numpy() for n in _NUMBERS}
    missing = tuple(dict.fromkeys(f.day for f in doubtful if shelf.tells(f, asked)))
    settled = all(f.level == 3 for f in chosen)
    return _Rows(codes, words, numbers, settled, missing)


def _coded(column: Any) -> tuple[NDArray[np.int64], list[str]]:
    """Codes of words in the order of the words."""
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        if not whole.num_chunks:
            return np.zeros(0, np.int64), []
        whole = whole.chunk(0)
    words = whole.dictionary.to_pylist()
    order = sorted(range(len(words)), key=lambda i: words[i])
    place = np.empty(len(words), np.int64)
    place[order] = np.arange(len(words))
    return place[whole.indices.to_numpy()], [words[i] for i in order]


def _chosen(
    files: Sequence[File], start: int, end: int, step: int
) -> tuple[list[File], list[File]]:
    """Day roll-ups of days that lie whole in one stretch, else hours; and raw files that are not
    rolled up. Raises ``ValueError`` for a part of a day of which only the whole is kept."""
    chosen: list[File] = []
    doubtful: list[File] = []
    for name, day in by_day(files).items():
        if name == OUTSIDE:
            continue
        raw = [f for f in day if f.kind == RAW and f.low_time < end and f.high_time >= start]
        hours, whole = ([f for f in day if f.kind == kind] for kind in (AREA_HOUR, AREA_DAY))
        first = begin_of(name)
        inside = start <= first and end >= first + DAY
        uncut = inside and (first - start) // step == (first + DAY - 1 - start) // step
        if uncut and whole and all(within(f, whole) for f in hours):
            taken = whole
        elif whole and not hours:
            raise ValueError(
                f"of {name} (UTC) only the whole day is kept: ask for whole days of UTC"
            )
        else:
            taken = hours
        chosen += taken
        doubtful += [f for f in raw if not within(f, taken)]
    return chosen, doubtful


def _runs(*keys: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order by ``keys`` (the last one first), and where each combination begins."""
    order = np.lexsort(keys)
    if not len(order):
        return order, np.zeros(0, np.int64)
    changes = np.zeros(len(order), bool)
    changes[0] = True
    for key in keys:
        changes[1:] |= key[order][1:] != key[order][:-1]
    return order, np.flatnonzero(changes)


def _extreme(ufunc: Any, values: NDArray[Any], firsts: NDArray[np.int64]) -> F64:
    found: F64 = ufunc.reduceat(values, firsts) if len(firsts) else np.zeros(0)
    return found
