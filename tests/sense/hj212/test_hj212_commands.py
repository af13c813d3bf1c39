"""``tianmu decode`` and ``encode`` of encrypted frames, as an integrator types them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from tianmu.cli import main
from tianmu.rehearse.station import frame as station_frame

KEY = "0123456789abcdeffedcba9876543210"
AREA = "DataTime=20260101080000;w01001-Rtd=7.1,w01001-Flag=N;w21003-Rtd=0.42,w21003-Flag=N"
FIELDS = [
    ("QN", "20260101080000123"), ("ST", "21"), ("CN", "2011"), ("PW", "123456"),
    ("MN", "A1"), ("Flag", "9"),
]  # fmt: skip
FRAME = station_frame.pack(FIELDS, AREA, bytes.fromhex(KEY))
"""made by the simulator, which is written apart from the codec"""


def run(*arguments: str, text: str = "", **more: str) -> Result:
    return CliRunner().invoke(main, list(arguments), input=text, env=more)


def test_an_encrypted_frame_is_read_with_its_key_and_made_again() -> None:
    shown = run("decode", "hj212", "--hex", FRAME.hex(), "--key", KEY)
    line = json.loads(shown.stdout)
    assert shown.exit_code == 0 and line["ok"] and line["encrypted"] and "error" not in line
    assert {f["code"]: f["Rtd"] for f in line["factors"]} == {"w01001": 7.1, "w21003": 0.42}
    again = run("encode", "hj212", "--key", KEY, "-", text=shown.stdout)
    assert bytes.fromhex(again.stdout) == FRAME
    by_environment = run("encode", "hj212", "-", text=shown.stdout, TIANMU_FRAME_KEY=KEY)
    assert by_environment.stdout == again.stdout


@pytest.mark.parametrize("key", [None, "f" * 32])
def test_without_the_right_key_it_is_refused_and_says_why(key: str | None) -> None:
    more = ("--key", key) if key else ()
    shown = run("decode", "hj212", "--hex", FRAME.hex(), *more)
    line = json.loads(shown.stdout)
    assert shown.exit_code == 1 and "key is missing or wrong" in line["error"]
    assert line["MN"] == "A1" and line["CP"] == {} and line["offset"] == 0


def test_encoding_an_encrypted_line_needs_a_key() -> None:
    line = run("decode", "hj212", "--hex", FRAME.hex(), "--key", KEY).stdout
    fields = {k: v for k, v in json.loads(line).items() if k != "raw"}
    fields["CP"]["w01001-Rtd"] = "7.2"
    refused = run("encode", "hj212", "-", text=json.dumps(fields))
    assert refused.exit_code == 1 and "needs the key" in refused.output
    made = run("encode", "hj212", "-", "--key", KEY, text=json.dumps(fields))
    back = json.loads(run("decode", "hj212", "--hex", made.stdout, "--key", KEY).stdout)
    assert back["CP"]["w01001-Rtd"] == "7.2" and back["encrypted"]


@pytest.mark.parametrize(
    ("protocol", "key", "word"),
    [("hj212", "abc", "16 bytes"), ("gbt26875", KEY, "never encrypted")],
)
def test_a_wrong_key_is_a_plain_word(protocol: str, key: str, word: str) -> None:
    for command in (("decode", protocol, "--hex", "4040"), ("encode", protocol)):
        answer = run(*command, "--key", key)
        assert answer.exit_code == 1 and word in answer.output and "Traceback" not in answer.output


def test_a_key_of_the_environment_does_not_disturb_other_protocols() -> None:
    beat = "404001000101103b0c1b0c11672b00000000385b010000000000024d2323"
    plain = run("decode", "gbt26875", "--hex", beat)
    assert run("decode", "gbt26875", "--hex", beat, TIANMU_FRAME_KEY=KEY).output == plain.output
