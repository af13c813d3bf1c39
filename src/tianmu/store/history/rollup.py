"""Minutes, hours and days of sorted observations: count, lowest, highest, total, last, and how
many lay beyond the alarm thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.batch import UNCERTAIN
from tianmu.store.history.area import Membership

MINUTE_US = 60_000_000
HOUR_US = 3_600_000_000
DENSE = 2 * 1440
"""observations of a day from which a datastream is worth rolling up by the minute"""


def counts(value: NDArray[np.float64], quality: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which observations count in roll-ups and envelopes: numbers of good or uncertain quality
    (bad ones, tests and maintenance do not)."""
    return np.isfinite(value) & (quality <= UNCERTAIN)


def roll_up(
    columns: dict[str, Any], width: int, membership: Membership | None = None
) -> dict[str, NDArray[Any]]:
    """Rows sorted by (datastream, time), complete for every ``width`` (µs) they touch. What
    exceeds is known by ``membership``; nothing does without."""
    keep = counts(columns["value"], columns["quality"])
    streams, value = columns["datastream"][keep], columns["value"][keep]
    start = columns["time"][keep] // width * width
    n = len(streams)
    if n == 0:
        firsts = np.zeros(0, np.int64)
    else:
        changes = (streams[1:] != streams[:-1]) | (start[1:] != start[:-1])
        firsts = np.concatenate(([0], np.flatnonzero(changes) + 1))
    ends = np.append(firsts[1:], n) if n else firsts
    exceeded = np.zeros(len(firsts), np.uint32)
    if n and membership is not None:
        beyond = membership.exceeds(streams, value)
        if beyond.any():
            exceeded = np.add.reduceat(beyond, firsts, dtype=np.uint32)
    return {
        "datastream": streams[firsts],
        "time": start[firsts],
        "count": (ends - firsts).astype(np.uint32),
        "low": np.minimum.reduceat(value, firsts) if n else value,
        "high": np.maximum.reduceat(value, firsts) if n else value,
        "total": np.add.reduceat(value, firsts) if n else value,
        "last": value[ends - 1] if n else value,
        "exceeded": exceeded,
    }


def in_order(*keys: NDArray[Any], stable: bool = True) -> NDArray[np.int64]:
    """The order of rows by several integer columns, the first one first: as one number where that
    holds them all, which sorts in a fraction of the time. Equal rows stay as they came, unless
    that does not matter (``stable``)."""
    key = np.zeros(len(keys[0]), np.int64)
    room = 1
    for column in keys if len(key) else ():
        low = int(column.min())
        width = int(column.max()) - low + 1
        room *= width
        if room > 1 << 62:
            return np.lexsort(keys[::-1])
        if width > 1:
            key = key * width + (column.astype(np.int64) - low)
    order = np.argsort(key)
    if stable:
        found = key[order]
        if (found[1:] == found[:-1]).any():
            return np.argsort(key, kind="stable")
    return order


def combine(rows: dict[str, Any], width: int) -> dict[str, NDArray[Any]]:
    """Rows of ``roll_up`` for shorter stretches into those of longer ones, complete for every
    ``width`` (µs) they touch."""
    streams, start = rows["datastream"], rows["time"] // width * width
    n = len(streams)
    if n == 0:
        return rows
    changes = (streams[1:] != streams[:-1]) | (start[1:] != start[:-1])
    firsts = np.concatenate(([0], np.flatnonzero(changes) + 1))
    return {
        "datastream": streams[firsts],
        "time": start[firsts],
        "count": np.add.reduceat(rows["count"], firsts, dtype=np.uint32),
        "low": np.minimum.reduceat(rows["low"], firsts),
        "high": np.maximum.reduceat(rows["high"], firsts),
        "total": np.add.reduceat(rows["total"], firsts),
        "last": rows["last"][np.append(firsts[1:], n) - 1],
        "exceeded": np.add.reduceat(rows["exceeded"], firsts, dtype=np.uint32),
    }


def whole_hours(columns: dict[str, Any]) -> int:
    """How many of the sorted rows can be worked on before more come: all but the last
    datastream's last hour, which may go on."""
    n = len(columns["datastream"])
    if n == 0:
        return 0
    hours = columns["time"] // HOUR_US
    same = (columns["datastream"] == columns["datastream"][-1]) & (hours == hours[-1])
    return int(n - same.sum())
