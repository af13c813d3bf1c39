"""``tianmu decode`` and ``tianmu encode``: how an integrator debugs a panel."""

from __future__ import annotations

import importlib
import re
import struct
from collections.abc import Iterator
from types import ModuleType

import msgspec

ENCRYPTED = {"hj212": "sm4"}
"""protocol → its module that knows the cipher"""


def _codec(protocol: str) -> ModuleType:
    return importlib.import_module(f"tianmu.sense.{protocol}.codec")


def from_hex(digits: str) -> bytes:
    """Bytes of hex digits as people paste them: with spaces, colons, commas, 0x or line ends."""
    plain = re.sub(r"0[xX](?=[0-9a-fA-F]{2})|[\s:,\-]", "", digits)
    try:
        return bytes.fromhex(plain)
    except ValueError as error:
        raise ValueError(f"--hex is not pairs of hexadecimal digits: {error}") from error


def read_key(protocol: str, text: str) -> bytes:
    """The key of encrypted frames; ``ValueError`` where it is none or the protocol has none."""
    if protocol not in ENCRYPTED:
        raise ValueError(f"frames of {protocol} are never encrypted: leave out --key")
    cipher = importlib.import_module(f"tianmu.sense.{protocol}.{ENCRYPTED[protocol]}")
    key: bytes = cipher.key_bytes(text)
    return key


def _more(key: bytes | None) -> dict[str, bytes]:
    return {} if key is None else {"key": key}


def decode_frames(
    protocol: str, payload: bytes, key: bytes | None = None
) -> Iterator[tuple[str, bool]]:
    """(JSON line, whether it was read) for each frame in ``payload``."""
    for found in _codec(protocol).decode_lines(payload, **_more(key)):
        yield msgspec.json.encode(found).decode(), "error" not in found


def encode_line(protocol: str, line: bytes, key: bytes | None = None) -> str:
    """The frame of one JSON line, as hex; ``ValueError`` says what is wrong with it."""
    try:
        fields = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(fields, dict) or "error" in fields:
        raise ValueError("not a decoded frame: pass lines that `tianmu decode` could read")
    try:
        frame: bytes = _codec(protocol).encode_line(fields, **_more(key))
    except (KeyError, IndexError, TypeError, AttributeError, OverflowError, struct.error) as error:
        raise ValueError(
            f"a field is missing or of another sort ({type(error).__name__}: {error}): pass lines "
            "as `tianmu decode` wrote them"
        ) from error
    return frame.hex()
