"""No body is mended, or hidden, by those it is read together with."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.sense.http.codec import JSON, decode
from tianmu.sense.http.columns import Refused
from tianmu.sense.http.together import may_be_single, read_each
from tianmu.sense.mqtt.connector import Message, _decode

GOOD = b'{"datastream":"a/x","time":1,"value":1}'
OPEN_TEXT, CLOSE_TEXT = b'{"datastream":"b/x","time":1,"value":"}', b'{","sequence":1}'
TWO = GOOD + b"," + GOOD

SCRAPS = (b'{"value":{', b"{}", b"}", b"{", b'"', b",", b"\\", b"\n", b" ", b"[", b"]")
FIELDS = (b'"datastream":"c/x"', b'"time":2', b'"value":3', b'"value":{"a":1}')
pieces = st.sampled_from([GOOD, OPEN_TEXT, CLOSE_TEXT, TWO, *SCRAPS, *FIELDS])
bodies = st.builds(lambda parts: b"{" + b"".join(parts) + b"}", st.lists(pieces, max_size=6))
broken = st.sampled_from([GOOD, OPEN_TEXT, CLOSE_TEXT, TWO, b'{"value":[{}', b"{}]}"])
several = st.lists(bodies | broken, min_size=2, max_size=6)


def told(body: bytes) -> list[str]:
    """What a body says alone; nothing where it cannot be read."""
    try:
        columns = decode(body, JSON)
    except Refused:
        return []
    return [json.dumps(columns.told(i)) for i in range(len(columns))]


def test_two_broken_bodies_are_not_one_that_is_whole() -> None:
    parts = [OPEN_TEXT, CLOSE_TEXT, TWO]
    assert all(may_be_single(part, "", JSON) for part in parts)
    assert len(json.loads(b"[" + b",".join(parts) + b"]")) == len(parts), "what a comma would do"
    assert read_each(parts) is None


@given(several)
def test_what_is_read_together_is_what_each_says_alone(parts: list[bytes]) -> None:
    parts = [part for part in parts if may_be_single(part, "", JSON)]
    columns = read_each(parts) if parts else None
    if columns is not None:
        assert [json.dumps(columns.told(i)) for i in range(len(columns))] == [
            one for part in parts for one in told(part)
        ]
        assert all(len(told(part)) == 1 for part in parts)


@given(several)
def test_over_mqtt_too(parts: list[bytes]) -> None:
    bad: list[tuple[Message, str]] = []
    found = _decode([Message(n + 1, 1, "s", part) for n, part in enumerate(parts)], bad)
    alone: list[tuple[Message, str]] = []
    for n, part in enumerate(parts):
        _decode([Message(n + 1, 1, "s", part)], alone)
    assert sorted(bad) == sorted(alone)
    rows = sorted(json.dumps(c.told(i)) for c in found for i in range(len(c)))
    wanted = [
        json.dumps(c.told(i))
        for n, part in enumerate(parts)
        for c in _decode([Message(n + 1, 1, "s", part)], [])
        for i in range(len(c))
    ]
    assert rows == sorted(wanted)


@pytest.mark.parametrize("kind", [b"\n", b"\r\n", b" "])
def test_bodies_with_blanks_are_read_together(kind: bytes) -> None:
    columns = read_each([b"{" + kind + GOOD[1:] + kind, GOOD])
    assert columns is not None and len(columns) == 2
