"""Along time: seasonal Mann–Kendall, compliance of sections, the algae outlook."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats

from tianmu.scenarios.contract import BadInput, BadParameter
from tianmu.scenarios.past.backtest import replay, rule_of
from tianmu.scenarios.run import parameters_of
from tianmu.scenarios.settings import settings_of
from tianmu.scenarios.water_ecology import run_series, trend
from tianmu.scenarios.water_ecology.model import MODELS

BY_NAME = {one.name: one for one in MODELS}


def run(model: str, columns: dict[str, list[object]], *said: str) -> dict[str, list[object]]:
    one = BY_NAME[model]
    made = one.run(pa.table(columns), parameters_of(one, said))
    assert made.column_names == [column.name for column in one.gives]
    return made.to_pydict()


def days(count: int, step_h: int = 24, start: str = "2021-04-01T00") -> np.ndarray:
    return np.datetime64(start, "s") + np.arange(count) * np.timedelta64(step_h, "h")


@settings(max_examples=40, deadline=None)
@given(some.lists(some.integers(0, 6), min_size=4, max_size=12))
def test_one_season_is_kendalls_test(values: list[int]) -> None:
    """S and its variance with ties, against S counted pair by pair and SciPy's tau."""
    y = np.array(values, np.float64)
    found = trend.seasonal(days(len(y)), y, "none")
    pairs = [(a, b) for a in range(len(y)) for b in range(a + 1, len(y))]
    assert found.s == sum(int(np.sign(y[b] - y[a])) for a, b in pairs)
    if len(set(values)) == 1:
        assert np.isnan(found.p) and found.direction(0.05) == 0
        return
    tau = stats.kendalltau(np.arange(len(y)), y).statistic
    assert np.sign(round(tau, 9)) == np.sign(found.s)
    slopes = [(y[b] - y[a]) / (b - a) * trend.YEAR_S / 86400 for a, b in pairs]
    assert found.slope == pytest.approx(np.median(slopes))


def test_a_known_variance() -> None:
    """Gilbert (1987) §16.4: var S = n(n-1)(2n+5)/18 without ties: 10 figures, 125."""
    found = trend.seasonal(days(10), np.arange(10.0), "none")
    assert found.s == 45 and found.z == pytest.approx(44 / np.sqrt(125))
    assert found.p == pytest.approx(2 * stats.norm.sf(44 / np.sqrt(125)))


def test_a_series_with_ties_and_gaps_as_a_library_tests_it() -> None:
    """What ``pymannkendall`` 1.4.3 gives for it: ``seasonal_test(y, period=12)``."""
    n = np.arange(96)
    y = np.round(0.1 + 0.05 * np.sin(2 * np.pi * n / 12) + n * 7919 % 97 / 97 * 0.02 + 1e-4 * n, 3)
    y[[5, 40, 41, 77]] = np.nan
    found = trend.seasonal((np.datetime64("2015-01") + n).astype("datetime64[s]"), y, "month")
    assert found.s == 85 and found.z == pytest.approx(3.1428874437213103, rel=1e-12)
    assert found.p == pytest.approx(0.0016729015446603768, rel=1e-9)
    assert found.slope == pytest.approx(0.0013333333333333346, rel=0.01)  # months are not alike
    assert found.direction(0.05) == 1 and found.direction(0.001) == 0


def test_the_course_of_the_year_is_no_trend() -> None:
    months = np.arange(72)
    at = (np.datetime64("2015-01", "M") + months).astype("datetime64[s]")
    season = 0.1 + 0.05 * np.sin(2 * np.pi * months / 12)
    draw = np.random.default_rng(3)
    level = season + draw.normal(0, 0.004, 72)
    rising = level + 0.01 * months / 12
    names = ["a"] * 72 + ["b"] * 72
    columns = {"断面名称": names, "监测时间": [str(t).replace("T", " ")[:16] for t in at] * 2,
               "总磷(mg/L)": [f"{v:.4f}" for v in (*level, *rising)]}  # fmt: skip
    made = run("trend", columns)
    assert made["trend"][0] == "无明显变化" and made["trend"][72] == "变差"
    assert made["slope"][72] == pytest.approx(0.01, abs=0.002) and made["periods"][0] == 72
    assert len(set(made["trend"][:72])) == 1
    falling = columns | {"DO": [f"{10 - v:.4f}" for v in (*level, *rising)]}
    assert run("trend", falling, "item=溶解氧", "language=en")["trend"][72] == "worse"
    short = {name: cells[:3] for name, cells in columns.items()}
    assert run("trend", short)["trend"] == ["数据不足"] * 3
    with pytest.raises(BadParameter, match="gold is no item"):
        run("trend", columns, "item=gold")


