"""Which open cases whoever takes a call is offered."""

from __future__ import annotations

from typing import Any

from tianmu.facts.place import Place
from tianmu.manage.signals.offered import offered
from tianmu.manage.signals.open_cases import OpenCases
from tianmu.manage.signals.signal import Signal

from .signals import index, place, signal
from .town import FIRE, RUBBISH


def told(matter: str = "", **more: Any) -> Signal:
    return signal(matter, kind="report", **more)


def cases_of(cases: OpenCases, call: Signal, most: int = 5) -> list[str]:
    return [one.case for one in offered(cases, call, most)]


def test_what_merging_would_join_comes_first_then_the_matter_here_then_what_is_near() -> None:
    cases = index(
        ("far", signal(east=2000)),
        ("next", signal(RUBBISH, east=30)),
        ("same", signal(east=20)),
    )
    assert cases_of(cases, told(FIRE)) == ["same", "far", "next"]
    assert cases_of(cases, told(FIRE), most=2) == ["same", "far"]
    found = offered(cases, told(FIRE), 5)
    assert all(reason["zh"] and reason["en"] for one in found for reason in one.reasons)
    assert [one.score > 0 for one in found] == [True, False, False]


def test_a_point_alone_finds_what_is_near_it_the_nearest_first() -> None:
    cases = index(("b", signal(RUBBISH, east=80)), ("a", signal(east=20)), ("c", signal(east=900)))
    assert cases_of(cases, told()) == ["a", "b"]
    vague = told(place=place(precision=2000))
    assert cases_of(cases, vague) == []


def test_words_alone_find_what_was_told_in_like_words() -> None:
    nowhere = Place()
    cases = index(
        ("c1", signal(kind="report", place=nowhere, text="a lorry lost gravel on the ring road")),
        ("c2", signal(kind="report", place=nowhere, text="music until two in the night")),
    )
    assert cases_of(cases, told(place=nowhere, text="gravel on the ring road")) == ["c1"]
    assert cases_of(cases, told(place=nowhere)) == []


def test_what_is_of_a_drill_is_offered_only_in_it() -> None:
    cases = index(("drill", signal(probe="p")), ("real", signal(east=10)))
    assert cases_of(cases, told(FIRE)) == ["real"]
    assert cases_of(cases, told(FIRE, probe="p")) == ["drill"]
