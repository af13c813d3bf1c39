"""Data segments of HJ 212: bytes to messages and back, without any socket (HJ 212-2017, 6.3).

``QN=…;ST=…;CN=…;PW=…;MN=…;Flag=…;[PNUM=…;PNO=…;][RF=1;]CP=&&data area&&``. A message keeps its
fields and items as ordered pairs of texts, so that zero-padding, order and repeats survive and
``encode`` gives back the very bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from tianmu.sense.hj212 import sm4
from tianmu.sense.hj212.crc import crc
from tianmu.sense.hj212.frame import Frame, pack

Pair = tuple[str, str | None]
Group = tuple[Pair, ...]

OPEN, CLOSE = b"CP=&&", b"&&"

STATISTICS = (
    "Rtd", "Min", "Avg", "Max", "Cou", "ZsRtd", "ZsMin", "ZsAvg", "ZsMax", "ZsCou",
)  # fmt: skip
"""What a number of a factor is: real-time, least, mean, greatest, total; ``Zs`` = converted to
the reference oxygen content (折算)."""

SUFFIXES = (
    *STATISTICS,
    "Flag", "EFlag", "SampleTime", "Info", "SN", "RS", "RT", "Data", "DayData", "NightData",
)  # fmt: skip

_CANONICAL = {suffix.lower(): suffix for suffix in SUFFIXES}
_FLAG_2025 = re.compile(rb"Flag=(?:[89]|1[01]);")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_PIECES = re.compile(r"(?://.*?//|[^;])+", re.DOTALL)
_VALUES = re.compile(r"(?://.*?//|[^,])+", re.DOTALL)


class Unreadable(ValueError):
    """The segment is not of the form the standard gives; says where and how."""


@dataclass(frozen=True)
class Message:
    """One data segment, read."""

    header: tuple[tuple[str, str], ...]
    """fields before ``CP`` in their order, as sent"""
    groups: tuple[Group, ...] = ()
    """items of the data area (between ``;``), each its pairs (between ``,``), as sent"""
    encrypted: bool = False
    """whether its data area was (or is to be) encrypted"""
    encoding: str = "utf-8"

    @cached_property
    def fields(self) -> dict[str, str]:
        return dict(self.header)

    def field(self, name: str) -> str:
        """A field as sent, or empty."""
        return self.fields.get(name, "")

    @property
    def flag(self) -> int | None:
        """The ``Flag`` byte, or None where it is missing or no number."""
        text = self.field("Flag").strip()
        return int(text) if text.isascii() and text.isdigit() else None

    @property
    def edition(self) -> int:
        """2005, 2017 or 2025, by the version bits of ``Flag``; without a Flag 2005."""
        version = (self.flag or 0) >> 2
        return {0: 2005, 1: 2017}.get(version, 2025)

    @property
    def acknowledge(self) -> bool:
        """Whether it asks for an answer."""
        return bool((self.flag or 0) & 1)

    def number(self, name: str) -> int | None:
        """A field as a whole number, or None."""
        text = self.field(name).strip()
        return int(text) if text.isascii() and text.isdigit() else None

    def value(self, key: str) -> str:
        """The first value of a key of the data area, or empty."""
        for group in self.groups:
            for name, value in group:
                if name == key:
                    return value or ""
        return ""


@dataclass(frozen=True)
class Entry:
    """What one data area says of one factor."""

    code: str
    """as sent"""
    said: dict[str, str | None]
    """suffix → text: ``Rtd``, ``Avg``, ``Flag``…"""
    about: str
    """``PolId``: the factor whose instrument is meant (3020…), or empty"""
    time: str
    """the ``DataTime`` in force, as sent, or empty"""


def entries(message: Message) -> list[Entry]:
    """The factors of a data area in order; what is said of one in several items is joined."""
    out: list[Entry] = []
    latest: dict[tuple[str, str, str], Entry] = {}
    time = about = ""
    for group in message.groups:
        for name, value in group:
            if name == "DataTime":
                time, about = value or "", ""
            elif name == "PolId":
                about = value or ""
            named = split_key(name)
            if named is None:
                continue
            code, suffix = named
            entry = latest.get((time, about, code))
            if entry is None or entry.said.get(suffix, value) != value:
                entry = Entry(code, {}, about, time)
                latest[time, about, code] = entry
                out.append(entry)
            entry.said[suffix] = value
    return out


def split_key(key: str) -> tuple[str, str] | None:
    """``a01011-Avg`` → (``a01011``, ``Avg``), or None where the key names no factor."""
    code, dash, suffix = key.rpartition("-")
    canonical = _CANONICAL.get(suffix.lower())
    code = code.strip()  # loggers put blanks behind semicolons
    return (code, canonical) if dash and code and canonical else None


def _pair(text: str) -> Pair:
    name, equals, value = text.partition("=")
    return (name, value if equals else None)


def parse_area(text: str) -> tuple[Group, ...]:
    """Items of a data area. Text between ``//`` and ``//`` (logs, 3020) is not cut up."""
    if "//" in text:
        items = _cut(_PIECES, text, ";")
        return tuple(tuple(_pair(value) for value in _cut(_VALUES, item, ",")) for item in items)
    if not text:
        return ()
    return tuple(tuple(_pair(value) for value in item.split(",")) for item in text.split(";"))


def _cut(piece: re.Pattern[str], text: str, separator: str) -> list[str]:
    """Split by a separator outside of ``//…//``; empty pieces are kept."""
    out, position = [], 0
    while True:
        match = piece.match(text, position)
        end = match.end() if match else position
        out.append(text[position:end])
        if end >= len(text):
            return out
        if text[end] != separator:  # cannot be: a piece ends only at a separator
            raise AssertionError(text[end])
        position = end + 1


