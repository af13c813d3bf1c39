"""A sensitive hour, month or period begins: open cases that it is about are asked, no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from tianmu.city.city import City
from tianmu.city.level.grading import Condition, GradingRule, Period
from tianmu.manage.desk import season
from tianmu.manage.kept.rebuild import rebuild
from tianmu.manage.manage import Manage

from .house import House
from .town import COMMANDER, HOUR, MINUTE, MONDAY, POTHOLE, RUBBISH, at, text, town

FAIR = Period(code="fair", name=text("the fair"), first="03-03", last="03-04")


def city() -> City:
    rules = (
        GradingRule(
            code="fair",
            name=text("rubbish at the fair"),
            when=Condition(matters=(RUBBISH,), periods=("fair",)),
            level=3,
        ),
        GradingRule(
            code="night",
            name=text("a hole in the dark"),
            when=Condition(matters=(POTHOLE,), hours=(20, 6)),
            level=4,
        ),
    )
    plain = town()
    grading = msgspec.structs.replace(plain.grading, rules=rules, periods=(FAIR,))
    return replace(plain, grading=grading)


class Fair(House):
    def open(self) -> None:
        super().open()
        clock: Callable[[], int] = lambda: self.now  # noqa: E731
        self.manage = Manage(self.hub, self.journal, city(), clock, self.data)
        self.manage.start()

    def at(self, when: str) -> list[str]:
        """Levels of all cases, once all that is due by then has been attended to."""
        self.now = at(when)
        self.work()
        return [one.level for one in self.states()]


def told(house: House) -> None:
    house.report("rubbish", matter=RUBBISH)
    house.report("pothole", matter=POTHOLE, east=400.0)
    house.work()


def test_levels_rise_as_the_hour_and_the_day_come_and_say_by_which_rule(tmp_path: Path) -> None:
    house = Fair(tmp_path)
    told(house)
    assert house.at("2026-03-02T19:59") == ["V", "V"]
    assert house.at("2026-03-02T20:00") == ["V", "IV"]
    assert house.at("2026-03-02T23:59") == ["V", "IV"]
    assert house.at("2026-03-03T00:00") == ["III", "IV"]
    rubbish, hole = house.states()
    for state, code in ((rubbish, "fair"), (hole, "night")):
        grades = [
            one["data"]
            for one in house.manage.case_view(state.case)["events"]
            if one["step"] == "grade"
        ]
        assert [one.get("rules") for one in grades] == [[], [code]]
    before = house.states()
    rebuild(house.hub, house.journal)
    assert house.states() == before
    house.close()


def test_what_began_while_the_city_was_down_is_asked_at_its_start(tmp_path: Path) -> None:
    house = Fair(tmp_path)
    told(house)
    house.close()
    house.now = at("2026-03-03T12:00")
    house.open()
    house.work()
    assert [one.level for one in house.states()] == ["III", "V"], "at noon it is no night"
    house.close()


def test_a_level_that_a_person_has_set_stays_and_the_case_says_what_is_asked_for(
    tmp_path: Path,
) -> None:
    house = Fair(tmp_path)
    told(house)
    case = house.states()[0].case
    house.manage.command(case, "grade", COMMANDER, reason="a bag only", data={"level": "V"})
    assert house.at("2026-03-03T00:00") == ["V", "IV"]
    assert house.manage.case(case).advised == 3
    assert house.at("2026-03-04T00:00") == ["V", "IV"], "the fair goes on: it is said once"
    steps = [one["step"] for one in house.manage.case_view(case)["events"]]
    assert steps.count("advise") == 1
    house.close()


def test_it_looks_at_midnight_and_as_hours_begin() -> None:
    where = city()
    assert season.next_at(where, MONDAY) == at("2026-03-02T20:00")
    assert season.next_at(where, at("2026-03-02T20:00")) == at("2026-03-03T00:00")
    assert season.next_at(where, at("2026-03-03T00:00") - MINUTE) == at("2026-03-03T00:00")
    assert season.next_at(where, at("2026-03-02T23:00") + HOUR) == at("2026-03-03T20:00")
