"""Pictures as a camera sends them: H.264 by hand and JPEG, in packets of RTP.

H.264 here is its plainest form: every macroblock is I_PCM, samples as they are (ITU-T H.264 7.3),
so that no encoder is needed. Packets: RFC 6184 (single NAL units and FU-A), RFC 2435 (JPEG).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

MOST = 1_300
"""bytes of a packet's payload"""
CLOCK = 90_000


@dataclass
class Bits:
    """Written from the highest bit on."""

    out: list[int] = field(default_factory=list)

    def u(self, count: int, value: int) -> Bits:
        self.out += [value >> at & 1 for at in range(count - 1, -1, -1)]
        return self

    def ue(self, *values: int) -> Bits:
        """Exponential Golomb codes."""
        for value in values:
            size = (value + 1).bit_length()
            self.u(size - 1, 0).u(size, value + 1)
        return self

    def align(self) -> Bits:
        return self.u(-len(self.out) % 8, 0)

    @property
    def bytes(self) -> bytes:
        assert len(self.out) % 8 == 0
        return np.packbits(np.array(self.out, np.uint8)).tobytes()

    def end(self) -> bytes:
        """With the stop bit and zeros to the byte."""
        return self.u(1, 1).align().bytes


def _nal(head: int, payload: bytes) -> bytes:
    """A NAL unit, its payload with emulation prevention."""
    out, zeros = bytearray([head]), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def parameter_sets(wide: int, high: int) -> tuple[bytes, bytes]:
    """SPS and PPS of baseline pictures of this size."""
    across, down = -(-wide // 16), -(-high // 16)
    sps = Bits().u(8, 66).u(8, 0).u(8, 20).ue(0, 0, 2, 0).u(1, 0).ue(across - 1, down - 1)
    sps.u(2, 0b11).u(1, 1).ue(0, (across * 16 - wide) // 2, 0, (down * 16 - high) // 2).u(1, 0)
    pps = Bits().ue(0, 0).u(2, 0).ue(0, 0, 0).u(3, 0).ue(0, 0, 0).u(3, 0)
    return _nal(0x67, sps.end()), _nal(0x68, pps.end())


def h264(image: np.ndarray, number: int) -> bytes:
    """One blue-green-red picture as the NAL unit of a whole frame; ``number`` tells apart two that
    follow each other."""
    high, wide = image.shape[:2]
    across, down = -(-wide // 16), -(-high // 16)
    padded = np.pad(image, ((0, down * 16 - high), (0, across * 16 - wide), (0, 0)), "edge")
    red, green, blue = (padded[..., at].astype(float) for at in (2, 1, 0))
    y = 16 + 0.257 * red + 0.504 * green + 0.098 * blue
    cb, cr = (
        128 - 0.148 * red - 0.291 * green + 0.439 * blue,
        128 + 0.439 * red - 0.368 * green - 0.071 * blue,
    )
    planes = [np.rint(one).clip(1, 254).astype(np.uint8) for one in (y, cb[::2, ::2], cr[::2, ::2])]
    head = Bits().ue(0, 7, 0).u(4, 0).ue(number % 2).u(2, 0).ue(0)
    out = bytearray()
    for block in range(across * down):
        row, column = divmod(block, across)
        out += head.ue(25).align().bytes
        head = Bits()
        for plane, size in zip(planes, (16, 8, 8), strict=True):
            at = plane[row * size : (row + 1) * size, column * size : (column + 1) * size]
            out += at.tobytes()
    return _nal(0x65, bytes(out) + b"\x80")


def packets_h264(units: list[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Payloads of one picture, and whether it is the last."""
    for at, unit in enumerate(units):
        last = at == len(units) - 1
        if len(unit) <= MOST:
            yield unit, last
            continue
        body = unit[1:]
        for start in range(0, len(body), MOST):
            end = start + MOST >= len(body)
            mark = (0x80 if start == 0 else 0) | (0x40 if end else 0)
            head = bytes([unit[0] & 0xE0 | 28, mark | unit[0] & 0x1F])
            yield head + body[start : start + MOST], last and end


def packets_jpeg(image: np.ndarray) -> Iterator[tuple[bytes, bool]]:
    high, wide = image.shape[:2]
    made = io.BytesIO()
    Image.fromarray(image[..., ::-1]).save(made, "JPEG", quality=90, subsampling=2)
    tables, scan = _parts(made.getvalue())
    for start in range(0, len(scan), MOST):
        head = struct.pack(">B3sBBBB", 0, start.to_bytes(3, "big"), 1, 255, wide // 8, high // 8)
        if start == 0:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        yield head + scan[start : start + MOST], start + MOST >= len(scan)


def _parts(jpeg: bytes) -> tuple[bytes, bytes]:
    """Quantisation tables and the scan of a baseline JPEG."""
    tables, at = b"", 2
    while True:
        marker, size = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        body = jpeg[at + 4 : at + 2 + size]
        if marker == 0xDB:
            tables += b"".join(body[one + 1 : one + 65] for one in range(0, len(body), 65))
        at += 2 + size
        if marker == 0xDA:
            return tables, jpeg[at : jpeg.rindex(b"\xff\xd9")]


def rtp(payload: bytes, *, kind: int, number: int, time: int, last: bool) -> bytes:
    mark = 0x80 if last else 0
    head = struct.pack(">BBHII", 0x80, mark | kind, number & 0xFFFF, time & 0xFFFFFFFF, 0x5EED)
    return head + payload
