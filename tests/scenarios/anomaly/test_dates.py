"""Dates whose year comes last."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tianmu.scenarios.anomaly.model import MODELS
from tianmu.scenarios.clock import times
from tianmu.scenarios.contract import BadInput
from tianmu.scenarios.run import parameters_of, run_model


def read(texts: list[str], dates: str = "") -> list[str]:
    micro = times(pa.table({"timestamp": texts}), "timestamp", dates)
    return [str(one) for one in micro.astype("datetime64[us]").astype("datetime64[m]")]


def test_a_file_without_doubt_says_its_own_order() -> None:
    wanted = ["2021-04-03T08:00", "2021-04-13T08:30"]
    assert read(["03/04/2021 08:00", "13/04/2021 08:30"]) == wanted
    assert read(["4/3/2021 08:00", "4/13/2021 8:30:00"]) == wanted
    assert read(["03.04.2021 08:00", "13.04.2021 08:30"]) == wanted
    assert read(["03-04-2021", "13-04-2021"]) == ["2021-04-03T00:00", "2021-04-13T00:00"]


def test_a_doubt_is_told_and_a_parameter_ends_it() -> None:
    doubtful = ["03/03/2021 08:00", "03/04/2021 08:00"]
    with pytest.raises(BadInput, match=r"row 2, .*'03/04/2021 08:00' may begin.*dates=dmy or"):
        read(doubtful)
    rows = pa.table({"timestamp": doubtful, "value": [1.0, 2.0]})
    for order in ("dmy", "mdy"):
        made = run_model(MODELS[0], rows, parameters_of(MODELS[0], [f"dates={order}"]))
        assert made["timestamp"].to_pylist() == doubtful
    assert read(doubtful, "dmy")[1] == "2021-04-03T08:00"
    assert read(doubtful, "mdy")[1] == "2021-03-04T08:00"


def test_what_is_no_date_is_told_by_its_row() -> None:
    with pytest.raises(BadInput, match="row 2, column timestamp: '14/14/2021' is no time"):
        read(["13/04/2021", "14/14/2021"])
    with pytest.raises(BadInput, match="row 2, column timestamp"):
        read(["13/04/2021", "2021-04-14"])
    with pytest.raises(BadInput, match="row 1, column timestamp"):
        read(["13/04/2021"], "mdy")
