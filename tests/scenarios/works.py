"""Works' side of a town: a scenario whose judge says what a test has it say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.prevent.town import S, Town

from tianmu.app import judging as works
from tianmu.app.judging import Judging
from tianmu.facts.encoding import encode
from tianmu.facts.finding import Finding, Foretold
from tianmu.facts.registry import RulesPublished
from tianmu.facts.verdict import Verdict
from tianmu.prevent.rule.reading import read
from tianmu.prevent.rule.rule import Judged
from tianmu.scenarios.folder import judged as table
from tianmu.scenarios.folder.manifest import Judging as Schedule
from tianmu.scenarios.judging import Condition, Judgement
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


OFF = {**RULE, "enabled": False}


class Works:
    """Works' side of a town: a scenario whose judge says what it is told to say."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.town = Town(data)
        self.town.city.places = SimpleNamespace(division_at=lambda *_: "t1")
        self.town.city.rules.append(RULE)
        self.publish([*self.town.city.rules])
        self.scenario: Any = SimpleNamespace(id="well-water")
        self.schedule = EVERY
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
        history: Any = None
        belonging: Any = SimpleNamespace(
            edition=lambda: (self.town.book, self.rules, self.published)
        )
        self.judging = Judging(
            self.town.data, self.records, history, belonging, self.town.city, threading.Event()
        )

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
        return self.judging.turn(self.scenario, self.schedule, self.town.now)

    def turn(self) -> int:
        told = self.judging.turn(self.scenario, self.schedule, self.town.now)
        self.town.watch.step(0)
        return told

    def crash(self) -> None:
        self.records.close()
        self.town.crash()
        self.open()

    def tell(self, fact: Finding | Foretold | Verdict) -> None:
        """What works found, said to watch."""
        self.records.transact(lambda tx: tx.append("finding", encode(fact)))

    def last(self, scenario: str = "well-water") -> table.Judged:
        found = self.records.read(lambda c: table.last(c, scenario))
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


def others(made: Works) -> list[dict[str, Any]]:
    return [one for one in made.town.city.rules if one is not RULE]
