"""``tianmu decode`` and ``tianmu encode``: how an integrator debugs a panel."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from types import ModuleType

import msgspec


def _codec(protocol: str) -> ModuleType:
    return importlib.import_module(f"tianmu.sense.{protocol}.codec")


def from_hex(digits: str) -> bytes:
    """Bytes of hex digits as people paste them: with spaces, colons, commas, 0x or line ends."""
    plain = re.sub(r"0[xX](?=[0-9a-fA-F]{2})|[\s:,\-]", "", digits)
    try:
        return bytes.fromhex(plain)
    except ValueError as error:
        raise ValueError(f"--hex is not pairs of hexadecimal digits: {error}") from error


def decode_frames(protocol: str, payload: bytes) -> Iterator[tuple[str, bool]]:
    """(JSON line, whether it was read) for each frame in ``payload``."""
    for found in _codec(protocol).decode_lines(payload):
        yield msgspec.json.encode(found).decode(), "error" not in found


def encode_line(protocol: str, line: bytes) -> str:
    """The frame of one JSON line, as hex; ``ValueError`` says what is wrong with it."""
    try:
        fields = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(fields, dict) or "error" in fields:
        raise ValueError("not a decoded frame: pass lines that `tianmu decode` could read")
    frame: bytes = _codec(protocol).encode_line(fields)
    return frame.hex()
