"""Work of the kind that a stage does, by others' code alone: what a stage's cost is told in.

A machine, or a neighbour on it, that slows the one slows the other alike.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit
from numpy.typing import NDArray
from pysqlite3 import dbapi2 as sqlite

Work = Callable[[], Any]


def parse(body: bytes) -> Work:
    """msgspec parses the same bytes to plain objects."""
    decoder = msgspec.json.Decoder()
    return lambda: [decoder.decode(body) for _ in range(20)]


def read_arrow(body: bytes) -> Work:
    """pyarrow reads the same stream, and its column of names becomes text and back."""

    def work() -> None:
        for _ in range(40):
            table = pa.ipc.open_stream(body).read_all()
            table.column("time").cast(pa.int64()).to_numpy()
            table.column("value").to_numpy()
            pa.array(table.column("datastream").to_pylist())

    return work


@njit(cache=True)  # type: ignore[untyped-decorator]
def _probe(keys: NDArray[np.uint64], table: NDArray[np.uint64]) -> int:
    """Hashes each key and looks where it would stand in the table, as an index does."""
    mask = np.uint64(len(table) - 1)
    found = np.uint64(0)
    for key in keys:
        at = np.uint64(14695981039346656037)
        for shift in range(0, 64, 2):  # as many steps as an id has characters
            at = (at ^ ((key >> np.uint64(shift)) & np.uint64(255))) * np.uint64(1099511628211)
        for step in range(3):
            found ^= table[(at + np.uint64(step) * (at >> np.uint64(40))) & mask]
    return int(found)


def probe(count: int) -> Work:
    """So many look-ups in a table of 2 MiB, about what the stage itself reaches into. A wider one
    tells of the cache that a machine shares with its neighbours, not of the stage: at 32 MiB the
    same look-ups took 3.3 ms in one hour and 8.9 ms in the next."""
    table = np.arange(1 << 18, dtype=np.uint64)
    keys = np.random.default_rng(1).integers(0, 1 << 62, count).astype(np.uint64)
    return lambda: _probe(keys, table)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _judge(at: NDArray[np.int64], value: NDArray[np.float64], state: NDArray[np.float64]) -> int:
    """Seven comparisons on each value, with a state in memory that is read and written."""
    raised = 0
    for i in range(len(at)):
        row = at[i] * 8
        for rule in range(7):
            held = state[row + rule]
            if (value[i] > 3.0 + rule) != (held > 0.5):
                raised += 1
                state[row + rule] = 1.0 - held
        state[row + 7] = value[i]
    return raised


def judge(batch: int) -> Work:
    """A batch of values of random series through a bare loop of seven thresholds. The state of
    4,096 series lies in a core's own cache: that of all would tell of the one that is shared."""
    series = 4_096
    random = np.random.default_rng(1)
    state = np.zeros(series * 8)
    at, value = random.integers(0, series, batch), random.normal(0, 2, batch)
    return lambda: _judge(at, value, state)


def insert(folder: Path, payload: bytes, count: int) -> Work:
    """SQLite alone inserts as many blobs with keys, each a transaction without a sync."""
    connection = sqlite.connect(str(folder / "like.sqlite"), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("CREATE TABLE entry (at INTEGER PRIMARY KEY, key BLOB, payload BLOB)")
    connection.execute("CREATE UNIQUE INDEX key ON entry (key)")
    number = iter(range(1 << 60))

    def work() -> None:
        for _ in range(count):
            key = hashlib.blake2b(next(number).to_bytes(8, "big"), digest_size=16).digest()
            connection.execute("BEGIN")
            connection.execute("INSERT INTO entry (key, payload) VALUES (?, ?)", (key, payload))
            connection.execute("COMMIT")

    return work


def sort_and_write(rows: int, series: int) -> Work:
    """NumPy sorts as many rows, pyarrow writes them as Parquet with zstd."""
    random = np.random.default_rng(1)
    stream = random.integers(0, series, rows).astype(np.uint32)
    at = random.integers(0, 1 << 40, rows)
    value = random.normal(20, 5, rows).round(1)

    def work() -> None:
        order = np.lexsort((at, stream))
        table = pa.table({"stream": stream[order], "at": at[order], "value": value[order]})
        pq.write_table(table, pa.BufferOutputStream(), compression="zstd")

    return work


def paint(devices: int) -> Work:
    """NumPy picks the points of a small square out of sorted codes and writes them as bytes."""
    random = np.random.default_rng(1)
    code = np.sort(random.integers(0, 1 << 40, devices).astype(np.uint64))
    look = random.integers(0, 30, devices).astype(np.uint8)

    def work() -> None:
        for part in range(24):
            start, end = np.searchsorted(code, [part << 35, (part + 1) << 35])
            x = (code[start:end] & np.uint64(0xFFF)).astype(np.int64)
            octets = np.empty((len(x), 8), np.uint8)
            for place in range(8):
                octets[:, place] = (x >> place) | 0x80
            np.unique(look[start:end], return_inverse=True)
            octets[np.argsort(x, kind="stable")].tobytes()

    return work


def group(folder: Path, rows: int, series: int) -> Work:
    """DuckDB counts by group over one Parquet file of as many rows."""
    random = np.random.default_rng(1)
    path = str(folder / "like.parquet")
    table = pa.table(
        {
            "stream": np.sort(random.integers(0, series, rows)).astype(np.uint32),
            "moment": random.integers(0, 24 * 3_600_000_000, rows),
            "value": random.normal(20, 5, rows).round(1),
        }
    )
    pq.write_table(table, path, compression="zstd")
    connection = duckdb.connect(config={"threads": 1})
    connection.read_parquet(path).create_view("past")
    query = (
        "SELECT stream % 12, (moment / 3600000000)::BIGINT, count(*), min(value), max(value), "
        "sum(value) FROM past GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return lambda: connection.execute(query).fetchnumpy()


def cpu_seconds(work: Work) -> float:
    """CPU time (s) of this process, all threads, for one piece of work."""
    begin = time.process_time_ns()
    work()
    return (time.process_time_ns() - begin) / 1e9
