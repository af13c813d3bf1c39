"""Has a hot stage become slower? Asked in CI, of ratios, not of times.

    python -m benchmarks.guard [--only WORD …] [--renew] [--json]

Each stage runs by turns with work of like nature by others' code, and its cost is told in pieces of
that: the machine and its neighbours slow both. ``benchmarks/guard.json`` holds what each cost when
it was last renewed; a loss of more than 30 % of the speed fails. CPU time of the process is what
is counted, and the best of many rounds: what one waits for others, or for a disk, is no one's loss.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.guard_likes import cpu_seconds
from benchmarks.guard_stages import Stage, stages

FILE = Path(__file__).with_name("guard.json")
LOSS = 0.30
FEWEST, MOST, SECONDS = 10, 60, 8.0
"""rounds: as many at least; while it looks like a loss as many, and as long, at most"""
RENEW = "python -m benchmarks.guard --renew"


def cost(stage: Stage, expected: float | None = None) -> float:
    """Pieces of like work that one piece of the stage costs: best against best of rounds by turns.
    Rounds go on while it looks like a loss against ``expected``."""
    ours: list[float] = []
    theirs: list[float] = []
    begin = time.perf_counter()
    for number in range(MOST):
        stage.before()
        ours.append(cpu_seconds(stage.run))
        theirs.append(cpu_seconds(stage.like))
        found = min(ours) / min(theirs)
        if number + 1 < FEWEST:
            continue
        late = time.perf_counter() - begin > SECONDS
        if late or expected is None or loss(expected, found) <= LOSS / 2:
            break
    return found


def loss(expected: float, got: float) -> float:
    """Share of the speed that is lost; negative where it is faster."""
    return 1 - expected / got


def judge(expected: dict[str, float], got: dict[str, float]) -> list[str]:
    """What is wrong, a line for each stage."""
    wrong = []
    for name, value in got.items():
        if name not in expected:
            wrong.append(f"{name}: not in {FILE.name}: renew it with `{RENEW}`")
        elif (lost := loss(expected[name], value)) > LOSS:
            wrong.append(
                f"{name}: {lost:.0%} slower: costs {value:.3f} pieces of like work, "
                f"{expected[name]:.3f} were expected and {expected[name] / (1 - LOSS):.3f} are "
                f"allowed. If it must be: `{RENEW}`, and say why in the commit"
            )
    return wrong


def measure(chosen: Sequence[Stage], expected: dict[str, float]) -> dict[str, float]:
    return {stage.name: round(cost(stage, expected.get(stage.name)), 4) for stage in chosen}


def renew(chosen: Sequence[Stage], known: dict[str, float]) -> dict[str, float]:
    """The median of five measurements, so that no lucky one is asked of everybody."""
    for stage in chosen:
        known[stage.name] = round(statistics.median(cost(stage) for _ in range(5)), 4)
    FILE.write_text(json.dumps(known, indent=1) + "\n")
    return known


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", nargs="*", default=[])
    options.add_argument("--renew", action="store_true")
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    expected: dict[str, float] = json.loads(FILE.read_text()) if FILE.exists() else {}
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="tianmu-guard-") as folder:
        wanted = stages(
            Path(folder), lambda name: not asked.only or any(word in name for word in asked.only)
        )
        if asked.renew:
            got = renew(wanted, expected)
            expected = got
        else:
            got = measure(wanted, expected)
    wrong = judge(expected, got)
    for name, value in got.items():
        held = expected.get(name)
        against = f"{held:10.3f} expected, {-loss(held, value):+.0%}" if held else ""
        print(f"  {name:<24} {value:10.3f} {against}", file=sys.stderr)
    for line in wrong:
        print(line, file=sys.stderr)
    said: dict[str, Any] = {
        "costs": got, "expected": expected, "wrong": wrong,
        "seconds": round(time.perf_counter() - begin, 1),
    }  # fmt: skip
    if asked.json:
        print(json.dumps(said))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
