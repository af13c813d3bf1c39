"""What scenarios judge on a schedule becomes alarms: each once, over crashes on either side."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.prevent.town import RULES, S, Town

from tianmu.app import judging as works
from tianmu.app.judging import Judging, due
from tianmu.city import brought
from tianmu.city.device import Property
from tianmu.facts.encoding import encode
from tianmu.facts.finding import Finding, Foretold
from tianmu.facts.registry import Device, MaintenanceChanged, RulesPublished
from tianmu.facts.verdict import Verdict
from tianmu.prevent.rule import Judged, read
from tianmu.scenarios import judged_table as table
from tianmu.scenarios import load
from tianmu.scenarios.judging import Condition, Judgement
from tianmu.scenarios.manifest import Judging as Schedule
from tianmu.store.records import Records

RULE: dict[str, Any] = {
    "type": "judged",
    "code": "well.low",
    "name": {"zh": "井水位低", "en": "Water of the well is low"},
    "kind": "gauge",
    "property": "level",
    "priority": 2,
    "severity": "III",
    "matter": "m:fire",
}
NAME = "well.low@g1/level"
EVERY = Schedule(every_min=5, settle_s=60, over_min=15)
STEP = 300 * S


class Works:
    """Works' side of a town: a scenario whose judge says what it is told to say."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.town = Town(data)
        self.town.city.places = SimpleNamespace(division_at=lambda *_: "t1")
        self.town.city.rules.append(RULE)
        self.publish([*self.town.city.rules])
        self.scenario: Any = SimpleNamespace(id="well-water")
        self.says: Any = Judgement()
        module: Any = ModuleType("judge")
        module.judge = self._judge
        monkeypatch.setattr(works, "part", lambda *_: module)
        self.open()

    published = 0

    def publish(self, rules: list[dict[str, Any]], *, step: bool = True) -> None:
        self.published += 1
        self.rules = [one for one in read(rules)[0] if isinstance(one, Judged)]
        fact = RulesPublished(version=self.town.now, at=self.town.now, rules=rules, actor="o")
        self.town.publish(fact)
        if step:
            self.town.watch.step(0)

    def amid(self, monkeypatch: pytest.MonkeyPatch, done: Callable[[], object]) -> None:
        """Have ``done`` while watch is between its look at the rules and what it reads of works."""
        watch, usual = self.town.watch, self.town.watch._read_deeds

        def read_deeds() -> bool:
            monkeypatch.setattr(watch, "_read_deeds", usual)
            done()
            return usual()

        monkeypatch.setattr(watch, "_read_deeds", read_deeds)
        watch.step(0)

    def open(self) -> None:
        self.records = Records(self.town.data / "works.sqlite")
        belonging: Any = SimpleNamespace(
            edition=lambda: (self.town.book, self.rules, self.published)
        )
        self.judging = Judging(
            self.town.data, self.records, None, belonging, self.town.city, threading.Event()  # type: ignore[arg-type]
        )  # fmt: skip

    def _judge(self, world: Any) -> Judgement:
        self.world = world
        if isinstance(self.says, Exception):
            raise self.says
        found: Judgement = self.says
        return found

    def step(self, *conditions: Condition, able: bool = True, steps: int = 1) -> int:
        told = self.judge(*conditions, able=able, steps=steps)
        self.town.watch.step(0)
        return told

    def judge(self, *conditions: Condition, able: bool = True, steps: int = 1) -> int:
        """Works' part of a step alone."""
        self.town.now += steps * STEP
        self.says = Judgement(conditions, able, {"held": len(conditions)})
        return self.judging.turn(self.scenario, EVERY, self.town.now)

    def turn(self) -> int:
        told = self.judging.turn(self.scenario, EVERY, self.town.now)
        self.town.watch.step(0)
        return told

    def crash(self) -> None:
        self.records.close()
        self.town.crash()
        self.open()

    def last(self) -> table.Judged:
        found = self.records.read(lambda c: table.last(c, "well-water"))
        assert found is not None
        return found


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Works]:
    one = Works(tmp_path, monkeypatch)
    yield one
    one.records.close()
    one.town.close()


def low(device: str = "g1", value: float = 2.0, **more: Any) -> Condition:
    return Condition("well.low", device, {"zh": "浅", "en": "Shallow"}, value, 1.0, **more)


def near(east: float = 0.0, within: float = 80.0, value: float = 2.0) -> Condition:
    return low(value=value, longitude=119.5 + east, latitude=31.4, within_m=within)


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


def test_a_rule_that_is_switched_off_ends_its_alarms_and_makes_none(made: Works) -> None:
    made.step(low())
    made.publish([*others(made), OFF])
    assert [one[1] for one in made.town.said()] == ["raise", "return"]
    made.step(low())
    assert made.town.said() == []
    made.publish([*others(made), RULE])
    made.step(low())
    assert [one[1] for one in made.town.said()][-1:] == ["raise"]


