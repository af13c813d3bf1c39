"""What scenarios judge on a schedule becomes alarms: each once, over crashes on either side."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.prevent.town import RULES, S, Town

from tianmu.app import judging as works
from tianmu.app.judging import Judging, due
from tianmu.facts.registry import RulesPublished
from tianmu.prevent.rule import Judged, read
from tianmu.scenarios import judged_table as table
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

    def publish(self, rules: list[dict[str, Any]]) -> None:
        self.published += 1
        self.rules = [one for one in read(rules)[0] if isinstance(one, Judged)]
        fact = RulesPublished(version=self.town.now, at=self.town.now, rules=rules, actor="o")
        self.town.publish(fact)
        self.town.watch.step(0)

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
        self.town.now += steps * STEP
        self.says = Judgement(conditions, able, {"held": len(conditions)})
        return self.turn()

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
    others = [one for one in made.town.city.rules if one is not RULE]
    made.publish([*others, {**RULE, "enabled": False}])
    assert [one[1] for one in made.town.said()] == ["raise", "return"]
    made.step(low())
    assert made.town.said() == []
    made.publish([*others, RULE])
    made.step(low())
    assert [one[1] for one in made.town.said()][-1:] == ["raise"]


def test_a_rule_that_is_off_and_on_again_between_two_steps_alarms_again(made: Works) -> None:
    made.step(low())
    others = [one for one in made.town.city.rules if one is not RULE]
    made.publish([*others, {**RULE, "enabled": False}])
    made.publish([*others, RULE])
    assert [one[1] for one in made.town.said()] == ["raise", "return"]
    assert made.step(low()) == 1 and [one[1] for one in made.town.said()] == ["raise"]
    assert made.step(low()) == 0


def test_a_judged_rule_has_no_delays_and_no_limits_of_its_own() -> None:
    _, faults = read([{**RULE, "off_delay_s": 60}, *RULES[:0]])
    assert [(one.field, one.remedy) for one in faults] == [("on_delay_s", "leave delays out")]
    _, faults = read([{**RULE, "overrides": [{"device": "g1", "limit": 2.0}]}])
    assert [one.field for one in faults] == ["overrides"]