def test_sections_are_judged_by_their_means_and_by_whole_samples() -> None:
    columns = {
        "断面名称": ["a"] * 4 + ["b"] * 2,
        "监测时间": ["2021-03-31 20:00", "2021-04-01", "2021/04/02 08:00", "2021-04-03 00:00",
                 "2021-04-01", "2021-04-02"],
        "氨氮(mg/L)": ["0.1", "0.4", "1.8", "--", "1.2", "1.4"],
        "pH": ["7", "7", "7", "7", "7", "7"],
    }  # fmt: skip
    made = run("compliance", columns)
    assert made["period"] == ["2021-03"] + ["2021-04"] * 5
    assert made["period_class"] == ["Ⅰ"] + ["Ⅳ"] * 5  # (0.4 + 1.8) / 2 = 1.1; 1.3
    assert made["period_multiple"][1] == pytest.approx(0.1)
    assert made["samples"] == [1, 2, 2, 2, 2, 2]  # the row without ammonia is none
    assert made["kept"] == [1, 1, 1, 1, 0, 0] and made["kept_share"][1] == 50.0
    assert made["compliant"] == [1, 0, 0, 0, 0, 0]
    assert run("compliance", columns, "target=Ⅳ")["compliant"] == [1] * 6
    assert run("compliance", columns, "period=quarter")["period"][0] == "2021-Q1"
    with pytest.raises(BadInput, match=r"row 2, column 监测时间: 'yesterday' is no time"):
        run("compliance", columns | {"监测时间": ["2021-04-01", "yesterday", *["2021-04-01"] * 4]})
    with pytest.raises(BadInput, match="row 1, column 断面名称: no station"):
        run("compliance", columns | {"断面名称": ["", *"aaaaa"]})


def lake(count: int, seed: int) -> dict[str, list[object]]:
    draw = np.random.default_rng(seed)
    y = np.empty(count)
    y[0] = 0.0
    for n in range(1, count):
        y[n] = 0.9 * y[n - 1] + draw.normal(0, 0.15)
    at = [str(t).replace("T", " ")[:16] for t in days(count, 4)]
    return {"station": ["a"] * count, "time": at, "叶绿素a(mg/L)": list(0.01 * np.exp(y))}


def test_an_outlook_uses_nothing_that_comes_later() -> None:
    whole = lake(120, 1)
    made = run("outlook", whole)
    half = run("outlook", {name: cells[:60] for name, cells in whole.items()})
    for name in ("outlook", "outlook_low", "outlook_high", "past_outlooks", "past_error"):
        assert half[name] == made[name][:60], name
    assert made["for_time"][0] == "2021-04-02T00:00"
    assert made["came"][0] == pytest.approx(whole["叶绿素a(mg/L)"][6], rel=1e-3)
    shuffled = np.random.default_rng(2).permutation(120)
    mixed = run("outlook", {name: [cells[n] for n in shuffled] for name, cells in whole.items()})
    assert [mixed["outlook"][n] for n in np.argsort(shuffled)] == made["outlook"]


def test_an_outlook_says_its_error_and_its_band_holds() -> None:
    made = run("outlook", lake(1500, 7))
    due = [at for at in range(200, 1500) if made["came"][at] is not None]
    inside = np.mean([made["outlook_low"][at] <= made["came"][at] <= made["outlook_high"][at]
                      for at in due])  # fmt: skip
    assert 0.7 < inside < 0.9  # four fifths are said
    off = [abs(made["outlook"][at] - made["came"][at]) for at in range(1494)]
    assert made["past_outlooks"][-1] == 1494
    assert made["past_error"][-1] == pytest.approx(np.mean(off), rel=2e-3)
    assert made["past_error"][-1] < made["past_error_as_now"][-1]


def test_a_table_that_names_no_station_is_of_one() -> None:
    whole = lake(60, 4)
    alone = {name: cells for name, cells in whole.items() if name != "station"}
    assert run("outlook", alone) == run("outlook", whole)
    assert run("trend", alone, "item=chlorophyll", "season=hour")["periods"][0] == 60


def test_a_back_test_runs_on_rows_of_one_lake() -> None:
    """By the scenario's own rule; every event that is far enough above the level is seen."""
    own = rule_of(settings_of(run_series.__file__), "", "", None)
    bloom = [0.01] * 30 + [0.05] * 12 + [0.01] * 18
    rows = {"timestamp": [str(t) for t in days(60, 4)], "叶绿素a(mg/L)": [str(v) for v in bloom],
            "event": [str(int(v > own.at_least)) for v in bloom]}  # fmt: skip
    model = BY_NAME[own.model]
    told = replay(model, pa.table(rows), parameters_of(model, ()), own, None, None)
    assert (told.events, told.hits, told.misses, told.alarms) == (12, 12, 0, 1)


def test_rows_without_a_figure_have_no_outlook() -> None:
    made = run("outlook", {"station": ["a"] * 3, "time": ["2021-04-01", "2021-04-02", "2021-04-03"],
                           "藻密度(cells/L)": ["2e7", "*", "0"]}, "item=algae")  # fmt: skip
    assert made["outlook"] == [2e7, None, None]
    assert made["outlook_grade"] == ["轻度水华", None, None]
