"""The UI's types are those of the API as it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ui"))
import build  # noqa: E402


def test_the_types_are_the_apis(tmp_path: Path) -> None:
    fresh = tmp_path / "schema.d.ts"
    build.write_schema(fresh)
    if fresh.read_text() != build.SCHEMA.read_text():
        pytest.fail("the API changed: run `.venv/bin/python ui/build.py --schema`, then `--check`")


def test_a_second_build_has_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    build.main([])
    capsys.readouterr()
    build.main([])
    assert capsys.readouterr().err == ""
