"""Whether a well is low."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from tianmu.scenarios.contract import Column, Model
from tianmu.scenarios.reading import column, numbers


def _run(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    return pa.table({"low": column(numbers(table, "level", low=-1) < 0.5)})


MODELS = (
    Model(
        name="low",
        what="whether the water is low",
        needs=(Column("level", "m", "water in the well"),),
        optional=(),
        gives=(Column("low", "", "1: too low"),),
        parameters=(),
        run=_run,
    ),
)
