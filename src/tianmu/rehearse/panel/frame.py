"""The panel's side of a GB/T 26875.3-2011 frame, written apart from the centre's codec.

A second reading of the standard: what this packs, the centre must understand, and the other way
about. It knows only what a transmission unit sends and is asked.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import NamedTuple

_CONTROL = struct.Struct("<HBB6s6s6sHB")
"""serial, version, user version, time label, source, destination, length, command"""
HEAD = 2 + _CONTROL.size
CONTROL, SEND, CONFIRM, REQUEST, ANSWER, DENY = range(1, 7)


class Packet(NamedTuple):
    serial: int
    source: bytes
    destination: bytes
    command: int
    data: bytes
    good: bool
    """the checksum is right"""


def address_bytes(address: str) -> bytes:
    """Six bytes, low byte first, of 12 hexadecimal digits."""
    return int(address, 16).to_bytes(6, "little")


def label(at: datetime) -> bytes:
    """Second, minute, hour, day, month, year − 2000, each one binary byte."""
    return bytes([at.second, at.minute, at.hour, at.day, at.month, at.year % 100])


def pack(
    serial: int, source: bytes, destination: bytes, command: int, data: bytes, time: bytes
) -> bytes:
    """A whole frame, protocol version 1.0."""
    middle = _CONTROL.pack(serial, 1, 0, time, source, destination, len(data), command) + data
    return b"\x40\x40" + middle + bytes([sum(middle) % 256]) + b"\x23\x23"


def unpack(buffer: bytearray) -> list[Packet]:
    """Take the whole frames off the front of ``buffer``; what begins no frame is thrown away,
    for a panel keeps no quarantine."""
    packets: list[Packet] = []
    while len(buffer) >= HEAD + 3:
        if buffer[:2] != b"\x40\x40":
            del buffer[0]
            continue
        serial, _, _, _, source, destination, length, command = _CONTROL.unpack_from(buffer, 2)
        size = HEAD + length + 3
        if length > 1024:
            del buffer[0]
            continue
        if len(buffer) < size:
            break
        whole = bytes(buffer[:size])
        if not whole.endswith(b"\x23\x23"):
            del buffer[0]
            continue
        del buffer[:size]
        good = sum(whole[2:-3]) % 256 == whole[-3]
        packets.append(Packet(serial, source, destination, command, whole[HEAD:-3], good))
    return packets
