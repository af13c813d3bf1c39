"""Several stations in one file, and rows without a value."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

from tianmu.scenarios.contract import BadInput, Listener, listening
from tianmu.scenarios.forest_fire.model import run_danger, run_fwi, run_hourly

START = {"ffmc": "85", "dmc": "6", "dc": "15", "factor": "published"}
HOUR = {"ffmc": "85", "bui": "40", "hours": "1", "factor": "published"}
DRY = {"dry": "0", "green": "0", "snow": "0"}
DANGER = pa.table(
    {"tmax": [26, 26, 12], "rhmin": [25, 25, 55], "prec": [0, 0, 6], "wind": [9, 9, 2]}
)


def sample() -> pa.Table:
    return pyarrow.csv.read_csv(Path(__file__).with_name("van_wagner_pickett_1985.csv"))


def twice(table: pa.Table, *, mixed: bool) -> pa.Table:
    """The same rows of two stations, each after the other or row by row."""
    both = pa.concat_tables([table, table])
    both = both.append_column("station", pa.array(["A"] * len(table) + ["B"] * len(table)))
    if not mixed:
        return both
    return both.take([at for row in range(len(table)) for at in (row, row + len(table))])


@pytest.mark.parametrize("mixed", [True, False])
def test_each_station_has_its_own_series(mixed: bool) -> None:
    for run, table, parameters in (
        (run_fwi, sample(), START), (run_hourly, sample(), HOUR), (run_danger, DANGER, DRY),
    ):  # fmt: skip
        alone = run(table, parameters)
        both = twice(table, mixed=mixed)
        made = run(both, parameters)
        for name in ("A", "B"):
            rows = [at for at, one in enumerate(both["station"].to_pylist()) if one == name]
            assert made.take(rows).to_pydict() == alone.to_pydict()


def test_what_is_wrong_with_days_is_told_by_the_row_of_the_file() -> None:
    both = twice(sample().slice(0, 3), mixed=True)
    same = pa.concat_tables([both, both.slice(5, 1)])
    with pytest.raises(BadInput, match="row 7, column day: the same day as the row before"):
        run_fwi(same, START)
    with pytest.raises(BadInput, match="several stations in a column station"):
        run_fwi(both.drop_columns("station"), START)
    with pytest.raises(BadInput, match="row 2, column station: no station"):
        run_fwi(
            both.set_column(both.num_columns - 1, "station", pa.array(["A", "", *"ABAB"])), START
        )


def test_the_first_gap_of_all_stations_is_said() -> None:
    """The station that stands first in the file is not the first that lacks a day."""
    both = twice(sample().slice(0, 6), mixed=True)  # A's rows are 1, 3, 5 …, B's 2, 4, 6 …
    left_out = both.take([row for row in range(12) if row not in (3, 8)])
    said: list[str] = []
    with listening(Listener(lambda done, total: None, said.append)):
        run_fwi(left_out, START)
    assert "2 days are missing, the first before row 5:" in said[0]


def test_a_row_without_a_value_gets_no_result_and_the_next_goes_on() -> None:
    table = sample()
    temp = [None if row in (2, 4) else value for row, value in enumerate(table["temp"].to_pylist())]
    holes = table.set_column(table.column_names.index("temp"), "temp", pa.array(temp))
    said: list[str] = []
    with listening(Listener(lambda done, total: None, said.append)):
        made = run_fwi(holes, START)
    assert made["fwi"].is_null().to_pylist()[:6] == [False, False, True, False, True, False]
    assert "2 of 49 rows lack a value (3, 5)" in said[0]
    left_out = run_fwi(table.take([row for row in range(49) if row not in (2, 4)]), START)
    assert made.filter(made["fwi"].is_valid()).to_pydict() == left_out.to_pydict()
    assert run_hourly(holes, HOUR)["isi"].null_count == 2
    rain = DANGER.set_column(2, "prec", pa.array([0.0, None, 6.0]))
    assert run_danger(rain, DRY)["class"].is_null().to_pylist() == [False, True, False]
