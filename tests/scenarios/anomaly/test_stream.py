"""``anomaly stream`` on files."""

from __future__ import annotations

import csv
import gzip
import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tianmu.scenarios.anomaly.model import MODELS
from tianmu.scenarios.contract import BadInput, BadParameter, Listener, listening
from tianmu.scenarios.run import parameters_of, run_file, run_model

STREAM = MODELS[0]


def table(times: list[object], values: list[object]) -> pa.Table:
    return pa.table({"timestamp": times, "value": values})


def run(rows: pa.Table, *given: str) -> tuple[pa.Table, list[str]]:
    said: list[str] = []
    with listening(Listener(lambda done, total, what: None, said.append)):
        return run_model(STREAM, rows, parameters_of(STREAM, given)), said


def hours(n: int) -> list[str]:
    return [str(np.datetime64("2021-04-01T00:00") + np.timedelta64(h, "h")) for h in range(n)]


def test_a_file_comes_out_with_score_alarm_expected_and_why(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    draw = np.random.default_rng(1)
    value = [f"{20 + 5 * math.sin(h / 24 * 2 * math.pi) + draw.normal():.3f}" for h in range(800)]
    value[700] = "60"
    value[710] = ""
    rows = [f"{at.replace('T', ' ')}:00,{x}" for at, x in zip(hours(800), value, strict=True)]
    source.write_text("timestamp,value\n" + "\n".join(rows) + "\n")
    assert run_file(STREAM, source, target, ["per_week=1"], lambda line: None) == 800
    with target.open() as text:
        made = list(csv.DictReader(text))
    assert list(made[0]) == ["timestamp", "value", "score", "alarm", "expected", "why"]
    assert made[700]["alarm"] == "1" and made[700]["why"] == "above"
    assert float(made[700]["score"]) > 0.999
    assert abs(float(made[700]["expected"]) - 20) < 8
    assert (made[710]["score"], made[710]["alarm"], made[710]["why"]) == ("", "0", "no value")


def test_times_are_read_in_every_form() -> None:
    texts = hours(40)
    seconds = np.array(texts, "datetime64[s]").astype(np.int64)
    value = [float(h % 5) for h in range(40)]
    forms: list[Any] = [
        texts,
        [text.replace("T", " ") for text in texts],
        [text.replace("-", "/").replace("T", " ") for text in texts],
        [f"{text}:00Z" for text in texts],
        [str(one) for one in seconds],
        seconds.tolist(),
        (seconds * 1_000).tolist(),
        pa.array(seconds, pa.timestamp("s")),
        [f"{text}:00.000000000" for text in texts],
        [text.translate(str.maketrans("", "", "-T:")) + "00" for text in texts],
        [f"{text[:4]}年{text[5:7]}月{text[8:10]}日 {text[11:]}" for text in texts],
    ]
    made = [run(table(form, value))[0].column("score").to_pylist() for form in forms]
    assert all(one == made[0] for one in made)


def test_dates_without_anything_between_are_no_seconds() -> None:
    days = [str(np.datetime64("2021-04-01") + n) for n in range(40)]
    value = [float(d % 5) for d in range(40)]
    made = [
        run(table(form, value))[0].column("expected").to_pylist()
        for form in (days, [day.replace("-", "") for day in days])
    ]
    assert made[0] == made[1]
    counted, _ = run(table([str(20_210_470 + n) for n in range(40)], value))
    assert len(counted) == 40, "no dates: seconds since 1970"


def test_words_for_no_value_are_no_value() -> None:
    words = ["", "NA", "N/A", "nan", "None", "NULL", "--", "*"]
    made, said = run(table(hours(20), ["1"] * 12 + words))
    assert made.column("why").to_pylist()[12:] == ["no value"] * 8
    assert said[-1].startswith("8 rows have no value")


def test_figures_too_large_to_be_judged_are_counted_among_those_without_a_value() -> None:
    made, said = run(table(hours(20), ["1"] * 15 + ["", "1e30", "-2e31", "1e29", "1"]))
    assert made.column("why").to_pylist()[15:18] == ["no value"] * 3
    assert made.column("why").to_pylist()[18] != "no value"
    assert (
        said[-1] == "3 rows have no value: they have no score; 2 of them are 1e+30 or more in size"
    )


@pytest.mark.parametrize("at", [0, 3])
def test_a_few_times_far_ahead_are_named_and_not_the_rows_after_them(at: int) -> None:
    times: list[object] = list(hours(20))
    times[at] = "9999-12-31T23:00"
    with pytest.raises(BadInput, match=rf"row {at + 1}, column timestamp: 9999-12-31 23:00:00 is "
                       "after the times of 1[69] rows below: correct it"):  # fmt: skip
        run(table(times, ["1"] * 20))
    times[at + 1] = "9999-12-31T23:00"
    with pytest.raises(BadInput, match="the first of 2 such rows"):
        run(table(times, ["1"] * 20))


@pytest.mark.parametrize(
    ("times", "values", "said"),
    [
        (["2021-04-01 00:00", "soon"], ["1", "2"], "row 2, column timestamp: 'soon' is no time"),
        (["2021-04-01 00:00", ""], ["1", "2"], "row 2, column timestamp: no time"),
        (["2021-04-01 00:00", "2021-04-01 01:00"], ["1", "x"], "row 2, column value: 'x'"),
        (hours(3), ["1", "５.2", "1_0"], "row 2, column value: '５.2' is no number"),
        (hours(3), ["1", "", "1_000"], "row 3, column value: '1_000' is no number"),
        (hours(3), ["1,000", "2", "1,234"], "row 1, column value: '1,000' is no number"),
        (hours(3), ["1,5", "2.5", "3"], "row 1, column value: '1,5' is no number"),
        (hours(20)[::-1], ["1"] * 20, "row 2, column timestamp: most rows are not after"),
        ([True, False], ["1", "2"], "column timestamp: holds bool"),
    ],
)
def test_a_fault_says_its_row(times: list[object], values: list[object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        run(table(times, values))


def test_double_and_backward_times_are_judged_and_said() -> None:
    times = hours(30)
    times[10], times[20] = times[9], times[15]
    made, said = run(table(times, [str(h % 4) for h in range(30)]))
    assert made.column("score").null_count == 0
    assert len(said) == 1 and said[0].startswith("2 rows are not after those before, the first is")


def test_no_rows_give_no_rows_and_a_rate_must_be_possible() -> None:
    empty = table(pa.array([], pa.string()), pa.array([], pa.string()))
    assert len(run(empty)[0]) == 0
    with pytest.raises(BadParameter, match="per_week"):
        run(table(hours(2), ["1", "2"]), "per_week=0")


def test_commas_are_decimal_unless_they_may_part_thousands() -> None:
    plain, _ = run(table(hours(30), [f"{h % 7}.5" for h in range(29)] + ["1.234"]))
    made, said = run(table(hours(30), [f"{h % 7},5" for h in range(29)] + ["1,234"]))
    assert made.drop(["value"]).equals(plain.drop(["value"]))
    assert said == ["column value: its commas are read as decimal points"]


def test_a_column_of_nothing_has_no_values() -> None:
    made, said = run(table(hours(3), pa.nulls(3)))
    assert made.column("why").to_pylist() == ["no value"] * 3 and len(said) == 1


AIR = ("PM2.5", "SO2", "NO2", "O3", "TEMP", "PRES", "DEWP", "WSPM", "RAIN")


def test_a_year_of_real_air_and_weather_alarms_no_more_than_is_tolerable() -> None:
    """Hourly figures of Dongsi, with their gaps. Nothing says which of them are faults, so an alarm
    counts as false; and what is called once in a hundred comes so often."""
    with gzip.open(files("tianmu.rehearse") / "data/air_dongsi_2015.csv.gz", "rt") as text:
        read = list(csv.DictReader(text))
    times: list[object] = [
        f"{row['year']}-{row['month']:>02}-{row['day']:>02} {row['hour']:>02}:00" for row in read
    ]
    weeks, said = len(read) / 168, {}
    for name in AIR:
        made, _ = run(table(times, [row[name] for row in read]))
        score = made.column("score").drop_null().to_numpy()
        alarms = np.flatnonzero(made.column("alarm").to_numpy())
        said[name] = (len(alarms) / weeks, (alarms < 168).sum(), (score > 0.99).mean())
    assert all(week <= 1 and first <= 2 for week, first, _ in said.values()), said
    assert all(0.005 < share < 0.016 for _, _, share in said.values()), said
    faults = 0
    for name in ("TEMP", "PRES", "O3"):
        value = [row[name] for row in read]
        for row in range(2_000, 8_000, 1_000):
            if value[row] in ("NA", ""):
                continue
            at = float(value[row])
            spoilt = [*value[:row], str(at + 12 * _step(value))]
            made, _ = run(table(times[: row + 1], list(spoilt)))
            faults += made.column("alarm")[row].as_py()
    assert faults >= 15, "of eighteen spikes as high as twelve usual changes"


def _step(value: list[str]) -> float:
    """The usual change from one to the next (standard deviation)."""
    found = np.array([float(one) if one not in ("NA", "") else np.nan for one in value])
    return float(np.nanstd(np.diff(found)))
