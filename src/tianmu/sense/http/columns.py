"""What a message of observations says, as columns; or that it cannot be read as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.store.registry.index import Query


class Refused(ValueError):
    """The message as a whole cannot be read: says what, where, and how to mend it."""

    def __init__(self, detail: str, remedy: str, offset: int = 0) -> None:
        super().__init__(detail)
        self.detail, self.remedy, self.offset = detail, remedy, offset


@dataclass
class Columns:
    """What a message says, shape (n,); rows that could not be read are in ``refused`` instead.

    ``row`` is the row's number in the message; ``time`` µs since the epoch.
    """

    datastream: Sequence[str] | pa.Array | Query
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    row: NDArray[np.int64] | None = None
    result_time: NDArray[np.int64] | None = None
    sequence: NDArray[np.uint32] | None = None
    quality: NDArray[np.uint8] | None = None
    side: dict[int, Any] = field(default_factory=dict)
    refused: list[tuple[int, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.time)

    def told(self, i: int) -> dict[str, Any]:
        """One observation as a sender would tell it."""
        number = float(self.value[i])
        said: dict[str, Any] = {
            "datastream": str(self.datastream[i]),
            "time": f"{np.datetime64(int(self.time[i]), 'us')}Z",
            "value": self.side.get(i, number if np.isfinite(number) else None),
        }
        if self.result_time is not None:
            said["result_time"] = f"{np.datetime64(int(self.result_time[i]), 'us')}Z"
        if self.sequence is not None:
            said["sequence"] = int(self.sequence[i])
        if self.quality is not None:
            said["quality"] = int(self.quality[i])
        return said
