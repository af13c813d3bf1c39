"""Who is slow to start is waited for and named; who ends is told with the last it said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tianmu.app import supervise
from tianmu.app.settings import Settings
from tianmu.app.supervise import NotStarted, Supervisor


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(supervise, "READY_WITHIN", 0.5)
    monkeypatch.setattr(supervise, "STILL", 0.1)
    return []


def city(folder: Path, told: list[str], program: str) -> Supervisor:
    """A city of which each process is this program."""
    made = Supervisor(Settings(pack="liyang", data=str(folder)), told.append)
    for child in made.children:
        child.command = [sys.executable, "-c", program]
    return made


def test_who_is_not_ready_in_time_is_named_with_the_time(tmp_path: Path, told: list[str]) -> None:
    made = city(tmp_path, told, "import time; time.sleep(60)")
    try:
        with pytest.raises(NotStarted, match=r"hub was not ready within 0\.5 s .* is empty"):
            made.start()
    finally:
        made.stop()
    assert "hub is still starting, for 0 s so far" in told


def test_who_ends_is_told_with_the_last_it_said(tmp_path: Path, told: list[str]) -> None:
    made = city(tmp_path, told, "import sys; print('no such pack'); sys.exit(3)")
    try:
        with pytest.raises(NotStarted, match=r"hub ended with 3 before .*\nno such pack"):
            made.start()
    finally:
        made.stop()
