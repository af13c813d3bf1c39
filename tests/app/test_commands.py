"""Commands say what is wrong in a line, without a traceback, and end with 1."""

from __future__ import annotations

from pathlib import Path

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
