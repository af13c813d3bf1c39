"""Commands say what is wrong in a line, without a traceback, and end with 1."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from tianmu.cli import main


@pytest.mark.parametrize(
    "line",
    ['{"command": []}', '{"serial": "x"}', '{"objects": [1], "type": 2, "command": 2}', "[]"],
)
@pytest.mark.parametrize("protocol", ["gbt26875", "hj212"])
def test_a_line_that_is_no_frame(protocol: str, line: str) -> None:
    done = CliRunner().invoke(main, ["encode", protocol], input=line)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: line 1: ")


def test_backups_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no backup")
    for command, why in (
        (["backup", "--data", str(tmp_path), str(tmp_path / "b")], "there is no city"),
        (["restore", "--data", str(tmp_path / "new"), str(tmp_path / "file")], "is damaged"),
        (["restore", "--data", str(tmp_path), str(tmp_path / "file")], "is not empty"),
    ):
        done = CliRunner().invoke(main, command)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("Error: ") and why in done.stderr


@pytest.fixture
def port() -> int:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wrote_down(data: Path, port: int) -> None:
    """What a city that has gone has left."""
    (data / "run").mkdir(parents=True)
    told = {
        "url": f"http://127.0.0.1:{port}",
        "ports": {"http": port, "gbt26875": port},
        "authority": "",
        "certificate": "",
        "probe": {"source": "0000000000fe", "components": 128},
        "tokens": dict.fromkeys(
            ("probe_command", "probe-command", "probe-handle", "rehearsal"), "x"
        ),
    }
    (data / "run" / "rehearsal.json").write_bytes(msgspec.json.encode(told))


@pytest.mark.parametrize("command", [["probe"], ["feed", "--seconds", "1"]])
def test_a_city_that_has_gone(tmp_path: Path, port: int, command: list[str]) -> None:
    wrote_down(tmp_path, port)
    done = CliRunner().invoke(main, [*command, "--data", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (1, "")
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"Error: no city answers at http://127.0.0.1:{port}")
    assert "`tianmu up`" in line


def test_an_address_that_is_none(tmp_path: Path, port: int) -> None:
    wrote_down(tmp_path, port)
    done = CliRunner().invoke(main, ["probe", "--data", str(tmp_path), "--url", "city.lan:8620"])
    assert done.exit_code == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Error: ") and "--url" in line


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = listener.getsockname()[1]
        told = ["up", "--data", str(tmp_path), "--port", str(min(held, 65531))]
        done = CliRunner().invoke(main, told)
    assert done.exit_code == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"port {held} of 127.0.0.1 (web) cannot be had: ") and "--port" in line
    assert not (tmp_path / "log").exists(), "nothing was started"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written_in(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = CliRunner().invoke(main, ["up", "--data", str(tmp_path / "city"), "--port", "0"])
    tmp_path.chmod(0o700)
    assert done.exit_code == 1
    assert "give this user the right to it" in done.stderr and "Traceback" not in done.stderr


def test_registering_in_a_folder_without_a_city(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("device,kind\n")
    done = CliRunner().invoke(
        main, ["devices", "register", str(tmp_path / "d.csv"), "--data", str(tmp_path / "none")]
    )
    assert done.exit_code == 1 and done.stderr.startswith("Error: no city has been started under")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"# ours\nsystem: weak\n", ":2: the password has 4 characters, 8 needed; choose another"),
        (b"king: Some-horse-8\n", ":1: expected 'account: password' with one of the accounts"),
        (b"system: \xff\xfe\n", "cannot be read as UTF-8 text"),
    ],
)
def test_first_passwords_are_looked_at_before_anything_starts(
    tmp_path: Path, content: bytes, why: str
) -> None:
    file, data = tmp_path / "passwords", tmp_path / "data"
    file.write_bytes(content)
    told = ["up", "--data", str(data), "--admin-password-file", str(file)]
    done = CliRunner().invoke(main, told)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: --admin-password-file ") and why in done.stderr
    assert done.stderr.count("\n") == 1 and not data.exists()
