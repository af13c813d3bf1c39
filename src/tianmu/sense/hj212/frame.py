"""Frames out of a byte stream, by their length (HJ 212-2017, 6.3.1).

``##`` + four digits (bytes of the data segment) + data segment + four hex digits + CR LF. The
framer goes by the length because an encrypted segment may hold ``&&``, ``##`` or CR LF; it bears
with what is found in the field: a line feed alone or nothing at the end, a check sum in lower
case, a length that counts characters where Chinese text makes more bytes, noise between frames,
frames that break off. What it makes of a stream does not depend on how the stream was cut up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from tianmu.sense.hj212.crc import crc

HEAD = 6
"""bytes of ``##`` and the length"""

NOISE_BLOCK = 4096
"""bytes of noise reported at once"""

_START = re.compile(rb"##[0-9]{4}")
_TAIL = re.compile(rb"&&([0-9A-Fa-f]{4})\r?\n")
_HEX = re.compile(rb"[0-9A-Fa-f]{4}")
_MOST_TAILS = 16  # tails looked at within one frame, so that no input costs much


@dataclass(frozen=True)
class Frame:
    """One frame as it came; the line end behind it is not kept."""

    offset: int
    """bytes of the stream before it"""
    length: int
    """the length it declares"""
    segment: bytes
    """data segment as sent, maybe with an encrypted data area"""
    check: str
    """four hex digits as sent"""

    @cached_property
    def ok(self) -> bool:
        """Whether the check sum is that of the segment as sent (false while encrypted)."""
        return crc(self.segment) == int(self.check, 16)

    def bytes(self) -> bytes:
        """The frame as it came, closed by CR LF."""
        return b"##%04d%s%s\r\n" % (self.length, self.segment, self.check.encode())


@dataclass(frozen=True)
class Noise:
    """Bytes that are no frame."""

    offset: int
    payload: bytes
    reason: str


def pack(segment: bytes, *, plain: bytes | None = None) -> bytes:
    """A frame around a data segment; ``plain`` is the segment before encryption, if it was.

    Raises ``ValueError`` where the segment is longer than four digits can say.
    """
    if len(segment) > 9999:
        raise ValueError(
            f"a data segment of {len(segment)} bytes does not fit: split it in packets"
        )
    check = crc(segment if plain is None else plain)
    return b"##%04d%s%04X\r\n" % (len(segment), segment, check)


