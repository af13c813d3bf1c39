"""The judgement of fire alarms: weights that add up, memory that learns nothing from its future."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tianmu.city import pack
from tianmu.scenarios.fire_alarms.event import DAY, FALSE, MINUTE, REAL, SECOND, Event
from tianmu.scenarios.fire_alarms.evidence import Judged, Place, judge
from tianmu.scenarios.fire_alarms.figures import evidence, settings
from tianmu.scenarios.fire_alarms.memory import Memory
from tianmu.sense.gbt26875.tables import COMPONENTS

FIGURES = evidence()
NOW = 1_800_000_000 * SECOND
SMOKE = Event(NOW, "mill", "s1", "smoke", zone="3")


def look(
    *beside: Event,
    event: Event = SMOKE,
    until: int = NOW + 5 * MINUTE,
    memory: Memory | None = None,
) -> Judged:
    place = Place.of([event, *beside])
    return judge(event, place, memory or Memory(FIGURES), until, FIGURES)


def odds(judged: Judged) -> float:
    return math.log(judged.probability / (1 - judged.probability))


def codes(judged: Judged) -> set[str]:
    return {reason.code for reason in judged.reasons}


def test_a_lone_smoke_detector_is_as_likely_as_the_prior_says() -> None:
    alone = look()
    assert alone.probability == pytest.approx(FIGURES.prior) and alone.reasons == ()
    assert [one.code for one in alone.wanted][:2] == ["call", "operator"]
    assert all(one.probability > alone.probability for one in alone.wanted)


def test_reasons_add_up_to_the_probability() -> None:
    found = look(
        Event(NOW + MINUTE, "mill", "s2", "smoke", zone="3"),
        Event(NOW + MINUTE, "mill", "m1", "manual"),
        event=replace(SMOKE, ended=NOW + 30 * SECOND),
    )
    assert codes(found) == {"second_zone", "manual", "short"}
    prior = math.log(FIGURES.prior / (1 - FIGURES.prior))
    assert odds(found) == pytest.approx(prior + sum(one.weight for one in found.reasons))
    weights = [abs(one.weight) for one in found.reasons]
    assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize(
    ("beside", "code"),
    [
        (Event(NOW + MINUTE, "mill", "s2", "smoke", zone="3"), "second_zone"),
        (Event(NOW - MINUTE, "mill", "s2", "smoke", zone="4"), "second_building"),
        (Event(NOW + MINUTE, "mill", "h1", "heat", zone="4"), "other_kind"),
        (Event(NOW + MINUTE, "mill", "m1", "manual"), "manual"),
        (Event(NOW + MINUTE, "mill", "f1", "flow"), "flow"),
        (Event(NOW + MINUTE, "mill", "report 7", "call"), "call"),
        (Event(NOW + MINUTE, "mill", "c1", "camera"), "camera"),
        (Event(NOW + MINUTE, "mill", "mill", "operator"), "operator"),
    ],
)
def test_each_second_signal_makes_it_likelier(beside: Event, code: str) -> None:
    found = look(beside)
    assert code in codes(found) and found.probability > look().probability
    assert code not in {one.code for one in found.wanted}
    far = look(replace(beside, at=NOW + 30 * MINUTE), until=NOW + DAY)
    assert far.probability == look().probability, "what comes half an hour later is another thing"
    later = look(beside, until=NOW)
    assert beside.at <= NOW or code not in codes(later), "what has not come yet is not known"


@pytest.mark.parametrize(
    ("event", "beside", "code"),
    [
        (replace(SMOKE, ended=NOW + 20 * SECOND), (), "short"),
        (replace(SMOKE, test=True), (), "test"),
        (replace(SMOKE, verdict=FALSE, known=NOW + MINUTE), (), "void"),
        (SMOKE, (Event(NOW + 30 * SECOND, "mill", "mill", "reset"),), "reset"),
        (SMOKE, (Event(NOW + MINUTE, "mill", "mill", "cleared"),), "cleared"),
        (SMOKE, (Event(NOW - 3 * 60 * MINUTE, "mill", "s1", "fault"),), "fault"),
        (SMOKE, (replace(SMOKE, at=NOW - DAY),), "again"),
    ],
)
def test_each_sign_of_a_false_alarm_makes_it_less_likely(
    event: Event, beside: tuple[Event, ...], code: str
) -> None:
    found = look(*beside, event=event)
    assert codes(found) == {code} and found.probability < look().probability
    assert found.probability >= FIGURES.lowest > 0, "and never nothing"


def test_what_comes_again_weighs_each_time_and_a_second_detector_once() -> None:
    often = look(*(replace(SMOKE, at=NOW - n * DAY) for n in (1, 2)))
    [again] = often.reasons
    signs = {one.code: one.weight for one in FIGURES.signs}
    assert again.weight == pytest.approx(2 * signs["again"])
    callers = look(*(Event(NOW + MINUTE, "mill", f"report {n}", "call") for n in (1, 2)))
    [call] = callers.reasons
    assert call.weight == signs["call"] and "2 citizen" in call.says["en"]


def test_the_same_detector_is_no_second_one_and_no_test_is_a_sign() -> None:
    assert look(replace(SMOKE, at=NOW + MINUTE)).reasons == ()
    tested = Event(NOW + MINUTE, "mill", "s2", "smoke", zone="3", test=True)
    assert look(tested).reasons == ()


def test_what_became_of_earlier_alarms_moves_a_detector_and_its_building() -> None:
    memory = Memory(FIGURES)
    past = [replace(SMOKE, at=NOW - n * DAY, verdict=FALSE, known=NOW - n * DAY + MINUTE)
            for n in range(9, 1, -1)]  # fmt: skip
    for event in past:
        memory.add(event)
    own = look(memory=memory)
    assert codes(own) == {"own_history"} and own.probability < FIGURES.prior
    assert "0 of the 8" in own.reasons[0].says["en"]
    other = look(event=replace(SMOKE, detector="s9"), memory=memory)
    assert codes(other) == {"building_history"}
    assert own.probability < other.probability < FIGURES.prior, "it is the detector above all"
    elsewhere = look(event=replace(SMOKE, building="school"), memory=memory)
    assert elsewhere.probability == pytest.approx(FIGURES.prior)


def test_one_real_fire_outweighs_several_false_alarms() -> None:
    memory = Memory(FIGURES)
    for n, verdict in enumerate((FALSE, FALSE, FALSE, REAL)):
        at = NOW - (9 - n) * DAY
        memory.add(replace(SMOKE, at=at, verdict=verdict, known=at + MINUTE))
    assert look(memory=memory).probability > FIGURES.prior


def test_ends_that_were_not_known_by_then_teach_nothing() -> None:
    memory = Memory(FIGURES)
    memory.add(replace(SMOKE, at=NOW - DAY, verdict=FALSE, known=NOW + DAY))
    assert look(memory=memory).reasons == ()
    assert codes(look(memory=memory, until=NOW + 2 * DAY)) == {"own_history"}


def test_a_burst_counts_once() -> None:
    memory = Memory(FIGURES)
    for n in range(5):
        at = NOW - DAY + n * MINUTE
        memory.add(replace(SMOKE, at=at, verdict=FALSE, known=at + MINUTE))
    memory.learn(NOW)
    assert memory.own(SMOKE).known == 1


def test_every_detector_of_the_standard_is_of_one_kind() -> None:
    """Table 5 of GB/T 26875.3: all that detect, press or flow have a kind, and only one."""
    listed = [number for kind in FIGURES.kinds for number in kind.components]
    assert len(listed) == len(set(listed)) and set(listed) <= set(COMPONENTS)
    words = ("detector", "call point", "button", "flow", "pressure switch")
    meant = {number for number, text in COMPONENTS.items() if any(w in text["en"] for w in words)}
    electrical = {16, 17, 18, 21}  # of cables: another scenario's
    assert meant - set(listed) - electrical <= {79}, "sound is heard, not judged"


def test_rules_that_are_named_are_there_and_every_camera_that_sees_fire_is_a_sign() -> None:
    cities = [pack.load(name) for name in ("liyang", "port_ellery")]
    rules = {str(rule["code"]): rule for city in cities for rule in city.rules}
    watched = settings().watched
    named = {*watched.rules, *watched.near, *watched.impaired, *watched.water_rules}
    assert named <= set(rules), named - set(rules)
    seen = {code for code in rules if "camera" in code and ("smoke" in code or "fire" in code)}
    assert seen and seen <= set(watched.near)
