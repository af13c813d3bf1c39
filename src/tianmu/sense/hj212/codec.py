"""Frames as JSON objects and back: what ``tianmu decode hj212`` and ``tianmu encode`` speak.

An object has ``length, crc, ok, edition``, the fields of the segment in their order, ``CP`` and
``factors``; one whose check sum is wrong (``ok`` false) says so in ``error`` with its
``offset``. Where the object alone would not give back the very bytes (repeats, odd order, zeros
in front, a wrong check sum), ``raw`` holds them in hex; it counts only while the rest of the
object is unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tianmu.sense.hj212 import factors
from tianmu.sense.hj212 import segment as seg
from tianmu.sense.hj212.crc import crc_text
from tianmu.sense.hj212.frame import Frame, Framer, Noise, pack
from tianmu.sense.hj212.segment import Group, Message, Unreadable

_TEXT_FIELDS = ("QN", "ST", "CN", "PW", "MN")
_NUMBER_FIELDS = ("PNUM", "PNO", "RF")
_TEXTS = ("Flag", "EFlag", "SampleTime", "SN")
_HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF \t\r\n")


def number(text: str | None) -> int | float | str | None:
    """A number where the text is one in plain digits, else the text."""
    if text is None:
        return None
    try:
        return int(text) if text.lstrip("+-").isdigit() and text.isascii() else _decimal(text)
    except ValueError:
        return text


def _decimal(text: str) -> float | str:
    if not text.isascii() or not set(text) <= set("0123456789+-.eE"):
        return text
    value = float(text)
    return value if abs(value) < 1e300 else text


def decode_lines(data: bytes, *, key: bytes | None = None) -> Iterator[dict[str, Any]]:
    """One object per frame of ``data``; what is refused as ``{"error", "offset"}``.

    ``data`` is the stream's bytes or the same in hexadecimal; ``key`` is the SM4 key of encrypted
    data areas (16 bytes).
    """
    if data.strip() and _HEX_DIGITS.issuperset(data):
        digits = b"".join(data.split())
        if len(digits) % 2:
            yield {"error": "an odd number of hexadecimal digits", "offset": len(digits) // 2}
        data = bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))
    framer = Framer()
    for start in range(0, len(data), 1 << 16):
        for piece in framer.feed(data[start : start + (1 << 16)]):
            yield _line(piece, key)
    for piece in framer.flush():
        yield _line(piece, key)


def _line(piece: Frame | Noise, key: bytes | None) -> dict[str, Any]:
    if isinstance(piece, Noise):
        return {"error": piece.reason, "offset": piece.offset, "bytes": piece.payload.hex()}
    try:
        line = describe(piece, key)
    except Unreadable as error:
        return {"error": str(error), "offset": piece.offset, "bytes": piece.bytes().hex()}
    if _rebuilt(line, key) != piece.bytes():
        line["raw"] = piece.bytes()[:-2].hex()
    if not line["ok"]:
        line["error"] = _why_not(piece, line)
        line["offset"] = piece.offset
    return line


def _why_not(frame: Frame, line: Mapping[str, Any]) -> str:
    if line.get("encrypted"):
        return "the data area is encrypted and its key is missing or wrong"
    return f"the check sum is {frame.check}, expected {crc_text(frame.segment)}"


def describe(frame: Frame, key: bytes | None = None) -> dict[str, Any]:
    """The object of one frame, without ``raw``. Raises ``Unreadable``."""
    segment, encrypted, right = seg.plain_segment(frame, key)
    line: dict[str, Any] = {"length": frame.length, "crc": frame.check, "ok": right}
    if encrypted and not right:
        head = segment.index(seg.OPEN) + len(seg.OPEN)
        message = seg.parse(segment[:head] + seg.CLOSE)
    else:
        message = seg.parse(segment, encrypted=encrypted)
    line["edition"] = message.edition
    line.update(_header(message))
    if encrypted:
        line["encrypted"] = True
    if encrypted and not right:
        line["cipher"] = segment[head:-2].hex()
        line["CP"], line["factors"] = {}, []
        return line
    line["CP"] = _area(message)
    line["factors"] = factors_of(message)
    return line


def _header(message: Message) -> dict[str, Any]:
    line: dict[str, Any] = {}
    extra: dict[str, str] = {}
    for name, value in message.header:
        if name in line:
            continue
        if name in _TEXT_FIELDS:
            line[name] = value
        elif name in _NUMBER_FIELDS:
            line[name] = number(value)
        elif name == "Flag" and message.flag is not None:
            flag = message.flag
            line[name] = {
                "version": flag >> 2,
                "packets": bool(flag & 2),
                "acknowledge": bool(flag & 1),
            }
        else:
            extra[name] = value
    if extra:
        line["extra"] = extra
    return line


def _area(message: Message) -> dict[str, Any]:
    area: dict[str, Any] = {}
    for group in message.groups:
        for name, value in group:
            if name not in area:
                area[name] = value
            elif isinstance(area[name], list):
                area[name].append(value)
            else:
                area[name] = [area[name], value]
    return area


def factors_of(message: Message) -> list[dict[str, Any]]:
    """What the data area says of each factor, in order: ``code`` as sent, ``standard_code`` where
    that is another one, ``name``, ``unit``, the statistics as numbers, marks and texts."""
    out: list[dict[str, Any]] = []
    for entry in seg.entries(message):
        line: dict[str, Any] = {"code": entry.code}
        standard = factors.current(entry.code)
        if standard != entry.code:
            line["standard_code"] = standard
        factor = factors.find(entry.code)
        line["name"] = dict(factor.name) if factor else {}
        line["unit"] = factor.unit if factor else ""
        if entry.about:
            line["PolId"] = entry.about
        for suffix, text in entry.said.items():
            line[suffix] = text if suffix in _TEXTS else number(text)
        out.append(line)
    return out


def message_of(line: Mapping[str, Any]) -> Message:
    """The message an object stands for, without looking at ``raw``.

    Raises ``ValueError`` where a field is of the wrong kind.
    """
    header: list[tuple[str, str]] = []
    for name, value in line.items():
        if name in _TEXT_FIELDS or name in _NUMBER_FIELDS:
            header.append((name, str(value)))
        elif name == "Flag":
            header.append((name, str(_flag(value))))
        elif name == "extra":
            header += [(str(key), str(text)) for key, text in dict(value).items()]
    area = line.get("CP", {})
    if not isinstance(area, Mapping):
        raise ValueError("CP has to be an object of keys and values")
    return Message(tuple(header), tuple(_groups(area)), bool(line.get("encrypted", False)))


def _flag(value: Any) -> int:
    if isinstance(value, int):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("Flag has to be a number or {version, packets, acknowledge}")
    version = int(value.get("version", 1))
    return version << 2 | bool(value.get("packets")) << 1 | bool(value.get("acknowledge"))


def _groups(area: Mapping[str, Any]) -> Iterable[Group]:
    """Pairs of one factor stand together in one item, as the standard has it."""
    group: list[tuple[str, str | None]] = []
    code = ""
    for name, values in area.items():
        about = name.rpartition("-")[0]
        for value in values if isinstance(values, list) else [values]:
            if group and not (about and code == about):
                yield tuple(group)
                group = []
            group.append((name, None if value is None else str(value)))
            code = about
    if group:
        yield tuple(group)


def _rebuilt(line: Mapping[str, Any], key: bytes | None) -> bytes | None:
    """The frame that the object alone gives, or None where it cannot."""
    if not line.get("ok", True):
        return None
    try:
        return seg.encode(message_of(line), key)
    except (ValueError, UnicodeError):
        return None


def encode_line(line: Mapping[str, Any], *, key: bytes | None = None) -> bytes:
    """The frame of an object: the inverse of ``decode_lines``.

    ``length`` and ``crc`` are made anew. Raises ``ValueError`` where it cannot be a frame.
    """
    if "error" in line and "CP" not in line:
        raise ValueError(f"this line is a refusal, not a frame: {line['error']}")
    line = {name: value for name, value in line.items() if name not in ("error", "offset")}
    raw = line.get("raw")
    if raw is not None:
        for piece in _pieces(bytes.fromhex(raw) + b"\r\n"):
            if isinstance(piece, Frame) and describe(piece, key) == {
                name: value for name, value in line.items() if name != "raw"
            }:
                return piece.bytes()
    if "cipher" in line:
        plain = seg.segment_of(message_of({**line, "CP": {}}))
        sent = plain[:-2] + bytes.fromhex(line["cipher"]) + seg.CLOSE
        return b"##%04d%s%s\r\n" % (len(sent), sent, str(line["crc"]).encode())
    if "CP" not in line:
        raise ValueError("a frame needs CP, the data area: {} where it is empty")
    message = message_of(line)
    return seg.encode(message, key) if message.encrypted else pack(seg.segment_of(message))


def _pieces(data: bytes) -> list[Frame | Noise]:
    framer = Framer()
    return framer.feed(data) + framer.flush()
