"""SIGKILL at any moment: nothing is lost, nothing takes effect twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from .crash_child import CALM
from .town import Town

KILLS = 12
GAUGES = 8


def test_killed_again_and_again(tmp_path: Path) -> None:
    town = Town(tmp_path, gauges=GAUGES, targets=CALM)
    town.close_watch()
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("crash_child.py")), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin and child.stdout
    draw = random.Random(os.urandom(8))
    toggles = dict.fromkeys(range(GAUGES), 0)
    observations = 0
    try:
        for _ in range(KILLS):
            child.stdin.write("go\n")
            child.stdin.flush()
            word, pid = child.stdout.readline().split()
            assert word == "ready"
            end = time.monotonic() + draw.uniform(0.0, 0.25)
            while time.monotonic() < end:
                gauge = draw.randrange(GAUGES)
                up = toggles[gauge] % 2 == 0
                town.now = time.time_ns() // 1000
                # a few of the same value after the one that toggles
                values = [9.0 if up else 0.0] * draw.randint(1, 4)
                town.observe(f"g{gauge}", values, step=False)
                toggles[gauge] += 1
                observations += len(values)
                time.sleep(draw.uniform(0, 0.004))
            os.kill(int(pid), signal.SIGKILL)
            child.stdin.write("gone\n")
            child.stdin.flush()
            assert child.stdout.readline() == "gone\n"
    finally:
        child.stdin.close()
        child.kill()
        child.wait()
        child.stdout.close()
    town.now = time.time_ns() // 1000
    town.open()
    while town.watch.step(0):
        pass
    town.wait(0.5)
    told: dict[str, list[str]] = {}
    for event in town.events():
        if event.rule == "high":
            told.setdefault(event.identity, []).append(event.transition)
    expected = {
        f"high@g{gauge}/level": [("raise", "return")[i % 2] for i in range(n)]
        for gauge, n in toggles.items()
        if n
    }
    assert sum(toggles.values()) > KILLS
    assert told == expected
    assert town.totals()["observations"] == observations
    for gauge, n in toggles.items():
        found = [a for a in town.alarms() if a.identity == f"high@g{gauge}/level"]
        assert [a.condition for a in found] == ([n % 2 == 1] if n else [])
        assert not found or found[0].count == (n + 1) // 2
    town.close()
