"""Leaks that were made are found where they were made; without one there is no alarm."""

from __future__ import annotations

import dataclasses
from datetime import datetime

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import poisson

from tianmu.scenarios.contract import BadInput, Listener, listening
from tianmu.scenarios.gas_pipelines import leak, simulate, table, threshold
from tianmu.scenarios.gas_pipelines.layout import Density, placed
from tianmu.scenarios.gas_pipelines.model import MODELS
from tianmu.scenarios.gas_pipelines.network import SHIPPED, moved, read
from tianmu.scenarios.gas_pipelines.past import make
from tianmu.scenarios.gas_pipelines.trial import trial, trial_layout
from tianmu.scenarios.run import parameters_of, run_model

NETWORK = moved(read(SHIPPED), 0.0, 0.0)
LAYOUT = placed(NETWORK, Density(6, 4, 1.0), 3)
START = datetime(2026, 1, 5)
MODEL = next(one for one in MODELS if one.name == "leak")
BEFORE, AFTER = 20, 12


@pytest.fixture(scope="module")
def watch() -> leak.Watch:
    return leak.prepare(NETWORK, LAYOUT, 5.0)


def readings(seed: int, share: float) -> tuple[simulate.Readings, simulate.Leak]:
    draw = np.random.default_rng(seed)
    one = simulate.drawn_leak(NETWORK, BEFORE, BEFORE + AFTER, share, draw)
    minutes = np.arange(BEFORE + AFTER) * 5.0 + 600
    return simulate.simulate(NETWORK, LAYOUT, minutes, (one,) if share else (), draw), one


def test_a_leak_is_found_near_its_place_with_its_size(watch: leak.Watch) -> None:
    x, y = NETWORK.metres()
    for seed in range(4):
        told, one = readings(seed, 0.05)
        compared = leak.compare(watch, told)
        score = leak.scores(watch, compared)
        assert np.nanmax(score[BEFORE + 1 :]) > 2 * np.nanmax(score[:BEFORE])
        where = leak.place(watch, compared, BEFORE + AFTER - 1)
        assert where is not None
        size = 0.05 * told.inflow[:, BEFORE - 1].sum()
        assert where.kg_s == pytest.approx(size, rel=0.35)
        assert np.hypot(x[where.junction] - one.x, y[where.junction] - one.y) < 600
        assert 0 < where.within_m < 900
        assert sum(share for _, share in where.likely) <= 1 + 1e-9


def test_without_a_leak_scores_stay_low(watch: leak.Watch) -> None:
    found = [leak.scores(watch, leak.compare(watch, readings(seed, 0.0)[0])) for seed in range(3)]
    assert max(np.nanmax(one) for one in found) < 5


def test_what_was_not_read_is_left_out(watch: leak.Watch) -> None:
    told, _ = readings(1, 0.05)
    whole = leak.scores(watch, leak.compare(watch, told))
    told.flow[2] = np.nan
    told.pressure[:, BEFORE:] = np.nan
    told.meter[5] = np.nan
    less = leak.scores(watch, leak.compare(watch, told))
    assert np.isfinite(less[-1]) and 0 < less[-1] <= whole[-1] + 1
    told.inflow[:] = np.nan
    told.flow[:] = np.nan
    told.pressure[:] = np.nan
    compared = leak.compare(watch, told)
    assert np.isnan(leak.scores(watch, compared)).all()
    assert leak.place(watch, compared, BEFORE) is None


def test_an_alarm_lasts_until_it_has_been_low_for_long_enough() -> None:
    score = np.array([np.nan, 1, 5, 1, 1, 5, 1, 1, 1, 1, 5, 1])
    alarm = threshold.runs(score, 4.0, over=3)
    assert alarm.tolist() == [c == "x" for c in "..xxxx....x."]
    assert threshold.begins(alarm).tolist() == [2, 10]


def test_the_table_is_read_as_it_was_written() -> None:
    told, _ = readings(2, 0.0)
    made = table.write(NETWORK, LAYOUT, told, START, 5.0)
    back = table.read(made.take([0, 1, 2, 5, 6, 7]), NETWORK)
    assert back.every_min == 5 and back.row.tolist() == [0, 1, 2, 5, 6, 7]
    assert np.isnan(back.readings.inflow[:, 3:5]).all()
    assert back.readings.inflow[:, 6] == pytest.approx(told.inflow[:, 6], rel=1e-4)
    assert back.readings.pressure[:, 7] == pytest.approx(told.pressure[:, 7], rel=1e-4)
    assert (back.layout.flow == LAYOUT.flow).all()
    assert (back.layout.metered == LAYOUT.metered).all()


