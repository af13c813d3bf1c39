"""A city's past, written as the city writes it: flushed as observations come, a day merged and
rolled up when it is over. Days that are there already are not written again."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tianmu.facts.batch import ObservationBatch
from tianmu.rehearse.past.past import Past
from tianmu.store.history import History, Membership
from tianmu.store.history.job import compaction
from tianmu.store.history.manifest import DAY, day_of
from tianmu.store.records import Records

FLUSH_ROWS = 2_000_000
"""rows of a flush, as works flushes at most"""
MEMBERSHIP = Path("history") / "membership.arrow"
"""where works keeps to what each datastream belongs"""


def build(
    data: Path, past: Past, first: int, source: int, tell: Callable[[str], None]
) -> dict[str, float]:
    """Write ``past`` into the stopped city under ``data``; series 0 is datastream ``first``.

    Gives ``build_seconds`` and ``records``. Raises ``FileNotFoundError`` where the city has never
    said to what its datastreams belong (works does, some seconds after they were registered).
    """
    membership = Membership.load(data / MEMBERSHIP)
    if len(membership) < first + past.series:
        raise ValueError(
            f"{data / MEMBERSHIP} knows {len(membership)} datastreams, not the "
            f"{first + past.series} there are: let the city run a minute longer"
        )
    began, written = time.monotonic(), 0
    with Records(data / "works.sqlite") as records:
        history = History(data, records, membership=lambda: membership)
        merging: Future[Any] | None = None
        with ThreadPoolExecutor(1) as beside:
            for day in range(past.days):
                name = day_of(past.start + day * DAY)
                if name in history.days():
                    if not any(f.level == 3 for f in history.files(name)):
                        raise ValueError(f"{name} is half written: begin again in an empty folder")
                    continue
                for rows in past.pieces(day, FLUSH_ROWS):
                    history.append([_batch(rows, past, first, source, day)], {})
                    history.flush()
                    written += len(rows["time"])
                    _progress(past, written, time.monotonic() - began, tell)
                if merging is not None:
                    merging.result()
                merging = beside.submit(_merge, history, name)
            if merging is not None:
                merging.result()
        history.close()
    return {"build_seconds": round(time.monotonic() - began, 1), "records": past.records}


def _batch(rows: dict[str, Any], past: Past, first: int, source: int, day: int) -> ObservationBatch:
    return ObservationBatch(
        datastream=rows["series"] + first,
        phenomenon_time=rows["time"],
        value=rows["value"],
        quality=rows["quality"],
        received=past.start + (day + 1) * DAY,
        source=source,
    )


def _merge(history: History, day: str) -> None:
    job = compaction(history.files(day))
    if job is not None:
        history.commit(job, history.merge(job))


def _progress(past: Past, written: int, seconds: float, tell: Callable[[str], None]) -> None:
    rate = written / max(seconds, 1e-6)
    left = (past.records - written) / rate
    tell(
        f"built {written:,} of {past.records:,} records, {rate:,.0f} a second, "
        f"about {left:.0f} s left"
    )


def sizes(data: Path, past: Past) -> dict[str, Any]:
    """Bytes of a record, of the observations and with all roll-ups, and of each kind of file."""
    history = History(data)
    first, last = day_of(past.start), day_of(past.start + (past.days - 1) * DAY)
    files = [f for f in history.files() if first <= f.day <= last]
    history.close()
    raw = [f for f in files if f.kind == "raw"]
    rows = sum(f.rows for f in raw)
    by_kind: dict[str, float] = {}
    for file in files:
        by_kind[file.kind] = by_kind.get(file.kind, 0) + file.bytes / rows
    return {
        "bytes_per_record": round(by_kind["raw"], 2),
        "bytes_per_record_with_rollups": round(sum(by_kind.values()), 2),
        "bytes_by_kind": {kind: round(size, 3) for kind, size in sorted(by_kind.items())},
        "rows_kept": rows,
    }
