"""Looking whether the files of the past are as they were written: which one is damaged, and how."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.store.history.area import DIMENSIONS
from tianmu.store.history.manifest import BY_AREA, DAILY, MINUTE, RAW, SCHEMA, File
from tianmu.store.history.parquet import SCHEMAS, checksum
from tianmu.store.history.rollup import HOUR_US, counts

_KEYS = {RAW: ("datastream", "time", "sequence")}
_NEAR = 1e-9
"""relative difference of totals that were added up in another order"""

Columns = dict[str, NDArray[Any]]
Sums = dict[int, tuple[int, float]]
"""hour (number since the epoch) → count and total of what counts in it"""


@dataclass(frozen=True)
class Damage:
    """One file that is not as the manifest and its observations say."""

    file: File
    what: str


def group_of(file: File) -> tuple[str, int, int, int]:
    """Files that one flush or merge wrote: observations, and roll-ups of just these."""
    return file.day, file.level, file.first_order, file.last_order


def glance(folder: Path, file: File, *, sums: bool = True) -> str | None:
    """What is wrong with a file as a row of bytes, None where nothing is: that it is there, and
    its size; with ``sums`` its checksum and its footer too."""
    path = folder / file.name
    try:
        size = path.stat().st_size
        if file.checksum and size != file.bytes:
            return f"it has {size} bytes, not {file.bytes}"
        if not sums:
            return None
        if file.checksum and checksum(path) != file.checksum:
            return "its checksum is another than when it was written"
        return _footer(path, file)
    except FileNotFoundError:
        return "it is not there"
    except OSError as error:
        return f"it cannot be read: {error}"


def _footer(path: Path, file: File) -> str | None:
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path)
    except Exception as error:
        return f"its footer cannot be read: {error}"
    told = (metadata.metadata or {}).get(b"tianmu.schema", b"1")
    if not told.isdigit() or int(told) > SCHEMA:
        return f"it has schema {told.decode('ascii', 'replace')}, this release knows {SCHEMA}"
    if metadata.num_rows != file.rows:
        return f"it has {metadata.num_rows} rows, not {file.rows}"
    return None


def examine(folder: Path, files: Iterable[File]) -> Iterator[Damage]:
    """Everything that can be found out: each file by ``glance``, its rows and their order, and
    whether the roll-ups of a flush or merge agree with its observations. One file at a time, a row
    group at a time."""
    groups: dict[tuple[str, int, int, int], list[File]] = defaultdict(list)
    for file in files:
        groups[group_of(file)].append(file)
    for mine in groups.values():
        found: dict[str, str] = {}
        sums: dict[str, dict[str, Sums]] = {}
        for file in mine:
            what = glance(folder, file)
            if what is None:
                try:
                    what, sums[file.name] = _rows(folder / file.name, file)
                except Exception as error:
                    what = f"its rows cannot be read: {error}"
            if what is not None:
                found[file.name] = what
        if not any(f.kind == RAW and f.name in found for f in mine):
            found |= _disagreeing([f for f in mine if f.name not in found], sums)
        for file in mine:
            if file.name in found:
                yield Damage(file, found[file.name])


def _rows(path: Path, file: File) -> tuple[str | None, dict[str, Sums]]:
    """Whether the rows are in order, and what they come to by hour (and dimension)."""
    sums: dict[str, Sums] = defaultdict(lambda: defaultdict(lambda: (0, 0.0)))
    before: tuple[Any, ...] | None = None
    for columns in read(path, file.kind):
        keys = _KEYS.get(file.kind) or (
            ("dimension", "area", "kind", "property", "time")
            if file.kind in BY_AREA
            else ("datastream", "time")
        )
        if not _ordered([columns[k] for k in keys]):
            return "its rows are not in order", {}
        first = tuple(columns[k][0] for k in keys)
        if before is not None and first <= before:
            return "its row groups are not in order", {}
        before = tuple(columns[k][-1] for k in keys)
        if file.kind == RAW:
            keep = counts(columns["value"], columns["quality"])
            _add(sums[""], columns["time"][keep], None, columns["value"][keep])
        elif file.kind in BY_AREA:
            for name in DIMENSIONS:
                keep = columns["dimension"] == name
                _add(sums[name], *(columns[n][keep] for n in ("time", "count", "total")))
        else:
            _add(sums[""], columns["time"], columns["count"], columns["total"])
    return None, sums


def _ordered(keys: Sequence[NDArray[Any]]) -> bool:
    """Whether each row comes after the one before."""
    after = np.zeros(max(len(keys[0]) - 1, 0), bool)
    for key in reversed(keys):
        after = (key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & after)
    return bool(after.all())


def _add(sums: Sums, time: NDArray[Any], count: NDArray[Any] | None, total: NDArray[Any]) -> None:
    if not len(time):
        return
    hours, place = np.unique(time // HOUR_US, return_inverse=True)
    number = np.bincount(place, count)
    value = np.bincount(place, total)
    for hour, n, v in zip(hours.tolist(), number.tolist(), value.tolist(), strict=True):
        one, two = sums[hour]
        sums[hour] = (one + int(n), two + v)


def _disagreeing(files: Sequence[File], sums: dict[str, dict[str, Sums]]) -> dict[str, str]:
    """Roll-ups that do not come to what the observations beside them come to, by name."""
    raw = [f for f in files if f.kind == RAW]
    if not raw:
        return {}
    want = _joined(sums[f.name].get("", {}) for f in raw)
    found: dict[str, str] = {}
    for file in files:
        if file.kind in (RAW, MINUTE):  # minutes are of dense datastreams alone
            continue
        daily = file.kind == DAILY or file.kind == BY_AREA[1]
        names = DIMENSIONS if file.kind in BY_AREA else ("",)
        for name in names:
            mine = sums[file.name].get(name, {})
            if not _same(_days(want) if daily else want, _days(mine) if daily else mine):
                what = f" by {name}" if name else ""
                found[file.name] = f"what it says{what} is not what its observations come to"
    return found


def _joined(several: Iterable[Sums]) -> Sums:
    joined: Sums = defaultdict(lambda: (0, 0.0))
    for sums in several:
        for hour, (count, total) in sums.items():
            joined[hour] = (joined[hour][0] + count, joined[hour][1] + total)
    return joined


def _days(sums: Sums) -> Sums:
    return _joined({hour // 24: both} for hour, both in sums.items())


def _same(want: Sums, found: Sums) -> bool:
    if {h for h, (n, _) in want.items() if n} != {h for h, (n, _) in found.items() if n}:
        return False
    return all(
        count == found[hour][0]
        and abs(total - found[hour][1]) <= _NEAR * max(abs(total), float(count), 1.0)
        for hour, (count, total) in want.items()
        if count
    )


def read(path: Path, kind: str, lost: list[Any] | None = None) -> Iterator[Columns]:
    """The row groups of a file as columns, checked by their page checksums. With ``lost`` those
    that cannot be read are left out and their metadata put there; else they raise."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for number in range(file.num_row_groups):
            try:
                table = file.read_row_group(number)
            except Exception:
                if lost is None:
                    raise
                lost.append(file.metadata.row_group(number))
                continue
            columns: Columns = {}
            for field in SCHEMAS[kind]:
                if field.name not in table.column_names:  # of an earlier schema
                    columns[field.name] = np.zeros(len(table), field.type.to_pandas_dtype())
                elif not field.nullable or table[field.name].null_count == 0:
                    columns[field.name] = table[field.name].to_numpy()
                elif field.name == "text" and table["text"].null_count < len(table):
                    columns["text"] = np.array(table["text"].to_pylist(), object)
                elif table[field.name].null_count < len(table):
                    times = table[field.name].combine_chunks().fill_null(table["time"].chunk(0))
                    columns[field.name] = times.to_numpy()
            if len(table):
                yield columns
