"""To what datastreams belong: cells of those that are alike, thresholds, a mapped file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tianmu.store.history import Membership

NAN = float("nan")


def membership(**changes: Any) -> Membership:
    columns: dict[str, object] = {
        "town": np.array([1, 1, 2, 0], np.uint16),
        "village": np.array([1, 1, 2, 0], np.uint32),
        "kind": np.array([1, 1, 1, 2], np.uint16),
        "department": np.array([1, 1, 1, 0], np.uint16),
        "property": np.array([1, 1, 1, 2], np.uint16),
        "low": np.array([NAN, -1.0, NAN, NAN]),
        "high": np.array([5.0, 1.0, NAN, NAN]),
        "towns": ("", "t1", "t2"),
        "villages": ("", "v1", "v2"),
        "kinds": ("", "gauge", "mast"),
        "departments": ("", "water"),
        "properties": ("", "level", "wind"),
    }
    return Membership(**{**columns, **changes})


def test_those_that_are_alike_share_a_cell() -> None:
    one = membership()
    cell, codes = one.cells
    assert cell[0] == cell[1] != cell[2]
    for row, town in enumerate([1, 1, 2, 0]):
        assert codes["town"][cell[row]] == town
        assert codes["property"][cell[row]] == one.property[row]
    unknown = one.cell_of(np.array([4, 99], np.uint32))
    assert all(codes[name][unknown].tolist() == [0, 0] for name in codes)


def test_what_lies_at_or_beyond_a_threshold_exceeds() -> None:
    streams = np.array([0, 0, 1, 1, 1, 2, 3, 9], np.uint32)
    values = np.array([4.9, 5.0, -1.0, 0.0, NAN, 99.0, 99.0, 99.0])
    found = membership().exceeds(streams, values)
    assert found.tolist() == [False, True, True, False, False, False, False, False]


def test_another_process_maps_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "history" / "membership.arrow"
    with pytest.raises(FileNotFoundError, match="works writes it"):
        Membership.load(path)
    one = membership()
    one.save(path)
    again = Membership.load(path)
    for name, value in vars(one).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    assert again.village.dtype == np.uint32 and again.town.dtype == np.uint16
    assert list(path.parent.iterdir()) == [path]


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="kind: 1 rows of 4"):
        membership(kind=np.zeros(1, np.uint16))
    with pytest.raises(ValueError, match="towns must begin with the empty word"):
        membership(towns=("t1",))
    with pytest.raises(ValueError, match="3 low"):
        membership(low=np.zeros(3))
