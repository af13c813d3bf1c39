"""What scenarios judge on a schedule becomes alarms: each once, over crashes on either side."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
from tests.prevent.town import S

from tianmu.app import judging as works
from tianmu.app.judging import due
from tianmu.city import brought
from tianmu.facts.finding import Finding, Foretold
from tianmu.facts.registry import Device, MaintenanceChanged
from tianmu.facts.verdict import Verdict
from tianmu.scenarios.folder import load
from tianmu.scenarios.judging import Condition, Judgement

from .works import EVERY, NAME, STEP, Works, low, made, near

__all__ = ["made"]


def test_what_holds_is_one_alarm_over_crashes_and_ends_when_told_no_more(made: Works) -> None:
    assert made.step() == 0 and made.town.said() == []
    assert made.step(near()) == 1
    (event,) = made.town.events()
    assert (event.identity, event.transition, event.rule) == (NAME, "raise", "well.low")
    assert event.text == {"zh": "浅", "en": "Shallow"} and event.value == 2.0
    assert event.place.longitude == 119.5 and event.place.precision == 80.0
    assert event.place.division == "t1" and event.observed_at == due(EVERY, made.town.now)
    assert made.turn() == 0  # the same step once more
    made.crash()
    assert made.turn() == 0 and made.step(near()) == 0
    made.crash()
    assert made.town.said() == []
    assert made.step(steps=2) == 0  # gone, but not for so long
    assert made.step() == 1
    assert made.town.said() == [(NAME, "return", "returned_unacknowledged")]
    assert made.step() == 0
    assert len(made.town.alarms()) == 1


def test_what_grew_or_moved_is_told_of_the_same_alarm(made: Works) -> None:
    made.step(near())
    assert made.step(near(0.0005, value=2.5)) == 0  # 47 m off, a quarter more
    assert made.step(near(value=4.0)) == 1
    assert made.step(near(0.002, value=4.0)) == 1  # 190 m away
    assert made.step(near(0.002, within=30.0, value=4.0)) == 1
    events = made.town.events()
    assert [one.transition for one in events] == ["raise", "worsen", "worsen", "worsen"]
    assert {one.alarm for one in events} == {events[0].alarm}
    assert events[-1].place.precision == 30.0 and len(made.town.alarms()) == 1


def test_a_place_of_which_nobody_says_how_sure_it_is_is_not_told_at_each_shake(
    made: Works,
) -> None:
    """A device that lies in the water: its own place is never twice the same."""

    def here(east: float, within: float | None = None) -> Condition:
        return low(value=2.0, longitude=119.5 + east, latitude=31.4, within_m=within)

    assert made.step(here(0.0)) == 1
    assert made.step(here(0.0003)) == made.step(here(-0.0004)) == 0  # 28 and 38 m off
    assert made.step(here(0.0012)) == 1  # 114 m, from what was told
    assert made.step(here(0.0015)) == made.step(here(0.0012, within=5.0)) == 0
    made.schedule = msgspec.structs.replace(EVERY, moved_m=20.0)  # the scenario's own
    assert made.step(here(0.0013)) == 0 and made.step(here(0.0015)) == 1


def test_what_cannot_be_judged_leaves_what_holds(made: Works) -> None:
    made.step(low())
    assert made.step(able=False, steps=9) == 0
    made.says = RuntimeError("no network")
    made.town.now += STEP
    assert made.turn() == 0
    assert made.last().fault == "RuntimeError: no network" and made.last().said == {"held": 0}
    assert [one.condition for one in made.town.alarms()] == [True]
    assert made.step(low()) == 0 and made.last().fault == ""


def test_a_condition_that_no_alarm_can_be_made_of_is_told(made: Works) -> None:
    made.step(low("nobody"))
    assert "device nobody has no level" in made.last().fault
    made.step(Condition("other", "g1"))
    assert "no rule other of type judged" in made.last().fault
    made.step(low(), low())
    assert "told twice" in made.last().fault
    assert made.town.said() == []


def test_what_cannot_be_kept_is_a_fault_and_is_not_judged_again_and_again(made: Works) -> None:
    made.town.now += STEP
    made.says = Judgement((low(),), said={"net": object()})
    assert made.turn() == 0
    assert made.last().fault.startswith("TypeError") and made.town.said() == []
    made.says = RuntimeError("never asked")
    assert made.turn() == 0 and made.last().fault.startswith("TypeError")
    assert made.step(low()) == 1 and made.last().fault == ""


def test_what_fails_while_works_stops_is_no_fault(made: Works) -> None:
    made.step()
    made.town.now += STEP
    made.says = RuntimeError("closed")
    made.judging._stop.set()
    with pytest.raises(RuntimeError, match="closed"):
        made.turn()
    assert made.last().fault == ""


def test_a_value_below_zero_is_not_told_anew_at_each_step(made: Works) -> None:
    assert made.step(low(value=-10.0)) == 1
    assert made.step(low(value=-10.0)) == made.step(low(value=-12.0)) == 0
    assert [one[1] for one in made.town.said()] == ["raise"]


def test_what_is_found_of_a_device_that_watch_has_not_seen_yet(
    made: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    def registered_and_found() -> None:
        made.town.register([Device(device="w1", kind="gauge", properties=("level",))])
        stream = int(made.town.book.datastream_index(["w1/level"])[0])
        facts = (
            Finding(datastream=stream, holds=True, since=1, observed_at=2, value=9.0, why="above"),
            Foretold(
                datastream=stream, scenario="well-water", code="level", holds=True, origin=1,
                value=9.0, limit=3.0,
            ),
            Verdict(rule="well.low", datastream=stream, holds=True, observed_at=1),
        )  # fmt: skip
        for one in facts:
            made.tell(one)

    made.amid(monkeypatch, registered_and_found)
    assert [(one, what) for one, what, _ in made.town.said()] == [
        ("anomaly@w1/level", "raise"),
        ("forecast.well-water.level@w1/level", "raise"),
        ("well.low@w1/level", "raise"),
    ]


def test_what_was_found_in_a_maintenance_window_is_real_after_it_over_a_crash(made: Works) -> None:
    window = MaintenanceChanged(
        object="g1", start=made.town.now, end=made.town.now + 2 * STEP, at=made.town.now,
        actor="o", reason="calibrated",
    )  # fmt: skip
    made.town.publish(window)
    made.town.watch.step(0)
    made.step(low())
    assert [one.test for one in made.town.events()] == [True]
    made.crash()
    made.town.wait(2 * STEP / S)
    assert [one.test for one in made.town.alarms() if one.open] == [False]


TRIAL = """id = "own-{name}"
name = {{ zh = "试验", en = "Trial" }}
what = {{ zh = "试验", en = "A trial" }}
[judging]
every_min = 5
"""


def test_what_is_broken_in_one_folder_is_said_and_keeps_no_other_from_being_judged(
    made: Works,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing of a folder is imported at the start, which works waits for."""
    shipped = tmp_path / "shipped"
    monkeypatch.setattr(brought, "SHIPPED", shipped)
    monkeypatch.setattr(sys.modules["tianmu.scenarios"], "__path__", [str(shipped)])
    monkeypatch.setattr(works, "part", load.part)
    made.town.city.folder = None
    good = "from tianmu.scenarios.judging import Judgement\njudge = lambda world: Judgement()\n"
    for name, manifest, judge in (
        ("good", TRIAL, good),
        ("code", TRIAL, "import no_such_thing"),
        ("toml", 'id = "own-{name}', good),
    ):
        folder = shipped / f"own_{name}"
        folder.mkdir(parents=True)
        (folder / "scenario.toml").write_text(manifest.format(name=name), encoding="utf-8")
        (folder / "model.py").write_text("raise SystemExit")
        (folder / "judge.py").write_text(judge)
    made.judging._stop.set()
    made.judging.start()
    made.judging._stop.clear()
    assert {one.name for one in made.judging._threads} == {"judge own-good", "judge own-code"}
    assert "scenario own-toml is not judged" in caplog.text and "toml:1:" in caplog.text
    for one in load.folders()[0].values():
        assert made.judging.turn(one, EVERY, made.town.now) == 0
    faults = {name: made.last(name).fault for name in ("own-good", "own-code")}
    assert faults["own-good"] == "" and "no_such_thing" in faults["own-code"]
