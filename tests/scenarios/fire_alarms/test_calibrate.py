"""What closed cases make of the weights: told, and moved by nobody but a person."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

from tianmu.city.charter import weight
from tianmu.city.file.reader import PackReader
from tianmu.city.pack import load
from tianmu.scenarios.fire_alarms.calibrate import Past, fit, past_of, report, toml
from tianmu.scenarios.fire_alarms.figures import evidence
from tianmu.scenarios.fire_alarms.model import events_of

from .test_judge import simulated

FIGURES = evidence()


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return simulated(3, buildings=3, days=60)


@pytest.fixture(scope="module")
def past(table: pa.Table) -> Past:
    return past_of(events_of(table), FIGURES, 2.0)


def share(odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-odds))


def test_what_was_told_is_the_sum_of_what_is_fitted(past: Past) -> None:
    made = share(past.there @ past.now + past.fixed)
    assert len(made) > 300
    assert np.allclose(made.clip(FIGURES.lowest, FIGURES.highest), past.told)


def test_calibration_is_told_and_the_newer_part_was_not_seen(past: Past) -> None:
    told = report(past)
    assert sum(one["alarms"] for one in told["bins"]) == told["alarms"] == len(past.real)
    assert told["newer_alarms"] == len(past.real) - round(0.7 * len(past.real))
    assert told["bins"][-1]["real"] > max(one["real"] for one in told["bins"][:-1])
    assert told["error_newer_refitted"] < told["error_newer"]
    assert {"prior", "sign.second_zone"} <= set(told["proposed"])
    for one in told["proposed"].values():
        assert one["alarms"] > 0 and one["now"] != one["proposed"]


def test_little_evidence_moves_little_and_none_moves_nothing(past: Past) -> None:
    assert np.abs(fit(past, trust=1e-6) - past.now).max() < 1e-6
    few = past.part(slice(0, 40))
    assert np.abs(fit(few) - few.now).max() < np.abs(fit(past) - past.now).max()
    nothing = past.part(slice(0, 5))
    told = report(nothing)
    assert told["proposed"] == {} and "from 30 alarms" in told["why_none"]
    assert report(past.part(slice(0, 0)))["error"] is None


def test_ends_that_came_later_are_no_sign(table: pa.Table) -> None:
    """An alarm judged an hour later still knows nothing of its own case."""
    early, late = (past_of(events_of(table), FIGURES, wait) for wait in (2.0, 60.0))
    assert not any(name in {"sign.void", "sign.closed"} for name in late.names)
    assert len(early.real) == len(late.real)


def test_the_script_proposes_what_a_pack_may_take(table: pa.Table, tmp_path: Path) -> None:
    rows, made = tmp_path / "rows.csv", tmp_path / weight.FILE
    pc.write_csv(table, rows)
    module = "tianmu.scenarios.fire_alarms.calibrate"
    asked = [sys.executable, "-m", module, "--in", str(rows), "--out", str(made), "--json"]
    ran = subprocess.run(asked, capture_output=True, text=True, check=True)
    told = json.loads(ran.stdout.splitlines()[-1])
    assert made.read_text() == toml(told)
    reader, city = PackReader(tmp_path), load("port_ellery")
    other = PackReader(city.folder)
    from tianmu.city import brought

    brought.bring(other)
    reader.brought = other.brought
    weights = weight.read(reader, range(6))["fire-alarms"]
    assert not [one for one in reader.faults if one.file == weight.FILE], reader.faults
    for name, one in told["proposed"].items():
        assert weights[name] == one["proposed"] != city.weights["fire-alarms"][name]
    wrong = subprocess.run(
        [sys.executable, "-m", module, "--in", str(made)], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert wrong.returncode == 1 and "Traceback" not in wrong.stderr, wrong.stderr
    nowhere = subprocess.run(
        [sys.executable, "-m", module, "--in", str(rows), "--pack", "nowhere"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert nowhere.returncode == 1 and "no pack nowhere" in nowhere.stderr
    assert "Traceback" not in nowhere.stderr
