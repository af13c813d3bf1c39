"""Frames that others made: what they say, and why the faulty ones are refused."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tianmu.sense.gbt26875.codec import decode_lines, encode_line

FRAMES: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "frames.toml").read_text("utf-8")
)["frame"]
GOOD = [frame for frame in FRAMES if "refused" not in frame]
BAD = [frame for frame in FRAMES if "refused" in frame]


def _name(frame: dict[str, Any]) -> str:
    return str(frame["name"])


def _value(value: Any) -> Any:
    return None if value == "null" else value


def test_there_are_enough_independent_frames() -> None:
    assert len(FRAMES) >= 20
    assert len({frame["hex"] for frame in FRAMES}) == len(FRAMES)
    assert all(frame["origin"] and frame["licence"] and frame["note"] for frame in FRAMES)


@pytest.mark.parametrize("frame", GOOD, ids=_name)
def test_a_frame_says_what_others_read_in_it(frame: dict[str, Any]) -> None:
    (line,) = decode_lines(bytes.fromhex(frame["hex"]))
    assert line["ok"]
    assert "error" not in line
    for key, value in frame.get("expect", {}).items():
        assert line[key] == _value(value), key
    assert len(line["objects"]) == len(frame["objects"])
    for told, expected in zip(line["objects"], frame["objects"], strict=True):
        for key, value in expected.items():
            assert told[key] == _value(value), key
    assert encode_line(line).hex() == frame["hex"]


@pytest.mark.parametrize("frame", BAD, ids=_name)
def test_a_faulty_frame_is_refused_for_the_right_reason(frame: dict[str, Any]) -> None:
    (line,) = decode_lines(bytes.fromhex(frame["hex"]))
    assert line["fault"] == frame["refused"]
    assert line["error"]
    assert line["offset"] == 0
    assert encode_line(line).hex() == frame["hex"]


def test_all_of_them_in_one_stream() -> None:
    stream = b"".join(bytes.fromhex(frame["hex"]) for frame in FRAMES)
    lines = list(decode_lines(stream))
    assert [line.get("fault") for line in lines] == [frame.get("refused") for frame in FRAMES]
    assert b"".join(encode_line(line) for line in lines) == stream


def test_hexadecimal_text_is_read_as_bytes() -> None:
    text = "\n".join(frame["hex"] for frame in GOOD).encode()
    assert [line["ok"] for line in decode_lines(text)] == [True] * len(GOOD)
    assert next(decode_lines(b"404"))["error"].startswith("an odd number")
