"""What is read from the bytes is what the decoder that knows all reads, or nothing is."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tianmu.sense.http import codec
from tianmu.sense.http.columns import Columns, Refused
from tianmu.sense.http.plain import ARRAY, LINES, ONE, read_columns, read_objects
from tianmu.store.registry.index import Query

BLANKS = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n", "  ", "\x0b", "\xa0"])
IDS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_.-]{0,12}/[a-z0-9_]{1,8}", fullmatch=True).map(json.dumps),
    st.text(max_size=6).map(json.dumps),
    st.text(max_size=6).map(lambda t: json.dumps(t, ensure_ascii=False)),
    st.sampled_from(['"a\\/b"', '"\\u0061/b"', '"a\x01/b"', '"\x7f/b"', "7", "null", '"', '"a']),
)
WHOLE = st.builds(
    "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}{}{}".format,
    st.one_of(st.integers(1969, 2030), st.integers(0, 9999)),
    st.integers(0, 13),
    st.one_of(st.integers(1, 28), st.integers(0, 32)),
    st.integers(0, 24),
    st.integers(0, 60),
    st.one_of(st.integers(0, 59), st.just(60)),
    st.one_of(st.just(""), st.from_regex(r"\.[0-9]{0,9}", fullmatch=True), st.just(",5")),
    st.one_of(
        st.just("Z"),
        st.builds("{}{:02d}:{:02d}".format, st.sampled_from("+-"), st.integers(0, 25),
                  st.integers(0, 61)),
        st.sampled_from(["", "z", "+0800", "+08", "-00:00", "+8:00"]),
    ),
)  # fmt: skip
TIMES = st.one_of(
    WHOLE.map(json.dumps),
    st.integers(-(10**14), 10**15).map(str),
    st.sampled_from(
        ["0", "-0", "00", "1e3", "1.0", "1700000000000000", "253402300799999", "253402300800000",
         "-253402300799999", '"2026-01-01"', '"2026-01-01 00:00:00Z"', '"20260101T000000Z"',
         '"1700000000000"', "null", "true", '"2026-01-01T00:00:00Z ', "9" * 30]
    ),
)  # fmt: skip
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(-(10**6), 10**6, places=3).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{0,20})?([eE][+-]?[0-9]{0,4})?", fullmatch=True),
    st.sampled_from(
        ["-0", "-0.0", "0.0", "-0e5", "0e999", "1e22", "1e23", "1e-22", "1e-23", "1e308", "1e309",
         "9007199254740993", "0.1", "123456789012345e22", "5e-324", "2e-324", "01", "1.", ".5",
         "+1", "1e", "1e+", "NaN", "Infinity", "-Infinity", "-", "", "0x10", "1_0", "9" * 400,
         "18446744073709551616", "0." + "0" * 30 + "1", "1" + "0" * 22, "-00", "0e", "1E5"]
    ),
)  # fmt: skip
VALUES = st.one_of(NUMBERS, st.sampled_from(["null", "true", '"open"', "[1]", '{"a":1}', '""']))
COUNTS = st.sampled_from(["0", "1", "4", "5", "-1", "4294967295", "4294967296", "1.0", '"1"', "-0"])
NAMES = ["datastream", "time", "value"]


@st.composite
def fields(draw: st.DrawFn) -> str:
    """One observation as an object: mostly whole, in any order, with what may come along."""
    pairs = [("datastream", draw(IDS)), ("time", draw(TIMES)), ("value", draw(VALUES))]
    if draw(st.integers(0, 3)) == 0:
        pairs.append((draw(st.sampled_from(["sequence", "quality"])), draw(COUNTS)))
    if draw(st.integers(0, 15)) == 0:
        pairs.append((draw(st.sampled_from(["result_time", "extra", *NAMES, "valu", ""])), "1"))
    if draw(st.integers(0, 15)) == 0:
        pairs.pop(draw(st.integers(0, len(pairs) - 1)))
    blank = draw(BLANKS)
    told = f",{blank}".join(f'"{name}"{blank}:{blank}{value}' for name, value in pairs)
    return "{" + blank + told + draw(st.sampled_from(["", "", "", ",", " "])) + "}"


@st.composite
def usual(draw: st.DrawFn) -> str:
    """One observation as nearly all are told, so that whole messages of them are read."""
    value = draw(st.one_of(st.floats(-1e6, 1e6).map(repr), st.integers(-9999, 9999).map(str)))
    name = draw(st.from_regex(r"[a-z0-9-]{1,9}/[a-z]{1,5}", fullmatch=True))
    at = draw(st.datetimes().filter(lambda t: 1900 < t.year < 3000)).isoformat() + "+08:00"
    pairs = [("datastream", json.dumps(name)), ("time", json.dumps(at)), ("value", value)]
    if draw(st.booleans()):
        pairs.append(("quality", draw(st.sampled_from("01234"))))
    if draw(st.booleans()):
        pairs.append(("sequence", str(draw(st.integers(0, 9)))))
    return "{" + ",".join(f'"{n}":{v}' for n, v in draw(st.permutations(pairs))) + "}"


def told(columns: Columns) -> tuple[Any, ...]:
    n = len(columns)
    none = [0] * n
    return (
        [str(columns.datastream[i]) for i in range(n)],
        columns.time.tolist(),
        # the same double: a negative nought is another than nought
        np.asarray(columns.value, np.float64).view(np.int64).tolist(),
        none if columns.sequence is None else columns.sequence.tolist(),
        none if columns.quality is None else columns.quality.tolist(),
        list(range(n)) if columns.row is None else columns.row.tolist(),
        columns.refused,
        columns.side,
    )


def agree(read: Columns | None, known: Callable[[], Columns]) -> bool:
    """Whether it was read; then it must be what the other decoder reads."""
    if read is None:
        return False
    assert read.result_time is None
    assert told(read) == told(known())
    return True


def array(rows: Sequence[str]) -> bytes:
    return ("[" + ",".join(rows) + "]").encode("utf-8", "surrogatepass")


@settings(max_examples=400)
@given(st.lists(fields(), min_size=1, max_size=4), BLANKS, BLANKS)
def test_any_objects(rows: list[str], before: str, after: str) -> None:
    body = before.encode() + array(rows) + after.encode()
    agree(read_objects(body, ARRAY, least=0), lambda: codec._decode_array(body))
    for row in rows:
        one = row.encode("utf-8", "surrogatepass") + after.encode()
        agree(read_objects(one, ONE, least=0), partial(codec._decode_object, one))
    lines = after.join(row + "\n" for row in rows).encode("utf-8", "surrogatepass")
    split = [line for line in lines.split(b"\n") if line.strip()]
    agree(read_objects(lines, LINES, least=0), lambda: codec._decode_rows(split))


@given(st.lists(usual(), min_size=1, max_size=20))
def test_the_usual_is_read(rows: list[str]) -> None:
    body = array(rows)
    assert agree(read_objects(body, ARRAY, least=0), lambda: codec._decode_array(body))
    lines = "\n".join(rows).encode()
    split = lines.split(b"\n")
    assert agree(read_objects(lines, LINES, least=0), lambda: codec._decode_rows(split))
    parsed = [json.loads(row) for row in rows]
    columns = json.dumps({k: [row[k] for row in parsed] for k in NAMES}).encode()
    assert agree(read_columns(columns, least=0), lambda: codec._decode_object(columns))


@settings(max_examples=300)
@given(
    st.lists(st.tuples(IDS, TIMES, VALUES, COUNTS), min_size=0, max_size=4),
    st.permutations(["datastream", "time", "value", "sequence", "quality"]),
    st.integers(2, 5), BLANKS, st.integers(0, 20),
)  # fmt: skip
def test_any_columns(
    rows: list[tuple[str, ...]], names: list[str], kept: int, blank: str, cut: int
) -> None:
    place = {"datastream": 0, "time": 1, "value": 2, "sequence": 3, "quality": 3}
    parts = []
    for name in names[:kept]:
        column = [row[place[name]] for row in rows]
        if cut == 0:
            column = column[1:]
        parts.append(f'"{name}"{blank}:[{blank}' + f",{blank}".join(column) + f"{blank}]")
    body = ("{" + ",".join(parts) + "}" + blank).encode("utf-8", "surrogatepass")
    agree(read_columns(body, least=0), lambda: codec._decode_object(body))


@settings(max_examples=300)
@given(st.lists(usual(), min_size=1, max_size=3), st.data())
def test_a_broken_byte(rows: list[str], data: st.DataObject) -> None:
    """Cut short, or with a byte put in the place of another: refused as ever, or read as ever."""
    body = bytearray(array(rows))
    at = data.draw(st.integers(0, len(body) - 1))
    if data.draw(st.booleans()):
        body[at] = data.draw(st.integers(0, 255))
    else:
        del body[at:]
    whole = bytes(body)
    agree(read_objects(whole, ARRAY, least=0), lambda: codec._decode_array(whole))
    agree(read_objects(whole, LINES, least=0), lambda: codec._decode_rows(whole.split(b"\n")))
    agree(read_objects(whole, ONE, least=0), lambda: codec._decode_object(whole))
    agree(read_columns(whole, least=0), lambda: codec._decode_object(whole))


@settings(max_examples=1000)
@given(NUMBERS)
@example("0.000001e-16")
@example("999999999999999e22")
def test_a_value_is_the_same_double(number: str) -> None:
    body = b'[{"datastream":"a/b","time":1,"value":%s}]' % number.encode()
    read = read_objects(body, ARRAY, least=0)
    try:
        expected = msgspec.json.decode(number, type=float)
    except msgspec.DecodeError:
        assert read is None
        return
    assert read is not None
    got = float(read.value[0])
    assert (got, math.copysign(1, got)) == (expected, math.copysign(1, expected))


@given(st.binary(max_size=300))
@example(b'{"datastream":[""],"time":[0],"value":[1]}')
def test_any_bytes(body: bytes) -> None:
    agree(read_objects(body, ARRAY, least=0), lambda: codec._decode_array(body))
    agree(read_objects(body, ONE, least=0), lambda: codec._decode_object(body))
    agree(read_columns(body, least=0), lambda: codec._decode_object(body))
    lines = [line for line in body.split(b"\n") if line.strip()]
    agree(read_objects(body, LINES, least=0), lambda: codec._decode_rows(lines))


@pytest.mark.parametrize("name", ["value", "sequence", "quality", "time", "datastream"])
def test_a_column_longer_than_the_message_can_hold_rows(name: str) -> None:
    """It would be written beyond the room that is made for it."""
    item = b'""' if name == "datastream" else b"1"
    body = b'{"%s":[' % name.encode() + b",".join([item] * 5000) + b"]}"
    assert read_columns(body) is None
    with pytest.raises(Refused):
        if codec.decode(body, codec.JSON).refused:
            raise Refused("by row", "")


def test_names_are_made_only_when_asked_for() -> None:
    rows = [f'{{"datastream":"dev-{i}/t","time":{i},"value":{i}}}' for i in range(50)]
    read = codec.decode(array(rows), codec.JSON)
    assert isinstance(read.datastream, Query)
    assert read.datastream[49] == "dev-49/t"
    assert list(read.datastream)[:2] == ["dev-0/t", "dev-1/t"]
