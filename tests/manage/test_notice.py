"""Whom a plan tells by message or call is handed to the city's gateway, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.level.plan import Tell
from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import decode
from tianmu.manage.contact.gathering import Gathering
from tianmu.manage.kept.rebuild import rebuild
from tianmu.manage.kept.table import gathered

from .ladders import Reached
from .town import OFFICER

SOON = Limit(5, LimitUnit.MINUTE)
LATER = Limit(30, LimitUnit.MINUTE)
"""longer than what is gathered waits"""
Telling = Callable[..., Reached]


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[Telling]:
    """A house whose plans tell the city's centre by these means."""
    made: list[Reached] = []

    def make(*tells: Tell) -> Reached:
        house = Reached(tmp_path)
        plans = (msgspec.structs.replace(one, tells=tells) for one in house.city.plans)
        house.city = replace(house.city, plans=tuple(plans))
        house.manage.set_roster(house.city)
        made.append(house)
        return house

    yield make
    for house in made:
        house.close()


def notices(house: Reached) -> list[dict[str, Any]]:
    events = (decode(one.payload) for one in house.journal.read("case", 0, entries=10_000))
    steps = [one for one in events if isinstance(one, CaseEvent) and one.step == "notice"]
    assert all(one.data["why"][0]["zh"] and one.actor == "@system" for one in steps)
    return [one.data["try"] for one in steps if "try" in one.data]


def test_each_who_is_on_duty_is_handed_over_once(telling: Telling) -> None:
    house = telling(Tell("centre:1", SOON, "message"), Tell("fire", SOON))
    house.gateways["message"] = "w1"
    house.case()
    found = [(one["account"], one["by"], one["outcome"], one["via"]) for one in notices(house)]
    assert found == [("carl", "message", "handed_over", "w1"), ("cora", "message", "no_number", "")]
    version = house.manage.case("c1").version
    house.manage.command("c1", "note", OFFICER, data={"text": "x"}, expected_version=version - 2)
    house.alarm(device="d9", priority=3)
    house.work()
    assert len(notices(house)) == 2, "told once"
    before = house.manage.case("c1")
    rebuild(house.hub, house.journal)
    assert house.manage.case("c1") == before


def test_a_higher_level_uses_a_stronger_means_again_and_the_same_not_twice(
    telling: Telling,
) -> None:
    house = telling(Tell("centre:1", SOON, "message"))
    called = (Tell("centre:1", SOON, "message"), Tell("centre:1", SOON, "call"))
    at_level = {"II": called, "I": (Tell("centre:1", SOON, "message"),)}
    plans = (
        msgspec.structs.replace(one, tells=at_level.get(one.level, one.tells))
        for one in house.city.plans
    )
    house.city = replace(house.city, plans=tuple(plans))
    house.manage.set_city(house.city)
    house.gateways |= {"message": "w1", "call": "w2"}
    house.case()
    means = [(one["account"], one["by"]) for one in notices(house)]
    assert means == [("carl", "message"), ("cora", "message")]
    for reason in ("spreads", "spreads on"):
        house.manage.command("c1", "escalate", OFFICER, reason=reason)
        means = [(one["account"], one["by"]) for one in notices(house)][2:]
        assert means == [("carl", "call"), ("cora", "call")], "and at the next level nobody again"
    assert house.manage.case("c1").level == "I"
    before = house.manage.case("c1")
    rebuild(house.hub, house.journal)
    assert house.manage.case("c1") == before


