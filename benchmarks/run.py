"""``make bench``: measure the city and write the figures down, with machine, date and commit.

    python -m benchmarks.run [--only WORD …] [--devices N] [--runs N] [--seconds S]
        [--no-peers] [--resume] [--page]

Each measurement is a command that anyone can run, several times in fresh cities; its first run goes
on with peers where there are any. Everything is kept in ``benchmarks/results.json`` as soon as a
run ends, also that one failed; ``--resume`` goes on where an earlier call at the same commit with
the same sizes was stopped. ``--page`` only makes the tables of ``benchmarks/README.md`` again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks import page
from benchmarks.measurements import CITY, Measurement, measurements

ROOT = Path(__file__).parents[1]
LONGEST = 3_600.0
"""seconds until a run has failed"""


def machine() -> dict[str, Any]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu, "cores": os.cpu_count(), "memory_gib": round(memory / 2**30, 1),
        "system": platform.platform(), "python": platform.python_version(),
    }  # fmt: skip


def commit() -> str:
    """The commit, with a plus where files differ from it (but for what we write ourselves)."""
    said = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    ours = [f":!benchmarks/{one.name}" for one in (page.RESULTS, page.PAGE, page.NOTES)]
    dirty = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no", "--", ".", *ours], cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return said.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def arguments(command: Sequence[str]) -> list[str]:
    """A script by its path, anything else as a module."""
    return [*command] if command[0].endswith(".py") else ["-m", *command]


def run(command: Sequence[str], within: float = LONGEST) -> dict[str, Any]:
    """One run: what it answered, or why there is no answer."""
    before, begin = round(os.getloadavg()[0], 2), time.monotonic()
    about: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"), "load_before": before,
    }  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, *arguments(command)], cwd=ROOT, capture_output=True, text=True,
            check=False, timeout=within,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {**about, "failed": f"not over within {within:g} s"}
    about["seconds"] = round(time.monotonic() - begin, 1)
    lines = done.stdout.strip().splitlines()
    try:
        # a command that found its aim missed ends with an error, and has an answer all the same
        return {**about, "exit": done.returncode, "answer": json.loads(lines[-1])}
    except (IndexError, ValueError):
        said = (done.stderr.strip() or "it printed nothing")[-1000:]
        return {**about, "failed": f"ended with {done.returncode}: {said}"}


def take(
    one: Measurement, results: dict[str, Any], *, runs: int, peers: bool, resume: bool
) -> None:
    """Run a measurement as often as it is still wanted; kept after each run."""
    held, now = results.get(one.name), commit()
    same = held and held["commit"] == now and held["command"] == list(one.command)
    if not (resume and same):
        held = {"command": list(one.command), "commit": now, "machine": machine(), "runs": []}
    assert held is not None
    wanted = min(runs, one.runs)
    while len(held["runs"]) < wanted:
        first = peers and one.peers and not held["runs"]
        command = [*one.command, "--peers"] if first else list(one.command)
        print(f"  run {len(held['runs']) + 1} of {wanted}: {' '.join(command)}", file=sys.stderr)
        told = run(command)
        if "failed" in told:
            print(f"  failed: {told['failed']}", file=sys.stderr)
        held["runs"].append(told)
        held["at"] = told["at"]
        results[one.name] = held
        page.RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        time.sleep(1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", nargs="*", default=[], help="words of their names")
    options.add_argument("--devices", type=int, default=CITY)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--seconds", type=float, default=10.0, help="of load for ingest")
    options.add_argument("--no-peers", action="store_true")
    options.add_argument("--resume", action="store_true")
    options.add_argument("--page", action="store_true")
    asked = options.parse_args()
    every = measurements(asked.devices, asked.seconds)
    results = json.loads(page.RESULTS.read_text()) if page.RESULTS.exists() else {}
    for one in every:
        if asked.page or (asked.only and not any(word in one.name for word in asked.only)):
            continue
        print(one.name, file=sys.stderr)
        take(one, results, runs=asked.runs, peers=not asked.no_peers, resume=asked.resume)
        page.write(every)
    page.write(every)


if __name__ == "__main__":
    main()