def test_a_rule_that_is_off_and_on_again_between_two_steps_alarms_again(made: Works) -> None:
    made.step(low())
    made.publish([*others(made), OFF])
    made.publish([*others(made), RULE])
    assert [one[1] for one in made.town.said()] == ["raise", "return"]
    assert made.step(low()) == 1 and [one[1] for one in made.town.said()] == ["raise"]
    assert made.step(low()) == 0


OFF = {**RULE, "enabled": False}


def others(made: Works) -> list[dict[str, Any]]:
    return [one for one in made.town.city.rules if one is not RULE]


def test_what_is_judged_by_rules_that_watch_has_not_seen_yet_begins(
    made: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.publish(others(made))
    made.step()

    def published_and_judged() -> None:
        made.publish([*others(made), RULE], step=False)
        assert made.judge(low()) == 1

    made.amid(monkeypatch, published_and_judged)
    made.town.watch.step(0)
    assert made.town.said() == [(NAME, "raise", "unacknowledged")]
    made.crash()
    assert made.step(low()) == 0 and made.town.said() == []


def test_a_rule_off_and_on_while_watch_reads_does_not_lose_the_alarm(
    made: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.step(low())

    def off_and_on() -> None:
        made.publish([*others(made), OFF], step=False)
        made.publish([*others(made), RULE], step=False)
        assert made.judge(low()) == 1

    made.town.events()
    made.amid(monkeypatch, off_and_on)
    made.town.watch.step(0)
    assert made.town.said() == []
    assert [one.condition for one in made.town.alarms()] == [True]


def test_an_end_amid_a_new_rule_set_ends_the_alarm(
    made: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.step(low())

    def ended() -> None:
        made.publish([*others(made), {**RULE, "priority": 1}], step=False)
        assert made.judge(steps=4) == 1

    made.town.events()
    made.amid(monkeypatch, ended)
    made.town.watch.step(0)
    assert [one[1] for one in made.town.said()] == ["return"]


def test_rule_sets_that_came_while_works_was_down_end_no_alarm_for_good(made: Works) -> None:
    made.step(low())
    made.publish([*others(made), OFF])
    made.publish([*others(made), RULE])
    assert [one[1] for one in made.town.said()] == ["raise", "return"]
    made.crash()
    assert made.step(low()) == 1 and [one[1] for one in made.town.said()] == ["raise"]
    made.crash()
    assert made.step(low()) == 0


def test_a_new_rule_set_tells_nothing_new_of_what_stands(made: Works) -> None:
    made.step(low())
    made.publish([*others(made), {**RULE, "priority": 1}])
    made.town.events()
    assert made.step(low()) == 1 and made.town.said() == []
    assert made.step(low()) == 0
    assert made.step(low(value=3.0)) == 1  # half more than was told, before that set
    assert [one[1] for one in made.town.said()] == ["worsen"]


def test_a_value_below_zero_is_not_told_anew_at_each_step(made: Works) -> None:
    assert made.step(low(value=-10.0)) == 1
    assert made.step(low(value=-10.0)) == made.step(low(value=-12.0)) == 0
    assert [one[1] for one in made.town.said()] == ["raise"]


def test_a_rule_of_another_property_has_another_alarm(made: Works) -> None:
    made.town.register([Device(device="w1", kind="gauge", properties=("level", "depth"))])
    kinds = made.town.city.kinds
    kinds["gauge"] = msgspec.structs.replace(
        kinds["gauge"],
        properties={**kinds["gauge"].properties, "depth": Property("depth", {"en": "Depth"})},
    )
    made.town.watch.step(0)
    made.step(low("w1"))
    made.publish([*others(made), {**RULE, "property": "depth"}])
    assert made.step(low("w1")) == 2
    assert [(one, what) for one, what, _ in made.town.said()] == [
        ("well.low@w1/level", "raise"),
        ("well.low@w1/level", "return"),
        ("well.low@w1/depth", "raise"),
    ]


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
            made.records.transact(lambda tx, one=one: tx.append("finding", encode(one)))  # type: ignore[misc]

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
    faults = {
        name: made.records.read(lambda c, name=name: table.last(c, name)).fault  # type: ignore[misc,union-attr]
        for name in ("own-good", "own-code")
    }
    assert faults["own-good"] == "" and "no_such_thing" in faults["own-code"]


def test_a_judged_rule_has_no_delays_and_no_limits_of_its_own() -> None:
    _, faults = read([{**RULE, "off_delay_s": 60}, *RULES[:0]])
    assert [(one.field, one.remedy) for one in faults] == [("on_delay_s", "leave delays out")]
    _, faults = read([{**RULE, "overrides": [{"device": "g1", "limit": 2.0}]}])
    assert [one.field for one in faults] == ["overrides"]
