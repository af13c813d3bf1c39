"""Who is proposed: status, distance, skills, kinds that the plan asks for, all cases together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from tianmu.city.city import City
from tianmu.city.force.sending import Need, Sending
from tianmu.city.level.plan import OrderTemplate, Plan
from tianmu.facts.place import Place
from tianmu.manage.case.state import Order
from tianmu.manage.units import proposal, unit
from tianmu.manage.units.unit import Last

from .forces import CITY, KM, now_standing, ranked, state
from .town import FIRE, LAT, LON, MINUTE, MONDAY, RUBBISH, at, text


def test_a_status_follows_shift_roster_and_what_was_told() -> None:
    day = {one.unit.code: one for one in now_standing()}
    assert day["e1"].status == "free" and day["e1"].available
    assert day["p1"].status == "off_duty", "nobody of that department is on the roster"
    assert day["s1"].status == "free" and day["d1"].status == "free"
    night = {one.unit.code: one for one in now_standing(now=at("2026-03-02T22:00"))}
    assert night["s1"].status == "off_duty", "outside its own shift"
    told = {one.unit.code: one for one in now_standing({"e1": Last(status="on_site", status_at=1)})}
    assert told["e1"].status == "on_site" and not told["e1"].available
    full = {one.unit.code: one for one in now_standing(load={"s1": 2, "e1": 1})}
    assert not full["s1"].available and not full["e1"].available


def test_an_old_place_is_not_relied_on() -> None:
    here = Last(longitude=LON, latitude=LAT, placed_at=MONDAY - 5 * MINUTE)
    old = replace(here, placed_at=MONDAY - 16 * MINUTE)
    fresh = {one.unit.code: one for one in now_standing({"e1": here})}["e1"]
    stale = {one.unit.code: one for one in now_standing({"e1": old})}["e1"]
    assert (fresh.source, fresh.stale, fresh.latitude) == ("told", False, LAT)
    assert (stale.source, stale.stale) == ("base", True)
    assert stale.latitude == pytest.approx(LAT + 2 * KM)
    assert stale.age(MONDAY) == 16 * MINUTE


def test_the_nearest_that_can_do_it_comes_first_and_says_why() -> None:
    found = proposal.plan(CITY, [state()], now_standing(), MONDAY)
    items = proposal.ranking(found, "c1")
    assert [one.standing.unit.code for one in items] == ["e1", "e2"]
    first = items[0]
    assert first.chosen and first.by == "line" and first.seconds == pytest.approx(120, rel=1e-3)
    words = " / ".join(one["en"] for one in first.reasons)
    assert "2 min by the straight line" in words and "hose, ladder" in words
    assert "leads" in words and "reckoned from its base" in words and "level V" in words
    assert all(one["zh"] and one["en"] for item in items for one in item.reasons)
    assert not items[1].chosen


def test_what_lacks_all_skills_is_not_proposed_and_what_lacks_some_comes_later() -> None:
    roads = replace(CITY, shifts=(*CITY.shifts, *_on_duty("roads")))
    standings = unit.standings(roads, {}, {}, MONDAY)
    found = proposal.plan(roads, [state()], standings, MONDAY)
    # 1 min + half of 30 + 10 for another department against 2 and 10 min
    assert ranked(found) == ["e1", "e2", "p1"]
    last = proposal.ranking(found, "c1")[-1]
    words = " / ".join(one["en"] for one in last.reasons)
    assert "cannot do: ladder" in words and "neither leads nor joins" in words


def _on_duty(department: str) -> tuple[Any, ...]:
    shift = CITY.shifts[0]
    person = msgspec.structs.replace(shift.person, department=department, account="rob")
    return (msgspec.structs.replace(shift, person=person),)


def test_a_matter_that_asks_for_no_skill_is_for_those_who_answer() -> None:
    found = proposal.plan(CITY, [state(matter=RUBBISH)], now_standing(), MONDAY)
    assert ranked(found) == ["s1"]


def asking(*orders: OrderTemplate, level: str = "V") -> City:
    plan = Plan(code="asks", name=text("asks"), level=level, matters=(FIRE,), orders=orders)
    return replace(CITY, plans=(*CITY.plans, plan))


def test_the_kinds_that_the_plan_names_are_proposed_each_from_whom_it_is_sent() -> None:
    eye = OrderTemplate(to="lead", task=text("Look from above"), unit_kind="drone")
    engine = OrderTemplate(to="fire", task=text("Put it out"), unit_kind="engine")
    city = asking(eye, engine)
    found = proposal.plan(city, [state()], now_standing(), MONDAY)
    assert found.chosen() == {"c1": ("e1", "d1")}, "not two engines, which are nearer by skill"
    first = proposal.ranking(found, "c1")[0]
    assert {
        "zh": "预案要求派出Engine",
        "en": "the plan asks for this kind: Engine",
    } in first.reasons
    order = Order(
        order="c1-1", unit="fire", task=text("x"), due=1, sent_at=0, lead=True, force="d1"
    )
    sent = state(stage="handle", orders=(order,))
    after = proposal.plan(city, [sent], now_standing(load={"d1": 1}), MONDAY)
    assert after.chosen() == {"c1": ("e1",)}, "one that is sent is not asked for again"


def test_a_kind_of_which_nobody_can_come_leaves_its_place_to_whoever_can() -> None:
    pump = OrderTemplate(to="roads", task=text("Pump"), unit_kind="pump")  # off duty
    ship = OrderTemplate(to="lead", task=text("Sail"), unit_kind="ship")  # the town has none
    found = proposal.plan(asking(pump, ship), [state()], now_standing(), MONDAY)
    assert found.chosen() == {"c1": ("e1",)}


def test_a_unit_with_room_for_two_does_not_fill_two_places_of_one_case() -> None:
    sweep = OrderTemplate(to="clean", task=text("Sweep"), unit_kind="sweeper")
    plain = asking(sweep, level="II")
    sending = msgspec.structs.replace(
        plain.sending, need=(Need(matters=(FIRE,), skills=("broom", "hose")),)
    )
    city = replace(plain, sending=sending)
    grave = state(level=2, lead="clean")
    found = proposal.plan(city, [grave], now_standing(), MONDAY)
    assert found.chosen() == {"c1": ("s1", "e1")}, "the sweeper is nearest, and comes once"


def test_load_and_level_count() -> None:
    busy = now_standing(load={"s1": 1})
    found = proposal.plan(CITY, [state(matter=RUBBISH)], busy, MONDAY)
    (item,) = proposal.ranking(found, "c1")
    assert item.minutes == pytest.approx(3 + CITY.sending.weigh.load_min, rel=1e-3)
    assert any("has 1 orders already" in one["en"] for one in item.reasons)
    grave = proposal.plan(CITY, [state(level=2)], now_standing(), MONDAY)
    assert grave.chosen() == {"c1": ("e1", "e2")}, "level II asks for two"


def test_many_cases_are_assigned_together_and_the_graver_one_comes_first() -> None:
    far = Place(longitude=LON, latitude=LAT + 9 * KM)
    # e1 is nearest to the light case, but both go where all wait least
    light, grave = state("c1"), state("c2", level=2, place=far)
    found = proposal.plan(CITY, [light, grave], now_standing(), MONDAY)
    given = [code for codes in found.chosen().values() for code in codes]
    assert sorted(given) == ["e1", "e2"], "nobody twice"
    assert found.chosen()["c2"][0] == "e2"
    other = next(one for one in proposal.ranking(found, "c1") if one.standing.unit.code == "e2")
    assert other.other == "c2" and not other.chosen


def test_what_was_proposed_stays_until_another_gains_more_than_a_change_costs() -> None:
    near = {"e2": Last(longitude=LON, latitude=LAT + 1.0 * KM, placed_at=MONDAY)}
    standings = now_standing(near)
    fresh = proposal.plan(CITY, [state()], standings, MONDAY)
    assert fresh.chosen() == {"c1": ("e2",)}
    kept = proposal.plan(CITY, [state()], standings, MONDAY, {"c1": ("e1",)})
    assert kept.chosen() == {"c1": ("e1",)}, "one minute is less than change_min"
    assert any("proposed before" in one["en"] for one in proposal.ranking(kept, "c1")[0].reasons)
    farther = {"e1": Last(longitude=LON, latitude=LAT + 8 * KM, placed_at=MONDAY), **near}
    moved = proposal.plan(CITY, [state()], now_standing(farther), MONDAY, {"c1": ("e1",)})
    assert moved.chosen() == {"c1": ("e2",)}


def test_whoever_is_on_the_case_is_not_proposed_again() -> None:
    sent = Order(order="c1-1", unit="fire", task={}, due=0, sent_at=0, force="e1")
    found = proposal.plan(CITY, [state(orders=(sent,))], now_standing(load={"e1": 1}), MONDAY)
    assert ranked(found) == ["e2"]
    assert found.chosen() == {}, "level V asked for one"


def test_no_place_no_rules_no_probe() -> None:
    nowhere = state(place=Place(), division="")
    found = proposal.plan(CITY, [nowhere], now_standing(), MONDAY)
    assert ranked(found) == [] and "no place" in proposal.nobody(CITY, nowhere)["en"]
    marked = state(probe="p1")
    found = proposal.plan(CITY, [marked], now_standing(), MONDAY)
    assert ranked(found) == [] and found.chosen() == {}
    bare = replace(CITY, sending=Sending())
    assert "sending.toml" in proposal.nobody(bare, state())["en"]
    assert proposal.plan(CITY, [], [], MONDAY).pairs == frozenset()


def test_a_thousand_pairs_have_finite_costs_only_where_somebody_can_go() -> None:
    states = [state(f"c{i}", place=Place(longitude=LON, latitude=LAT + i * KM)) for i in range(40)]
    found = proposal.plan(CITY, states, now_standing(), MONDAY)
    assert np.isfinite(found.minutes[:, 0]).all()
    assert not np.isfinite(found.minutes[:, 2]).any()
    assert len({pair[1] for pair in found.pairs}) == len(found.pairs)
