"""The last value of every datastream, and where each belongs: one copy of the live columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.store.live import Live
from tianmu.store.registry import Registry


@dataclass(frozen=True, eq=False)
class Last:
    """By datastream index, shape (n,). ``count`` 0: never heard of. ``device`` is its device index;
    ``kind``, ``division``, ``department`` and ``property`` count the registry's lists of words
    (``registry.kinds`` …); ids are ``registry.datastream(index)``."""

    value: NDArray[np.float64]
    time: NDArray[np.int64]
    quality: NDArray[np.uint8]
    count: NDArray[np.uint32]
    device: NDArray[np.uint32]
    kind: NDArray[np.uint16]
    division: NDArray[np.uint32]
    department: NDArray[np.uint16]
    property: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.value)


def last(live: Live, registry: Registry) -> Last:
    """As of now, of all datastreams that both know; a row written meanwhile may mix two
    observations, like any row of ``live``."""
    columns = registry.columns
    n = min(live.count_datastreams, len(columns.device_of))
    device = columns.device_of[:n]
    live_: dict[str, NDArray[Any]] = {
        name: getattr(live, name)[:n].copy() for name in ("value", "time", "quality", "count")
    }
    return Last(
        **live_,
        device=device,
        kind=columns.kind[device],
        division=columns.division[device],
        department=columns.department[device],
        property=columns.property[:n],
    )
