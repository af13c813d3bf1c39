"""Recognition events as they come over HTTP: a JSON object or an array of them, pictures in base64.

Pure: bytes to events, no I/O. Each event that cannot be read is refused with its reason; a message
is refused as a whole only where it is no JSON.
"""

from __future__ import annotations

import binascii
import io
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from PIL import Image

from tianmu.sense.http.codec import instant
from tianmu.sense.http.columns import Refused
from tianmu.sense.recognition.dwell import Box

LARGEST = 16 << 20
"""bytes of one message"""
PICTURE = 4 << 20
"""bytes of one picture (default, to be set by the city)"""
EVENTS = 200
"""events of one message"""
COMMAS = 1_000 * EVENTS
"""in a message: with more there are more values in it than such events have"""
NARROWEST, WIDEST = 16, 8192
"""pixels of a picture's side"""

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
REMEDIES = {
    "box": "send four shares of the picture's sides, 0 to 1, not pixels",
    "confidence": "send a number from 0 to 1, not per cent and no text",
    "time": "send RFC 3339 with a zone, or milliseconds since 1970",
}
"""field → what is wanted there"""
_DATA_URL = re.compile(r"^data:image/jpe?g;base64,")
"""as browsers hand pictures over"""
_NAME = re.compile(r"[\x21-\x7e]{1,200}")


class _Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event as it is sent; see docs/connectors/recognition.md."""

    event: str
    camera: str
    kind: str
    time: str | int
    confidence: Share
    box: tuple[Share, Share, Share, Share] | None = None
    picture: str | None = None
    picture_of: str | None = None
    recogniser: str = ""


class _Named(msgspec.Struct, frozen=True):
    event: str = ""


@dataclass(frozen=True)
class Event:
    """``time`` µs; ``picture`` its bytes, ``picture_of`` the event of this message that has it."""

    row: int
    event: str
    camera: str
    kind: str
    time: int
    confidence: float
    box: Box | None
    picture: bytes | None
    picture_of: str
    recogniser: str


@dataclass(frozen=True)
class Message:
    events: tuple[Event, ...]
    refused: Mapping[int, str] = field(default_factory=dict)
    """row → why"""
    names: Mapping[int, str] = field(default_factory=dict)
    """row → its event, of those refused ones that say one"""


@dataclass(frozen=True)
class Picture:
    """What is known of a picture's content."""

    width: int
    height: int


_rows = msgspec.json.Decoder(list[msgspec.Raw])
_said = msgspec.json.Decoder(_Said)


def decode(body: bytes) -> Message:
    """The events of a message. Raises ``Refused`` where it is none."""
    start = body.lstrip()[:1]
    if body.count(b",") > COMMAS:  # before millions of objects are made of them
        raise Refused("far too many values", f"send 1 to {EVENTS} events in a message")
    try:
        if start == b"[":
            rows = [bytes(one) for one in _rows.decode(body)]
        elif start == b"{":
            rows = [body]
        else:
            raise Refused("the body is neither a JSON object nor an array", "send {…} or [{…}]")
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(f"not JSON: {error}", "send one event or an array of events") from error
    if not rows or len(rows) > EVENTS:
        raise Refused(f"{len(rows)} events", f"send 1 to {EVENTS} events in a message")
    events: list[Event] = []
    refused: dict[int, str] = {}
    for row, raw in enumerate(rows):
        try:
            events.append(_event(row, raw))
        except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
            refused[row] = str(error)
    if len(rows) == 1 and start == b"{" and refused and not _is_json(body):
        raise Refused(f"not JSON: {refused[0]}", "send one event or an array of events")
    return Message(tuple(events), refused, {row: _name(rows[row]) for row in refused})


def _name(raw: bytes) -> str:
    """What an event calls itself that cannot be read otherwise: its sender has to find it."""
    try:
        told = msgspec.json.decode(raw, type=_Named).event
    except (msgspec.DecodeError, RecursionError):
        return ""
    return told if _NAME.fullmatch(told) else ""


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _event(row: int, raw: bytes) -> Event:
    try:
        said = _said.decode(raw)
    except msgspec.ValidationError as error:
        raise ValueError(_mended(str(error))) from error
    for name in ("event", "camera", "kind"):
        if not _NAME.fullmatch(getattr(said, name)):
            raise ValueError(f"{name} must be 1 to 200 printable ASCII signs without blanks")
    if len(said.recogniser) > 200:
        raise ValueError("recogniser has more than 200 signs: name it shorter")
    box = said.box
    if box is not None and not (box[0] < box[2] and box[1] < box[3]):
        raise ValueError(
            "box must be left, top, right, bottom as shares: left before right, top before bottom"
        )
    if said.picture is not None and said.picture_of is not None:
        raise ValueError("picture and picture_of exclude each other: give one")
    return Event(
        row=row,
        event=said.event,
        camera=said.camera,
        kind=said.kind,
        time=instant(said.time),
        confidence=said.confidence,
        box=box,
        picture=None if said.picture is None else _bytes(said.picture),
        picture_of=said.picture_of or "",
        recogniser=said.recogniser,
    )


def _mended(fault: str) -> str:
    """A fault of form with what to send."""
    field = fault.partition("`$.")[2].partition("`")[0].partition("[")[0]
    remedy = REMEDIES.get(field)
    return f"{fault}: {remedy}" if remedy else fault


def _bytes(told: str) -> bytes:
    told = _DATA_URL.sub("", told, count=1)
    if len(told) > PICTURE * 4 // 3 + 4:
        raise ValueError(f"the picture has more than {PICTURE} bytes: send a smaller one")
    try:
        return b64decode(told, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"the picture is not base64: {error}") from error


def look(content: bytes) -> Picture:
    """A whole JPEG of a sensible size, decoded to its end. Raises ``ValueError``.

    It is decoded at an eighth of its size, which takes a sixty-fourth of the memory.
    """
    if not content.startswith(b"\xff\xd8\xff"):
        raise ValueError("the picture is no JPEG by its first bytes: send a JPEG")
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            width, height = image.size
            if not (min(width, height) >= NARROWEST and max(width, height) <= WIDEST):
                raise ValueError(
                    f"the picture has {width} x {height} pixels: sides of {NARROWEST} to {WIDEST} "
                    "are taken"
                )
            image.draft("L", (width // 8, height // 8))
            image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"the picture cannot be read: {error}: send it whole") from error
    return Picture(width, height)
