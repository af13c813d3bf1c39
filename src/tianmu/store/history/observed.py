"""Observations of some datastreams as they stand: each identity once, as the newest flush told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tianmu.store.history.asked import Asked
from tianmu.store.history.footer import Columns, Part, Shelf
from tianmu.store.history.write import last_of_each

IDENTITY = ("datastream", "time", "sequence")


def observed(
    shelf: Shelf,
    parts: Sequence[Part],
    columns: Sequence[str],
    datastreams: NDArray[np.uint32] | None,
    start: int,
    end: int,
    asked: Asked,
) -> Columns:
    """``columns`` (and the identity) of raw ``parts``, given in the order in which files hold,
    sorted by datastream, time and sequence; an empty answer has the columns too."""
    several = len(parts) > 1
    names = list(dict.fromkeys([*(IDENTITY if several else IDENTITY[:2]), *columns]))
    found = [shelf.read(part, names, datastreams, start, end, asked) for part in parts]
    found = [rows for rows in found if len(rows["time"])]
    if not found:
        return {n: np.zeros(0, _EMPTY.get(n, np.float64)) for n in names}
    if not several or len(found) == 1:
        return found[0]
    joined = {n: np.concatenate([rows[n] for rows in found]) for n in names}
    # stable: of equal identities those of later files come last
    order = np.lexsort(tuple(joined[n] for n in reversed(IDENTITY)))
    return last_of_each({n: values[order] for n, values in joined.items()})


_EMPTY = {
    "datastream": np.uint32, "time": np.int64, "sequence": np.uint32, "quality": np.uint8,
    "source": np.uint16, "text": object,
}  # fmt: skip
