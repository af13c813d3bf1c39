"""Patched batches say what was meant: read back by the ingest's own codec."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.rehearse.bench import ingest as bench_ingest
from tianmu.rehearse.load import batch as load
from tianmu.sense.http.codec import decode

NAMES = st.lists(
    st.from_regex(r"[a-z0-9-]{1,12}/[a-z_.]{1,8}", fullmatch=True),
    min_size=1, max_size=20, unique=True,
)  # fmt: skip
TIMES = st.integers(1_600_000_000_000, 4_000_000_000_000).map(lambda ms: ms * 1000)


@pytest.mark.parametrize("form", sorted(load.BATCHES))
@given(names=NAMES, at=st.lists(TIMES, min_size=2, max_size=2), data=st.data())
def test_a_batch_decodes_to_what_was_meant(
    form: str, names: list[str], at: list[int], data: st.DataObject
) -> None:
    maker = load.BATCHES[form](names)
    for moment in at:  # the same bytes are patched again
        hundredths = data.draw(
            st.lists(st.integers(0, 999_999), min_size=len(names), max_size=len(names))
        )
        body = maker.body(moment, np.array(hundredths, dtype=np.int64))
        columns = decode(body, maker.content_type)
        assert not columns.refused
        told = columns.datastream
        assert [str(name) for name in told] == names
        assert columns.time.tolist() == [moment] * len(names)
        values = np.asarray(columns.value)
        if form == "arrow":
            assert np.allclose(values, 100.0 + np.array(hundredths) / 100)
        else:
            assert np.allclose(values, 10_000.0 + np.array(hundredths) / 100, rtol=0, atol=1e-9)


def test_json_rows_are_json() -> None:
    body = load.JsonBatch(["a/x", "longer/name"]).body(0, np.array([1, 999_999]))
    assert json.loads(body) == [
        {"datastream": "a/x", "time": "1970-01-01T00:00:00.000Z", "value": 10000.01},
        {"datastream": "longer/name", "time": "1970-01-01T00:00:00.000Z", "value": 19999.99},
    ]


@given(TIMES)
def test_stamps_have_a_fixed_width(at: int) -> None:
    stamp = load.stamp(at)
    assert len(stamp) == 24
    told = np.datetime64(stamp[:-1].decode()).astype("datetime64[us]").astype(int)
    assert int(told) == at


@pytest.mark.parametrize("form", sorted(load.BATCHES))
def test_no_datastream_is_told_twice_of_one_millisecond(form: str) -> None:
    """It would be counted as late, and the measurement wait for what never comes."""
    bench: Any = SimpleNamespace(datastreams=[f"d{n}/x" for n in range(25)])
    made = bench_ingest.Load(bench, form, 10)
    assert made.parts == 2
    last: dict[str, int] = {}
    bodies = [made.of_part(n % 2) for n in range(40)]
    made = bench_ingest.Load(bench, form, 10)
    for told in (bodies, [made.body() for _ in range(40)]):
        last = {}
        for body in told:
            columns = decode(body, made.maker.content_type)
            for name, at in zip(columns.datastream, columns.time.tolist(), strict=True):
                assert at > last.get(str(name), 0)
                last[str(name)] = at
