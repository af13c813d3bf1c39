"""The codec against the standard's tables, and against any bytes at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.sense.gbt26875.body import LAYOUTS
from tianmu.sense.gbt26875.codec import (
    NotAFrame,
    build,
    decode,
    decode_lines,
    encode,
    encode_line,
    parse,
)
from tianmu.sense.gbt26875.frame import Fault, Framer
from tianmu.sense.gbt26875.tables import (
    ANALOGS,
    COMPONENTS,
    SYSTEMS,
    TYPES,
    name,
)

ADDRESS = st.binary(min_size=6, max_size=6).map(bytes.hex)
BYTE = st.integers(0, 255)

# type flag → bytes of one object with its time label, most objects in a frame (table 3, clause 8)
TABLE_3 = {
    1: (10, 102), 2: (46, 22), 3: (16, 63), 4: (10, 102), 5: (4, 1), 7: (38, 26), 8: (8, 1),
    21: (7, 1), 24: (8, 127), 25: (2, 1), 28: (6, 1), 61: (2, 102), 62: (6, 22), 63: (6, 63),
    64: (9, 1), 65: (2, 1), 66: (2, 3), 67: (6, 26), 68: (2, 1), 81: (1, 1), 84: (7, 1),
    85: (1, 1), 86: (1, 1), 88: (1, 1), 89: (1, 1), 90: (6, 1), 91: (1, 1),
}  # fmt: skip


def frame_with(data: bytes, command: int = 2) -> bytes:
    return build(serial=1, source="0" * 12, destination="0" * 12, command=command, data=data)


def test_every_type_of_table_3_has_a_layout_and_a_name() -> None:
    assert set(LAYOUTS) == set(TYPES) == set(TABLE_3) | {6, 26}
    assert all(name(TYPES, code)["zh"] == "预留" for code in (0, 9, 20, 22, 60, 69, 92, 127))
    assert all(name(TYPES, code)["zh"] == "用户自定义" for code in (128, 200, 254))


@pytest.mark.parametrize("type_flag", sorted(TABLE_3))
def test_objects_have_the_standards_size(type_flag: int) -> None:
    size, most = TABLE_3[type_flag]
    for count in {1, most}:
        told = decode(frame_with(bytes((type_flag, count)) + bytes(size * count)))
        assert told["ok"], told
        assert len(told["objects"]) == count
    wrong = decode(frame_with(bytes((type_flag, 1)) + bytes(size + 1)))
    assert not wrong["ok"]
    assert wrong["fault"] == "objects"


def test_configurations_have_their_own_length() -> None:
    text = "二号楼".encode("gb18030")
    body = bytes((6, 2, 1, 2, len(text))) + text + bytes((1, 3, 0))
    told = decode(frame_with(body))
    assert [thing["description"] for thing in told["objects"]] == ["二号楼", ""]
    assert decode(frame_with(bytes((26, 1, 2)) + b"V1"))["objects"] == [{"description": "V1"}]
    assert decode(frame_with(bytes((26, 1, 9)) + b"V1"))["fault"] == "objects"


def test_tables_4_to_6_are_whole() -> None:
    assert len(SYSTEMS) == 17
    assert (SYSTEMS[20]["zh"], SYSTEMS[23]["zh"]) == ("消防电梯", "消防电源")
    assert len(COMPONENTS) == 66
    assert COMPONENTS[121]["zh"] == "警报装置"
    assert [(a.unit, a.digits) for _, a in sorted(ANALOGS.items())] == [
        ("件", 0), ("m", 2), ("℃", 1), ("MPa", 1), ("kPa", 1), ("%LEL", 1), ("s", 0),
        ("V", 1), ("A", 1), ("L/s", 1), ("m³/min", 1), ("m/s", 0),
    ]  # fmt: skip


def test_analog_values_are_signed_and_scaled() -> None:
    body = bytes((3, 1, 1, 0, 30, 7, 0, 0, 0, 3)) + (-401).to_bytes(2, "little", signed=True)
    thing = decode(frame_with(body + bytes(6)))["objects"][0]
    assert (thing["value"], thing["unit"], thing["analog_name"]["en"]) == (
        -40.1,
        "℃",
        "temperature",
    )


@pytest.mark.parametrize(
    ("word", "names"),
    [
        (0x0000, ["test"]),
        (0x0001, ["normal"]),
        (0x0002, ["fire"]),
        (0x0003, ["normal", "fire"]),
        (0x0100, ["power_fault"]),
        (0x8200, ["reserved_9", "reserved_15"]),
    ],
)
def test_a_components_state_by_its_bits(word: int, names: list[str]) -> None:
    body = bytes((2, 1, 1, 0, 40, 1, 0, 0, 0)) + word.to_bytes(2, "little") + bytes(37)
    thing = decode(frame_with(body))["objects"][0]
    assert thing["state"] == names
    assert thing["state_bits"] == word
    del thing["state_bits"]
    assert encode({**decode(frame_with(body)), "objects": [thing]}) == frame_with(body)


def test_a_line_written_by_hand_is_encoded() -> None:
    line = {
        "serial": 1, "source": "320481000001", "destination": "000000000000", "command": 2,
        "time": "2026-11-23T08:00:00", "type": 2,
        "objects": [{
            "system_type": 1, "component_type": 40, "component_address": 25, "state": ["fire"],
            "description": "三楼走廊", "time": "2026-11-23T08:00:00",
        }],
    }  # fmt: skip
    frame = encode(line)
    assert frame[:2] == b"@@"
    assert frame[12:18].hex() == "010000810432"
    assert len(frame) == 30 + 48
    assert parse(frame).fault is None
    assert decode(frame)["objects"][0]["description"] == "三楼走廊"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"serial": 70_000}, "serial"),
        ({"source": "12"}, "source"),
        ({"time": "yesterday"}, "time"),
        ({"objects": [{"description": "很" * 16}]}, "description"),
        ({"objects": [{"state": ["burning"]}]}, "burning"),
        ({"type": 3, "objects": [{"analog_type": 3, "value": 9999}]}, "i16"),
        ({"type": 200, "objects": [{}]}, "200"),
    ],
)
def test_what_does_not_fit_is_said(change: dict[str, Any], word: str) -> None:
    line = {"serial": 1, "source": "0" * 12, "destination": "0" * 12, "command": 2, "type": 2}
    with pytest.raises(ValueError, match=word):
        encode(line | change)


def test_reserved_commands_are_denied_and_users_are_not() -> None:
    for command in (0, 7, 127):
        assert parse(frame_with(b"", command)).fault is Fault.COMMAND
    assert parse(frame_with(b"", 128)).fault is None


@pytest.mark.parametrize("data", [b"", b"@@", b"@@" + bytes(28), bytes(30)])
def test_no_frame_is_no_frame(data: bytes) -> None:
    with pytest.raises(NotAFrame):
        parse(data)


@st.composite
def valid_frames(draw: st.DrawFn) -> bytes:
    """Any frame with start, length and end right: good, faulty, of the standard or a vendor."""
    type_flag = draw(st.sampled_from(sorted(LAYOUTS)) | BYTE)
    count = draw(st.integers(0, 3) | BYTE)
    size = TABLE_3.get(type_flag, (0, 0))[0]
    exact = st.binary(min_size=size * min(count, 3), max_size=size * min(count, 3))
    brief = st.binary(min_size=15 * min(count, 3), max_size=15 * min(count, 3))
    body = draw(exact | brief | st.binary(max_size=120))
    data = draw(st.sampled_from([b"", bytes((type_flag,)), bytes((type_flag, count)) + body]))
    return build(
        serial=draw(st.integers(0, 0xFFFF)),
        version=draw(BYTE),
        user_version=draw(BYTE),
        label=draw(st.binary(min_size=6, max_size=6)),
        source=draw(ADDRESS),
        destination=draw(ADDRESS),
        command=draw(st.integers(1, 6) | BYTE),
        data=data,
        check=draw(st.none() | BYTE),
    )


@given(valid_frames())
def test_encode_undoes_decode(frame: bytes) -> None:
    told = decode(frame)
    assert encode(told) == frame
    assert encode(json.loads(json.dumps(told))) == frame
    # and the other way about, where nothing is wrong
    if told["ok"]:
        assert decode(encode(told)) == told


@given(st.binary(max_size=400) | valid_frames().map(lambda frame: frame[3:]))
def test_any_bytes_are_told_and_none_is_lost(data: bytes) -> None:
    stream = b"!" + data  # never taken for hexadecimal text
    lines = list(decode_lines(stream))
    assert b"".join(encode_line(line) for line in lines) == stream
    assert all(("error" in line) == (not line.get("ok", False)) for line in lines)
    assert all("offset" in line for line in lines if "error" in line)
    json.dumps(lines)


def _lying(frame: bytes) -> bytes:
    """A frame whose length field promises more than there is, or than is allowed."""
    return frame[:24] + b"\x01\x05" + frame[26:]


@given(
    st.lists(
        valid_frames()
        | valid_frames().map(_lying)
        | valid_frames().map(lambda frame: _lying(frame)[:-3] + bytes(1300) + b"\0##")
        | st.binary(max_size=60)
        | st.sampled_from([b"@", b"@@", b"##"])
    ),
    st.data(),
)
def test_chunks_make_no_difference(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    whole = Framer()
    expected = whole.feed(stream) + whole.give_up()
    framer, at, cuts = Framer(), 0, []
    while at < len(stream):
        size = data.draw(st.integers(1, 90) | st.integers(200, 2000))
        cuts += framer.feed(stream[at : at + size])
        at += size
    cuts += framer.give_up()
    assert cuts == expected
    assert b"".join(cut.data for cut in cuts) == stream
    assert framer.pending == 0


@given(valid_frames() | valid_frames().map(_lying) | st.binary(max_size=80), st.integers(0, 90))
def test_after_giving_up_the_next_frame_is_read(bad: bytes, cut_at: int) -> None:
    good = frame_with(b"")
    framer = Framer()
    cuts = framer.feed(bad[:cut_at]) + framer.give_up()
    assert framer.pending == 0
    (cut,) = framer.feed(good)
    assert (cut.data, cut.fault, cut.offset) == (good, None, len(bad[:cut_at]))
    assert b"".join(c.data for c in cuts) == bad[:cut_at]


@given(st.lists(valid_frames(), max_size=5))
def test_sticky_frames_come_apart(frames: list[bytes]) -> None:
    assert [cut.data for cut in Framer().feed(b"".join(frames))] == frames


def test_delimiters_inside_a_frame_do_not_cut_it() -> None:
    frame = frame_with(bytes((200, 1)) + b"@@##" * 20)
    (cut,) = Framer().feed(frame)
    assert cut.data == frame


@pytest.mark.parametrize("filling", [b"\0", b"@", b"#", b"@@##"])
def test_a_frame_too_long_is_one_error_and_the_next_is_read(filling: bytes) -> None:
    good = frame_with(b"")
    long = bytearray(frame_with(b""))
    long[24:26] = (2000).to_bytes(2, "little")
    long[27:27] = (filling * 2000)[:2000]
    framer = Framer()
    cuts = framer.feed(good + bytes(long) + good) + framer.give_up()
    assert [cut.fault for cut in cuts] == [None, Fault.LENGTH, None]
    assert cuts[1].data == bytes(long)
    assert cuts[1].offset == 30


def test_a_half_frame_before_a_whole_one_costs_only_itself() -> None:
    good = frame_with(bytes((21, 1, 1)) + bytes(6))
    framer = Framer()
    cuts = framer.feed(good[:20] + good)
    cuts += framer.give_up()
    assert [cut.fault for cut in cuts] == [Fault.END, None]
    assert cuts[1].data == good


def test_unreadable_floods_take_little_memory() -> None:
    framer = Framer()
    for _ in range(100):
        framer.feed(b"@" * 10_000)
        assert framer.pending < 80_000
