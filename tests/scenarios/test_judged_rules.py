"""Rules of scenarios' judgements that are published, switched off and on while works judges."""

from __future__ import annotations

import msgspec
import pytest
from tests.prevent.town import RULES

from tianmu.city.device.property import Property
from tianmu.facts.registry import Device
from tianmu.prevent.rule.reading import read

from .works import NAME, OFF, RULE, Works, low, made, others

__all__ = ["made"]


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


def test_a_judged_rule_has_no_delays_and_no_limits_of_its_own() -> None:
    _, faults = read([{**RULE, "off_delay_s": 60}, *RULES[:0]])
    assert [(one.field, one.remedy) for one in faults] == [("on_delay_s", "leave delays out")]
    _, faults = read([{**RULE, "overrides": [{"device": "g1", "limit": 2.0}]}])
    assert [one.field for one in faults] == ["overrides"]
