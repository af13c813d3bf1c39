"""Who is slow to start is waited for and named; who ends is told with the last it said."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tianmu.app import start, supervise
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


def started(made: Supervisor) -> str:
    """Why it was not."""
    try:
        with pytest.raises(NotStarted) as refused:
            made.start()
    finally:
        made.stop()
    return str(refused.value)


def test_who_is_not_ready_in_time_is_named_with_the_time(tmp_path: Path, told: list[str]) -> None:
    why = started(city(tmp_path, told, "import time; time.sleep(60)"))
    assert re.search(r"hub was not ready within 0\.5 s .* is empty", why)
    assert "hub is still starting, for 0 s so far" in told


def test_who_ends_is_told_with_the_last_it_said(tmp_path: Path, told: list[str]) -> None:
    why = started(city(tmp_path, told, "import sys; print('no such pack'); sys.exit(3)"))
    assert re.search(r"hub ended with 3 before .*\nno such pack", why)


def test_a_process_that_is_begun_as_a_signal_comes_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Late:
        def __init__(self, *_: object) -> None:
            pass

        def start(self) -> None:
            signal.raise_signal(signal.SIGTERM)
            done.append("begun")
            raise NotStarted("hub ended before it was ready")

        def stop(self) -> None:
            done.append("stopped")

    monkeypatch.setattr(start, "Supervisor", Late)
    settings = Settings(pack="liyang", data=str(tmp_path), port=0)
    told: list[str] = []
    nowhere: Any = None
    settings.run.mkdir(parents=True)
    before = [(one, signal.getsignal(one)) for one in (signal.SIGTERM, signal.SIGINT)]
    try:
        assert start._run(settings, nowhere, told.append) == 0
    finally:
        for one, handler in before:
            signal.signal(one, handler)
    assert done == ["stopped", "begun", "stopped"] and told == []
