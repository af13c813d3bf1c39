"""``tianmu backtest``: what a model would have said of a past that is known."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from tianmu.city.pack import load
from tianmu.cli import main
from tianmu.scenarios.contract import BadInput
from tianmu.scenarios.past.backtest import _times, judge
from tianmu.scenarios.past.command import _span, _today

DAYS = [datetime(2026, 3, 1) + timedelta(days=n) for n in range(14)]


def rows(*on: int) -> np.ndarray:
    found = np.zeros(len(DAYS), dtype=bool)
    found[list(on)] = True
    return found


def test_alarms_and_events_are_counted_once_each() -> None:
    """Two alarms of which one is right, three events of which two were foretold."""
    told = judge(DAYS, rows(2, 3, 4, 9), rows(4, 5, 12))
    assert (told.alarms, told.events, told.hits, told.misses) == (2, 3, 2, 1)
    assert told.false_alarms == 1 and told.false_alarms_per_week == 0.5
    assert told.lead_hours_median == 60, "two and three days"
    assert told.missed == ("2026-03-13T00:00:00",)
    assert told.alarm_share == round(4 / 14, 4)


def test_never_alarming_misses_all_and_always_alarming_costs_all_days() -> None:
    never = judge(DAYS, rows(), rows(1, 2))
    assert (never.hits, never.misses, never.false_alarms) == (0, 2, 0)
    assert never.lead_hours_median is None
    always = judge(DAYS, rows(*range(14)), rows(13))
    assert (always.hits, always.misses, always.false_alarms, always.alarm_share) == (1, 0, 0, 1.0)


def test_rows_that_say_their_zone_come_in_order_where_clocks_are_put_back() -> None:
    twice = ["2026-11-01T01:50:00-03:00", "2026-11-01T01:10:00-04:00"]
    one = np.zeros(2, np.int32)
    local = _times(pa.table({"timestamp": twice}), one, apart=False)
    assert [at.isoformat() for at in local] == ["2026-11-01T01:50:00", "2026-11-01T01:10:00"]
    with pytest.raises(BadInput, match="does not come after"):
        _times(pa.table({"timestamp": twice[::-1]}), one, apart=False)


def test_quiet_all_along_proves_little_in_two_weeks() -> None:
    told = judge(DAYS, rows(), rows())
    assert (told.alarms, told.events, told.false_alarms_per_week) == (0, 0, 0)
    assert told.false_alarms_per_week_at_most == 1.498, "three over two weeks, by chance"
    assert "the past is 2 weeks long: too short" in told.notes[0]
    year = [DAYS[0] + timedelta(days=n) for n in range(365)]
    calm = np.zeros(365, dtype=bool)
    assert judge(year, calm, calm).notes == ()


def test_rows_of_each_owner_are_judged_by_themselves() -> None:
    """An alarm at one station foretells nothing at another, and false alarms are all stations'."""
    times, whose = DAYS + DAYS, np.repeat(np.array([0, 1], np.int32), len(DAYS))
    alarm = np.concatenate([rows(2, 3), rows(8)])
    event = np.concatenate([rows(3), rows(2, 12)])
    told = judge(times, alarm, event, whose=whose)
    assert (told.alarms, told.hits, told.misses, told.false_alarms) == (2, 1, 2, 1)
    assert told.false_alarms_per_week == 0.5, "two weeks, whoever's the rows are"
    assert told.missed == ("2026-03-03T00:00:00", "2026-03-13T00:00:00")
    together = judge(DAYS, rows(2, 3, 8), rows(3, 2, 12))
    assert together.misses == 1


def run(file: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["backtest", "forest-fire", "--in", str(file), *more])


