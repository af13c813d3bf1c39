"""Observation batches: what goes in comes out, and what is no batch is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.facts.batch import BAD, ObservationBatch

results = st.none() | st.booleans() | st.text(max_size=5) | st.integers(-(1 << 40), 1 << 40)


@st.composite
def batches(draw: st.DrawFn) -> ObservationBatch:
    n = draw(st.integers(0, 30))

    def column(dtype: Any, elements: st.SearchStrategy[Any]) -> Any:
        return np.array(draw(st.lists(elements, min_size=n, max_size=n)), dtype)

    def maybe(dtype: Any, elements: st.SearchStrategy[Any]) -> Any:
        return column(dtype, elements) if draw(st.booleans()) else None

    times = st.integers(-(1 << 62), 1 << 62)
    return ObservationBatch(
        datastream=column(np.uint32, st.integers(0, (1 << 32) - 1)),
        phenomenon_time=column(np.int64, times),
        value=column(np.float64, st.floats(allow_nan=True)),
        received=draw(times),
        source=draw(st.integers(0, 65535)),
        result_time=maybe(np.int64, times),
        quality=maybe(np.uint8, st.integers(0, BAD)),
        sequence=maybe(np.uint32, st.integers(0, (1 << 32) - 1)),
        side=draw(
            st.dictionaries(st.integers(0, max(0, n - 1)), results | st.lists(results), max_size=3)
        )
        if n
        else {},
    )


COLUMNS = ("datastream", "phenomenon_time", "value", "result_time", "quality", "sequence")


@given(batches())
def test_a_batch_comes_back_as_it_went(batch: ObservationBatch) -> None:
    encoded = batch.encode()
    for data in (encoded, memoryview(encoded)):
        again = ObservationBatch.decode(data)
        for name in COLUMNS:
            mine, theirs = getattr(batch, name), getattr(again, name)
            assert (mine is None) == (theirs is None)
            if mine is not None:
                np.testing.assert_array_equal(mine, theirs)
                assert mine.dtype == theirs.dtype
        assert (batch.received, batch.source, batch.side) == (
            again.received,
            again.source,
            again.side,
        )
        assert again.encode() == encoded


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_refused(data: bytes) -> None:
    try:
        batch = ObservationBatch.decode(data)
    except ValueError:
        return
    assert ObservationBatch.decode(batch.encode()).encode() == batch.encode()


@given(batches(), st.data())
def test_a_cut_batch_is_refused(batch: ObservationBatch, data: st.DataObject) -> None:
    encoded = batch.encode()
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(ValueError):
        ObservationBatch.decode(encoded[:cut])
    with pytest.raises(ValueError):
        ObservationBatch.decode(encoded + b"\0")


def test_the_encoding_of_version_1_stays() -> None:
    """A batch as release 0.1 wrote it: journals of that release hold such bytes."""
    frozen = bytes.fromhex(
        "4f420107020000000300000040420f0000000000070000000a000000000000001400000000000000"
        "000000000000f83f000000000000f87f0b0000000000000016000000000000000100000002000000"
        "070000000900000000038101a466697265"
    )
    batch = ObservationBatch(
        datastream=np.array([1, 2], np.uint32),
        phenomenon_time=np.array([10, 20], np.int64),
        value=np.array([1.5, np.nan]),
        received=1_000_000,
        source=3,
        result_time=np.array([11, 22], np.int64),
        quality=np.array([0, 3], np.uint8),
        sequence=np.array([7, 9], np.uint32),
        side={1: "fire"},
    )
    assert batch.encode() == frozen
    damaged = frozen[:-6] + b"\xc1" + frozen[-5:]
    with pytest.raises(ValueError):
        ObservationBatch.decode(damaged)


def test_columns_have_one_length() -> None:
    with pytest.raises(ValueError, match="column value has 2 rows, datastream has 1"):
        ObservationBatch(
            datastream=np.zeros(1, np.uint32),
            phenomenon_time=np.zeros(1, np.int64),
            value=np.zeros(2),
            received=0,
            source=0,
        )
