"""Taking the past away: observations or windows as CSV, Parquet or an Arrow stream."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from fastapi import Query
from numpy.typing import NDArray

from tianmu.store.history.asked import Asked
from tianmu.store.history.history import History
from tianmu.store.registry import Registry
from tianmu.web.answer import moment
from tianmu.web.answer.problem import Problem
from tianmu.web.api.history.history import From, To, kept, named
from tianmu.web.devices.signs import device_mask
from tianmu.web.past import past
from tianmu.web.past.export import FORMATS, pieces
from tianmu.web.past.past import too_costly
from tianmu.web.past.pour import Poured
from tianmu.web.past.series import SECOND
from tianmu.web.route.route import Ask, Asking, Routes

routes = Routes("history")

TIME = pa.timestamp("us", "UTC")
OBSERVATIONS = pa.schema(
    [
        pa.field("datastream", pa.string(), nullable=False),
        pa.field("time", TIME, nullable=False),
        pa.field("value", pa.float64()),
        pa.field("quality", pa.uint8(), nullable=False),
        pa.field("sequence", pa.uint32(), nullable=False),
        pa.field("text", pa.string()),
    ]
)
WINDOWS = pa.schema(
    [
        pa.field("datastream", pa.string(), nullable=False),
        pa.field("time", TIME, nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("mean", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
    ]
)
TOGETHER = 200_000
"""windows that are held at once"""


def chosen(
    ask: Ask, names: list[str], kind: str, property: str, division: str
) -> NDArray[np.uint32]:
    """Datastreams by name, or all that fit; only those in the account's scope."""
    if names:
        return np.unique(named(ask, names)[0])
    if not (kind or property or division):
        raise Problem(
            422,
            "invalid",
            "it is not said what to export",
            "name datastreams, or a kind, a property or a division",
        )
    hub = ask.hub
    registry, columns = hub.registry, hub.registry.columns
    seen = device_mask(hub, ask.who.scope)
    devices = np.ones(len(columns.kind), bool) if seen is None else seen.copy()
    if kind:
        devices &= columns.kind == _code(registry.kinds, kind)
    if division:
        below = hub.below(division)
        devices &= np.fromiter((d in below for d in registry.divisions), bool)[columns.division]
    streams = devices[columns.device_of]
    if property:
        streams = streams & (columns.property == _code(registry.properties, property))
    return np.flatnonzero(streams).astype(np.uint32)


def _code(words: Any, word: str) -> int:
    """Number of a word in a list, one that nothing has where it is not in it."""
    return list(words).index(word) if word in words else 0xFFFF


def _names(registry: Registry, streams: NDArray[Any]) -> Any:
    unique, place = np.unique(streams, return_inverse=True)
    words = pa.array([registry.datastream(int(one)) for one in unique.tolist()], pa.string())
    return words.take(pa.array(place))


def observations(registry: Registry, reader: Any, asked: Asked) -> Iterator[Any]:
    """Batches of raw files as they are told outside."""
    for batch in reader:
        asked.go_on()
        value = batch["value"].to_numpy()
        yield pa.record_batch(
            [
                _names(registry, batch["datastream"].to_numpy()),
                batch["time"].cast(TIME),
                pa.array(value, mask=~np.isfinite(value)),
                batch["quality"],
                batch["sequence"],
                batch["text"],
            ],
            schema=OBSERVATIONS,
        )


