"""``forecast bands`` on files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tianmu.scenarios.contract import BadInput, BadParameter, Listener, listening
from tianmu.scenarios.forecast.model import MODELS
from tianmu.scenarios.run import parameters_of, run_file, run_model

BANDS = MODELS[0]
AIR = Path(__file__).parents[3].parent / "shared" / "data" / "air"


def run(rows: pa.Table, *given: str) -> tuple[pa.Table, list[str]]:
    said: list[str] = []
    with listening(Listener(lambda done, total: None, said.append)):
        return run_model(BANDS, rows, parameters_of(BANDS, given)), said


def hours(n: int) -> list[str]:
    return [str(np.datetime64("2021-04-01T00:00") + np.timedelta64(h, "h")) for h in range(n)]


def table(n: int = 900) -> pa.Table:
    draw = np.random.default_rng(2)
    value = 20 + 5 * np.sin(np.arange(n) / 24 * 2 * np.pi) + draw.normal(0, 1, n)
    return pa.table({"timestamp": hours(n), "value": value})


def test_a_file_comes_out_with_expected_band_and_hit(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    values = [f"{x:.3f}" for x in table().column("value").to_pylist()]
    values[700] = "60"
    values[710] = ""
    lines = [f"{at},{x}" for at, x in zip(hours(900), values, strict=True)]
    source.write_text("timestamp,value\n" + "\n".join(lines) + "\n")
    said: list[str] = []
    assert run_file(BANDS, source, target, ["horizon=6"], said.append) == 900
    assert any("steps of 3600 s, 6 ahead; 24 steps a season" in line for line in said)
    with target.open() as text:
        made = list(csv.DictReader(text))
    assert list(made[0]) == ["timestamp", "value", "expected", "low", "high", "hit"]
    assert (made[0]["expected"], made[0]["hit"]) == ("", "")
    assert made[700]["hit"] == "0" and float(made[700]["high"]) < 40
    assert made[710]["hit"] == "" and made[710]["expected"]
    judged = [row["hit"] for row in made[300:] if row["hit"]]
    assert 0.85 < judged.count("1") / len(judged) < 0.95


@pytest.mark.parametrize("horizon", [1, 6, 24])
def test_rows_that_come_later_change_nothing(horizon: int) -> None:
    rows = table()
    whole, _ = run(rows, f"horizon={horizon}")
    for cut in (30, 333, 600):
        part, _ = run(rows.slice(0, cut), f"horizon={horizon}")
        for name in ("expected", "low", "high", "hit"):
            mine = part.column(name).to_numpy(zero_copy_only=False).astype(float)
            all_ = whole.column(name).to_numpy(zero_copy_only=False).astype(float)[:cut]
            np.testing.assert_allclose(mine, all_, rtol=1e-9, err_msg=f"{name} of {cut}")


@pytest.mark.parametrize(
    ("times", "values", "given", "said"),
    [
        (["2021-04-01 00:00", "soon"], ["1", "2"], [], "row 2, column timestamp: 'soon'"),
        (["2021-04-01 00:00", "2021-04-01 01:00"], ["1", "x"], [], "row 2, column value: 'x'"),
        (hours(3)[::-1], ["1", "2", "3"], [], "row 2, column timestamp: is before the row above"),
        (hours(3), ["1", "2", "3"], ["horizon=0"], "parameter horizon"),
        (hours(3), ["1", "2", "3"], ["coverage=1"], "parameter coverage"),
        (hours(3), ["1", "2", "3"], ["least=5", "most=1"], "parameter most: is below least"),
        (["1970-01-01", "2020-01-01"], ["1", "2"], ["step=1"], "row 2, column timestamp: lies"),
    ],
)
def test_a_fault_says_where(
    times: list[str], values: list[str], given: list[str], said: str
) -> None:
    with pytest.raises((BadInput, BadParameter), match=said):
        run(pa.table({"timestamp": times, "value": values}), *given)


def test_rows_of_one_step_are_one_value_and_missing_ones_a_gap() -> None:
    times = ["2021-04-01 00:00", "2021-04-01 00:00", "2021-04-01 01:00", "2021-04-01 04:00"]
    made, _ = run(pa.table({"timestamp": times, "value": ["1", "3", "5", "7"]}), "step=3600")
    assert made.column("expected").to_pylist() == [None, None, 2.0, 5.0]
    nothing, _ = run(
        pa.table({"timestamp": pa.array([], pa.string()), "value": pa.array([], pa.float64())})
    )
    assert len(nothing) == 0


@pytest.mark.skipif(not AIR.exists(), reason="the real data stand beside the checkout only")
@pytest.mark.parametrize("item", ["TEMP", "PM2.5"])
def test_a_year_of_real_air_with_its_gaps(item: str) -> None:
    [file] = AIR.glob("PRSA*.csv")
    with file.open() as text:
        rows = list(csv.DictReader(text))[: 366 * 24]
    at = [f"{r['year']}-{r['month']:0>2}-{r['day']:0>2} {r['hour']:0>2}:00" for r in rows]
    rows_of = pa.table(
        {"timestamp": at, "value": ["" if r[item] == "NA" else r[item] for r in rows]}
    )
    made, said = run(rows_of, "horizon=6", "step=3600")
    hit = [one for one in made.column("hit").to_pylist()[4000:] if one is not None]
    assert 0.87 < sum(hit) / len(hit) < 0.93, said