def area_text(groups: Iterable[Group]) -> str:
    """The data area of groups: the inverse of ``parse_area``."""
    return ";".join(
        ",".join(name if value is None else f"{name}={value}" for name, value in group)
        for group in groups
    )


def plain_segment(frame: Frame, key: bytes | None = None) -> tuple[bytes, bool, bool]:
    """The segment of a frame in the clear: (segment, whether it was encrypted, check sum right).

    A right check sum over an area in UTF-8 is one in the clear: bytes of a cipher are no UTF-8.
    Else, with a ``key``, the area is taken as encrypted: it is, if the check sum comes out right
    and the area is text. The check sum alone would not do, since its register keeps eight bits
    from byte to byte: one segment in 256 has the right one by chance. Without the right key an
    area that is no text counts as encrypted, its segment stays as sent and ``right`` is false.
    """
    segment = frame.segment
    head = segment.find(OPEN)
    if head < 0 or not segment.endswith(CLOSE) or len(segment) < head + len(OPEN) + len(CLOSE):
        return segment, False, frame.ok
    begin = head + len(OPEN)
    area = segment[begin : -len(CLOSE)]
    if frame.ok and _is_text(area, ("utf-8",)):
        return segment, False, True
    if key is not None and len(area) >= sm4.BLOCK:
        plain = sm4.decrypt(area, key)
        whole = segment[:begin] + plain + CLOSE
        if crc(whole) == int(frame.check, 16) and _is_text(plain):
            return whole, True, True
    if frame.ok and (not _FLAG_2025.search(segment, 0, begin) or _is_text(area)):
        return segment, False, True
    return segment, not _is_text(area), False


def _is_text(area: bytes, encodings: tuple[str, ...] = ("utf-8", "gb18030")) -> bool:
    if _CONTROL.search(area):
        return False
    for encoding in encodings:
        try:
            area.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


def parse(segment: bytes, *, encrypted: bool = False) -> Message:
    """The message of a plain data segment. Raises ``Unreadable``."""
    head = segment.find(OPEN)
    if head < 0:
        raise Unreadable("the data segment has no CP=&&…&&")
    if not segment.endswith(CLOSE) or len(segment) < head + len(OPEN) + len(CLOSE):
        raise Unreadable("the data area is not closed by &&")
    encoding = "utf-8"
    try:
        text = segment.decode(encoding)
    except UnicodeDecodeError:
        encoding = "gb18030"
        try:
            text = segment.decode(encoding)
        except UnicodeDecodeError as error:
            raise Unreadable(
                f"byte {error.start} of the data segment is text neither in UTF-8 nor in GB 18030"
                " (an encrypted data area needs its key)"
            ) from None
    front, _, rest = text.partition("CP=&&")
    header = []
    for item in front.split(";"):
        name, equals, value = item.partition("=")
        if equals:
            header.append((name, value))
        elif item:
            raise Unreadable(f"the field {item!r} before CP has no value: expected NAME=value")
    message = Message(tuple(header), parse_area(rest[:-2]), encrypted, encoding)
    # items and pairs are put together again as they were cut; fields may have stood otherwise
    exact = encoding == "utf-8" or text.encode(encoding) == segment
    if not exact or front != "".join(f"{name}={value};" for name, value in header):
        raise Unreadable(
            "the data segment is not fields separated by single semicolons in one encoding"
        )
    return message


def segment_of(message: Message) -> bytes:
    """The plain data segment of a message."""
    front = "".join(f"{name}={value};" for name, value in message.header)
    return f"{front}CP=&&{area_text(message.groups)}&&".encode(message.encoding)


def encode(message: Message, key: bytes | None = None) -> bytes:
    """The frame of a message, its data area encrypted where ``message.encrypted``.

    Raises ``ValueError`` where a key is needed and none is given, or where it is too long.
    """
    plain = segment_of(message)
    if not message.encrypted:
        return pack(plain)
    if key is None:
        raise ValueError("an encrypted data area needs the key: give its 32 hex digits")
    begin = plain.index(OPEN) + len(OPEN)
    area = sm4.encrypt(plain[begin:-2], key)
    return pack(plain[:begin] + area + CLOSE, plain=plain)


def decode(frame: Frame, key: bytes | None = None) -> Message:
    """The message of a frame whose check sum is right. Raises ``Unreadable``."""
    segment, encrypted, right = plain_segment(frame, key)
    if not right:
        if encrypted:
            raise Unreadable("the data area is encrypted and its key is missing or wrong")
        raise Unreadable(f"the check sum is {frame.check}, expected {crc(frame.segment):04X}")
    return parse(segment, encrypted=encrypted)


def compose(
    cn: str,
    *,
    mn: str,
    pw: str = "",
    st: str,
    qn: str,
    flag: int | None = None,
    items: Iterable[Group | Pair] = (),
    encrypted: bool = False,
) -> Message:
    """A message with its fields in the standard's order; each item a pair or a group of pairs."""
    header = [("QN", qn)] if qn else []
    header += [("ST", st), ("CN", cn), ("PW", pw), ("MN", mn)]
    if flag is not None:
        header.append(("Flag", str(flag)))
    groups: list[Group] = []
    for item in items:
        if item and isinstance(item[0], str):
            groups.append(((item[0], item[1]),))
        else:
            groups.append(item)
    return Message(tuple(header), tuple(groups), encrypted)
