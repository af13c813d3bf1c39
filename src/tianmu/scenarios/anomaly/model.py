"""The model of anomaly detection: one datastream, read strictly in order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from tianmu.prevent.anomaly.bank import REASONS, Bank
from tianmu.prevent.anomaly.kernel import LARGEST
from tianmu.scenarios.clock import times
from tianmu.scenarios.contract import BadInput, Column, Model, Parameter, progress, remark
from tianmu.scenarios.dates import DATES
from tianmu.scenarios.reading import column, number_of, numbers

EVERY = 50_000
"""rows between two words of progress"""


def run_stream(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    """Row after row; what is said of one row is known from it and those before it."""
    at = times(table, "timestamp", parameters["dates"])
    value = numbers(table, "value", required=False, endless=True)
    bank = Bank(1, number_of(parameters, "per_week", low=1e-6, high=10_000))
    _tell_order(at)
    made: list[tuple[np.ndarray, ...]] = []
    for first in range(0, len(table), EVERY):
        progress(first, len(table))
        part = slice(first, first + EVERY)
        judged = bank.judge(np.zeros(len(at[part]), np.uint32), at[part], value[part])
        made.append((judged.score, judged.alarm, judged.expected, judged.why))
    if not made:
        made.append((np.empty(0), np.empty(0, np.uint8), np.empty(0), np.empty(0, np.uint8)))
    score, alarm, expected, why = (np.concatenate(parts) for parts in zip(*made, strict=True))
    _tell_absent(value)
    return pa.table(
        {
            "score": column(score),
            "alarm": pa.array(alarm, pa.int8()),
            "expected": column(expected),
            "why": pa.array([REASONS[one] for one in why], pa.string()),
        }
    )


def _tell_absent(value: np.ndarray) -> None:
    large = int((np.abs(value) >= LARGEST).sum())
    absent = int(np.isnan(value).sum()) + large
    if absent:
        beyond = f"; {large} of them are {LARGEST:g} or more in size" if large else ""
        remark(f"{absent} rows have no value: they have no score{beyond}")


def _tell_order(at: np.ndarray) -> None:
    if len(at) < 2:
        return
    latest = np.maximum.accumulate(at)
    late = np.flatnonzero(at[1:] <= latest[:-1])
    if len(late) > len(at) // 2:
        _check_ahead(at, len(late))
        raise BadInput(
            int(late[0]) + 2, "timestamp", "most rows are not after the row before",
            "sort the rows by time; of one datastream only",
        )  # fmt: skip
    if len(late):
        remark(
            f"{len(late)} rows are not after those before, the first is row {int(late[0]) + 2}: "
            "each is judged as one usual step later"
        )


def _check_ahead(at: np.ndarray, late: int) -> None:
    """Where a few rows are ahead of all that follow, it is they that are wrong, and not the
    ``late`` ones, which are only after them. Raises ``BadInput``."""
    coming = np.minimum.accumulate(at[::-1])[::-1]
    ahead = np.flatnonzero(at[:-1] > coming[1:])
    if not 0 < 2 * len(ahead) <= late:
        return
    row = int(ahead[0])
    below = int((at[row + 1 :] < at[row]).sum())
    such = f", the first of {len(ahead)} such rows" if len(ahead) > 1 else ""
    raise BadInput(
        row + 1, "timestamp",
        f"{_told(at[row])} is after the times of {below} rows below{such}",
        "correct it, or leave the row out",
    )  # fmt: skip


def _told(micro: np.int64) -> str:
    return str(micro.astype("datetime64[us]").astype("datetime64[s]")).replace("T", " ")


MODELS = (
    Model(
        name="stream",
        what="how unusual each value of a datastream is for that stream, learnt in one pass "
        "without training",
        needs=(
            Column("timestamp", "", "date and time, or seconds since 1970; rows in order"),
            Column(
                "value", "",
                "of one datastream; an empty one, or one of 1e30 or more in size, is not judged",
            ),
        ),
        optional=(),
        gives=(
            Column("score", "", "0–1: one less the probability of a value at least as unusual"),
            Column("alarm", "", "1 where an alarm begins, else 0"),
            Column("expected", "", "the value that was expected, in the unit of the values"),
            Column(
                "why", "",
                "what is unusual: above, below, drifts up, drifts down, stuck; warming up: too "
                "early for alarms; no value; else empty",
            ),
        ),
        parameters=(Parameter("per_week", "false alarms a week that are tolerable", "1"), DATES),
        run=run_stream,
    ),
)  # fmt: skip
