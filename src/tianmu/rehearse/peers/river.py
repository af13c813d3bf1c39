"""river: half-space trees and a forecaster, made for streaming, over the same values."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tianmu.rehearse.peers import own
from tianmu.rehearse.peers.contract import Figure

WITHIN = 600
"""seconds for all that a peer does with the values"""


@dataclass(frozen=True)
class Values:
    """Datastreams that nothing is wrong with, and what becomes of them with a fault put in."""

    value: NDArray[np.float64]
    """shape (datastreams, values), ``step`` seconds apart"""
    step: float
    stream: NDArray[np.int64]
    """by fault: the datastream it is put into, the row it begins at"""
    row: NDArray[np.int64]
    spoilt: list[NDArray[np.float64]]
    """by fault: the values from that row on, for as long as it may take to be found"""
    per_week: float

    def write(self, path: Path) -> None:
        np.savez(
            path, value=self.value, step=self.step, stream=self.stream, row=self.row,
            per_week=self.per_week, length=[len(one) for one in self.spoilt],
            spoilt=np.concatenate(self.spoilt),
        )  # fmt: skip


class _Flow:
    """A script in the peer's own environment."""

    name: str
    licence = "BSD-3-Clause"
    package: str
    ways: ClassVar[dict[str, str]]
    """argument of the script → what it does"""

    def installed(self, folder: Path) -> bool:
        return own.has_venv(folder, self.package)

    def install(self, folder: Path) -> str:
        return own.add_venv(folder, self.package)

    def run(self, folder: Path, given: Values) -> list[Figure]:
        flow = Path(__file__).with_name(f"{self.package}_flow.py")
        figures: list[Figure] = []
        with tempfile.TemporaryDirectory(prefix="tianmu-peer-") as home:
            values = Path(home) / "values.npz"
            given.write(values)
            for way, what in self.ways.items():
                said = own.called(
                    [str(own.python(folder)), "-I", str(flow), str(values), way],
                    within=WITHIN, cwd=Path(home),
                )  # fmt: skip
                figures += _figures(what, json.loads(said.strip().splitlines()[-1]))
        return figures


def _figures(what: str, found: dict[str, float]) -> list[Figure]:
    note = "the same values, told to tolerate as many alarms a week"
    figures = [
        Figure(
            what, found["values"] / found["cpu_seconds"], "obs/CPU s",
            "observations_per_cpu_second", note="one value at a time, scored and learnt",
        ),
        Figure(f"{what}: false alarms a week", found["false_per_week"], "",
               "false_alarms_per_week", "less", note),
        Figure(f"{what}: faults found", found["found"], "of all", "found", note=note),
    ]  # fmt: skip
    if found["found"]:
        delay = Figure(f"{what}: median delay", found["delay"], "values", "delay", "less",
                       "of the faults it found")  # fmt: skip
        figures.append(delay)
    return figures


class River(_Flow):
    name = "river"
    package = "river"
    ways: ClassVar[dict[str, str]] = {
        "trees": "half-space trees on value and hour, behind a quantile filter",
        "forecast": "Holt-Winters forecast, error behind a quantile filter",
    }
