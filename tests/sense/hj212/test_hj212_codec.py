"""HJ 212 frames of others, the standards' examples, and properties of the seg."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.sense.hj212 import factors, sm4
from tianmu.sense.hj212 import segment as seg
from tianmu.sense.hj212.codec import decode_lines, encode_line
from tianmu.sense.hj212.crc import crc, crc_text
from tianmu.sense.hj212.frame import Frame, Framer, Noise, pack

FRAMES: dict[str, list[dict[str, Any]]] = tomllib.loads(
    (Path(__file__).parent / "frames.toml").read_text(encoding="utf-8")
)
KEY = bytes.fromhex("30" * 16)


def names(kind: str) -> list[Any]:
    return [pytest.param(entry, id=entry.get("name", "")) for entry in FRAMES[kind]]


def reference_crc(segment: bytes) -> int:
    """HJ 212-2017 appendix A, step by step on bits: a register of ones; per byte the high half
    of the register moves down and is xored with the byte; then eight times the lowest bit goes
    out on the right and, being one, xors the register with A001."""
    register = [1] * 16  # most significant bit first
    for byte in segment:
        high = register[:8]
        bits = [byte >> n & 1 for n in range(7, -1, -1)]
        register = [0] * 8 + [a ^ b for a, b in zip(high, bits, strict=True)]
        for _ in range(8):
            out = register[-1]
            register = [0, *register[:-1]]
            if out:
                polynomial = [0xA001 >> n & 1 for n in range(15, -1, -1)]
                register = [a ^ b for a, b in zip(register, polynomial, strict=True)]
    return int("".join(map(str, register)), 2)


def test_there_are_enough_independent_frames() -> None:
    texts = {entry["text"] for entry in FRAMES["frame"]}
    assert len(texts) >= 20
    assert all(entry["origin"] and entry["licence"] for kind in ("frame", "refused")
               for entry in FRAMES[kind])  # fmt: skip


@pytest.mark.parametrize("entry", names("frame"))
def test_frame_of_others(entry: dict[str, Any]) -> None:
    data = entry["text"].encode() + b"\r\n"
    (line,) = decode_lines(data)
    assert line["ok"]
    assert line["length"] == len(entry["text"].encode()) - 10
    assert line["crc"] == entry["text"][-4:]
    for name, value in entry["fields"].items():
        assert line[name] == value, name
    said = {}
    for factor in reversed(line["factors"]):  # the first of each code
        said[factor["code"]] = factor
    for code, statistics in entry.get("factors", {}).items():
        for name, value in statistics.items():
            assert said[code][name] == value, (code, name)
    # through JSON, as the command line does it, and back to the very bytes
    assert encode_line(json.loads(json.dumps(line))) == data


@pytest.mark.parametrize("entry", names("wrong_check_sum"))
def test_wrong_check_sum_is_said(entry: dict[str, Any]) -> None:
    data = entry["text"].encode() + b"\r\n"
    (line,) = decode_lines(data)
    assert line["ok"] is False and "check sum" in line["error"] and line["offset"] == 0
    assert encode_line(json.loads(json.dumps(line))) == data


@pytest.mark.parametrize("entry", names("refused"))
def test_what_is_no_frame_is_refused_with_its_place(entry: dict[str, Any]) -> None:
    lines = list(decode_lines(b"\r\n" + entry["text"].encode() + b"\r\n"))
    assert all("error" in line and "offset" in line for line in lines)
    assert bytes.fromhex(lines[0]["bytes"]).strip().startswith(b"##")


@pytest.mark.parametrize("entry", names("encrypted"))
def test_standard_2025_encryption(entry: dict[str, Any]) -> None:
    plain = entry["plain"].encode()
    key = sm4.key_bytes(entry["key"])
    assert len(plain) - 10 == int(plain[2:6])
    begin = plain.index(b"CP=&&") + 5
    sent = (
        plain[:begin]
        + bytes.fromhex(entry["cipher"])
        + entry["tail"].encode()
        + plain[-6:]
        + b"\r\n"
    )
    (line,) = decode_lines(sent, key=key)
    assert line["ok"] and line["encrypted"] and line["edition"] == 2025
    (bare,) = decode_lines(plain + b"\r\n")
    assert line["CP"] == bare["CP"] and line["factors"] == bare["factors"]
    assert encode_line(line, key=key) == sent
    (closed,) = decode_lines(sent)
    assert closed["ok"] is False and closed["encrypted"] and closed["MN"] == bare["MN"]
    assert encode_line(closed) == sent
    (wrong,) = decode_lines(sent, key=b"1" * 16)
    assert wrong["ok"] is False


def test_sm4_check_vector() -> None:
    """GB/T 32907 appendix A."""
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    cipher = sm4.encrypt(key, key)
    assert cipher.hex() == "681edf34d206965e86b3e94f536e4246"
    assert sm4.decrypt(cipher, key) == key
    assert sm4.encrypt(key + b"tail", key) == cipher + b"tail"


@given(st.binary(max_size=200), st.binary(min_size=16, max_size=16))
def test_sm4_keeps_length_and_tail(data: bytes, key: bytes) -> None:
    cipher = sm4.encrypt(data, key)
    assert len(cipher) == len(data)
    assert sm4.decrypt(cipher, key) == data
    tail = len(data) % 16
    assert cipher[len(data) - tail :] == data[len(data) - tail :]


def test_check_sums_computed_by_others() -> None:
    for entry in FRAMES["check_sum"]:
        assert crc_text(entry["segment"].encode()) == entry["crc"]


@given(st.binary(max_size=60))
def test_check_sum_is_that_of_the_standards_text(data: bytes) -> None:
    assert crc(data) == reference_crc(data)


def test_factor_tables() -> None:
    table = factors.table()
    assert len([f for f in table.values() if f.table == "B.1"]) == 63
    assert len([f for f in table.values() if f.table == "B.2"]) == 121
    assert len([f for f in table.values() if f.table == "B.3"]) == 12
    assert all(f.name["zh"] and f.name["en"] for f in table.values())
    for old, new in (
        ("011", "w01018"), ("060", "w21003"), ("101", "w21011"), ("B01", "w00000"),
        ("B02", "a00000"), ("S01", "a19001"), ("02", "a21026"), ("03", "a21002"),
        ("01", "a34013"), ("001", "w01001"),
    ):  # fmt: skip
        assert factors.current(old) == new
    assert factors.current("w01018") == "w01018"
    assert factors.current("W01018") == "w01018"
    assert factors.find("unheard-of") is None
    found = factors.find("S01")
    assert found is not None and found.name["zh"] == "氧气含量" and found.unit == "%"


# --- the stream ------------------------------------------------------------------------------

GOOD = [entry["text"].encode() for entry in FRAMES["frame"]]
CHINESE = "QN=20160801085857334;ST=32;CN=3020;PW=123456;MN=010000A8900016F000169DC0;Flag=4;CP=&&DataTime=20160801062035;PolId=w01018;i11001-Info=//清洗管路;泵1,泵2=停//&&"  # noqa: E501


def frames_of(*chunks: bytes) -> list[Frame | Noise]:
    framer = Framer()
    out = [piece for chunk in chunks for piece in framer.feed(chunk)]
    return out + framer.flush()


def test_length_may_count_characters() -> None:
    segment = CHINESE.encode()
    short = b"##%04d%s%04x\n" % (len(CHINESE), segment, crc(segment))
    pieces = frames_of(GOOD[0] + b"\n" + short + GOOD[1] + b"\r\n")
    assert [p.segment for p in pieces if isinstance(p, Frame)] == [
        GOOD[0][6:-4], segment, GOOD[1][6:-4],
    ]  # fmt: skip
    (line,) = decode_lines(short)
    assert line["ok"] and line["factors"][0]["Info"] == "//清洗管路;泵1,泵2=停//"
    assert encode_line(line)[:-2] == short[:-1]
    gbk = CHINESE.encode("gb18030")
    (line,) = decode_lines(pack(gbk))
    assert line["ok"] and "清洗管路" in line["factors"][0]["Info"]
    assert encode_line(line) == pack(gbk)


def test_ciphertext_may_hold_every_separator() -> None:
    area = b"##0010&&ABCD\r\n##&&\n\x00\xff" + bytes(range(0x80, 0xA0))
    segment = b"QN=1;ST=31;CN=2011;PW=1;MN=M;Flag=9;CP=&&" + area + b"&&"
    sent = b"##%04d%s1234\r\n" % (len(segment), segment)
    pieces = frames_of(GOOD[0] + b"\r\n", sent, GOOD[2] + b"\r\n")
    frames = [piece for piece in pieces if isinstance(piece, Frame)]
    assert len(frames) == len(pieces) and frames[1].segment == segment


def test_half_a_frame_does_not_swallow_the_next() -> None:
    long = next(frame for frame in GOOD if frame.startswith(b"##0561"))
    framer = Framer()
    assert framer.feed(long[:50]) == []
    # known before the 561 bytes are there
    noise, frame = framer.feed(GOOD[0] + b"\r\n")
    assert isinstance(noise, Noise) and noise.payload == long[:50]
    assert "breaks off" in noise.reason
    assert isinstance(frame, Frame) and frame.ok
    assert framer.pending <= 6


def test_noise_is_reported_with_its_offset() -> None:
    pieces = frames_of(b"hello" + GOOD[0] + b"\r\n\r\n" + b"##12x" + GOOD[1])
    assert [(p.offset, type(p)) for p in pieces] == [
        (0, Noise), (5, Frame), (5 + len(GOOD[0]) + 4, Noise),
        (5 + len(GOOD[0]) + 4 + 5, Frame),
    ]  # fmt: skip


def test_an_unended_flood_is_reported_in_blocks() -> None:
    framer = Framer()
    out = []
    for _ in range(40):
        out += framer.feed(b"x" * 1000)
        assert framer.pending < 8192
    out += framer.flush()
    assert b"".join(piece.payload for piece in out if isinstance(piece, Noise)) == b"x" * 40_000


STREAM = st.lists(
    st.one_of(
        st.sampled_from(GOOD).map(lambda frame: frame + b"\r\n"),
        st.sampled_from(GOOD).map(lambda frame: frame + b"\n"),
        st.sampled_from(GOOD),
        st.tuples(st.sampled_from(GOOD), st.integers(0, 300)).map(lambda cut: cut[0][: cut[1]]),
        st.binary(max_size=40),
        st.sampled_from([b"##", b"##0004", b"&&", b"\r\n", b"##00", CHINESE.encode(), b"&&ABCD\n"]),
        st.just(b"##%04d%s%04X\r\n" % (len(CHINESE), CHINESE.encode(), crc(CHINESE.encode()))),
    ),
    max_size=8,
).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(STREAM, st.lists(st.integers(0, 3000), max_size=12))
def test_cutting_the_stream_changes_nothing(data: bytes, cuts: list[int]) -> None:
    marks = sorted({min(cut, len(data)) for cut in cuts})
    chunks = [data[a:b] for a, b in zip([0, *marks], [*marks, len(data)], strict=True)]
    whole = frames_of(data)
    assert frames_of(*chunks) == whole
    assert frames_of(*(data[n : n + 1] for n in range(len(data)))) == whole
    assert list(decode_lines(b"\0" + data))[0:0] == []


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for line in decode_lines(b"#" + data, key=KEY):
        json.dumps(line)
        assert "error" in line or "CN" in line or "ok" in line
    for segment in (data, b"CP=&&" + data + b"&&"):
        for line in decode_lines(b"\0" + pack(segment), key=KEY):
            json.dumps(line)
            if "CP" in line:
                assert encode_line(line, key=KEY) == pack(segment)


WORD = st.text(st.characters(exclude_characters=";,=&\r\n#", exclude_categories=("Cs", "Cc")),
               min_size=1, max_size=8)  # fmt: skip
PAIR = st.tuples(WORD, st.one_of(st.none(), WORD, st.just("")))
MESSAGES = st.builds(
    seg.Message,
    header=st.lists(
        st.tuples(st.one_of(st.sampled_from(["QN", "ST", "CN", "PNUM"]), WORD), WORD)
    ).map(tuple),
    groups=st.lists(st.lists(PAIR, min_size=1, max_size=4).map(tuple), max_size=6).map(tuple),
    encrypted=st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(MESSAGES)
def test_encode_is_the_inverse_of_decode(message: seg.Message) -> None:
    sent = seg.encode(message, KEY)
    (frame,) = frames_of(sent)
    assert isinstance(frame, Frame)
    segment, _, right = seg.plain_segment(frame, KEY)
    assert right and segment == seg.segment_of(message)
    read = seg.parse(segment)
    assert read.header == message.header
    assert seg.encode(seg.Message(read.header, read.groups, message.encrypted), KEY) == sent


@settings(max_examples=200, deadline=None)
@given(MESSAGES)
def test_lines_give_back_the_very_bytes(message: seg.Message) -> None:
    sent = seg.encode(message, KEY)
    (line,) = decode_lines(sent, key=KEY)
    assert encode_line(json.loads(json.dumps(line)), key=KEY) == sent


def test_an_edited_line_is_encoded_as_edited() -> None:
    (line,) = decode_lines(GOOD[9] + b"\r\n")  # check sum in lower case: has raw
    assert "raw" in line
    line["MN"] = "ANOTHER"
    (again,) = decode_lines(encode_line(line))
    assert again["MN"] == "ANOTHER" and again["ok"]
    with pytest.raises(ValueError, match="refusal"):
        encode_line({"error": "x", "offset": 0})
    with pytest.raises(ValueError, match="needs CP"):
        encode_line({"MN": "x"})


def test_hexadecimal_input() -> None:
    data = GOOD[0] + b"\r\n"
    assert list(decode_lines(data.hex().encode())) == list(decode_lines(data))
    assert "odd" in next(iter(decode_lines(b"232")))["error"]
