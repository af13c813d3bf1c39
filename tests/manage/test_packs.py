"""The shipped packs run through this room as they are: every matter, every level."""

from __future__ import annotations

import pytest

from tianmu.city import pack
from tianmu.city.city import City
from tianmu.facts.place import Place
from tianmu.manage import intake
from tianmu.manage.actor import Actor
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.fold import fold
from tianmu.manage.case.state import CaseState
from tianmu.manage.signals.signal import Signal
from tianmu.manage.steps import overdue
from tianmu.manage.steps.lifecycle import Command, Refusal, decide

from .town import CHECKER, OFFICER, at

NOW = at("2026-03-02T03:00")
PACKS = sorted(folder.parent.name for folder in (pack.locate("liyang").parent).glob("*/city.toml"))


def _do(city: City, state: CaseState, step: str, actor: Actor, **data: object) -> CaseState:
    found = decide(state, Command(step, "because", dict(data)), actor, NOW, city)
    assert not isinstance(found, Refusal), (state.matter, step, found)
    return fold(found, state)


@pytest.mark.parametrize("name", PACKS)
def test_every_matter_goes_all_the_way(name: str) -> None:
    city = pack.load(name)
    divisions = [division.code for division in city.divisions.values()]
    for number, matter in enumerate(city.matters):
        draft = Draft("c1", None, NOW)
        signal = Signal(
            kind="report",
            id="r",
            at=NOW,
            matters=((matter, 1.0),),
            place=Place(division=divisions[number % len(divisions)]),
            text="words",
        )
        intake.open_case(draft, city, signal, "N", intake.Policy())
        state = draft.state

        state = _do(city, state, "file", OFFICER)
        assert state.stage == "handle" and state.lead, matter
        assert all(order.due > NOW for order in state.orders), matter
        for order in state.orders:
            worker = Actor("w", ("department_worker",), department=order.unit)
            state = _do(city, state, "accept", worker, order=order.order)
            state = _do(city, state, "feed_back", worker, order=order.order, result="done")
        state = _do(city, state, "check", CHECKER, result="pass")
        state = _do(city, state, "close", OFFICER)
        assert state.outcome == "closed"


@pytest.mark.parametrize("name", PACKS)
def test_what_nobody_accepts_rises_by_two_levels_and_never_to_the_gravest(name: str) -> None:
    city = pack.load(name)
    seen = dict.fromkeys(m.level or city.grading.default for m in city.matters.values())
    for own in seen:
        key = next(m.key for m in city.matters.values() if (m.level or city.grading.default) == own)
        draft = Draft("c1", None, NOW)
        signal = Signal(kind="report", id="r", at=NOW, matters=((key, 1.0),), text="words")
        intake.open_case(draft, city, signal, "N", intake.Policy())
        state = _do(city, draft.state, "file", OFFICER)
        begun = state.level_number
        now = NOW
        for _ in range(60):  # weeks of limits that run out
            marks = [m.at for c in state.running for m in c.marks[c.passed :] if m.at > now]
            if not marks:
                break
            now = min(marks)
            draft = Draft("c1", state, now)
            overdue.attend(draft, city)
            state = draft.state
        assert state.failed, (key, "nothing ran out")
        highest = begun if begun <= 2 else max(2, begun - 2)
        assert state.level_number >= highest, (key, begun, state.level)


@pytest.mark.parametrize("name", PACKS)
def test_every_level_has_a_deadline_and_somebody(name: str) -> None:
    city = pack.load(name)
    for level in city.profile.levels:
        for matter in city.matters:
            draft = Draft("c1", None, NOW)
            signal = Signal(
                kind="alarm",
                id="a",
                at=NOW,
                matters=((matter, 1.0),),
                place=Place(division=city.code),
                severity=level.name,
                device="d",
            )
            intake.open_case(draft, city, signal, "N", intake.Policy())
            state = draft.state
            assert state.level_number <= level.number
            assert state.stage == "handle"
            lead = [order for order in state.orders if order.lead]
            assert lead and lead[0].unit == state.lead
            assert all(order.due > NOW for order in state.orders)


@pytest.mark.parametrize("name", PACKS)
def test_who_names_no_level_is_told_those_of_the_city(name: str) -> None:
    city = pack.load(name)
    signal = Signal(kind="report", id="r", at=NOW, matters=((next(iter(city.matters)), 1.0),))
    draft = Draft("c1", None, NOW)
    intake.open_case(draft, city, signal, "N", intake.Policy())
    for data in ({}, {"level": "none"}, {"level": ["I"]}):
        found = decide(draft.state, Command("grade", "because", data), OFFICER, NOW, city)
        assert isinstance(found, Refusal) and found.what == "data"
        for level in city.profile.levels:
            assert all(level.name in words for words in found.remedy.values()), found.remedy
