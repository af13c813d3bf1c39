"""The model on files: the same judgement as at the door, faults told, a past replayed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from tianmu.cli import main
from tianmu.scenarios.contract import BadInput, BadParameter
from tianmu.scenarios.model_street.run_dwell import dwell
from tianmu.scenarios.run import parameters_of, run_model

HEAD = ("timestamp", "camera", "kind", "confidence", "box")


def judged(rows: list[tuple[Any, ...]], *given: str) -> dict[str, list[Any]]:
    table = pa.table({name: [str(row[at]) for row in rows] for at, name in enumerate(HEAD)})
    made: dict[str, list[Any]] = run_model(dwell, table, parameters_of(dwell, given)).to_pydict()
    return made


def row(minute: float, confidence: float = 0.8, box: str = "0.1 0.1 0.4 0.5", **more: str) -> Any:
    at = f"2026-04-05T08:{int(minute):02d}:{round(minute % 1 * 60):02d}+08:00"
    return (at, more.get("camera", "c0"), more.get("kind", "OffStoreOperation"), confidence, box)


def test_a_shop_that_spreads_out_is_alarmed_after_five_minutes_and_three_looks() -> None:
    made = judged([row(0), row(2), row(4), row(5), row(6), row(17)])
    assert made["alarm"] == [0, 0, 0, 1, 0, 0]
    assert made["confirmed"] == [0, 0, 0, 1, 1, 0]
    assert made["stayed_s"] == [0, 120, 240, 300, 360, 0]
    assert made["seen"] == [1, 2, 3, 4, 5, 1] and made["thing"][0] != made["thing"][5]


def test_cameras_kinds_and_places_are_apart_and_labels_are_codes() -> None:
    rows = [
        row(0), row(1, camera="c1"), row(2, kind="garbage_exposed"), row(3, box="0.6,0.6,0.9,0.9"),
        row(4, 0.3), row(5),
    ]  # fmt: skip
    made = judged(rows)
    assert made["seen"] == [1, 1, 1, 1, 0, 2] and made["thing"][4] == 0


def test_parameters_take_the_place_of_the_kinds_own() -> None:
    rows = [row(0), row(1)]
    assert judged(rows)["alarm"] == [0, 0]
    assert judged(rows, "dwell_s=60", "repeat=2")["alarm"] == [0, 1]
    assert judged(rows, "dwell_s=60", "repeat=2", "sure=0.9")["alarm"] == [0, 0]
    with pytest.raises(BadParameter, match="no whole number"):
        judged(rows, "repeat=1.5")
    with pytest.raises(BadParameter, match="not between 0 and 1"):
        judged(rows, "sure=7")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([row(1), row(0)], "row 2, column timestamp: .* comes before the row above"),
        ([("8 o'clock", "c", "crowd", 1, "")], "row 1, column timestamp: .* is no time"),
        ([row(0, kind="nothing")], "row 1, column kind: 'nothing' is no kind of event"),
        ([row(0, 1.2)], "row 1, column confidence"),
        ([row(0, box="0.1 0.2 0.3")], "row 1, column box: .* is no box"),
        ([row(0, box="0.4 0.1 0.1 0.5")], "row 1, column box"),
    ],
)
def test_a_fault_is_told_by_row_and_column(rows: list[Any], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        judged(rows)


def test_the_past_is_replayed_with_its_cost(tmp_path: Path) -> None:
    """Two shops' days: one really stood outside, one box of goods was carried in and out."""
    file = tmp_path / "past.csv"
    with file.open("w", newline="") as text:
        out = csv.writer(text)
        out.writerow((*HEAD, "event"))
        for minute in range(10):
            out.writerow((*row(minute), 1))
        for minute in range(30, 40):
            out.writerow((*row(minute, box="0.6 0.6 0.9 0.9"), 0))
        out.writerow((*row(45, 0.2), 0))  # nothing: the spell before it is over
        for minute in (50, 51, 52):
            out.writerow((*row(minute), 1))
    ran = CliRunner().invoke(main, ["backtest", "model-street", "--in", str(file), "--json"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["events"] == 13 and told["alarms"] == 2 and told["false_alarms"] == 1
    assert told["hits"] == 5 and told["misses"] == 8
