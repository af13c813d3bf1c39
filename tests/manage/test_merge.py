"""Which case a signal belongs to: matter, place, time and what devices hang on."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.city.charter.tuning import Metres, Tuning
from tianmu.city.place.distance import metres
from tianmu.facts.place import Place
from tianmu.manage.signals.anchor import Anchor
from tianmu.manage.signals.judge import Match
from tianmu.manage.signals.open_cases import OpenCases
from tianmu.manage.signals.signal import Signal, again
from tianmu.manage.words import phrase

from .signals import CITY, PRECISIONS, index, place, signal
from .town import FIRE, LAT, METRE, MINUTE, MONDAY, RUBBISH, SMOKE


@pytest.mark.parametrize(
    ("other", "joins"),
    [
        (signal(east=40), True),
        (signal(SMOKE, east=40), True),
        (signal(RUBBISH, east=5), False),  # another matter
        (signal(east=140), False),  # too far
        (signal(east=120, place=place(120, precision=80)), True),  # unless it is so imprecise
        (signal(at=MONDAY + 59 * MINUTE), True),
        (signal(at=MONDAY + 61 * MINUTE), False),  # too late
        (signal(probe="p"), False),  # marked
        (signal("", east=5), False),  # being near says nothing about what it is
        (signal("", kind="report", text="flames from the roof"), True),
        (signal("", kind="report", text="my neighbour sings"), False),
    ],
)
def test_pairs_of_signals(other: Signal, joins: bool) -> None:
    first = signal(kind="report", text="flames on the roof")
    found = index(("c1", first)).match(other)
    assert (found is not None) == joins
    if found:
        assert 0.6 <= found.score <= 1.0
        assert all(reason["zh"] and reason["en"] for reason in found.reasons)


def test_the_same_condition_is_the_same_thing() -> None:
    cases = index(("c1", signal(identity="rule@d")))
    found = cases.match(signal(identity="rule@d", at=MONDAY + 5000 * MINUTE, east=4000))
    assert found is not None
    assert (found.case, found.score) == ("c1", 1.0)
    assert found.reasons[0]["en"] == "the same alarm condition again"


def test_the_same_device_and_panel_are_near_without_a_map() -> None:
    nowhere = Place()
    cases = index(("c1", signal(device="d", panel="p/1", place=nowhere)))
    by_device = cases.match(signal(SMOKE, device="d", place=nowhere))
    by_panel = cases.match(signal(device="e", panel="p/1", place=nowhere))
    assert by_device and by_device.reasons[1]["en"] == "the same device d"
    assert by_panel and by_panel.reasons[1]["en"] == "the same panel or station p/1"
    assert cases.match(signal(device="e", panel="p/2", place=nowhere)) is None


def test_addresses_join_where_there_is_no_point() -> None:
    told = Place(division="11", address="Long Lane 12, back yard")
    cases = index(("c1", signal(kind="report", place=told, text="fire")))
    for number in range(40):  # the more addresses are told, the more it says that two are the same
        cases.by_name.names.learn(f"road{number:02d} ")
    near = Place(division="11", address="long lane 12")
    other = Place(division="12", address="Long Lane 12")
    assert cases.match(signal(kind="report", place=near, text="it burns"))
    assert cases.match(signal(kind="report", place=other, text="it burns")) is None


def test_a_running_alarm_does_not_grow_old() -> None:
    cases = index(("c1", signal()))
    anchor = cases.get("c1")
    assert anchor is not None
    later = signal(at=MONDAY + 300 * MINUTE)
    assert cases.match(later) is None
    anchor.active = 1
    assert cases.match(later) is not None


def test_what_nobody_new_has_told_of_for_long_is_told_of_no_more() -> None:
    matters = {
        key: msgspec.structs.replace(one, told_min=15.0) for key, one in CITY.matters.items()
    }
    cases = OpenCases(matters, LAT, Tuning())
    cases.put(Anchor(case="c1", probe="", place=place(), matter=FIRE, last_at=0, first_at=MONDAY))
    cases.join("c1", signal(device="d1", panel="p/1", at=MONDAY))
    for minute in (10, 20, 30):
        cases.join("c1", signal(device="d1", panel="p/1", at=MONDAY + minute * MINUTE))
    anchor = cases.get("c1")
    assert anchor is not None and anchor.fresh_at == MONDAY
    anchor.active = 1
    beside = {"device": "d2", "east": 80}
    assert cases.match(signal(at=MONDAY + 14 * MINUTE, **beside))
    assert cases.match(signal(at=MONDAY + 16 * MINUTE, **beside)) is None
    # … but at the very spot of what still goes on it is the same
    assert cases.match(signal(device="d2", at=MONDAY + 29 * MINUTE))
    anchor.active = 0
    assert cases.match(signal(device="d2", at=MONDAY + 29 * MINUTE)) is None
    anchor.active = 1
    assert cases.match(signal(device="d1", at=MONDAY + 31 * MINUTE))  # it is the very device
    cases.join("c1", signal(device="d2", at=MONDAY + 14 * MINUTE))
    assert cases.match(signal(device="d3", at=MONDAY + 28 * MINUTE))  # somebody new has told


def test_what_was_first_told_of_long_ago_is_told_of_no_more_however_many_told() -> None:
    matters = {
        key: msgspec.structs.replace(one, told_min=15.0, told_for_min=40.0)
        for key, one in CITY.matters.items()
    }
    cases = OpenCases(matters, LAT, Tuning())
    cases.put(Anchor(case="c1", probe="", place=place(), matter=FIRE, last_at=0, first_at=MONDAY))
    for minute in (0, 10, 20, 30, 39):
        cases.join("c1", signal(device=f"d{minute}", at=MONDAY + minute * MINUTE))
    beside = {"device": "d", "east": 80}
    assert cases.match(signal(at=MONDAY + 40 * MINUTE, **beside))
    assert cases.match(signal(at=MONDAY + 41 * MINUTE, **beside)) is None
    assert cases.match(signal(device="d10", at=MONDAY + 41 * MINUTE))  # it is the very device


def test_a_relation_that_reaches_farther_does_not_outweigh_the_matter_itself() -> None:
    far = {SMOKE: 900.0}
    matters = dict(CITY.matters)
    matters[FIRE] = msgspec.structs.replace(matters[FIRE], related_m=far)
    matters[SMOKE] = msgspec.structs.replace(matters[SMOKE], related_m={FIRE: 900.0})
    cases = OpenCases(matters, LAT, Tuning())
    cases.put(Anchor(case="c1", probe="", place=place(), matter=FIRE, last_at=0, first_at=MONDAY))
    cases.join("c1", signal(FIRE))
    told = signal(SMOKE, east=600)
    assert cases.match(told) is not None
    cases.join("c1", signal(SMOKE, east=-20))
    cases.join("c1", signal(SMOKE, east=20))
    assert cases.match(told) is None  # its smoke is seen elsewhere
    assert cases.match(signal(SMOKE, east=60)) is not None


def test_a_point_that_says_little_does_not_say_that_the_matter_is_elsewhere() -> None:
    cases = index(("c1", signal(FIRE)))
    cases.join("c1", signal(SMOKE, place=place(700, precision=1000)))
    assert cases.match(signal(SMOKE, east=20)) is not None


def test_the_metres_are_the_citys() -> None:
    def match(told: Place, **metres: float) -> Match | None:
        how = Metres(**metres)
        cases = OpenCases(CITY.matters, LAT, Tuning(), metres=how)
        anchor = Anchor(
            case="c1", probe="", place=place(), matter=FIRE, last_at=MONDAY, first_at=MONDAY,
            metres=how,
        )  # fmt: skip
        cases.put(anchor)
        cases.join("c1", signal())
        return cases.match(signal(kind="report", place=told))

    def likeliest(found: Match | None) -> bool:
        assert found is not None
        return phrase("reason.likeliest", others=0) in found.reasons

    assert not likeliest(match(place(150, precision=250)))
    assert likeliest(match(place(150, precision=250), vague=200))  # the point says too little
    assert match(place(102, precision=30), exact=20)
    assert not match(place(101), sharp=1)
    assert match(place(101), sharp=60)  # a point that says nothing may be off by so many


def test_the_likeliest_case_wins_and_the_older_of_equals() -> None:
    near = index(("c1", signal(east=80)), ("c2", signal(east=20))).match(signal())
    assert near and near.case == "c2"
    equal = index(("c2", signal()), ("c1", signal())).match(signal())
    assert equal and equal.case == "c1"


def test_what_was_taken_apart_is_remembered() -> None:
    cases = index(("c1", signal()))
    anchor = cases.get("c1")
    assert anchor is not None
    anchor.apart = frozenset(("alarm:s",))
    assert cases.match(signal()) is None
    assert cases.match(signal(id="t")) is not None


def test_dropped_cases_are_gone_from_every_index() -> None:
    cases = index(("c1", signal(device="d", panel="p/1", identity="i")), ("c2", signal(east=900)))
    cases.drop("c1")
    assert "c1" not in cases and len(cases) == 1
    assert cases.match(signal(device="d", panel="p/1", identity="i")) is None
    cases.drop("c2")
    assert not cases._squares and not cases._devices and not cases._identities
    assert not cases._panels and not cases._ties
    assert not cases.by_name._cases and not cases.by_name._where and not cases.by_name._unplaced


@given(
    st.lists(
        st.tuples(
            st.floats(-900, 900),
            st.floats(-900, 900),
            st.sampled_from((FIRE, SMOKE, "")),
            st.sampled_from(PRECISIONS),
        ),
        min_size=1,
        max_size=40,
    ),
    st.floats(-900, 900),
    st.floats(-900, 900),
    st.sampled_from(PRECISIONS),
)
def test_the_squares_lead_to_whatever_fits(
    spots: list[tuple[float, float, str, float | None]],
    east: float,
    north: float,
    precision: float | None,
) -> None:
    """No case that weighing each one would find is missed, however precise the places are."""
    cases = index(
        *(
            (f"c{n}", signal(matter, place=place(x, y, precision=about)))
            for n, (x, y, matter, about) in enumerate(spots)
        )
    )
    asked = signal(place=place(east, north, precision=precision))
    found = {fit.case: -fit.rank for fit in cases.fits(asked)}
    slow = {}
    for number in range(len(spots)):
        anchor = cases.get(f"c{number}")
        assert anchor is not None
        slow[anchor.case] = cases.judge.score(asked, anchor)[0]
    threshold = cases.tuning.threshold
    assert found == {case: score for case, score in slow.items() if score >= threshold}


def test_a_case_is_found_at_the_points_that_joined_it() -> None:
    cases = index(("c1", signal()))
    asked = signal(id="t", place=place(east=140))
    assert cases.match(asked) is None
    cases.join("c1", signal(id="s2", place=place(east=95)))
    found = cases.match(asked)
    assert found is not None and found.case == "c1"


@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(-500, 500), st.floats(-500, 500))
def test_metres_are_metres(lon: float, lat: float, east: float, north: float) -> None:
    from math import cos, hypot, radians

    one = Place(longitude=lon, latitude=lat)
    x = lon + east * METRE / cos(radians(lat))
    other = Place(longitude=max(-180.0, min(180.0, x)), latitude=lat + north * METRE)
    if abs(x) <= 180:
        far = metres(one, other)
        assert far is not None
        assert far == pytest.approx(hypot(east, north), rel=2e-3, abs=0.01)


def test_a_signal_that_a_case_keeps_comes_back_whole() -> None:
    first = signal(
        device="d",
        panel="p/1",
        identity="i",
        text="words",
        title={"en": "t"},
        priority=2,
        severity="II",
        collector="greg",
        department="fire",
    )
    assert again(first.told(), "") == first


def test_what_hangs_together_is_near_and_what_does_not_is_apart() -> None:
    cases = OpenCases(CITY.matters, LAT, Tuning(), parts=("main",))
    for case, tie, east in (("c1", "main=1", 0), ("c2", "main=2", 3000)):
        first = signal(east=east, ties=(tie,))
        cases.put(Anchor(case, "", first.place, FIRE, first.at, first.at))
        cases.join(case, first)
    far = cases.match(signal(SMOKE, east=2500, ties=("main=1",)))
    assert far and far.case == "c1"
    assert far.reasons[1]["en"] == "the same main 1"
    other = cases.match(signal(east=10, ties=("main=3",)))
    assert other is None  # near, but of another main
    untied = cases.match(signal(east=10))
    assert untied and untied.case == "c1"


def test_a_relation_says_how_near() -> None:
    matters = dict(CITY.matters)
    for key, other in ((FIRE, SMOKE), (SMOKE, FIRE)):
        matters[key] = msgspec.structs.replace(matters[key], related_m={other: 20.0})
    cases = OpenCases(matters, LAT, Tuning())
    first = signal()
    cases.put(Anchor("c1", "", first.place, FIRE, first.at, first.at))
    assert cases.match(signal(SMOKE, east=15))
    assert cases.match(signal(SMOKE, east=40)) is None
    assert cases.match(signal(FIRE, east=40))


def test_a_case_is_where_its_signals_are_on_the_whole() -> None:
    cases = index(("c1", signal()))
    assert cases.match(signal(id="t", east=130)) is None
    for n in range(3):
        cases.join("c1", signal(id=f"u{n}", east=60))
    found = cases.match(signal(id="t", east=130))
    assert found and found.reasons[1]["en"] == "85 m apart (radius 100 m)"
    assert cases.match(signal(id="t", east=-80)) is None  # not one beside the other without end


def test_people_tell_of_what_extends_far_from_anywhere_in_it() -> None:
    cases = OpenCases(CITY.matters, LAT, Tuning(), parts=("main",))
    first = signal(ties=("main=1",))
    cases.put(Anchor("c1", "", first.place, FIRE, first.at, first.at))
    for n, east in enumerate((0, 400, 800)):
        cases.join("c1", signal(id=f"s{n}", east=east, ties=("main=1",)))
    between = place(200)
    assert cases.match(signal(id="d", place=between)) is None  # a device that is no part of it
    told = signal(kind="report", id="r", place=between, text="it burns")
    assert cases.match(told)


def test_what_leads_to_the_other_does_not_hide_that_two_cases_are_one() -> None:
    matters = dict(CITY.matters)
    for key, other in ((FIRE, SMOKE), (SMOKE, FIRE)):
        matters[key] = msgspec.structs.replace(matters[key], related_m={other: 50.0})
    cases = index(("c1", signal(SMOKE, east=90)), ("c2", signal(east=100)), matters=matters)
    assert cases.alike("c2", "c1") is None  # the relation only leads so far: a person may say so
    cases.join("c1", signal(FIRE, id="f", east=40))
    found = cases.alike("c2", "c1")
    assert found and found.reasons[1]["en"] == "the same matter"


def test_what_some_call_smoke_and_others_a_fire_at_one_house_is_one_thing() -> None:
    """A panel whose first device has no place, and neighbours who smell smoke."""
    cases = index(
        ("c1", signal(id="p", ties=("panel=1",), place=Place(), device="d1")),
        ("c2", signal(SMOKE, kind="report", id="r", east=40, text="smoke in the stairs")),
    )
    assert cases.alike("c2", "c1") is None
    burns = signal(id="q", ties=("panel=1",), east=10, device="d2")
    found, fits = cases.find(burns)
    assert found and found.case == "c1" and len(fits) == 2
    cases.join("c1", burns)
    assert cases.bridged(burns, "c1", fits) == [("c2", "c1")]
    one = cases.alike("c2", "c1")
    assert one and [reason["en"] for reason in one.reasons[:3]] == [
        "one signal fits both cases",
        "related matters: smoke and fire",
        "30 m apart (radius 100 m)",
    ]
