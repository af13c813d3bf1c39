"""Application data ⇄ information objects (GB/T 26875.3-2011, clause 8.3), by one table.

Each type flag has a layout: a list of fields in the order of the wire. Decoding and encoding walk
the same list, so that neither can know a type the other does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from tianmu.sense.gbt26875.tables import (
    ANALOGS,
    COMPONENT_STATE,
    SYSTEM_OPERATION,
    SYSTEM_STATE,
    UNIT_OPERATION,
    UNIT_STATE,
    Bits,
)

Object: TypeAlias = dict[str, Any]

TEXT = 31
"""bytes of a component's description"""


class Field(NamedTuple):
    """One field of a layout: ``read`` puts what it finds at an offset into the object and gives
    the offset after it (or −1 where the bytes do not suffice); ``write`` gives the bytes back."""

    read: Callable[[bytes, int, Object], int]
    write: Callable[[Object], bytes]
    size: int = 0
    """bytes on the wire, 0 where they vary"""
    missing: tuple[tuple[str, Any], ...] = ()
    """what the object says where a panel leaves the field out; () where none may"""


def _number(key: str, size: int) -> Field:
    def read(data: bytes, at: int, thing: Object) -> int:
        if at + size > len(data):
            return -1
        thing[key] = int.from_bytes(data[at : at + size], "little")
        return at + size

    def write(thing: Object) -> bytes:
        value = thing.get(key, 0)
        try:
            return int(value).to_bytes(size, "little")
        except (OverflowError, TypeError, ValueError):
            raise ValueError(f"{key}: {value!r} does not fit {size} unsigned bytes") from None

    return Field(read, write, size)


def _bits(key: str, bits_key: str, size: int, bits: Bits) -> Field:
    """A word of named bits: ``key`` the names, ``bits_key`` the word, which rules on encoding."""
    number = _number(bits_key, size)

    def read(data: bytes, at: int, thing: Object) -> int:
        end = number.read(data, at, thing)
        if end >= 0:
            thing[key] = bits.names(thing[bits_key])
        return end

    def write(thing: Object) -> bytes:
        if bits_key not in thing and key in thing:
            return number.write({bits_key: bits.word(thing[key])})
        return number.write(thing)

    return Field(read, write, size)


def _read_analog(data: bytes, at: int, thing: Object) -> int:
    if at + 3 > len(data):
        return -1
    code = thing["analog_type"] = data[at]
    raw = int.from_bytes(data[at + 1 : at + 3], "little", signed=True)
    analog = ANALOGS.get(code)
    thing["value"] = round(raw / 10**analog.digits, analog.digits) if analog else raw
    thing["unit"] = analog.unit if analog else ""
    return at + 3


def _write_analog(thing: Object) -> bytes:
    code = int(thing.get("analog_type", 0))
    analog = ANALOGS.get(code)
    value = thing.get("value", 0)
    raw: int = round(value * 10 ** (analog.digits if analog else 0))
    if not 0 <= code <= 255 or not -32768 <= raw <= 32767:
        raise ValueError(f"analog type {code}, value {value!r} {thing.get('unit', '')}: beyond i16")
    return bytes((code,)) + raw.to_bytes(2, "little", signed=True)


_ANALOG = Field(_read_analog, _write_analog, 3)


def read_time(raw: bytes) -> str | None:
    """Six bytes (second, minute, hour, day, month, year − 2000; binary) as ISO 8601 local time
    of the panel, or None where they are no date."""
    second, minute, hour, day, month, year = raw
    if second > 59 or minute > 59 or hour > 23 or not 1 <= month <= 12 or day == 0:
        return None
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]:
        return None
    return f"{2000 + year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


def write_time(time: str | None, raw: str | None) -> bytes:
    """Six bytes of an ISO 8601 time, else of ``raw`` (hex), else zeros."""
    if time is None:
        label = bytes.fromhex(raw) if raw else bytes(6)
        if len(label) != 6:
            raise ValueError(f"time_raw {raw!r} is not 6 bytes in hex")
        return label
    try:
        date, _, clock = time.partition("T")
        year, month, day = (int(part) for part in date.split("-"))
        hour, minute, second = (int(part) for part in clock.split(":"))
        return bytes((second, minute, hour, day, month, year - 2000))
    except ValueError:
        raise ValueError(
            f"time {time!r} is not YYYY-MM-DDTHH:MM:SS between 2000 and 2255"
        ) from None


def _read_time(data: bytes, at: int, thing: Object) -> int:
    if at + 6 > len(data):
        return -1
    raw = data[at : at + 6]
    time = thing["time"] = read_time(raw)
    if time is None:
        thing["time_raw"] = raw.hex()
    return at + 6


def _write_time(thing: Object) -> bytes:
    return write_time(thing.get("time"), thing.get("time_raw"))


_TIME = Field(_read_time, _write_time, 6)


def _write_label(thing: Object) -> bytes:
    left_out = thing.get("time") is None and thing.get("time_raw") == ""
    return b"" if left_out else _write_time(thing)


_LABEL = Field(_read_time, _write_label, 6, (("time", None), ("time_raw", "")))
"""the time label of an object; some panels leave it out"""


def read_text(raw: bytes) -> str:
    """GB 18030 text up to the first 00, without padding; what is no text becomes U+FFFD."""
    return raw.split(b"\0", 1)[0].decode("gb18030", "replace").strip()


def _keep_text(raw: bytes, again: Callable[[str], bytes], thing: Object) -> None:
    text = thing["description"] = read_text(raw)
    try:
        exact = again(text) == raw
    except ValueError:
        exact = False
    if not exact:
        thing["description_raw"] = raw.hex()


