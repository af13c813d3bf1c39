"""The tables of ``benchmarks/README.md``, made of ``results.json`` and ``notes.json``.

``notes.json`` holds what only a person can say: by measurement and key of the figure, why an aim is
missed and what would reach it. It is never written over.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measurements import Figure, Measurement, found, number

HERE = Path(__file__).parent
RESULTS, PAGE, NOTES = HERE / "results.json", HERE / "README.md", HERE / "notes.json"
BEGIN, END = "<!-- figures: made by benchmarks/run.py -->", "<!-- end of figures -->"
Result = dict[str, Any]


def write(measurements: list[Measurement]) -> None:
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    notes = json.loads(NOTES.read_text()) if NOTES.exists() else {}
    head, _, rest = PAGE.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    text = "\n".join(page(measurements, results, notes))
    PAGE.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}")


def page(
    measurements: list[Measurement], results: dict[str, Result], notes: dict[str, Any]
) -> Iterator[str]:
    """First what is aimed at, then each measurement with all its figures."""
    yield "## Aims"
    yield ""
    yield "| What | Aim | Reached: median (least … most) | | Peer in the same run | Taken |"
    yield "|---|---|---|---|---|---|"
    for one in measurements:
        for figure in one.figures:
            if figure.aim:
                yield from _aimed(one, figure, results.get(one.name), notes.get(one.name, {}))
    spent = sum(
        run.get("seconds", 0.0)
        for one in measurements
        for run in results.get(one.name, {}).get("runs", [])
    )
    if spent:
        yield ""
        yield f"All runs below took {spent / 60:.0f} minutes, peers among them."
    for one in measurements:
        if one.name in results:
            yield ""
            yield from _section(one, results[one.name])


def values(result: Result, key: str) -> dict[str, list[float]]:
    """What ``*`` stood for → the value of each run that succeeded."""
    each: dict[str, list[float]] = {}
    for run in result["runs"]:
        for name, value in found(run.get("answer"), key):
            each.setdefault(name, []).append(value)
    return each


def spread(told: list[float], unit: str) -> str:
    middle = number(statistics.median(told))
    return f"{middle} {unit} ({number(min(told))} … {number(max(told))})".replace("  ", " ")


def _aimed(
    one: Measurement, figure: Figure, result: Result | None, notes: dict[str, str]
) -> Iterator[str]:
    """A row; where the figure is one of many things', a row for each of them."""
    # what was never measured has no section that a link could lead to
    named = one.name if result is None else f"[{one.name}](#{anchor(one.name)})"
    what = f"{named}: {figure.what}"
    aim = f"{figure.aim} {figure.unit}".strip()
    note = notes.get(figure.key, "")
    if result is None:
        yield f"| {what} | {aim} | not measured yet | {note} | | |"
        return
    each = values(result, figure.key)
    if not each:
        failed = next((run["failed"] for run in result["runs"] if "failed" in run), "")
        why = f"the run failed: {failed.splitlines()[-1]}" if failed else "not in the answer"
        yield f"| {what} | {aim} | **none**: {_cell(why)} | {note} | | {_taken(result)} |"
    peers = "<br>".join(
        f"{peer['name']} {peer['version']}: {number(peer['figure'])} {peer['unit']} "
        f"(ours ×{peer['ratio']:g}; {peer['what']})"
        for peer in _peers(result)
        if peer["against"] == figure.key and peer["ratio"] is not None
    )
    for name, told in each.items():
        if figure.reached(statistics.median(told)):
            said = f"reached: {note}" if note else "reached"
        else:
            said = f"**missed**: {note or 'nobody has said yet why, and what would reach it'}"
        yield (
            f"| {f'{what} {name}'.strip()} | {aim} | {spread(told, figure.unit)} | {said} "
            f"| {_cell(peers)} | {_taken(result)} |"
        )


def _section(one: Measurement, result: Result) -> Iterator[str]:
    yield f"## {one.name}"
    yield ""
    module = "" if result["command"][0].endswith(".py") else "-m "
    yield f"`python {module}{' '.join(result['command'])}`"
    yield ""
    failed = [run["failed"] for run in result["runs"] if "failed" in run]
    machine = "{cpu}, {cores} cores, {memory_gib} GiB, {system}, Python {python}".format(
        **result["machine"]
    )
    yield (
        f"{_count(len(result['runs']))}{f', of which {len(failed)} failed' if failed else ''}, "
        f"{_taken(result)}, on {machine}."
    )
    yield from (f"\nFailed: `{_cell(line.splitlines()[-1])}`" for line in failed)
    yield ""
    yield "| Figure | Median (least … most) |"
    yield "|---|---|"
    for figure in one.figures:
        for name, told in values(result, figure.key).items():
            yield f"| {f'{figure.what} {name}'.strip()} | {spread(told, figure.unit)} |"
    yield from _listed(one.listed, result) if one.listed else ()
    peers = _peers(result)
    if peers:
        yield ""
        yield "| Peer, same input, same run | Reached | Ours | What it does more or less |"
        yield "|---|---|---|---|"
    for peer in peers:
        who = f"{peer['name']} {peer['version'] or ''}".strip()
        if peer["figure"] is None:
            yield f"| {who} | not available here | | {_cell(peer['note'])} |"
            continue
        ratio = f"×{peer['ratio']:g}" if peer["ratio"] is not None else ""
        yield (
            f"| {who}: {_cell(peer['what'])} | {number(peer['figure'])} {peer['unit']} | {ratio} "
            f"| {_cell(peer['note'])} |"
        )


def _listed(key: str, result: Result) -> Iterator[str]:
    """What the first answer has under ``key``, a row each; that there is nothing, too."""
    answer = next((run["answer"] for run in result["runs"] if "answer" in run), None)
    if answer is None:
        return
    name = key.rpartition(".")[2]
    rows: Any = answer
    for part in key.split("."):
        rows = rows.get(part, []) if isinstance(rows, dict) else []
    yield ""
    yield f"{name.capitalize()}: {len(rows) or 'none'}."
    if rows:
        yield ""
        yield f"| {' | '.join(rows[0])} |"
        yield f"|{'---|' * len(rows[0])}"
    for row in rows:
        yield f"| {' | '.join(_cell(_said(value)) for value in row.values())} |"


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return str(value)


def _peers(result: Result) -> list[dict[str, Any]]:
    for run in result["runs"]:
        if run.get("answer", {}).get("peers"):
            found: list[dict[str, Any]] = run["answer"]["peers"]
            return found
    return []


def _count(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"


def _taken(result: Result) -> str:
    return f"{result['at'][:10]} {result['commit']}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def anchor(name: str) -> str:
    """Of a heading, as GitHub and Markdown readers make it."""
    return "".join(c for c in name.lower().replace(" ", "-") if c.isalnum() or c == "-")
