"""``python -m tianmu.scenarios.fire_alarms.calibrate --in FILE``: what closed cases make of
the weights.

``FILE`` has the rows of ``judge`` with their verdicts (``tianmu backtest fire-alarms --history
--rows FILE`` writes a city's own). Each alarm is judged as it was ``wait`` minutes after it came.
It says how often alarms of each probability were real, the error beside that of "always the share
of all", and what weights all of them would have wanted. How much that is worth is tried before: the
error on the newer part of the rows, of the weights that stand and of those that the older part
alone would have wanted. Nothing is changed: with ``--out FILE`` it writes what it proposes as a
``weights.toml``, and a person puts into the pack what he means.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.city.brought import id_of
from tianmu.scenarios.contract import BadInput, BadParameter
from tianmu.scenarios.fire_alarms.event import MINUTE, REAL, Event
from tianmu.scenarios.fire_alarms.evidence import judged_rows
from tianmu.scenarios.fire_alarms.figures import FOLDER, Evidence
from tianmu.scenarios.fire_alarms.model import MODELS, events_of, figures_of
from tianmu.scenarios.heads import named
from tianmu.scenarios.table_file import read_table

F64 = NDArray[np.float64]
BINS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0)
NEWER = 0.3
"""share of the alarms, the newest, on which errors are told"""
FEWEST = 30
"""alarms with a verdict below which no weights are proposed"""
TRUST = 0.7
"""standard deviation of a weight around its present one before anything is seen: few cases move it
little"""
STEPS = 50
AFTER = frozenset({"void", "closed"})
"""signs that only the verdict itself gives"""


@dataclass(frozen=True)
class Past:
    """Alarms with a verdict, oldest first."""

    names: tuple[str, ...]
    """``prior``, then ``kind.heat``, ``sign.call``…: the weights that may move"""
    now: F64
    """they as they are; the prior as its logarithm of odds"""
    there: F64
    """(alarms, names): how many times each counts"""
    fixed: F64
    """(alarms,): what earlier alarms of the detector and building weigh"""
    told: F64
    """(alarms,): the probability that was told"""
    real: F64
    """(alarms,): 1 real, 0 false"""

    def part(self, rows: slice) -> Past:
        return Past(self.names, self.now, self.there[rows], self.fixed[rows], self.told[rows],
                    self.real[rows])  # fmt: skip


def past_of(events: Sequence[Event], figures: Evidence, wait_min: float) -> Past:
    """Alarms that have an end, judged by what was known ``wait_min`` minutes after each came."""
    found = [
        one
        for one in judged_rows(events, figures, round(wait_min * MINUTE))
        if one is not None and one.event.verdict
    ]
    found.sort(key=lambda one: one.event.at)
    names = ("prior", *(f"kind.{one.code}" for one in figures.kinds if one.alarm),
             *(f"sign.{one.code}" for one in figures.signs if one.code not in AFTER))  # fmt: skip
    now = _weights(figures, names)
    place = {name: at for at, name in enumerate(names)}
    there, fixed = np.zeros((len(found), len(names))), np.zeros(len(found))
    each = {one.code for one in figures.signs if one.each}
    for row, one in enumerate(found):
        there[row, 0] = 1.0
        if (kind := f"kind.{one.event.kind}") in place:
            there[row, place[kind]] = 1.0
        for reason in one.reasons:
            if reason.code.endswith("_history"):
                fixed[row] += reason.weight
            elif (sign := f"sign.{reason.code}") in place:
                weight = now[place[sign]]
                times = reason.weight / weight if reason.code in each and weight else 1.0
                there[row, place[sign]] = times
    return Past(
        names, now, there, fixed, np.array([one.probability for one in found]),
        np.array([float(one.event.verdict == REAL) for one in found]),
    )  # fmt: skip


def _weights(figures: Evidence, names: Sequence[str]) -> F64:
    told = {"prior": math.log(figures.prior / (1 - figures.prior))}
    told |= {f"kind.{one.code}": one.weight for one in figures.kinds}
    told |= {f"sign.{one.code}": one.weight for one in figures.signs}
    return np.array([told[name] for name in names])


def fit(past: Past, trust: float = TRUST) -> F64:
    """The weights that are likeliest, given those of now and the ends: logistic regression drawn
    to what stands, by Newton's method."""
    weights = past.now.copy()
    pull = np.full(len(weights), 1 / trust**2)
    for _ in range(STEPS):
        share = _share(past.there @ weights + past.fixed)
        slope = past.there.T @ (past.real - share) - pull * (weights - past.now)
        curve = (past.there * (share * (1 - share))[:, None]).T @ past.there + np.diag(pull)
        step = np.linalg.solve(curve, slope)
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def _share(log_odds: F64) -> F64:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -30, 30))))


