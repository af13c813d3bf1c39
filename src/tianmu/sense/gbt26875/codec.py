"""GB/T 26875.3-2011, bytes ⇄ what they say. Pure: no sockets, no clock, nothing of the city.

``parse`` gives what the connector needs; ``decode`` adds the standard's names for people and
scripts (keys in ``docs/connectors/gbt26875.md``). ``encode`` undoes ``decode`` to the byte for
every frame whose start, length and end are right, wrong checksums and vendor types included.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tianmu.sense.gbt26875.body import (
    LAYOUTS,
    Object,
    read_objects,
    read_time,
    write_objects,
    write_time,
)
from tianmu.sense.gbt26875.frame import (
    END,
    HEAD,
    LIMIT,
    REASONS,
    START,
    TAIL,
    Fault,
    Framer,
    checksum,
)
from tianmu.sense.gbt26875.tables import (
    ANALOG_NAMES,
    COMMANDS,
    COMPONENT_STATE,
    COMPONENTS,
    CONFIRM,
    DENY,
    SYSTEM_OPERATION,
    SYSTEM_STATE,
    SYSTEMS,
    TYPES,
    UNIT_OPERATION,
    UNIT_STATE,
    name,
)

_STATES = {1: SYSTEM_STATE, 2: COMPONENT_STATE, 21: UNIT_STATE}
_OPERATIONS = {4: SYSTEM_OPERATION, 24: UNIT_OPERATION}


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame, read. ``fault`` says why it must be denied; what could be read is there all
    the same."""

    serial: int
    version: int = 1
    user_version: int = 0
    label: bytes = bytes(6)
    """the time label as sent"""
    source: str
    """12 hex digits: the six bytes as one little-endian number"""
    destination: str
    command: int
    type: int | None = None
    count: int = 0
    objects: list[Object] = msgspec.field(default_factory=list)
    data: bytes = b""
    """application data (N bytes, with type flag and count)"""
    rest: bytes = b""
    """of ``data``, what no object took: a vendor's type, or bytes too many or too few"""
    checksum: int = 0
    """as received"""
    fault: Fault | None = None
    detail: str = ""
    """what exactly is wrong, where ``fault`` is set"""


class NotAFrame(ValueError):
    """Start, length or end are wrong: there is nothing to decode."""


def parse(data: bytes) -> Frame:
    """The frame in ``data``. Raises ``NotAFrame`` unless start, length and end are right; any
    other fault is said in ``Frame.fault``."""
    size = len(data)
    if size < HEAD + TAIL or data[:2] != START:
        raise NotAFrame(f"{size} bytes beginning {data[:2].hex(' ')!r}: {REASONS[Fault.START]}")
    length = int.from_bytes(data[24:26], "little")
    if length > LIMIT:
        raise NotAFrame(f"length {length}: {REASONS[Fault.LENGTH]}")
    if size != HEAD + length + TAIL or data[-2:] != END:
        raise NotAFrame(f"length {length} in {size} bytes: {REASONS[Fault.END]}")
    command = data[26]
    unit = data[HEAD : HEAD + length]
    type_flag = unit[0] if unit else None
    count = unit[1] if length > 1 else 0
    objects: list[Object] = []
    rest = unit[2:]
    if type_flag is not None:
        objects, rest = read_objects(type_flag, count, rest)
    fault, detail = _verify(data, command, type_flag, count, objects, unit, rest)
    return Frame(
        serial=int.from_bytes(data[2:4], "little"),
        version=data[4],
        user_version=data[5],
        label=data[6:12],
        source=data[17:11:-1].hex(),
        destination=data[23:17:-1].hex(),
        command=command,
        type=type_flag,
        count=count,
        objects=objects,
        data=unit,
        rest=rest,
        checksum=data[-3],
        fault=fault,
        detail=detail,
    )


def _verify(
    data: bytes,
    command: int,
    type_flag: int | None,
    count: int,
    objects: list[Object],
    unit: bytes,
    rest: bytes,
) -> tuple[Fault | None, str]:
    expected = checksum(data)
    if data[-3] != expected:
        return Fault.CHECKSUM, (
            f"checksum is {data[-3]:02x}, the sum of bytes 2–{len(data) - 4} is {expected:02x}: "
            f"{REASONS[Fault.CHECKSUM]}"
        )
    if command not in COMMANDS and command < 128:
        return Fault.COMMAND, f"command {command}: {REASONS[Fault.COMMAND]}"
    # a confirm or denial means the same whatever is put into it; a lone byte that is no type of
    # the standard is how some panels say hello
    if command in (CONFIRM, DENY) or type_flag is None:
        return None, ""
    if len(unit) == 1 and type_flag not in LAYOUTS:
        return None, ""
    if len(unit) == 1:
        return Fault.OBJECTS, f"type {type_flag} without an object count: {REASONS[Fault.OBJECTS]}"
    if type_flag in LAYOUTS and (rest or len(objects) != count):
        return Fault.OBJECTS, (
            f"type {type_flag} announces {count} objects; its {len(unit) - 2} bytes hold "
            f"{len(objects)} and {len(rest)} bytes more: {REASONS[Fault.OBJECTS]}"
        )
    return None, ""


