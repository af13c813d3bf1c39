"""Frames heard lately: a frame sent again is confirmed again, and counted once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from tianmu.sense.gbt26875.codec import Frame

MOST = 100_000
"""frames remembered over all panels"""


@dataclass(eq=False)
class Heard:
    key: bytes
    """by which the journal knows it again"""
    at: int
    kept: asyncio.Future[bool]
    """whether it is on disk; pending while it is being written"""


class Recent:
    """Frames by source address, serial, time label and application data."""

    def __init__(self) -> None:
        self._heard: OrderedDict[bytes, Heard] = OrderedDict()

    def seen(self, frame: Frame, now: int, window: int, trusted: bool) -> tuple[Heard, bool]:
        """The entry of ``frame`` and whether it had been heard within ``window`` (µs).

        Where the time label can be trusted it is part of the frame's identity for ever; a panel
        without a clock repeats its labels and serials, so there the time of first receipt is.
        """
        digest = identity(frame)
        old = self._heard.get(digest)
        if old is not None and now - old.at <= window and not _lost(old):
            return old, True
        key = digest if trusted else digest + now.to_bytes(8, "big")
        heard = Heard(key, now, asyncio.get_running_loop().create_future())
        self._heard[digest] = heard
        self._heard.move_to_end(digest)
        while len(self._heard) > MOST:
            self._heard.popitem(last=False)
        return heard, False


def identity(frame: Frame) -> bytes:
    """What makes two frames the same: 24 bytes."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(bytes.fromhex(frame.source))
    digest.update(frame.serial.to_bytes(2, "little"))
    digest.update(frame.label)
    digest.update(frame.data)
    return b"gb26875/" + digest.digest()


def _lost(heard: Heard) -> bool:
    """It was heard, but could not be kept: then the next one counts."""
    return heard.kept.done() and not heard.kept.result()
