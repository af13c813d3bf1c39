"""``tianmu model fire-alarms judge`` and ``tianmu backtest fire-alarms`` on files."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pytest
from click.testing import CliRunner

from tianmu.cli import main
from tianmu.rehearse.panel import script as panel_script
from tianmu.rehearse.panel.script import Truth
from tianmu.scenarios.contract import BadInput
from tianmu.scenarios.fire_alarms.model import MODELS
from tianmu.scenarios.run import parameters_of, run_model

[JUDGE] = MODELS
START = datetime(2026, 3, 1, tzinfo=UTC)
KINDS = {40: "smoke", 30: "heat", 23: "manual", 95: "flow", 96: "flow"}


def simulated(seed: int, buildings: int = 4, days: int = 40) -> pa.Table:
    """What the simulated panels of ``tianmu feed`` send, with the truth that their script keeps to
    itself; each case is closed two hours after its alarm."""
    rows: list[dict[str, object]] = []
    for number in range(buildings):
        components = panel_script.building(random.Random(seed * 100 + number))
        at = START + timedelta(minutes=number)
        steps = panel_script.script(
            seed * 100 + number, components, 86_400.0 * days, 3 * days, fires=0.08
        )
        for step in steps:
            at += timedelta(seconds=step.delay)
            name, body = step.event.name, step.event.body
            kind = detector = ""
            if name in ("fire", "started", "fault"):
                part = next(c for c in components if body.startswith(c.head))
                kind = "fault" if name == "fault" else KINDS[part.type]
                detector = f"{part.type}-{part.address}"
            elif name in ("system_operation", "unit_operation"):
                bits = body[2] if name == "system_operation" else body[0]
                kind, detector = ("reset", "panel") if bits & panel_script.RESET else ("", "")
            if not kind:
                continue
            alarm = kind not in {"fault", "reset"}
            real = step.truth is Truth.FIRE
            rows.append(
                {
                    "timestamp": at.isoformat(), "building": f"b{number}", "detector": detector,
                    "kind": kind, "zone": str(part.address >> 16) if detector != "panel" else "",
                    "verdict": ("real" if real else "false") if alarm else "",
                    "closed": (at + timedelta(hours=2)).isoformat() if alarm else "",
                    "event": int(real and alarm),
                }
            )  # fmt: skip
    return pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["timestamp"])))


def test_a_fire_ranks_above_false_alarms() -> None:
    """On panels whose scripts know the truth (simulated, and it says so): the ranks separate."""
    rows = simulated(5)
    made = run_model(JUDGE, rows, parameters_of(JUDGE, []))
    told = [
        (row["probability"], row["event"])
        for row in made.select(["probability", "event"]).to_pylist()
        if row["probability"] is not None
    ]
    real = [p for p, event in told if event]
    false = [p for p, event in told if not event]
    assert len(real) > 15 and len(false) > 60
    above = sum((a > b) + 0.5 * (a == b) for a in real for b in false) / (len(real) * len(false))
    assert above > 0.9, "how often a real one stands above a false one"


def test_the_command_tells_probability_reasons_and_what_would_confirm(tmp_path: Path) -> None:
    file, out = tmp_path / "alarms.csv", tmp_path / "judged.csv"
    file.write_text(
        "timestamp,building,zone,detector,kind,verdict,closed,owner\n"
        "2026-04-01T08:00:00,mill,3,s1,smoke,false,2026-04-01T09:00:00,a\n"
        "2026-04-05T08:30:00,mill,3,s1,smoke,,,b\n"
        "2026-04-05T08:31:00,mill,3,s2,smoke,,,c\n"
        "2026-04-05T08:31:30,mill,,m1,manual,,,d\n"
        "2026-04-05T08:32:00,mill,,caller,call,,,e\n"
    )
    done = CliRunner().invoke(
        main, ["model", "fire-alarms", "judge", "--in", str(file), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    rows = pc.read_csv(out).to_pylist()
    assert [row["owner"] for row in rows] == ["a", "b", "c", "d", "e"]
    assert rows[0]["probability"] == pytest.approx(0.05) and rows[0]["degree"] == 3
    assert rows[1]["probability"] > 0.8 and rows[1]["degree"] == 5
    assert "0 of the 1 earlier alarms" in rows[1]["reasons"]
    assert "manual call point" in rows[1]["reasons"] and "citizen" in rows[1]["reasons"]
    assert "control room" in rows[0]["confirm"]
    assert rows[4]["probability"] is None and "1 row(s) are no alarms" in done.output
    at_once = run_model(JUDGE, pc.read_csv(file), parameters_of(JUDGE, ["wait=0"]))
    assert at_once.column("probability")[1].as_py() < rows[1]["probability"]
    zh = run_model(JUDGE, pc.read_csv(file), parameters_of(JUDGE, ["language=zh"]))
    assert "手动报警按钮" in zh.column("reasons")[1].as_py()


@pytest.mark.parametrize(
    ("cell", "value", "told"),
    [
        ("kind", "smok", "'smok' is not known: use one of smoke"),
        ("timestamp", "yesterday", "'yesterday' is no time"),
        ("verdict", "maybe", "use one of real, false"),
        ("building", "", "column building: no value"),
    ],
)
def test_a_fault_names_row_and_column(cell: str, value: str, told: str) -> None:
    row = {"timestamp": "2026-04-01T08:00:00", "building": "b", "detector": "d", "kind": "smoke",
           "verdict": ""}  # fmt: skip
    rows = pa.Table.from_pylist([row, row | {cell: value}])
    with pytest.raises(BadInput) as fault:
        run_model(JUDGE, rows, parameters_of(JUDGE, []))
    assert told in str(fault.value) and fault.value.row == 2


def test_a_back_test_counts_alarms_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "past.csv"
    pc.write_csv(simulated(11), file)
    done = CliRunner().invoke(
        main, ["backtest", "fire-alarms", "--in", str(file), "--from", "2026-03-20", "--json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["hits"] + told["misses"] == told["events"] > 5
    assert told["alarms"] == told["hits"] + told["false_alarms"]
    assert told["hits"] > told["misses"]
    assert "are no alarms but signs of some" in done.stderr, "what the model remarks is passed on"