def build(
    *,
    serial: int,
    source: str,
    destination: str,
    command: int,
    data: bytes = b"",
    label: bytes = bytes(6),
    version: int = 1,
    user_version: int = 0,
    check: int | None = None,
) -> bytes:
    """A frame of these parts; ``check`` overrides the checksum. Raises ``ValueError`` where a
    part does not fit."""
    if len(data) > LIMIT:
        raise ValueError(f"{len(data)} bytes of application data, at most {LIMIT}: send fewer")
    control = b"".join(
        (
            _unsigned("serial", serial, 2),
            _unsigned("version", version, 1),
            _unsigned("user_version", user_version, 1),
            label,
            _address("source", source),
            _address("destination", destination),
            len(data).to_bytes(2, "little"),
            _unsigned("command", command, 1),
            data,
        )
    )
    total = sum(control) & 0xFF if check is None else check
    return START + control + _unsigned("checksum", total, 1) + END


def _unsigned(key: str, value: Any, size: int) -> bytes:
    try:
        return int(value).to_bytes(size, "little")
    except (OverflowError, TypeError, ValueError):
        raise ValueError(f"{key}: {value!r} does not fit {size} unsigned bytes") from None


def _address(key: str, value: Any) -> bytes:
    try:
        raw = bytes.fromhex(value)
    except (TypeError, ValueError):
        raw = b""
    if len(raw) != 6:
        raise ValueError(f"{key}: {value!r} is not 12 hexadecimal digits")
    return raw[::-1]


def decode(data: bytes) -> dict[str, Any]:
    """One frame as a JSON-able mapping, with names. Raises ``NotAFrame``; a frame to be denied
    has ``ok`` false and says why in ``error``."""
    frame = parse(data)
    time = read_time(frame.label)
    told: dict[str, Any] = {
        "serial": frame.serial,
        "version": frame.version,
        "user_version": frame.user_version,
        "time": time,
        "source": frame.source,
        "destination": frame.destination,
        "length": len(frame.data),
        "command": frame.command,
        "command_name": name(COMMANDS, frame.command),
        "type": frame.type,
        "type_name": None if frame.type is None else name(TYPES, frame.type),
        "objects": [_named(frame.type, thing) for thing in frame.objects],
        "checksum": frame.checksum,
        "ok": frame.fault is None,
    }
    if time is None:
        told["time_raw"] = frame.label.hex()
    if len(frame.data) > 1 and frame.count != len(frame.objects):
        told["count"] = frame.count
    if frame.rest:
        told["data"] = frame.rest.hex()
    if len(frame.data) == 1:
        told["count"] = None
    if frame.fault is not None:
        told["fault"] = frame.fault.value
        told["error"] = frame.detail
    return told


def _named(type_flag: int | None, thing: Object) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for key, value in thing.items():
        told[key] = value
        if key == "system_type":
            told["system_type_name"] = name(SYSTEMS, value)
        elif key == "component_type":
            told["component_type_name"] = name(COMPONENTS, value)
        elif key == "analog_type":
            told["analog_name"] = name(ANALOG_NAMES, value)
        elif key == "state" and type_flag in _STATES:
            told["state_name"] = _STATES[type_flag].say(thing["state_bits"])
        elif key == "operations" and type_flag in _OPERATIONS:
            told["operations_name"] = _OPERATIONS[type_flag].say(thing["operation_bits"])
    return told


def encode(told: dict[str, Any]) -> bytes:
    """The bytes of a frame told as by ``decode``. Names are ignored; the length and checksum
    are computed, but a checksum is kept where ``ok`` is false. Raises ``ValueError`` or
    ``KeyError`` where something is missing or does not fit."""
    type_flag = told.get("type")
    data = b""
    if type_flag is not None:
        objects = told.get("objects") or []
        count = told.get("count", len(objects))
        data = _unsigned("type", type_flag, 1)
        if count is not None:
            data += _unsigned("count", count, 1)
        data += write_objects(type_flag, objects) + bytes.fromhex(told.get("data") or "")
    return build(
        serial=told["serial"],
        version=told.get("version", 1),
        user_version=told.get("user_version", 0),
        label=write_time(told.get("time"), told.get("time_raw")),
        source=told["source"],
        destination=told["destination"],
        command=told["command"],
        data=data,
        check=told.get("checksum") if told.get("ok") is False else None,
    )


_HEX = frozenset(b"0123456789abcdefABCDEF \t\r\n")


def decode_lines(data: bytes) -> Iterator[dict[str, Any]]:
    """What ``tianmu decode gbt26875`` prints: one mapping for each frame in ``data`` (the bytes
    of a stream, or the same in hexadecimal), in order. What is refused has ``error`` and
    ``offset`` (of its first byte), and its bytes in ``hex`` or all that could be read."""
    if data and _HEX.issuperset(data):
        digits = b"".join(data.split())
        if len(digits) % 2:
            yield {"error": "an odd number of hexadecimal digits: one is lost", "offset": 0}
            digits = digits[:-1]
        data = bytes.fromhex(digits.decode("ascii"))
    framer = Framer()
    for cut in framer.feed(data) + framer.give_up():
        if cut.fault is not None:
            yield {
                "error": REASONS[cut.fault],
                "fault": cut.fault.value,
                "offset": cut.offset,
                "hex": cut.data.hex(),
            }
            continue
        told = decode(cut.data)
        if not told["ok"]:
            told["offset"] = cut.offset
        yield told


def encode_line(told: dict[str, Any]) -> bytes:
    """What ``tianmu encode gbt26875`` makes of one such line: the frame's bytes."""
    return bytes.fromhex(told["hex"]) if "hex" in told else encode(told)