def test_of_a_flood_of_cases_each_is_told_a_few_times_and_then_of_all_the_rest(
    telling: Telling,
) -> None:
    house = telling(Tell("centre:1", LATER, "message"))
    house.gateways["message"] = "w1"

    def flood(many: int) -> None:
        for number in range(many):
            at = house.alarms * 900.0 + number
            house.alarm(east=at, priority=3)
            house.now += 1_000_000
            house.work()

    flood(20)
    cases = [one.case for one in house.states()]
    assert len(cases) == 20
    mine = [one for one in notices(house) if one["account"] == "carl"]
    assert len(mine) == 5 and not any("more" in one for one in mine)
    steps = [one for one in house.topic() if one.step == "notice" and "gathered" in one.data]
    assert len(steps) == 15, "each case says that somebody is told of it later"
    assert steps[0].data["gathered"] == [{"account": "carl", "name": "Carl"}]
    assert house.hub.read(lambda one: len(one.execute(gathered.select()).all())) == 1
    house.close()
    house.open()
    house.gateways["message"] = "w1"
    house.pass_minutes(9)
    assert len([one for one in notices(house) if one["account"] == "carl"]) == 5
    house.pass_minutes(1.1)
    last = [one for one in notices(house) if one["account"] == "carl"][5:]
    assert [(one["more"], one["outcome"]) for one in last] == [(14, "handed_over")]
    house.pass_minutes(30)
    assert len([one for one in notices(house) if one["account"] == "carl"]) == 6, "once"
    flood(1)
    assert len([one for one in notices(house) if one["account"] == "carl"]) == 7, "at once again"


def test_a_graver_case_does_not_wait_behind_others(telling: Telling) -> None:
    house = telling(Tell("centre:1", LATER, "message"))
    house.gateways["message"] = "w1"
    for number in range(8):
        house.alarm(east=number * 900.0, priority=3)
        house.work()
    assert len([one for one in notices(house) if one["account"] == "carl"]) == 5
    house.alarm(east=9000.0, priority=3, severity="II")
    house.work()
    mine = [one for one in notices(house) if one["account"] == "carl"]
    assert len(mine) == 6
    for number, level in enumerate(("II", "III")):
        house.alarm(east=number * 900.0 + 18000.0, priority=3, severity=level)
        house.work()
    house.close()
    house.open()
    house.gateways["message"] = "w1"
    house.pass_minutes(10.1)
    [last] = [
        one for one in house.topic() if one.step == "notice" and one.data.get("try", {}).get("more")
    ]
    assert (last.data["try"]["account"], last.data["try"]["more"]) == ("carl", 4)
    assert last.case == house.manage.case_of(["a10"])["a10"], "the gravest that waited is named"


def test_what_is_gathered_is_told_by_when_the_plan_wants_it_told(telling: Telling) -> None:
    house = telling(Tell("centre:1", SOON, "message"))
    house.gateways["message"] = "w1"
    for number in range(7):
        house.alarm(east=number * 900.0, priority=3)
        house.work()
    house.pass_minutes(4.9)
    assert len([one for one in notices(house) if one["account"] == "carl"]) == 5
    house.pass_minutes(0.2)
    last = [one for one in notices(house) if one["account"] == "carl"][5:]
    assert [one["more"] for one in last] == [1]


def test_without_a_gateway_nothing_is_said_to_have_been_sent(telling: Telling) -> None:
    house = telling(Tell("centre:1", SOON, "call"))
    house.gateways["message"] = "w1"
    state = house.case()
    assert "centre" in state.told and not notices(house)


def test_no_real_person_is_told_of_a_probe(telling: Telling) -> None:
    house = telling(Tell("centre:1", SOON, "message"))
    house.gateways["message"] = "w1"
    house.case(probe="probe")
    assert not notices(house)


def test_whoever_was_told_of_many_is_told_at_once_of_a_graver_one_only() -> None:
    held, key = Gathering(most=1, minutes=10), ("carl", "message")
    assert held.admit(key, "c1", "centre", 2, 0)
    assert not held.admit(key, "c2", "centre", 3, 1)
    end = 10 * 60_000_000
    assert [(who, one.case, one.level) for who, one in held.over(end)] == [(key, "c2", 3)]
    assert not held.admit(key, "c3", "centre", 4, end + 1), "one message of ten minutes has gone"
    assert held.admit(key, "c4", "centre", 2, end + 2)
