"""What a broker sends its client: packets of MQTT 3.1.1 and 5 (OASIS), at QoS 0 and 1.

Pure: bytes to packets, no I/O. Many small packets come in one read, so a publish is read in place,
without an object for each of its fields.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

CONNACK, PUBLISH, SUBACK, PINGRESP, DISCONNECT = 0x20, 0x30, 0x90, 0xD0, 0xE0
"""first bytes of packets (2.2.1); the low half of a PUBLISH's are flags"""
PINGREQ, GOODBYE = b"\xc0\x00", b"\xe0\x00"
REFUSED = 0x80
"""from this code on an answer is a refusal (of 3.1.1's CONNACK: from 1 on)"""
LARGEST = 16 << 20
"""bytes of a message at most; the broker is told so too"""
HEADER = 128 << 10
"""bytes that a packet may have before its message: topic and properties"""
ASKED = b"\x11\xff\xff\xff\xff\x27" + (LARGEST + HEADER).to_bytes(4, "big")
"""properties of version 5: the session outlives the connection for good (3.1.2.11.2), and no
larger packet is sent to us (3.1.2.11.4)"""


class Broken(ValueError):
    """These bytes are no MQTT: the connection must be closed (4.8)."""


class Publish(NamedTuple):
    qos: int
    mid: int
    """packet identifier; 0 at QoS 0"""
    topic: bytes
    payload: bytes


class Packets:
    """Reads a stream in pieces of any size."""

    def __init__(self, version: int) -> None:
        """``version``: 4 for 3.1.1, or 5."""
        self._five = version == 5
        self._parts: list[bytes] = []
        self._size = self._wanted = 0

    def feed(self, data: bytes) -> tuple[list[Publish], list[tuple[int, bytes]]]:
        """Publishes, and (first byte, body) of other packets, that are whole now.

        Raises ``Broken``; nothing can be read from the stream any more then.
        """
        publishes: list[Publish] = []
        others: list[tuple[int, bytes]] = []
        self._parts.append(data)
        self._size += len(data)
        if self._size < self._wanted:
            return publishes, others
        if len(self._parts) > 1:
            data = b"".join(self._parts)
        at, end, wanted = 0, len(data), 0
        while end - at >= 2:
            length, body = data[at + 1], at + 2
            if length > 0x7F:
                length, body = _number(data, at + 1, end)
                if body < 0:
                    break
            after = body + length
            if length > LARGEST + HEADER:
                raise Broken(f"a packet of {length:,} bytes: {LARGEST:,} are taken at most")
            if after > end:
                wanted = after - at
                break
            first = data[at]
            if first & 0xF0 == PUBLISH:
                publishes.append(self._publish(first, data, body, after))
            else:
                others.append((first, data[body:after]))
            at = after
        self._parts = [data[at:]] if at < end else []
        self._size, self._wanted = end - at, wanted
        return publishes, others

    def _publish(self, first: int, data: bytes, at: int, after: int) -> Publish:
        """A PUBLISH (3.3) whose variable header begins at ``at``."""
        qos = first >> 1 & 3
        if qos > 1:
            raise Broken(f"a message of QoS {qos}, which was not asked for")
        topic = at + 2
        at = topic + (data[at] << 8 | data[at + 1]) if topic <= after else after + 1
        header, mid = at + 2 * qos, 0
        if header > after:
            raise Broken("a message that ends within its header")
        if qos:
            mid = data[at] << 8 | data[at + 1]
            if not mid:
                raise Broken("a message of QoS 1 without an identifier")
        if self._five:
            length, properties = _number(data, header, after)
            header = properties + length
            if properties < 0 or header > after:
                raise Broken("a message that ends within its properties")
        return Publish(qos, mid, data[topic:at], data[header:after])


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A variable byte integer (1.5.5) at ``at``: (it, where it has ended); (0, −1) where it is not
    whole."""
    number = 0
    for shift in (0, 7, 14, 21):
        if at >= end:
            return 0, -1
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise Broken("a length of more than four bytes")


def _packet(first: int, body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while True:
        rest, low = rest >> 7, rest & 0x7F
        length.append(low | (0x80 if rest else 0))
        if not rest:
            return bytes((first, *length)) + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded


def connect(version: int, client: str, user: str, password: str, keep_alive: int) -> bytes:
    """CONNECT (3.1) to a session that the broker keeps; ``keep_alive`` in seconds."""
    flags = (0x80 if user else 0) | (0x40 if password else 0)
    body = _text("MQTT") + struct.pack(">BBH", version, flags, keep_alive)
    if version == 5:
        body += bytes([len(ASKED)]) + ASKED
    body += _text(client)
    body += _text(user) if user else b""
    return _packet(0x10, body + (_text(password) if password else b""))


def subscribe(version: int, mid: int, topics: Sequence[tuple[str, int]]) -> bytes:
    """SUBSCRIBE (3.8) to (filter, QoS)."""
    body = struct.pack(">H", mid) + (b"\0" if version == 5 else b"")
    return _packet(0x82, body + b"".join(_text(name) + bytes([qos]) for name, qos in topics))


def acknowledge(mids: Sequence[int]) -> bytes:
    """PUBACKs (3.4), one for each, as one piece."""
    packets = np.full((len(mids), 2), 0x4002, ">u2")
    packets[:, 1] = mids
    return packets.tobytes()