def test_a_meter_below_nothing_is_taken_as_nothing_and_that_is_said() -> None:
    consumer = int(NETWORK.sink[3])
    rows = pa.table({"timestamp": ["2026-01-05 00:00", "2026-01-05 00:05"],
                     "inflow_0": ["1", "1"], f"meter_{consumer}": ["-0.2", "0.3"]})  # fmt: skip
    said: list[str] = []
    with listening(Listener(lambda *_: None, said.append)):
        back = table.read(rows, NETWORK)
    assert back.readings.meter[3] == pytest.approx(NETWORK.kg_s(np.array([0.0, 0.3])))
    assert said == [
        f"1 readings of meters are below 0, the first of meter_{consumer}: they are taken as 0, "
        "as nobody feeds gas back through a meter"
    ]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"timestamp": ["2026-01-05 00:00"]}, "column inflow_0: there is no such column"),
        ({"timestamp": ["yesterday"], "inflow_0": ["1"]}, "'yesterday' is no time"),
        ({"timestamp": ["2026-01-05 00:05", "2026-01-05 00:00"], "inflow_0": ["1", "1"]},
         "row 2, column timestamp: .* does not come after"),
        ({"timestamp": [f"2026-01-05 00:{at:02}" for at in (0, 5, 10, 12)],
          "inflow_0": ["1"] * 4}, "row 4, column timestamp: is not a multiple"),
        ({"timestamp": ["2026-01-05 00:00"], "inflow_0": ["1"], "flow_99999": ["1"]},
         "column flow_99999: the network has no 99999"),
        ({"timestamp": ["2026-01-05 00:00"], "inflow_0": ["much"]}, "'much' is no number"),
        ({"timestamp": ["2026-01-05 00:00"], "inflow_0": ["1e400"]},
         "row 1, column inflow_0: 1e400 is no finite number"),
        ({"timestamp": ["2026-01-05T08:00:00+08:00", "2026-01-05T00:00:00Z"],
          "inflow_0": ["1", "1"]}, "row 2, column timestamp: .* does not come after"),
    ],
)  # fmt: skip
def test_faults_are_told_where_they_are(columns: dict[str, list[str]], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        run_model(MODEL, pa.table(columns), parameters_of(MODEL, []))


def test_the_model_alarms_on_a_simulated_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tianmu.scenarios.gas_pipelines.run_leak.threshold", lambda *_: 4.5)
    made, leaks = make(NETWORK, LAYOUT, 1, 12.0, 0.05, 30.0, 4)
    found = run_model(MODEL, made, parameters_of(MODEL, []))
    alarm = np.array(found.column("alarm").to_pylist())
    event = np.array(found.column("event").to_pylist())
    assert len(leaks) == 1 and event.sum() == 1
    assert alarm[event > 0].all()
    assert not alarm[: leaks[0].first].any()
    at = int(np.flatnonzero(event)[0])
    row = {name: found.column(name)[at].as_py() for name in found.column_names[-5:]}
    assert row["leak_m3h"] > 0 and row["within_m"] > 0 and abs(row["longitude"]) < 0.1
    assert found.column("junction")[0].as_py() is None


@pytest.mark.parametrize("drawn", [3, 12, 52])
def test_a_rate_that_is_tolerable_is_kept_to_with_the_probability_that_is_asked(drawn: int) -> None:
    """A network with one alarm a week shows no more than is allowed in one of 20 draws."""
    most = threshold.allowed(1.0, drawn, 0.95)
    assert 0.01 < poisson.cdf(most, drawn) <= 0.05
    assert poisson.cdf(most + 1, drawn) > 0.05, "no stricter than it has to be"


def test_more_weeks_are_drawn_where_few_cannot_tell_the_rate() -> None:
    own = leak.settings()
    assert threshold.weeks(own, 1.0) == own.weeks == 12
    assert threshold.weeks(own, 0.1) == 30
    assert threshold.allowed(0.1, 30, own.rate_sure) == 0


def test_the_trials_threshold_is_what_is_reckoned_for_it() -> None:
    """The number in ``scenario.toml`` saves the page the reckoning; three weeks say about it."""
    own = trial()
    network = moved(read(SHIPPED), 0.0, 0.0)
    watch = leak.prepare(network, trial_layout(network), own.every_min)
    few = dataclasses.replace(watch, own=msgspec.structs.replace(watch.own, weeks=3))
    assert threshold.threshold(few, 1.0) == pytest.approx(own.at_least, abs=0.5)