class Framer:
    """Cuts one stream into ``Frame`` and ``Noise``, in the order of their bytes."""

    def __init__(self) -> None:
        self._buffer = b""
        self._base = 0  # offset of the buffer's first byte in the stream
        self._noise = 0  # where in the buffer unreported noise begins
        self._scan = 0  # where to look for the next frame, _noise <= _scan
        self._why = ""  # why the noise is noise, when a frame began there

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | Noise]:
        """What ``data`` completes."""
        self._buffer += data
        out: list[Frame | Noise] = []
        while self._step(out):
            pass
        self._trim()
        return out

    def flush(self) -> list[Frame | Noise]:
        """What is left when nothing more will come, or nothing came for too long."""
        out: list[Frame | Noise] = []
        while True:
            while self._step(out):
                pass
            match = _START.match(self._buffer, self._scan)
            if match is None:
                break
            start, declared = match.start(), int(match.group()[2:])
            stop = start + HEAD + declared
            self._report(out, start)
            if _HEX.match(self._buffer, stop):
                self._accept(out, start, declared, stop)
                continue
            there = len(self._buffer) - start - HEAD
            self._why = f"the frame declares {declared} bytes and breaks off after {there}"
            self._scan = start + 2
        self._report(out, len(self._buffer))
        self._scan = self._noise
        self._trim()
        return out

    def _trim(self) -> None:
        """Forget what has been reported."""
        self._buffer = self._buffer[self._noise :]
        self._base += self._noise
        self._scan -= self._noise
        self._noise = 0

    def _report(self, out: list[Frame | Noise], end: int) -> None:
        """Report what lies before ``end`` as noise; line ends between frames are none."""
        payload = self._buffer[self._noise : end]
        if payload.strip(b"\r\n\0 "):
            reason = self._why or "no frame begins here: expected ## and four digits"
            lead = len(payload) - len(payload.lstrip(b"\r\n"))
            out.append(Noise(self._base + self._noise + lead, payload[lead:], reason))
        self._noise = end
        self._scan = max(self._scan, end)
        self._why = ""

    def _accept(self, out: list[Frame | Noise], start: int, declared: int, stop: int) -> None:
        segment = self._buffer[start + HEAD : stop]
        check = self._buffer[stop : stop + 4].decode("ascii")
        out.append(Frame(self._base + start, declared, segment, check))
        self._scan = self._noise = stop + 4

    def _step(self, out: list[Frame | Noise]) -> bool:
        """Find one more frame or one more block of noise; False when bytes are wanting."""
        match = _START.search(self._buffer, self._scan)
        # a start may be cut within its six bytes
        last = max(self._scan, len(self._buffer) - (HEAD - 1))
        self._scan = match.start() if match else last
        if self._scan - self._noise >= NOISE_BLOCK:
            self._report(out, self._noise + NOISE_BLOCK)
            return True
        if match is None:
            return False
        start, declared = match.start(), int(match.group()[2:])
        found = self._settle(start, declared)
        if found is None:
            return False
        self._report(out, start)
        if isinstance(found, int):
            self._accept(out, start, declared, found)
        else:
            self._why = found
            self._scan = start + 2
        return True

    def _settle(self, start: int, declared: int) -> int | str | None:
        """Where the segment of the frame at ``start`` stops, or why there is no frame, or None
        while bytes are wanting. Of all that would settle it the first in the stream counts, so it
        does not matter how the bytes arrive."""
        buffer = self._buffer
        body = start + HEAD
        stop = body + declared
        limit = stop + 4
        # a tail before the declared end: the length is wrong, or the frame broke off and
        # another whole one lies within
        settled = self._by_tail(start, declared, limit)
        if settled is not None:
            return settled
        if len(buffer) < limit:
            return None
        segment = buffer[body:stop]
        check = _HEX.match(buffer, stop)
        if check is not None:
            # the check sum alone is weak (its register keeps eight bits), so && has to be there
            if segment.endswith(b"&&") and crc(segment) == int(check.group(), 16):
                return stop
            # a wrong check sum, or an encrypted data area: then a line end or another frame
            # has to follow
            follows = buffer[limit : limit + 2]
            if follows[:1] == b"\n" or follows in (b"\r\n", b"##"):
                return stop
            if follows in (b"", b"\r", b"#"):
                return None
        if not segment.isascii():
            # the length may count characters: then the segment has more bytes than it says
            most = body + 3 * declared + HEAD
            following = _START.search(buffer, limit, most)
            end = following.end() if following else most
            settled = self._by_tail(start, declared, end)
            if settled is not None:
                return settled
            if len(buffer) < end:
                return None
        return (
            f"the frame declares {declared} bytes, but no check sum follows them: "
            "the length is wrong or the frame broke off"
        )

    def _by_tail(self, start: int, declared: int, end: int) -> int | str | None:
        """Whether a ``&&`` + check sum + line end before ``end`` settles the frame at ``start``:
        its own by the check sum, or that of another whole frame that begins within."""
        buffer = self._buffer
        body = start + HEAD
        for tail in islice(_TAIL.finditer(buffer, body, end), _MOST_TAILS):
            stop = tail.start() + 2
            check = int(tail.group(1), 16)
            for inner in _START.finditer(buffer, start + 2, stop):
                begins = inner.start() + HEAD
                if begins + int(inner.group()[2:]) == stop and crc(buffer[begins:stop]) == check:
                    return f"the frame declares {declared} bytes and breaks off: another begins"
            if crc(buffer[body:stop]) == check:
                return stop
        return None
