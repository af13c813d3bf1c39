"""Packets of a broker, cut anywhere, and any bytes at all."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.sense.mqtt import codec
from tianmu.sense.mqtt.codec import Broken, Packets, Publish

topics = st.binary(max_size=40) | st.just(b"tianmu/well/observations")
sizes = st.sampled_from([0, 1, 100, 127, 128, 16_380, 16_384, 70_000])
payloads = st.binary(max_size=60) | st.builds(lambda n: b"x" * n, sizes)
publishes = st.builds(
    lambda mid, topic, payload: Publish(1 if mid else 0, mid, topic, payload),
    st.sampled_from([0, 1, 2, 300, 0xFFFF]), topics, payloads,
)  # fmt: skip
properties = st.sampled_from(
    [b"", b"\x01\x01", b"\x26\x00\x01k\x00\x01v", b"\x03\x00\xc8" + b"t" * 200]
)


def length(n: int) -> bytes:
    """As the pseudo-code of 2.2.3 has it."""
    coded = b""
    while True:
        byte, n = n % 128, n // 128
        coded += bytes([byte + 128 if n else byte])
        if not n:
            return coded


def packed(one: Publish, more: bytes | None) -> bytes:
    """A PUBLISH as a broker would send it; ``more``: properties of version 5."""
    body = struct.pack(">H", len(one.topic)) + one.topic
    body += struct.pack(">H", one.mid) if one.qos else b""
    body += b"" if more is None else length(len(more)) + more
    body += one.payload
    return bytes([0x30 | one.qos << 1]) + length(len(body)) + body


@pytest.mark.parametrize("version", [4, 5])
@given(data=st.data())
def test_what_is_cut_anywhere_is_read_as_it_was_sent(version: int, data: Any) -> None:
    told = data.draw(st.lists(publishes, max_size=8))
    more = [data.draw(properties) if version == 5 else None for _ in told]
    acks = b"\x90\x03\x00\x01\x00\xd0\x00"
    stream = acks + b"".join(map(packed, told, more)) + acks
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    packets, heard, others = Packets(version), [], []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        some, rest = packets.feed(stream[start:end])
        heard += some
        others += rest
    assert heard == told
    assert others == [(0x90, b"\x00\x01\x00"), (0xD0, b"")] * 2


def test_byte_by_byte() -> None:
    one = Publish(1, 7, b"tianmu/well/observations", b"x" * 200)
    packets = Packets(4)
    heard = [some for byte in packed(one, None) * 2 for some in packets.feed(bytes([byte]))[0]]
    assert heard == [one, one]


@pytest.mark.parametrize("version", [4, 5])
@given(pieces=st.lists(st.binary(max_size=80), max_size=5))
def test_any_bytes_are_read_or_broken(version: int, pieces: list[bytes]) -> None:
    packets, size = Packets(version), 0
    try:
        for piece in pieces:
            some, rest = packets.feed(piece)
            size += sum(len(one.topic) + len(one.payload) for one in some)
            size += sum(len(body) for _, body in rest)
    except Broken as broken:
        assert str(broken)
    assert size <= sum(map(len, pieces))


@pytest.mark.parametrize(
    ("version", "stream", "why"),
    [
        (4, b"\x34\x05\x00\x01t\x00\x01", "QoS 2"),
        (4, b"\x32\x05\x00\x01t\x00\x00", "without an identifier"),
        (4, b"\x32\x04\x00\x01t\x00", "within its header"),
        (4, b"\x30\x02\x00\x09", "within its header"),
        (4, b"\x30\x00", "within its header"),
        (4, b"\x30\xff\xff\xff\xff\x01", "more than four bytes"),
        (5, b"\x30\x03\x00\x01t", "within its properties"),
        (5, b"\x30\x04\x00\x01t\x05", "within its properties"),
    ],
)
def test_what_is_no_message_breaks_the_stream(version: int, stream: bytes, why: str) -> None:
    with pytest.raises(Broken, match=why):
        Packets(version).feed(stream)


def test_what_we_say() -> None:
    """Bytes by the tables of the standard (3.1, 3.4, 3.8)."""
    assert codec.connect(4, "g", "u", "p", 30) == (
        b"\x10\x13\x00\x04MQTT\x04\xc0\x00\x1e\x00\x01g\x00\x01u\x00\x01p"
    )
    assert codec.connect(5, "g", "", "", 30) == (
        b"\x10\x18\x00\x04MQTT\x05\x00\x00\x1e\x0a\x11\xff\xff\xff\xff"
        b"\x27\x01\x02\x00\x00\x00\x01g"  # and no packet above what is read (3.1.2.11.4)
    )
    assert codec.subscribe(4, 2, [("a/+", 1)]) == b"\x82\x08\x00\x02\x00\x03a/+\x01"
    assert codec.subscribe(5, 2, [("a", 0)]) == b"\x82\x07\x00\x02\x00\x00\x01a\x00"
    assert codec.acknowledge([1, 0x1234]) == b"\x40\x02\x00\x01\x40\x02\x12\x34"
