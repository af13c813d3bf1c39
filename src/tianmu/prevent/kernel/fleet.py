"""The devices that rules are judged on, as plain columns taken from the registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tianmu.store.registry import Registry

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Fleet:
    """``devices`` devices with their datastreams side by side in the dense index.

    ``kind`` and ``division`` (by device) index ``kinds`` and ``divisions``; ``first`` has one
    entry more than there are devices: device ``i`` owns the datastreams
    ``first[i] … first[i + 1] - 1``; ``observed`` (by datastream) indexes ``properties``.
    """

    kinds: Sequence[str]
    divisions: Sequence[str]
    properties: Sequence[str]
    kind: Array
    division: Array
    first: Array
    observed: Array
    find: Callable[[str], int | None] = field(default=lambda _: None)
    """device id → index"""

    def __post_init__(self) -> None:
        if len(self.first) != len(self.kind) + 1 or len(self.division) != len(self.kind):
            raise ValueError(
                f"{len(self.kind)} kinds, {len(self.division)} divisions and "
                f"{len(self.first)} first datastreams do not fit together"
            )

    @classmethod
    def of(cls, registry: Registry) -> Fleet:
        """All devices of the registry, as it is now."""
        columns = registry.columns
        return cls(
            kinds=registry.kinds,
            divisions=registry.divisions,
            properties=registry.properties,
            kind=columns.kind,
            division=columns.division,
            first=columns.first_datastream,
            observed=columns.property,
            find=registry.find,
        )

    @property
    def devices(self) -> int:
        return len(self.kind)

    @property
    def datastreams(self) -> int:
        return len(self.observed)


def layouts(fleet: Fleet, start: int, group: Array) -> tuple[Array, list[tuple[int, ...]]]:
    """Which devices from ``start`` on are alike: same kind, same ``group``, same properties in the
    same order.

    Returns the layout number of each of these devices and, by layout, ``(kind, group,
    property, …)``.
    """
    kind = fleet.kind[start:].astype(np.uint64)
    first = fleet.first[start:-1].astype(np.int64)
    width = (fleet.first[start + 1 :].astype(np.int64) - first).astype(np.int64)
    key = kind * np.uint64(0x9E3779B97F4A7C15) + group.astype(np.uint64)
    widest = int(width.max(initial=0))
    for j in range(widest):
        has = width > j
        word = fleet.observed[np.where(has, first + j, 0)].astype(np.uint64) + np.uint64(1)
        mixed = (key ^ (key >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) + word
        key = np.where(has, mixed, key)
    _, example, number = np.unique(key, return_index=True, return_inverse=True)
    words: list[tuple[int, ...]] = []
    for i in example:
        properties = fleet.observed[first[i] : first[i] + width[i]]
        words.append((int(kind[i]), int(group[i]), *(int(p) for p in properties)))
    if not _alike(fleet, kind, group, first, width, example, number):
        raise ValueError("two layouts of devices fell on one key; rename one property")
    return number, words


def _alike(
    fleet: Fleet,
    kind: Array,
    group: Array,
    first: Array,
    width: Array,
    example: Array,
    number: Array,
) -> bool:
    """Whether the 64-bit keys told the layouts apart (they do, but alarms hang on it)."""
    model = example[number]
    if not (
        np.array_equal(width, width[model])
        and np.array_equal(kind, kind[model])
        and np.array_equal(group, group[model])
    ):
        return False
    for j in range(int(width.max(initial=0))):
        has = width > j
        mine = fleet.observed[first[has] + j]
        theirs = fleet.observed[first[model[has]] + j]
        if not np.array_equal(mine, theirs):
            return False
    return True
