"""``make bench``: measure the city and write the figures down, with machine, date and commit.

    python benchmarks/run.py [--only NAME …] [--devices N] [--runs N] [--seconds S]

Each measurement is a command that anyone can run; it is run several times in fresh cities, and its
median is kept with the least and the most. Results go to ``benchmarks/results.json``; the table of
``benchmarks/README.md`` is made from them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "results.json", HERE / "README.md"
BEGIN, END = "<!-- figures: made by benchmarks/run.py -->", "<!-- end of figures -->"

Figures = tuple[tuple[str, str, str], ...]
"""(key of the answer, what it is, unit)"""

INGEST: Figures = (
    ("observations_per_second", "acknowledged", "obs/s"),
    ("observations_per_cpu_second", "per CPU second of all processes", "obs/s"),
    ("p99_ms", "send to acknowledge, p99", "ms"),
    ("lost", "lost", ""),
)
LATENCY: Figures = (
    ("p50_ms", "frame to push, p50", "ms"),
    ("p99_ms", "frame to push, p99", "ms"),
    ("lost", "lost", ""),
)
STORM: Figures = (
    ("signals_per_second", "signals that became part of a case", "1/s"),
    ("cases", "cases", ""),
    ("cases_expected", "incidents", ""),
    ("pairwise_precision", "pairwise precision", ""),
    ("pairwise_recall", "pairwise recall", ""),
    ("lost", "lost", ""),
)
KILLS: Figures = (
    ("kills", "SIGKILLs under load", ""),
    ("ok", "nothing lost and nothing twice (1 = yes)", ""),
    ("observations", "observations acknowledged", ""),
    ("fires", "fires confirmed", ""),
    ("reports", "reports answered", ""),
    ("seconds", "lasted", "s"),
)
ONCE = frozenset({"kills of the city", "size 1,560,000 devices"})
"""measurements that are long: run once"""
SIZE: Figures = (
    ("register_s", "register all devices", "s"),
    ("cold_start_s", "cold start to serving", "s"),
    ("warm_start_s", "warm start to serving", "s"),
    ("memory_mib", "memory, sum of PSS", "MiB"),
)


def measurements(devices: int, seconds: float) -> dict[str, tuple[list[str], str, Figures]]:
    """name → (arguments of ``python -m``, aim, figures)."""
    some = ["--devices", str(devices), "--seconds", str(seconds), "--json"]
    bench = ["tianmu", "bench"]
    return {
        "ingest json ×1000": (
            [*bench, "ingest", "--format", "json", "--batch", "1000", *some],
            "300,000 obs/s", INGEST,
        ),
        "ingest columns ×1000": (
            [*bench, "ingest", "--format", "columns", "--batch", "1000", *some], "", INGEST,
        ),
        "ingest arrow ×10000": (
            [*bench, "ingest", "--format", "arrow", "--batch", "10000", *some], "", INGEST,
        ),
        "ingest mqtt ×100": (
            [*bench, "ingest", "--format", "mqtt", "--batch", "100", *some], "", INGEST,
        ),
        "latency at 26,000 obs/s": (
            [*bench, "latency", "--rate", "26000", *some], "p99 ≤ 300 ms", LATENCY,
        ),
        "storm": (
            [*bench, "storm", "--signals", "6000", "--rate", "3000", "--json"],
            "3,000 signals/s, exact", STORM,
        ),
        "kills of the city": (
            ["benchmarks/city_kills.py", "--kills", "200", "--json"],
            "nothing lost, nothing twice", KILLS,
        ),
        "size 1,560,000 devices": (["benchmarks.city_size", "--devices", "1560000"], "", SIZE),
    }  # fmt: skip


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
        "load_before": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def measure(arguments: list[str], runs: int) -> list[dict[str, Any]]:
    found = []
    for number in range(runs):
        print(f"  run {number + 1} of {runs}: {' '.join(arguments)}", file=sys.stderr)
        done = subprocess.run(
            [sys.executable, *_run(arguments)], cwd=HERE.parent, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
            continue
        found.append(json.loads(done.stdout.strip().splitlines()[-1]))
    return found


def _run(arguments: list[str]) -> list[str]:
    """A script by its path, anything else as a module."""
    return arguments if arguments[0].endswith(".py") else ["-m", *arguments]


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def table(results: dict[str, Any]) -> str:
    lines = [
        "| Measurement | Figure | Median (least … most) | Aim | Taken |",
        "|---|---|---|---|---|",
    ]
    for name, result in results.items():
        for number, figure in enumerate(result["figures"]):
            said = " … ".join(_number(figure[k]) for k in ("least", "most"))
            value = f"{_number(figure['median'])} {figure['unit']} ({said})"
            about_p99 = "p99" in result["aim"]
            aimed = figure["key"] == "p99_ms" if about_p99 else number == 0
            aim = result["aim"] if aimed else ""
            taken = f"{result['at'][:10]} {result['commit']}" if number == 0 else ""
            lines.append(
                f"| {name if number == 0 else ''} | {figure['what']} | {value} | {aim} | {taken} |"
            )
    commands = [f"* {name}: `python {' '.join(_run(r['command']))}`" for name, r in results.items()]
    about = sorted(
        {
            "{cpu}, {cores} cores, {memory_gib} GiB, {system}, Python {python}".format(
                **result["machine"]
            )
            for result in results.values()
        }
    )
    return "\n".join([*lines, "", "Machine: " + "; ".join(about) + ".", "", *commands])


def _number(value: float) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", nargs="*", default=[])
    options.add_argument("--devices", type=int, default=50_000)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--seconds", type=float, default=10.0)
    asked = options.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name, (arguments, aim, figures) in measurements(asked.devices, asked.seconds).items():
        if asked.only and not any(word in name for word in asked.only):
            continue
        print(name, file=sys.stderr)
        about = machine()
        found = measure(arguments, 1 if name in ONCE else asked.runs)
        if not found:
            print(f"  {name}: no run succeeded; nothing is written down", file=sys.stderr)
            continue
        results[name] = {
            "command": arguments, "aim": aim, "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(), "machine": about, "runs": len(found),
            "figures": [
                {"key": key, "what": what, "unit": unit,
                 **spread([float(one[key]) for one in found if one.get(key) is not None])}
                for key, what, unit in figures
                if any(one.get(key) is not None for one in found)
            ],
            "raw": found,
        }  # fmt: skip
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        time.sleep(1)
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}\n\n{table(results)}\n\n{END}{tail}")


if __name__ == "__main__":
    main()