def _padded(text: str) -> bytes:
    raw = text.encode("gb18030")
    if len(raw) > TEXT:
        raise ValueError(f"description {text!r} is {len(raw)} bytes in GB 18030, at most {TEXT}")
    return raw.ljust(TEXT, b"\0")


def _read_description(data: bytes, at: int, thing: Object) -> int:
    if at + TEXT > len(data):
        return -1
    _keep_text(data[at : at + TEXT], _padded, thing)
    return at + TEXT


def _kept(thing: Object) -> bytes | None:
    """The raw bytes of the description, where they still say what ``description`` says."""
    if "description_raw" not in thing:
        return None
    raw = bytes.fromhex(thing["description_raw"])
    return raw if thing.get("description", "") == read_text(raw) else None


def _write_description(thing: Object) -> bytes:
    if thing.get("description", "") is None:
        return b""
    raw = _kept(thing)
    if raw is None:
        return _padded(thing.get("description", ""))
    if len(raw) != TEXT:
        raise ValueError(f"description_raw is {len(raw)} bytes, not {TEXT}")
    return raw


_DESCRIPTION = Field(_read_description, _write_description, TEXT)
_REMARK = Field(_read_description, _write_description, TEXT, (("description", None),))
"""the description that comes with a component's state; many panels leave it out"""


def _read_sized(data: bytes, at: int, thing: Object) -> int:
    end = at + 1 + data[at] if at < len(data) else -1
    if not 0 <= end <= len(data):
        return -1
    _keep_text(data[at + 1 : end], lambda text: text.encode("gb18030"), thing)
    return end


def _write_sized(thing: Object) -> bytes:
    raw = _kept(thing)
    if raw is None:
        raw = str(thing.get("description", "")).encode("gb18030")
    if len(raw) > 255:
        raise ValueError(f"configuration text is {len(raw)} bytes in GB 18030, at most 255")
    return bytes((len(raw),)) + raw


_SIZED = Field(_read_sized, _write_sized)

_SYSTEM = (_number("system_type", 1), _number("system_address", 1))
_COMPONENT = (*_SYSTEM, _number("component_type", 1), _number("component_address", 4))
_PLACE = (*_SYSTEM, _number("component_address", 4))
_OPERATOR = _number("operator", 1)
_VERSION = (_number("major", 1), _number("minor", 1))
_NONE = (_number("reserved", 1),)

LAYOUTS: dict[int, tuple[Field, ...]] = {
    1: (*_SYSTEM, _bits("state", "state_bits", 2, SYSTEM_STATE), _LABEL),
    2: (*_COMPONENT, _bits("state", "state_bits", 2, COMPONENT_STATE), _REMARK, _LABEL),
    3: (*_COMPONENT, _ANALOG, _LABEL),
    4: (*_SYSTEM, _bits("operations", "operation_bits", 1, SYSTEM_OPERATION), _OPERATOR, _LABEL),
    5: (*_SYSTEM, *_VERSION),
    6: (*_SYSTEM, _SIZED),
    7: (*_COMPONENT, _DESCRIPTION),
    8: (*_SYSTEM, _TIME),
    21: (_bits("state", "state_bits", 1, UNIT_STATE), _LABEL),
    24: (_bits("operations", "operation_bits", 1, UNIT_OPERATION), _OPERATOR, _LABEL),
    25: _VERSION,
    26: (_SIZED,),
    28: (_TIME,),
    61: _SYSTEM,
    62: _PLACE,
    63: _PLACE,
    64: (*_SYSTEM, _number("records", 1), _TIME),
    65: _SYSTEM,
    66: _SYSTEM,
    67: _PLACE,
    68: _SYSTEM,
    81: _NONE,
    84: (_number("records", 1), _TIME),
    85: _NONE,
    86: _NONE,
    88: _NONE,
    89: _NONE,
    90: (_TIME,),
    91: (_number("minutes", 1),),
}
"""Type flag → fields of one information object (tables 3 to 23 of the standard)."""


def _variant(type_flag: int, count: int, size: int) -> tuple[tuple[Field, ...], Object]:
    """The fields that ``count`` objects of ``size`` bytes in all have, and what their objects say
    of those left out. Against the standard, but a fire may be told in it; the size tells it
    without doubt. The standard's own layout where nothing fits."""
    layout = LAYOUTS[type_flag]
    optional = [field for field in layout if field.missing]
    if count == 0 or not optional or size == count * sum(field.size for field in layout):
        return layout, {}
    for left_out in (optional[:1], optional[1:], optional):
        kept = tuple(field for field in layout if field not in left_out)
        if left_out and size == count * sum(field.size for field in kept):
            return kept, dict(pair for field in left_out for pair in field.missing)
    return layout, {}


def read_objects(type_flag: int, count: int, data: bytes) -> tuple[list[Object], bytes]:
    """At most ``count`` objects from ``data``, and the bytes that are left."""
    objects: list[Object] = []
    if type_flag not in LAYOUTS:
        return objects, data
    layout, missing = _variant(type_flag, count, len(data))
    at = 0
    for _ in range(count):
        thing: Object = {}
        end = at
        for field in layout:
            end = field.read(data, end, thing)
            if end < 0:
                return objects, data[at:]
        thing.update(missing)
        objects.append(thing)
        at = end
    return objects, data[at:]


def write_objects(type_flag: int, objects: list[Object]) -> bytes:
    """The bytes of ``objects``. Raises ``ValueError`` where one does not fit its type."""
    if type_flag not in LAYOUTS:
        if objects:
            raise ValueError(f"type {type_flag} has no layout in the standard: give its bytes")
        return b""
    return b"".join(field.write(thing) for thing in objects for field in LAYOUTS[type_flag])
