"""Frames out of a byte stream (GB/T 26875.3-2011, clause 6), by the length field alone.

``40 40`` and ``23 23`` occur inside application data, so a delimiter is never searched for within
a frame; only after unreadable bytes is the next start looked for.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

START, END = b"@@", b"##"
HEAD = 27
"""bytes before the application data: start, control unit"""
TAIL = 3
"""checksum and end"""
LIMIT = 1024
"""most bytes of application data (clause 6.2)"""
BELIEVED = 4096
"""a length beyond ``LIMIT`` that is still taken for a frame too long, and skipped as one; beyond
this it is taken for noise, and the next start is looked for at once"""
REGION = 66_000
"""most unreadable bytes kept together: more than the longest length field can promise"""


class Fault(StrEnum):
    """Why bytes were refused."""

    START = "start"
    LENGTH = "length"
    END = "end"
    HALF = "half"
    CHECKSUM = "checksum"
    COMMAND = "command"
    OBJECTS = "objects"


REASONS: dict[Fault, str] = {
    Fault.START: "bytes outside any frame; a frame starts with 40 40 and nothing stands between "
    "frames: check for a modem banner or another protocol on this port",
    Fault.LENGTH: f"the length field (bytes 24–25, little-endian) promises more than {LIMIT} "
    "bytes: check its byte order, or send fewer objects in a frame",
    Fault.END: "23 23 is missing where the length field says the frame ends: check that the "
    "length (bytes 24–25, little-endian) counts the application data only",
    Fault.HALF: "the frame breaks off before its end: check the line, or the length field",
    Fault.CHECKSUM: "the checksum is not the sum, modulo 256, of bytes 2 up to itself",
    Fault.COMMAND: "the command byte (offset 26) is none of 1–6 nor user defined (128–255)",
    Fault.OBJECTS: "the application data do not hold the number of objects they announce",
}
"""What is wrong and how to mend it, for each fault."""


class Cut(msgspec.Struct, frozen=True):
    """A piece of the stream: one frame (``fault`` is None), or bytes in which there is none."""

    offset: int
    """of its first byte in the stream"""
    data: bytes
    fault: Fault | None = None


class Framer:
    """Cuts a stream into frames however it is chunked; what it cannot read it hands back too.

    The same stream gives the same cuts for every chunking. It holds at most ``REGION`` bytes
    and one frame besides the chunk.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._base = 0  # stream offset of the buffer's first byte
        self._scan = 0  # bytes before this index of the buffer are unreadable…
        self._fault: Fault | None = None  # …for this reason

    @property
    def pending(self) -> int:
        """Bytes held that no cut has given back yet."""
        return len(self._buffer)

    def feed(self, chunk: bytes) -> list[Cut]:
        """The cuts that ``chunk`` completes."""
        self._buffer += chunk
        cuts: list[Cut] = []
        while self._step(cuts):
            pass
        return cuts

    def give_up(self) -> list[Cut]:
        """The half frame at hand will not be completed: hand it back, and whole frames that
        follow inside it as frames. Nothing stays pending."""
        cuts: list[Cut] = []
        while self._buffer:
            half = self._buffer.startswith(START, self._scan)
            fault = Fault.HALF if half else Fault.START
            if half and self._length(self._scan) > LIMIT:
                fault = Fault.LENGTH
            self._skip(min(self._scan + 1, len(self._buffer)), fault)
            while self._step(cuts):
                pass
            if self._scan >= len(self._buffer):
                self._refuse(cuts, len(self._buffer))
        return cuts

    def _skip(self, to: int, fault: Fault) -> None:
        """Bytes before ``to`` are unreadable. A region bears the name of its first fault, where
        it has a better one than not being a start."""
        self._scan = to
        if self._fault in (None, Fault.START):
            self._fault = fault

    def _length(self, start: int) -> int:
        """What the frame at ``start`` says of its application data, 0 where it breaks off."""
        return int.from_bytes(self._buffer[start + 24 : start + 26], "little")

    def _step(self, cuts: list[Cut]) -> bool:
        buffer = self._buffer
        start = buffer.find(START, self._scan)
        if start < 0:
            # a last byte may begin a start; all before it cannot
            start = max(len(buffer) - buffer.endswith(START[:1]), self._scan)
        if start > self._scan:
            self._skip(start, Fault.START)
        while self._scan > REGION:
            self._refuse(cuts, REGION)
        start = self._scan
        if len(buffer) - start < HEAD:
            return False
        length = self._length(start)
        if length > BELIEVED:
            self._skip(start + 1, Fault.LENGTH)
            return True
        end = start + HEAD + length + TAIL
        if len(buffer) < end:
            return False
        if not buffer.startswith(END, end - len(END)):
            self._skip(start + 1, Fault.LENGTH if length > LIMIT else Fault.END)
            return True
        if length > LIMIT:
            self._skip(end, Fault.LENGTH)
            return True
        if start:
            self._refuse(cuts, start)
        size = end - start
        cuts.append(Cut(self._base, bytes(buffer[:size])))
        self._drop(size)
        return True

    def _refuse(self, cuts: list[Cut], size: int) -> None:
        cuts.append(Cut(self._base, bytes(self._buffer[:size]), self._fault or Fault.START))
        self._drop(size)

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._base += size
        self._scan = max(0, self._scan - size)
        if not self._scan:
            self._fault = None


def checksum(frame: bytes) -> int:
    """The sum a frame should carry: its bytes from 2 up to the checksum, modulo 256."""
    return sum(frame[2:-TAIL]) & 0xFF
