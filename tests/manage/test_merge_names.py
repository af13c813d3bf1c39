"""Merging by words and names: what texts tell of the matter and of the place."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from tianmu.city.charter.tuning import Again, Powers, Tuning
from tianmu.facts.place import Place
from tianmu.facts.report import Report
from tianmu.manage import intake
from tianmu.manage.case.draft import Draft
from tianmu.manage.signals.anchor import Anchor, anchor_of, widen
from tianmu.manage.signals.by_name import of_two, stands_for
from tianmu.manage.signals.judge import Evidence, Match
from tianmu.manage.signals.likeness import Wording, likeness, pairs
from tianmu.manage.signals.open_cases import OpenCases
from tianmu.manage.signals.place_names import PlaceNames, tells
from tianmu.manage.signals.signal import of_report
from tianmu.manage.signals.vocabulary import Vocabulary

from .signals import CITY, index, place, signal
from .town import FIRE, LAT, MINUTE, MONDAY, RUBBISH

POWERS = tuple(name for name in Powers.__struct_fields__ if name != "anew")


@given(st.text(max_size=80), st.text(max_size=80))
def test_likeness_is_a_share(one: str, other: str) -> None:
    a, b = pairs(one), pairs(other)
    assert 0.0 <= likeness(a, b) == likeness(b, a) <= 1.0
    if len(a) >= 4:
        assert likeness(a, a) == 1.0


def test_names_of_divisions_make_no_two_texts_alike() -> None:
    wording = Wording(("天目湖镇", "湖镇", "Lake Town", ""))
    one, other = "天目湖镇着火了", "天目湖镇路灯不亮"
    assert likeness(pairs(one), pairs(other)) > 0.4
    assert likeness(wording.pairs(one), wording.pairs(other)) == 0.0
    assert wording.pairs("Fire in Lake Town!") == pairs("Fire in")
    assert wording.pairs("天目湖镇") == pairs("天目湖镇")  # it says nothing else
    assert wording.pairs("") == frozenset()
    assert Wording().pairs(one) == pairs(one)


def test_words_tell_the_matter() -> None:
    words = Vocabulary({"fire": ("着火", "起火了"), "smoke": ("冒烟",), "lamp": ("路灯",)})
    assert words.matters("三楼起火了，还在冒烟")[0][0] == "fire"
    assert words.matters("路燈不亮") == []
    assert words.matters("楼下路灯不亮") == [("lamp", 1.0)]
    assert words.matters("") == []


def test_words_written_apart_are_found_where_one_begins() -> None:
    words = Vocabulary({"ice": ("ice", "icy"), "gas": ("smell of gas",), "fire": ("火灾", "Fire")})
    assert words.matters("The police office is closed") == []
    assert words.matters("Black ice, and a SMELL  of gas!")[0] == ("gas", 0.8)
    assert words.matters("Icy road") == [("ice", 1.0)]
    assert words.matters("火灾 fires") == [("fire", 1.0)]


def test_a_matter_that_the_words_do_not_bear_out_counts_less() -> None:
    assert of_report(told_of(FIRE), ((FIRE, 1.0),)).matters == ((FIRE, 1.0),)
    assert of_report(told_of(FIRE), ()).matters == ((FIRE, 1.0),)
    assert of_report(told_of(FIRE), ((RUBBISH, 1.0),)).matters == ((FIRE, 0.6), (RUBBISH, 0.6))


def told_of(matter: str) -> Report:
    return Report(report="r", at=MONDAY, channel="app", text="words", matter=matter)


def test_names_tell_where_no_point_does() -> None:
    market, school = "flames by the old market hall", "flames behind the grammar school"
    cases = index(
        ("c1", signal(kind="report", text=market, place=place())),
        ("c2", signal(kind="report", text=school, place=place(4000))),
    )
    told = Place(division="11", address="old market hall")
    found = cases.match(signal(kind="report", id="t", text="it burns", place=told))
    assert found and found.case == "c1"
    assert found.reasons[-1]["en"] == "the likeliest of such cases (1 others)"
    nowhere = Place(division="11", address="fire station")
    assert cases.match(signal(kind="report", id="t", text="it burns", place=nowhere)) is None
    elsewhere = Place(division="12", address="old market hall")
    assert cases.match(signal(kind="report", id="t", text="it burns", place=elsewhere)) is None


def test_a_mistaken_matter_does_not_change_what_a_case_is_about() -> None:
    cases = index(("c1", signal(RUBBISH)))
    for n in range(4):
        cases.join("c1", signal(RUBBISH, id=f"s{n}"))
    cases.join("c1", signal(FIRE, id="wrong"))
    assert cases.match(signal(FIRE, id="t")) is None
    assert cases.match(signal(RUBBISH, id="t"))


def test_names_are_what_addresses_say_beside_the_division() -> None:
    names = PlaceNames(("天目湖镇", "镇", "Lake Town"))
    assert names.of_address("天目湖镇老街中段") == "老街中段"
    assert names.of_address("laketownmillstreet3") == "millstreet3"
    assert names.of_address("天目湖镇") == ""
    assert names.named(" 老街中段着火了") == []  # nobody has called a place so yet
    rare = names.share("老街中段")
    for _ in range(20):
        names.learn("天目湖镇老街中段 着火了")
    names.learn("天目湖镇桥头 着火了")
    assert names.named("天目湖镇桥头 老街中段着火了") == ["桥头", "老街中段"]
    assert names.share("桥头") < names.share("老街中段") <= 1.0
    assert 0.0 < rare <= 1.0
    assert tells("人民路12号3楼", "天目湖镇人民路12号3楼东 着火") and not tells("桥头", "桥 头")


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=12), min_size=1, max_size=60))
def test_names_seldom_told_tell_most(addresses: list[str]) -> None:
    names = PlaceNames()
    for address in addresses:
        names.learn(f"{address} ")
    told = [name for address in addresses if (name := names.of_address(address))]
    for one in told:
        for other in told:
            if told.count(one) > told.count(other):
                assert names.share(one) > names.share(other)


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=12))
def test_names_tell_of_one_thing_as_all_pairs_that_it_could_go_by_do(told: list[str]) -> None:
    share = {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.06, "e": 0.04}
    stray, whole = 0.1, 0.0
    for (one, first), (other, second) in product(share.items(), repeat=2):
        likely = first * second
        for name in told:
            own = (1 - stray) / 2 * ((name == one) + (name == other))
            likely *= (stray * share[name] + own) / (stray * share[name])
        whole += likely
    assert math.isclose(of_two(Counter(told), share, stray), whole, rel_tol=1e-9)


def test_what_many_have_told_tells_as_surely_as_a_number_can_say() -> None:
    assert math.isfinite(of_two({"a": 48, "b": 40}, {"a": 1e-7, "b": 1e-7}, 1e-3, 12 / 48))
    cases = index(("c1", signal(kind="report", text="by the mill", place=place())))
    for n in range(60):
        cases.join("c1", signal(kind="report", id=f"r{n}", text="fire by the mill", place=place()))
    told = signal(kind="report", id="t", text="", place=Place(division="11", address="mill"))
    [guess] = cases.by_name.guesses(told, (FIRE,))
    assert 0 < guess.share <= 1


def test_one_who_was_not_sure_is_looked_at_again() -> None:
    cases = index(
        ("c1", signal(kind="report", text="flames by the old market hall", place=place())),
        ("c2", signal(kind="report", text="flames behind the school", place=place(4000))),
        ("c3", signal(kind="report", text="it burns", place=Place(division="11", address="mill"))),
    )
    assert cases.again(MONDAY + 16 * MINUTE) == []
    for n in range(5):
        cases.join(
            "c2", signal(kind="report", id=f"m{n}", text="flames at the mill", place=place(4000))
        )
    assert cases.again(MONDAY + 30 * MINUTE) == []  # it has just been looked at
    assert cases.again(MONDAY + 31 * MINUTE) == [("c3", "c2")]
    found = cases.alike("c3", "c2")
    assert found and found.score >= Tuning().by_name


def test_one_is_looked_at_again_with_powers_of_its_own() -> None:
    first = ("c1", signal(device="d1", place=place()))
    told = signal(kind="report", id="t", place=Place(division="11", address="mill"))
    for lone, sees in ((-50.0, False), (50.0, True)):
        cases = index(first, again=Again(lone=lone))
        assert 0 < cases.by_name.guesses(told, (FIRE,))[0].share < 1
        [later] = cases.by_name.guesses(told, (FIRE,), own="c2")
        assert (later.share > 0.99) is sees


@given(st.lists(st.floats(-3, 3), min_size=len(POWERS), max_size=len(POWERS)))
def test_what_tells_for_a_case_is_a_sum_over_the_powers(numbers: list[float]) -> None:
    """So that they can be fitted: each power times a number that hangs on no power."""
    cases = index(("c1", signal(device="d1", place=place())))
    for minutes in (1, 4, 30):
        at = MONDAY + minutes * MINUTE
        cases.join("c1", signal(kind="report", id=f"r{minutes}", at=at, text="it burns"))
    anchor = cases.get("c1")
    assert anchor is not None
    told = signal(kind="report", id="t", at=MONDAY + 20 * MINUTE, place=place(600, precision=900.0))
    evidence = Evidence("same_matter", FIRE, FIRE, 100.0, 60.0, 10.0, metres=600.0)

    def power(**powers: float) -> float:
        some = Powers(**{**dict.fromkeys(POWERS, 0.0), **powers})
        return cases.by_name._power(told, anchor, evidence, 0.8, 905.0, some)

    whole = sum(one * power(**{name: 1.0}) for name, one in zip(POWERS, numbers, strict=True))
    assert math.isclose(power(**dict(zip(POWERS, numbers, strict=True))), whole, abs_tol=1e-9)


def test_a_case_whose_point_a_person_gave_is_known_by_names_too() -> None:
    """As it is read again after a start: no report of it has a point of its own."""
    first = signal(kind="report", text="it burns", place=Place(division="11"))
    cases = OpenCases(CITY.matters, LAT, Tuning())
    anchor = Anchor("c1", "", place(), FIRE, MONDAY, MONDAY)
    widen(anchor, first)
    cases.put(anchor)
    told = signal(
        kind="report", id="t", at=MONDAY + MINUTE, place=Place(division="11", address="the mill")
    )
    [found] = cases.by_name.guesses(told, (FIRE,), ["the mill"])
    assert found.case == "c1" and found.share > 0.1


def test_names_told_before_a_point_was_known_are_known_after_a_start_too() -> None:
    """As it is read again, with the point that came later."""
    unplaced = Place(division="11", address="by the old mill")
    first = signal(kind="report", id="r1", text="it burns", place=unplaced)
    later = signal(kind="alarm", id="a1", device="d1", at=MONDAY + MINUTE, place=place())
    draft = Draft("c1", None, MONDAY)
    intake.open_case(draft, CITY, first, "N1", intake.Policy())
    live = OpenCases(CITY.matters, LAT, Tuning())
    anchor = anchor_of(draft.state, live.metres)
    widen(anchor, first)
    live.put(anchor)
    live.join("c1", later)
    intake.join_case(draft, CITY, later, Match("c1", 0.9, ()), intake.Policy())
    assert draft.state.place.longitude is not None
    again = OpenCases(CITY.matters, LAT, Tuning())
    again.refresh(draft.state, [first, later])
    known = again._anchors["c1"]
    assert known.said == anchor.said == [first.said] and first.said
    assert known.told_at == anchor.told_at and known.spots == [draft.state.place]


def test_powers_of_a_pack_that_count_the_other_way_lose_no_report() -> None:
    first = signal(device="d1", place=place())
    for powers in (Tuning(gap=-3.0), Tuning(gap=3.0), Tuning(span=-300.0)):
        cases = OpenCases(CITY.matters, LAT, powers)
        anchor = Anchor("c1", "", first.place, FIRE, MONDAY, MONDAY, active=1)
        widen(anchor, first)
        cases.put(anchor)
        at = MONDAY + 30 * 24 * 60 * MINUTE
        told = signal(kind="report", id="t", at=at, place=Place(division="11", address="mill"))
        for guess in cases.by_name.guesses(told, (FIRE,), ["mill"]):
            assert 0.0 <= guess.share <= 1.0


def test_who_tells_once_more_is_no_second_voice() -> None:
    """Under the number that was given: the address they gave counts once, and so does the time at
    which they told; only what they say beside it is new."""
    mill, more = Place(division="11", address="old mill"), "it burns by the brewery"
    first = signal(kind="report", id="r1", identity="hotline#7", text="it burns", place=mill)
    later = MONDAY + 55 * MINUTE
    for number, voices in (("hotline#7", 1), ("hotline#8", 2)):
        cases = index(("c1", first))
        anchor = cases.get("c1")
        assert anchor is not None
        told = signal(kind="report", id="r2", identity=number, at=later, text=more, place=mill)
        cases.join("c1", told)
        assert sum("oldmill" in said for said in anchor.said) == voices
        assert any("brewery" in said for said in anchor.said)
        assert len(anchor.told_at) == voices and anchor.matters[FIRE] == voices
        assert anchor.last_at == later
        assert stands_for(anchor).at == (MONDAY if voices == 1 else later)


def test_who_tells_once_more_from_another_point_tells_where_it_is() -> None:
    first = signal(kind="report", id="r1", identity="app#7", place=Place(division="11"))
    again = signal(kind="report", id="r2", identity="app#7", at=MONDAY + MINUTE, place=place(400))
    cases = index(("c1", first))
    anchor = cases.get("c1")
    assert anchor is not None and not anchor.middles
    cases.join("c1", again)
    assert anchor.middles[FIRE].place().longitude == place(400).longitude
    error = anchor.middles[FIRE].error
    cases.join("c1", signal(kind="report", id="r3", identity="app#7", place=place(400)))
    assert anchor.middles[FIRE].error == error  # said twice it is no more exact
    assert anchor.count == 3