def windows(
    registry: Registry,
    history: History,
    streams: NDArray[np.uint32],
    since: int,
    until: int,
    step: int,
    asked: Asked,
) -> Iterator[Any]:
    """Windows of some datastreams after each other, so that not all of them are held."""
    few = max(1, TOGETHER // -(-(until - since) // step))
    for first in range(0, len(streams), few):
        found = history.windows(streams[first : first + few], since, until, step, asked=asked)
        yield pa.record_batch(
            [
                _names(registry, found.key),
                pa.array(found.time).cast(TIME),
                pa.array(found.count),
                pa.array(found.mean),
                pa.array(found.low),
                pa.array(found.high),
            ],
            schema=WINDOWS,
        )


@routes("GET", "/api/history/export", may="device.read", media="application/octet-stream")
def export_history(
    ask: Asking,
    format: Annotated[str, Query(pattern="^(csv|parquet|arrow)$")] = "csv",
    datastream: Annotated[list[str] | None, Query(description="`device/property`")] = None,
    kind: str = "",
    property: str = "",
    division: str = "",
    step: Annotated[
        float | None, Query(ge=1, description="seconds: windows instead of observations")
    ] = None,
    start: From = None,
    end: To = None,
    limit: Annotated[int | None, Query(ge=1, description="most rows")] = None,
) -> Poured:
    """Observations, or windows of `step` seconds, as a file: of datastreams by name, or of all in
    the account's scope that fit `kind`, `property` and `division`.

    Rows come by day, datastream and time (windows by datastream and time). A file says itself
    whether it is whole. Who exports what stands in the audit trail.
    """
    hub, allowance = ask.hub, ask.hub.allowance
    since, until = past.span(ask, start, end)
    streams = chosen(ask, datastream or [], kind, property, division)
    most = min(limit or allowance.export_rows, allowance.export_rows)
    history, asked = kept(ask), Asked()
    width = round(step * SECOND) if step else 0
    rows, read = _rows(history, streams, since, until, width)
    if read > allowance.export_read or (width and rows > most and not limit):
        raise too_costly(
            f"the export would read about {read:,} rows and give up to {rows:,}; at most "
            f"{allowance.export_read:,} are read and {most:,} given",
            "ask for a shorter span, fewer datastreams or a larger step",
        )
    scope = {"kind": kind, "property": property, "division": division}
    about = {"format": format, "since": moment.say(since), "until": moment.say(until)}
    asked_for = {name: value for name, value in {**scope, "step": step}.items() if value}
    first = (datastream or [""])[0]
    held = contextlib.ExitStack()
    held.enter_context(past.turns(ask).take(ask.who.account, allowance))
    try:
        counts = {"datastreams": len(streams), "rows_read": read, "limit": most}
        detail: dict[str, Any] = {**about, **counts, **asked_for}
        hub.records.transact(lambda tx: ask.note(tx, "history.export", first, **detail))
        make, media = FORMATS[format]
        batches = _batches(hub.registry, history, streams, since, until, width, asked)
        what = first or "-".join(filter(None, scope.values()))
        return Poured(
            pieces(batches, make(WINDOWS if width else OBSERVATIONS), most),
            asked,
            media_type=media,
            headers={
                "Content-Disposition": f'attachment; filename="{_file(what, about)}"',
                "Tianmu-Row-Limit": str(most),
                "Tianmu-Rows-Read": str(read),
            },
            stall_seconds=allowance.stall_seconds,
            done=held.close,
        )
    except BaseException:
        held.close()
        raise


def _file(what: str, about: Mapping[str, Any]) -> str:
    """What the file is called: of what, from when to when."""
    since, until = (_plain(about[name]) for name in ("since", "until"))
    return f"{_plain(what)}_{since}_{until}.{about['format']}"


def _batches(
    registry: Registry,
    history: History,
    streams: NDArray[np.uint32],
    since: int,
    until: int,
    width: int,
    asked: Asked,
) -> Iterator[Any]:
    """What is exported: windows of ``width`` µs, or where it is 0 observations."""
    if width:
        return windows(registry, history, streams, since, until, width, asked)
    return observations(registry, history.raw(streams, since, until, asked=asked), asked)


def _rows(
    history: History, streams: NDArray[np.uint32], since: int, until: int, width: int
) -> tuple[int, int]:
    """How many rows an export gives at most, and about how many it reads; ``width`` of windows in
    µs, 0 for observations."""
    if width:
        read = history.cost("windows", streams, since, until, width).rows
        return len(streams) * -(-(until - since) // width), read
    read = history.cost("raw", streams, since, until).rows
    return read, read


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-")[:80] or "export"
