"""Hits, misses and false alarms, as the people who dealt with the cases left them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import table
from tianmu.scenarios.past.command import notes_of
from tianmu.scenarios.past.record import WEEK, Judged, begins, judge, record, summed
from tianmu.store.records import Records

RULES = ("forest_camera.smoke",)


def case(outcome: str, *, open: bool = False) -> CaseState:
    return CaseState(case="c1", number="1", version=1, stage="", open=open, outcome=outcome)


def alarm(at: float, rule: str = RULES[0]) -> dict[str, Any]:
    return {"kind": "alarm", "at": int(at * 1e6), "identity": f"{rule}@d1/smoke"}


def report(at: float) -> dict[str, Any]:
    return {"kind": "report", "at": int(at * 1e6)}


@pytest.mark.parametrize(
    ("state", "members", "verdict", "lead"),
    [
        (case("closed"), [alarm(100), report(400)], "hit", 300),
        (case("closed"), [report(100), alarm(400)], "hit", -300),
        (case("closed"), [alarm(100), alarm(90)], "hit", None),
        (case("closed"), [report(100)], "miss", None),
        (case("closed"), [alarm(100, "smoke_detector.fire")], "miss", None),
        (case("void"), [alarm(100)], "false", None),
        (case("", open=True), [alarm(100)], "open", None),
    ],
)
def test_a_case_is_judged_by_how_it_ended(
    state: CaseState, members: list[dict[str, Any]], verdict: str, lead: float | None
) -> None:
    judged = judge(state, members, RULES)
    assert judged is not None and (judged.verdict, judged.lead) == (verdict, lead)


def test_what_is_none_of_its_business_is_left_out() -> None:
    assert judge(case("void"), [report(1)], RULES) is None
    assert judge(case("merged"), [alarm(1)], RULES) is None


def judged_alone(count: int) -> list[Judged]:
    """Hits of which nobody told but the alarm."""
    one = judge(case("closed"), [alarm(0)], RULES)
    assert one is not None
    return [one] * count


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([[alarm(0)], [alarm(0)]], ["of all 2 hits nobody told but the alarm: "]),
        ([[alarm(0)]], ["of the one hit nobody told but the alarm: "]),
        ([[alarm(0)], [alarm(0), report(60)]], []),
        ([[report(0)]], ["no alarm has been found right in it: "]),
        ([], ["no case of this scenario has ended in it: "]),
    ],
)
def test_why_there_is_no_lead_time_is_said(
    members: list[list[dict[str, Any]]], says: list[str]
) -> None:
    judged = [one for told in members if (one := judge(case("closed"), told, RULES)) is not None]
    notes = notes_of(summed(judged, 0, 60 * WEEK), played=False)
    assert len(notes) == len(says)
    assert all(one.startswith(said) for one, said in zip(notes, says, strict=True))


def test_figures_of_two_weeks() -> None:
    ends = [("closed", [alarm(0), report(60)]), ("closed", [alarm(0), report(180)]),
            ("closed", [report(0)]), ("void", [alarm(0)]), ("void", [alarm(0)]),
            ("void", [alarm(0)])]  # fmt: skip
    judged = [one for end, told in ends if (one := judge(case(end), told, RULES)) is not None]
    made = summed(judged, 0, 2 * WEEK)
    assert (made.hits, made.misses, made.false, made.open) == (2, 1, 3, 0)
    assert made.false_per_week == 1.5 and made.lead_median == 120
    assert made.alone == 0
    alone = summed([*judged, *judged_alone(2)], 0, 2 * WEEK)
    assert (alone.hits, alone.alone, alone.lead_median) == (4, 2, 120)
    assert summed(judged_alone(3), 0, 2 * WEEK).lead_median is None
    assert made.false_at_most == pytest.approx(7.754 / 2, abs=1e-3), "a table of Poisson's bounds"
    # weeks before the city began say nothing
    young = summed(judged, 0, 2 * WEEK, began=WEEK)
    assert (young.weeks, young.false_per_week) == (1.0, 3.0)
    assert summed(judged, WEEK, 2 * WEEK, began=1).weeks == 1.0
    assert summed(judged, 0, 2 * WEEK, began=2 * WEEK).weeks == 1 / 7, "a day at least"


def test_a_city_without_a_case_has_no_past_that_was_free_of_false_alarms(tmp_path: Path) -> None:
    with Records(tmp_path / "hub.sqlite") as records:
        records.create(table.metadata)
        made = records.read(lambda c: record(c, ["fire"], RULES, 0, 12 * WEEK))
        assert records.read(begins) == 0
    assert made.weeks == 1 / 7 and made.false_at_most == pytest.approx(20.97, abs=0.01)
    assert made.begins == 12 * WEEK