@pytest.fixture
def past(tmp_path: Path) -> Path:
    """Dry and windy in its second half, with a fire there and one in the rain before."""
    lines = ["date,tmax,rhmin,prec,wind,event"]
    for n in range(40):
        day = (datetime(2026, 3, 1) + timedelta(days=n)).date()
        wet, fire = n < 20, n in {5, 33}
        lines.append(f"{day},{12 if wet else 27},{80 if wet else 22},{3 if wet else 0},6,{fire:d}")
    file = tmp_path / "past.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_past_in_a_file(past: Path) -> None:
    told = json.loads(run(past, "--json").stdout)
    assert (told["rows"], told["events"], told["hits"], told["misses"]) == (40, 2, 1, 1)
    assert told["missed"] == ["2026-03-06T00:00:00"]
    assert told["false_alarms"] == 0 and told["lead_hours_median"] > 24
    late = json.loads(run(past, "--from", "2026-03-21", "--to", "2026-04-05", "--json").stdout)
    assert (late["rows"], late["events"], late["misses"]) == (16, 1, 0)
    easy = json.loads(run(past, "--at-least", "1", "--json").stdout)
    assert easy["misses"] == 0 and easy["alarm_share"] == 1.0
    assert "false_alarms_per_week" in run(past).stdout


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("--column", "none"), 1, "danger has no column none"),
        (("--model", "none"), 2, "it has fwi"),
        (("--from", "2027-01-01"), 1, "no row lies between"),
        (("--from", "2026-04-01", "--to", "2026-03-01"), 2, "swap them"),
        (("--param", "zorn=1"), 1, "no such parameter"),
    ],
)
def test_what_cannot_be_replayed_is_told(
    past: Path, more: tuple[str, ...], code: int, told: str
) -> None:
    done = run(past, *more)
    assert done.exit_code == code and told in done.stderr


def test_heads_in_other_cases_and_several_parameters(past: Path) -> None:
    wanted = json.loads(run(past, "--param", "dry=40", "--param", "green=50", "--json").stdout)
    past.write_text(past.read_text().replace("date,tmax", "Date,Tmax").replace("event", "EVENT"))
    once = json.loads(run(past, "--param", "dry=40", "green=50", "--json").stdout)
    assert once == wanted


def test_a_past_without_events_or_order_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "past.csv"
    file.write_text("date,tmax,rhmin,prec,wind\n2026-03-01,1,1,1,1\n")
    assert "column event: there is no such column" in run(file).stderr
    row = "9,50,0,1,0\n"
    file.write_text(f"date,tmax,rhmin,prec,wind,event\n2026-03-02,{row}2026-03-01,{row}")
    assert "row 2, column date: 2026-03-01 does not come after" in run(file).stderr


def test_without_a_city_or_a_file_it_says_what_to_give(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["backtest", "forest-fire", "--data", str(tmp_path / "none")])
    assert done.exit_code == 1 and "give its folder by --data" in done.stderr


def test_a_name_that_no_scenario_has_is_told_before_the_city_that_is_missing(
    tmp_path: Path,
) -> None:
    for more in ((), ("--history",)):
        done = CliRunner().invoke(main, ["backtest", "nope", "--data", str(tmp_path / "no"), *more])
        told = done.stderr
        assert done.exit_code == 2 and "forest-fire" in told
        assert told.index("there is no scenario nope") < told.index("no city has been started")


def test_an_engine_is_told_to_be_given_a_model(past: Path) -> None:
    for named, told in (
        ((), "give --model, --column, --at-least"),
        (("--model", "no"), "no model no"),
    ):
        done = CliRunner().invoke(main, ["backtest", "anomaly", "--in", str(past), *named])
        assert done.exit_code == 2 and told in done.stderr, done.output


def test_what_does_not_go_together_is_told(past: Path) -> None:
    for more, told in (
        (("--in", str(past), "--history"), "give one of them"),
        (("--model", "fwi"), "go with --in or --history"),
        (("--history", "--data", str(past.parent / "none")), "no city has been started"),
    ):
        done = CliRunner().invoke(main, ["backtest", "forest-fire", *more])
        assert done.exit_code in {1, 2} and told in done.stderr, done.output


def test_the_last_day_is_that_of_the_citys_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 11, 28, 16, 30, tzinfo=UTC)
    monkeypatch.setattr(
        "tianmu.scenarios.past.command.time.time_ns", lambda: int(at.timestamp()) * 10**9
    )
    assert _today(load("liyang")).isoformat() == "2026-11-29"
    assert _today(load("port_ellery")).isoformat() == "2026-11-28"
    first, last = _span(load("liyang"), None, None)
    assert (first.isoformat(), last.isoformat()) == ("2026-09-06", "2026-11-29")
    with pytest.raises(click.UsageError, match="--from 2026-11-30 is still to come"):
        _span(load("liyang"), date(2026, 11, 30), date(2027, 1, 1))


def test_days_are_read_in_other_forms(past: Path) -> None:
    wanted = json.loads(run(past, "--from", "2026-03-21", "--to", "2026-04-05", "--json").stdout)
    told = json.loads(run(past, "--from", "2026/03/21", "--to", "20260405", "--json").stdout)
    assert told == wanted and told["rows"] == 16