def error(share: F64, real: F64) -> float | None:
    """Mean squared error (Brier's score); None of nothing."""
    return round(float(np.mean((share - real) ** 2)), 5) if len(real) else None


def bins(past: Past) -> list[dict[str, Any]]:
    """Of each range of probability: how many, what was told on average, how many were real."""
    found = []
    for low, high in pairwise(BINS):
        here = (past.told >= low) & ((past.told < high) | (high == 1.0))
        if here.any():
            found.append({
                "from": low, "to": high, "alarms": int(here.sum()),
                "told": round(float(past.told[here].mean()), 3),
                "real": round(float(past.real[here].mean()), 3),
            })  # fmt: skip
    return found


def report(past: Past) -> dict[str, Any]:
    """All that is said; ``proposed`` holds the weights that would move by 0.05 or more."""
    count = len(past.real)
    base = np.full(count, past.real.mean()) if count else past.real
    told: dict[str, Any] = {
        "alarms": count, "real": int(past.real.sum()), "error": error(past.told, past.real),
        "error_of_the_share": error(base, past.real), "bins": bins(past), "proposed": {},
    }  # fmt: skip
    if count < FEWEST or not 0 < past.real.sum() < count:
        told["why_none"] = (
            f"weights are proposed from {FEWEST} alarms with an end on, some of them real and some "
            "false"
        )
        return told
    cut = round(count * (1 - NEWER))
    older, newer = past.part(slice(0, cut)), past.part(slice(cut, count))
    tried = _share(newer.there @ fit(older) + newer.fixed)
    told |= {
        "newer_alarms": len(newer.real), "error_newer": error(newer.told, newer.real),
        "error_newer_refitted": error(tried, newer.real),
    }  # fmt: skip
    seen = past.there.sum(axis=0)
    for at, (name, weight) in enumerate(zip(past.names, fit(past), strict=True)):
        if seen[at] and abs(weight - past.now[at]) >= 0.05:
            told["proposed"][name] = {
                "now": _said(name, past.now[at]), "proposed": _said(name, weight),
                "alarms": int((past.there[:, at] > 0).sum()),
            }  # fmt: skip
    return told


def _said(name: str, weight: float) -> float:
    return round(float(_share(np.array(weight))), 4) if name == "prior" else round(float(weight), 2)


def toml(told: Mapping[str, Any]) -> str:
    """The proposals as a pack's ``weights.toml``."""
    tables: dict[str, list[str]] = {"": [], "kind": [], "sign": []}
    for name, one in told["proposed"].items():
        table, _, code = name.rpartition(".")
        tables[table].append(
            f"{code} = {one['proposed']}    # was {one['now']}; {one['alarms']} alarm(s)"
        )
    scenario = id_of(FOLDER)
    lines = [f"[{scenario}]", f'basis = "refitted on {told["alarms"]} alarms with a known end"']
    lines += tables.pop("")
    for table, said in tables.items():
        if said:
            lines += ["", f"[{scenario}.{table}]", *said]
    return "\n".join(lines) + "\n"


def main() -> None:
    plain = argparse.RawTextHelpFormatter
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    asked.add_argument("--in", dest="source", type=Path, required=True, help="rows of judge")
    asked.add_argument("--pack", default="", help="whose weights are looked at, by name or folder")
    asked.add_argument("--wait", type=float, default=2.0, help="minutes after the alarm")
    asked.add_argument("--out", type=Path, help="write what is proposed as a weights.toml")
    asked.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = asked.parse_args()
    try:
        figures = figures_of(given.pack)
    except BadParameter as problem:
        raise SystemExit(str(problem)) from problem
    try:
        events = events_of(named(MODELS[0], read_table(given.source, print)))
    except (BadInput, OSError) as problem:
        raise SystemExit(f"{given.source}: {problem}") from problem
    told = report(past_of(events, figures, given.wait))
    if given.out is not None:
        if not told["proposed"]:
            raise SystemExit(told.get("why_none", "no weight would move by 0.05 or more"))
        given.out.write_text(toml(told), encoding="utf-8")
    if given.json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        if isinstance(value, list):
            print(f"  {'told':>6} {'real':>6} {'alarms':>7}")
            for one in value:
                print(f"  {one['told']:6.3f} {one['real']:6.3f} {one['alarms']:7}")
        elif isinstance(value, dict):
            for code, one in value.items():
                print(f"  {code:<24} {one['now']:>7} → {one['proposed']:>7}  ({one['alarms']})")
        else:
            print(f"  {name:<24} {'–' if value is None else value}")


if __name__ == "__main__":
    main()
