"""Small fleets for tests: registries and live columns as plain arrays."""

from __future__ import annotations

import numpy as np

from tianmu.prevent.kernel.fleet import Fleet


def fleet_of(devices: list[tuple[str, list[str], str]]) -> Fleet:
    """Devices ``d0, d1, …`` as (kind, properties, division)."""
    kinds = sorted({kind for kind, _, _ in devices})
    divisions = ["", *sorted({division for _, _, division in devices if division})]
    properties = sorted({p for _, names, _ in devices for p in names})
    return Fleet(
        kinds=kinds,
        divisions=divisions,
        properties=properties,
        kind=np.array([kinds.index(kind) for kind, _, _ in devices], np.uint16),
        division=np.array([divisions.index(d) for _, _, d in devices], np.uint32),
        first=np.cumsum([0, *(len(names) for _, names, _ in devices)]).astype(np.uint32),
        observed=np.array(
            [properties.index(p) for _, names, _ in devices for p in names], np.uint16
        ),
        find=lambda name: int(name[1:]) if int(name[1:]) < len(devices) else None,
    )


class PlainLive:
    """Live columns in private memory."""

    def __init__(self, n: int) -> None:
        self.value = np.zeros(n, np.float64)
        self.time = np.zeros(n, np.int64)
        self.received = np.zeros(n, np.int64)
        self.quality = np.zeros(n, np.uint8)
        self.count = np.zeros(n, np.uint32)
