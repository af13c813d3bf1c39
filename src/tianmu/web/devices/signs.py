"""Signs of life of the devices, on columns: which are in a scope, within what time each is expected
to speak, when each was last heard of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tianmu.access.scope import Scope, lookup
from tianmu.web.hub import Hub

SECOND = 1_000_000
QUIET = 24 * 3600 * SECOND
"""a device of a kind without heart-beat counts as online for so long after it spoke (default)"""


def device_mask(hub: Hub, scope: Scope) -> NDArray[np.bool_] | None:
    """Which devices a scope holds, shape (devices,); None for all of them."""
    if scope.whole:
        return None
    registry = hub.registry
    columns = registry.columns
    mask = lookup(registry.divisions, scope.divisions)[columns.division]
    if scope.departments is not None:
        mask = mask & lookup(registry.departments, scope.departments)[columns.department]
    if scope.probe:
        mask = mask & columns.probe.astype(bool)
    return np.asarray(mask)


def heartbeats(hub: Hub) -> NDArray[np.int64]:
    """µs within which each device kind is expected to speak, by the registry's kind number."""
    kinds = hub.city.kinds
    beats = [
        int(kind.heartbeat_s * SECOND) if (kind := kinds.get(code)) and kind.heartbeat_s else QUIET
        for code in hub.registry.kinds
    ]
    return np.array(beats or [QUIET], dtype=np.int64)


def latest(received: NDArray[np.int64], first: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The last of each device's datastreams, shape (devices,), 0 where it has none; ``first`` has
    one more and says where they begin."""
    low = int(first[0])
    rows, starts = received[low : int(first[-1])], first[:-1] - np.uint32(low)
    filled = first[1:] > first[:-1]
    if filled.all():
        return np.asarray(np.maximum.reduceat(rows, starts))
    last = np.zeros(len(starts), dtype=np.int64)
    if filled.any():
        last[filled] = np.maximum.reduceat(rows, starts[filled])
    return last
