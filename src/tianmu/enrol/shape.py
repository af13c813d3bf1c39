"""What can be said of devices without knowing the city: ids, numbers, places, doubled rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tianmu.enrol.columns import TEXT, rows_of
from tianmu.enrol.fault import MOST, Faults
from tianmu.facts.origin import Origin

LONGEST_ID, LONGEST_TEXT = 128, 200
"""characters of an id, and of other texts"""
_ID = r"^[^\s/]+$"
ORIGINS = [one.value for one in Origin if one is not Origin.PROBE]


def check(table: pa.Table, numbers: NDArray[np.int64], faults: Faults) -> None:
    """Add to ``faults`` what is wrong in ``table`` (as ``columns.one_form`` made it), whose rows
    have ``numbers``."""

    def told(mask: Any, column: str, what: str, remedy: str) -> None:
        rows = rows_of(mask)
        faults.many(numbers[rows[:MOST]].tolist(), len(rows), column, what, remedy)

    names = table.column_names
    for name in ("device", "kind"):
        told(pc.is_null(table[name]), name, "is empty", f"every device has a {name}")
    device = table["device"]
    told(
        pc.invert(pc.match_substring_regex(device, _ID)), "device", "has a blank or a slash",
        "give it an id without them",
    )  # fmt: skip
    for name in names:
        if table[name].type == TEXT and name not in ("labels", "place_address"):
            most = LONGEST_ID if name in ("device", "address") else LONGEST_TEXT
            told(
                pc.greater(pc.utf8_length(table[name]), most), name,
                f"has more than {most} characters", "shorten it",
            )  # fmt: skip
    for name, limit in (("longitude", 180.0), ("latitude", 90.0)):
        if name in names:
            told(
                pc.invert(pc.less_equal(pc.abs(table[name]), limit)), name,
                f"is outside ±{limit:g}", "write degrees, longitude and latitude not swapped",
            )  # fmt: skip
    if "precision" in names:
        precision = table["precision"]
        sound = pc.and_(pc.is_finite(precision), pc.greater_equal(precision, 0))
        told(pc.invert(sound), "precision", "is no distance", "write metres, 0 or more")
    _halves(table, told)
    if "origin" in names:
        known = pc.is_in(table["origin"], value_set=pa.array([*ORIGINS, None], TEXT))
        told(pc.invert(known), "origin", "is none that there is", f"one of {', '.join(ORIGINS)}")
    if "labels" in names:
        _labels(table["labels"], numbers, faults)


def _halves(table: pa.Table, told: Any) -> None:
    for one, other in (("longitude", "latitude"), ("latitude", "longitude")):
        if one in table.column_names:
            given = pc.is_valid(table[one])
            lone = (
                pc.and_(given, pc.is_null(table[other])) if other in table.column_names else given
            )
            told(lone, one, f"stands without a {other}", "give both, or neither")


def twice(column: pa.ChunkedArray, name: str, numbers: NDArray[np.int64], faults: Faults) -> None:
    """Add rows whose value (an id, a wire address) stands in an earlier row."""
    whole = column.combine_chunks()
    whole = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
    coded = pc.dictionary_encode(whole)
    if len(coded.dictionary) == len(whole) - whole.null_count:
        return
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    firsts = np.full(len(coded.dictionary), -1, np.int64)
    rows = np.arange(len(codes))
    held = codes >= 0
    # written from the last to the first, the first stays
    firsts[codes[held][::-1]] = rows[held][::-1]
    again = rows[held][firsts[codes[held]] != rows[held]]
    for row in again[:MOST].tolist():
        before = int(numbers[firsts[codes[row]]])
        faults.add(
            int(numbers[row]), name, f"{whole[row].as_py()!r} stands in row {before} already",
            "each device has its own",
        )  # fmt: skip
    faults.count += max(0, len(again) - MOST)


def _labels(column: pa.ChunkedArray, numbers: NDArray[np.int64], faults: Faults) -> None:
    """Labels are JSON objects of texts; the same text is looked at once."""
    different = pc.unique(column).to_pylist()
    wrong = [text for text in different if text is not None and not _is_labels(text)]
    if wrong:
        mask = pc.is_in(column, value_set=pa.array(wrong, TEXT))
        rows = rows_of(mask)
        faults.many(
            numbers[rows[:MOST]].tolist(), len(rows), "labels", "is no JSON object of texts",
            'write e.g. {"floor": "3"}',
        )  # fmt: skip


def _is_labels(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and all(isinstance(v, str) for v in found.values())
