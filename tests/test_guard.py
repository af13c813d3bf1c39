"""No hot stage has become slower: ratios against work of like nature (``benchmarks/guard.py``)."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks import guard, guard_stages

ROOT = Path(__file__).parents[1]
EXPECTED: dict[str, float] = json.loads(guard.FILE.read_text())


def guarded() -> dict[str, Any]:
    """What the guard says, in a process of its own: other threads of a test run would count."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.guard", "--json"], cwd=ROOT,
        capture_output=True, text=True, timeout=200, check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    assert done.stdout, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    assert bool(said["wrong"]) == bool(done.returncode)
    return said


@pytest.mark.slow
def test_no_hot_stage_has_lost_a_third_of_its_speed() -> None:
    said = guarded()
    assert said["costs"].keys() == EXPECTED.keys(), "every stage is in the file, and no other"
    assert not said["wrong"], "\n".join(said["wrong"])


@pytest.mark.parametrize("name", ["decode JSON", "look up ids", "flush history", "draw tiles"])
def test_a_stage_that_takes_twice_as_long_is_caught(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured by turns with the stage as it is, and the middle of five turns is judged: another
    test beside this one slows now the one, now the other."""
    monkeypatch.setattr(guard, "FEWEST", 3)
    (stage,) = guard_stages.stages(tmp_path, lambda one: one == name)

    def twice() -> None:
        stage.run()
        stage.before()
        stage.run()

    slow = dataclasses.replace(stage, run=twice)
    turns = [(guard.cost(stage), guard.cost(slow)) for _ in range(5)]
    plain, double = sorted(turns, key=lambda turn: turn[1] / turn[0])[2]
    (line,) = guard.judge({name: plain}, {name: double})
    assert line.startswith(f"{name}: ")
    assert "slower" in line
    assert guard.RENEW in line, "it says how the file is renewed"


def test_a_loss_is_of_the_speed() -> None:
    assert guard.loss(1.0, 2.0) == 0.5, "twice the cost is half the speed"
    assert guard.loss(2.0, 1.0) < 0
    assert not guard.judge({"a": 1.0}, {"a": 1.4})
    (line,) = guard.judge({"a": 1.0}, {"a": 1.5})
    assert "33% slower" in line
    assert "1.429 are allowed" in line


def test_a_stage_that_is_not_in_the_file_is_said() -> None:
    (line,) = guard.judge({}, {"new": 1.0})
    assert line.startswith("new: not in guard.json")
    assert guard.RENEW in line


def test_rounds_go_on_while_it_looks_like_a_loss() -> None:
    """One quiet moment is enough to see that nothing is lost."""
    turns: list[int] = []
    waits = iter([*[40] * (guard.FEWEST + 3), *[0] * 100])

    def run() -> None:
        turns.append(0)
        sum(range(1_000 * (10 + next(waits))))

    stage = guard_stages.Stage("noisy", run, lambda: sum(range(10_000)))
    found = guard.cost(stage, 1.0)
    assert guard.loss(1.0, found) < guard.LOSS
    assert guard.FEWEST + 3 < len(turns) < guard.MOST
