"""Operator load, and rule sets tried on history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tianmu.prevent.alarm import load
from tianmu.prevent.alarm.target import Targets
from tianmu.prevent.kernel.trial import Series, run_trial
from tianmu.prevent.rule.reading import load as load_rules

from .town import LEVEL_RULES, RULES, START, S, Town


def test_figures(tmp_path: Path) -> None:
    town = Town(tmp_path, gauges=40, targets=Targets(flood_begins=15))
    for i in range(20):  # within one ten minutes: a flood
        town.observe(f"g{i}", [3.5])
        town.now += S
    town.wait(1700)
    for _ in range(3):  # the same again, in other periods
        town.observe("g30", [3.5])
        town.wait(700)
        town.observe("g30", [0.0])
        town.wait(700)
    town.observe("g31", [3.5], quality=4)  # a test does not count
    until = START + 86_400 * S
    found = town.records.read(lambda c: load.figures(c, START, until, Targets(flood_begins=15)))
    town.close()
    assert found.targets.basis.endswith("city")
    every = found.all
    high = 20 + 3
    slow = every.annunciations - high
    assert slow >= 21
    assert every.per_day.value == every.annunciations
    assert every.per_hour.value == pytest.approx(every.annunciations / 24)
    assert every.peak_ten_minutes >= 20
    assert every.flood_periods.value == pytest.approx(1 / 144)
    assert every.flood_periods.verdict == "good"
    assert every.busy_hours.value == pytest.approx(1 / 24) and every.busy_hours.verdict == "poor"
    first = every.top_ten[0]
    assert (first.identity, first.count, first.device) == ("high@g30/level", 3, "g30")
    assert first.share == pytest.approx(3 / every.annunciations)
    assert every.stale.value == 0
    assert every.priorities[1] == pytest.approx(high / every.annunciations)
    assert sum(every.priorities) == pytest.approx(1.0)
    (water,) = found.positions
    assert water.position == "water" and water.annunciations == every.annunciations


def test_empty_and_stale(tmp_path: Path) -> None:
    town = Town(tmp_path)
    found = town.records.read(lambda c: load.figures(c, START, START + S))
    assert found.all.annunciations == 0 and found.all.top_ten == [] and found.positions == []
    town.observe("g0", [3.5])
    end = START + 2 * 86_400 * S
    found = town.records.read(lambda c: load.figures(c, START, end))
    assert found.all.stale.value == 1
    with pytest.raises(ValueError, match="no time"):
        town.records.read(lambda c: load.figures(c, end, end))
    town.close()


def series(values: list[float], step: int = 10, **more: Any) -> Series:
    time = START + np.arange(len(values), dtype=np.int64) * step * S
    fields = {"device": "g0", "kind": "gauge", "property": "level", **more}
    return Series(time=time, value=np.array(values), **fields)


def test_trial_tells_what_would_have_alarmed() -> None:
    rules = load_rules([{**rule, "kind": "gauge"} for rule in LEVEL_RULES])
    trial = run_trial(rules, [series([1, 3.5, 3.5, 2.6, 1, 2.2, 2.2, 1])])
    assert trial.observations == 8
    assert trial.per_rule == {"high": 1, "slow": 2}
    times = [(t.rule, (t.start - START) // S, (t.end - START) // S) for t in trial.tried]
    assert times == [("high", 10, 40), ("slow", 20, 40), ("slow", 60, 70)]


def test_trial_sees_silence_and_what_still_holds() -> None:
    rules = load_rules([{**rule, "kind": "panel"} for rule in RULES])
    quiet = series([0, 0, 2], step=200, device="p0", kind="panel", property="state")
    trial = run_trial(rules, [quiet], heartbeats={"panel": 60.0}, sweep_s=10)
    assert trial.per_rule == {"fire": 1, "fault": 0, "silent": 2}
    assert [t.end for t in trial.tried if t.rule == "fire"] == [None]
    silent = [t for t in trial.tried if t.rule == "silent"]
    assert [(t.start - START) // S for t in silent] == [70, 270]
    with pytest.raises(ValueError, match="twice"):
        run_trial(rules, [quiet, quiet])


def test_trial_of_nothing() -> None:
    assert run_trial(load_rules([]), []).observations == 0
