"""What our own store does with the load that a peer's gets: bytes on disk, and two questions."""

from __future__ import annotations

import random
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tianmu.rehearse.city.city import City
from tianmu.rehearse.city.equipment import Bench
from tianmu.rehearse.city.patience import until

SERIES, TOWNS = 50, 5
"""how often each is asked"""


def figures(city: City, data: Path, bench: Bench) -> dict[str, float | None]:
    """``bytes_per_row`` of the raw Parquet files, and ``series_ms`` and ``towns_ms``: p50 of one
    series of the last hour, and of exceedances by town, over HTTP with a token."""
    size = bytes_per_row(data)
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    span = {"from": _said(hour), "to": _said(hour + timedelta(hours=1))}
    names = random.sample(bench.datastreams, min(SERIES, len(bench.datastreams)))
    return {
        "bytes_per_row": size,
        "series_ms": _median_ms(
            city, "/api/history/series", [{"datastream": name, **span} for name in names]
        ),
        "towns_ms": _median_ms(
            city, "/api/history/exceedances", [{"dimension": "town", **span}] * TOWNS
        ),
    }


def _said(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _median_ms(city: City, path: str, asked: list[dict[str, Any]]) -> float:
    city.get(path, **asked[0])
    waits = []
    for one in asked:
        begin = time.perf_counter()
        city.get(path, **one)
        waits.append(time.perf_counter() - begin)
    return round(statistics.median(waits) * 1000, 2)


def bytes_per_row(data: Path, within: float = 30.0) -> float | None:
    """Of the raw files under ``data``, as soon as there is one; None where none comes in time."""

    def read() -> float | None:
        size = rows = 0
        for path in (data / "history").glob("*/raw-*.parquet"):
            try:
                rows += pq.read_metadata(path).num_rows
                size += path.stat().st_size
            except (OSError, pa.ArrowInvalid):
                continue  # merged into another meanwhile
        return round(size / rows, 2) if rows else None

    return until(read, within, every=0.5)
