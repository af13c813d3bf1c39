"""Observations over HTTP: every shape says the same, every refused row says why."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tianmu.sense.http.codec import (
    ARROW,
    JSON,
    LARGEST,
    NDJSON,
    decode,
    decompress,
    instant,
)
from tianmu.sense.http.columns import Columns, Refused

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "datastream": st.text("abc/01", min_size=1, max_size=12),
            "time": st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)).map(
                lambda t: t.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
            ),
            "value": st.floats(allow_nan=False, allow_infinity=False),
        }
    ),
    min_size=1,
    max_size=20,
)


def said(columns: Columns) -> list[tuple[str, int, float]]:
    return [
        (str(d), int(t), float(v))
        for d, t, v in zip(columns.datastream, columns.time, columns.value, strict=True)
    ]


def as_arrow(rows: list[dict[str, object]]) -> bytes:
    table = pa.table(
        {
            "datastream": [r["datastream"] for r in rows],
            "time": pa.array([instant(str(r["time"])) for r in rows], pa.timestamp("us", "UTC")),
            "value": pa.array([r["value"] for r in rows], pa.float64()),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@given(ROWS)
def test_every_shape_says_the_same(rows: list[dict[str, object]]) -> None:
    expected = [(r["datastream"], instant(str(r["time"])), r["value"]) for r in rows]
    columns = {k: [r[k] for r in rows] for k in ("datastream", "time", "value")}
    shapes = [
        (json.dumps(rows).encode(), JSON),
        (json.dumps(columns).encode(), JSON),
        ("\n".join(json.dumps(r) for r in rows).encode(), NDJSON),
        (as_arrow(rows), ARROW),
    ]
    for body, kind in shapes:
        assert said(decode(body, kind)) == expected
    assert said(decode(json.dumps(rows[0]).encode(), JSON)) == expected[:1]


@given(st.binary(max_size=200), st.sampled_from([JSON, NDJSON, ARROW, "text/plain"]))
def test_any_bytes_are_read_or_refused(body: bytes, kind: str) -> None:
    try:
        columns = decode(body, kind)
    except Refused as refused:
        assert refused.detail and refused.remedy
    else:
        assert len(columns.datastream) == len(columns.time) == len(columns.value)


def test_a_refused_row_says_why_and_the_others_are_taken() -> None:
    rows = [
        {"datastream": "a/x", "time": "2026-01-01T00:00:00Z", "value": 1},
        {"datastream": "a/x", "time": "2026-01-01 00:00:00", "value": 2},
        {"datastream": "a/x", "value": 3},
        {"datastream": "a/x", "time": 0, "value": "open"},
        {"datastream": "a/x", "time": 1, "value": True, "quality": 9},
        {"datastream": 7, "time": 1, "value": 1},
    ]
    columns = decode(json.dumps(rows).encode(), JSON)
    assert columns.row is not None and columns.row.tolist() == [0, 3]
    assert columns.side == {1: "open"} and np.isnan(columns.value[1])
    reasons = dict(columns.refused)
    assert sorted(reasons) == [1, 2, 4, 5]
    assert "zone" in reasons[1] and "time" in reasons[2] and "quality" in reasons[4]


@pytest.mark.parametrize("times", [["2026-01-01T00:00:00Z"] * 60, [1_767_225_600_000] * 60])
@pytest.mark.parametrize("few", [1, 60], ids=["few", "many"])
def test_quality_and_sequence_are_not_lost_beside_plain_numbers(times: list[Any], few: int) -> None:
    """A test reading that was told as one raised real alarms: its quality was passed over."""
    rows = [
        {"datastream": "a/x", "time": time, "value": 1.5, "quality": 4, "sequence": number}
        for number, time in enumerate(times[:few], 1)
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    for body in (rows, columns):
        found = decode(json.dumps(body).encode(), JSON)
        assert found.quality is not None and found.quality.tolist() == [4] * few
        assert found.sequence is not None and found.sequence.tolist() == list(range(1, few + 1))


def test_a_result_time_is_not_lost_beside_plain_numbers() -> None:
    row = {"datastream": "a/x", "time": 1000, "value": 1.5, "result_time": 2000}
    found = decode(json.dumps([row]).encode(), JSON)
    assert found.result_time is not None and found.result_time.tolist() == [2_000_000]


def test_a_time_before_1970_is_exact() -> None:
    assert instant("1969-12-31T23:59:58.500000Z") == -1_500_000


def test_times_keep_their_zone_and_microseconds() -> None:
    east = "2026-02-28T23:59:59.999999+08:00"
    moment = datetime.fromisoformat(east)
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    body = json.dumps([{"datastream": "a/x", "time": east, "value": 0}]).encode()
    assert decode(body, JSON).time.tolist() == [expected] == [instant(east)]
    assert instant(1_700_000_000_123) == 1_700_000_000_123_000


def test_columns_of_unequal_length_are_refused() -> None:
    body = json.dumps({"datastream": ["a/x"], "time": [1, 2], "value": [1.0]}).encode()
    with pytest.raises(Refused, match="differ in length"):
        decode(body, JSON)


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "zstd"])
def test_compressed_bodies(encoding: str) -> None:
    plain = b'[{"datastream": "a/x", "time": 1, "value": 2}]' * 50
    packed = {"gzip": gzip.compress(plain), "zstd": zstandard.compress(plain)}.get(encoding, plain)
    assert decompress(packed, encoding) == plain
    if packed is not plain:
        with pytest.raises(Refused):
            decompress(packed[: len(packed) // 2] + b"\0\0", encoding)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    for encoding, pack in (("gzip", gzip.compress), ("zstd", zstandard.compress)):
        with pytest.raises(Refused, match="when unpacked"):
            decompress(pack(bytes(LARGEST + 1)), encoding)


@pytest.mark.parametrize("unit", [1_000_000, 1_000_000_000_000])
def test_a_time_too_large_is_refused_and_not_wrapped_round(unit: int) -> None:
    """Nanoseconds taken for milliseconds overflow 64 bits, and came out as some other time."""
    at, good = 1_700_000_000_000 * unit, 1_700_000_000_000
    rows = [
        {"datastream": "a", "time": at, "value": 1},
        {"datastream": "a", "time": good, "value": 2},
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    for body in (rows, columns, [{**row, "quality": 1} for row in rows]):
        found = decode(json.dumps(body).encode(), JSON)
        assert found.time.tolist() == [good * 1000]
        assert [row for row, reason in found.refused if "milliseconds" in reason] == [0]


def _arrow(**columns: object) -> bytes:
    table = pa.table(
        {"datastream": ["a"], "time": pa.array([1], pa.timestamp("us", "UTC")), **columns}
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"datastream":["a"],"time":[1],"value":[1],"sequence":[-1]}', JSON),
        (_arrow(value=[1.0], sequence=[-1]), ARROW),
        (_arrow(value=[{"a": 1}]), ARROW),
        (b"[" * 100_000 + b"]" * 100_000, JSON),
    ],
    ids=["sequence", "arrow-sequence", "arrow-type", "depth"],
)
def test_what_does_not_fit_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(Refused):
        decode(body, kind)


def test_a_number_too_large_for_a_float_refuses_its_row() -> None:
    rows = b'[{"datastream":"a","time":1,"value":%s},{"datastream":"a","time":1,"value":"x"}]'
    found = decode(rows % (b"9" * 400), JSON)
    assert [row for row, _ in found.refused] == [0]
    assert found.side == {0: "x"}
