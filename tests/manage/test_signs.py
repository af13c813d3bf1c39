"""What one signal said of how grave a thing is counts when its level is asked for anew, too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from tianmu.city.level.grading import Condition, GradingRule
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept.rebuild import rebuild
from tianmu.manage.manage import Manage

from .house import House
from .town import CHECKER, COMMANDER, OFFICER, POTHOLE, RUBBISH, SMOKE, text, town

CRITICAL = GradingRule(
    code="urgent", name=text("critical report"), when=Condition(urgency=("critical",)), level=4
)


class Rules(House):
    """A house whose town also knows how urgent a report is."""

    def open(self) -> None:
        super().open()
        plain = town()
        grading = msgspec.structs.replace(plain.grading, rules=(*plain.grading.rules, CRITICAL))
        city = replace(plain, grading=grading)
        self.manage = Manage(self.hub, self.journal, city, lambda: self.now, self.data)
        self.manage.start()


def do(house: House, case: str, step: str, by: Any = OFFICER, **data: Any) -> CaseState:
    return house.manage.command(case, step, by, reason="it is so", data=data)


def test_a_corrected_matter_or_division_takes_no_urgency_and_no_word_from_a_case(
    tmp_path: Path,
) -> None:
    house = Rules(tmp_path)
    house.report("rubbish", matter=RUBBISH, urgency="critical")
    house.report("rubbish, and a boy is trapped", matter=RUBBISH, east=400.0)
    house.report("rubbish", matter=RUBBISH, east=800.0)
    house.work()
    urgent, words, plain = house.states()
    assert (urgent.level, words.level, plain.level) == ("IV", "II", "V")
    assert do(house, urgent.case, "verify", CHECKER, matter=POTHOLE).level == "IV"
    assert do(house, words.case, "verify", CHECKER, division="12").level == "II"
    assert do(house, plain.case, "verify", CHECKER, matter=SMOKE).level == "IV"
    house.close()


def test_what_a_later_signal_said_counts_too_as_long_as_it_is_in_the_case(tmp_path: Path) -> None:
    house = Rules(tmp_path)
    house.report("rubbish", matter=RUBBISH)
    told = house.report("rubbish, somebody is trapped", matter=RUBBISH)
    house.work()
    state = house.one()
    assert (state.level, state.signals) == ("II", 2)
    assert do(house, state.case, "verify", CHECKER, matter=POTHOLE).level == "II"
    house.manage.split(state.case, [f"report:{told}"], COMMANDER, "another thing")
    left, out = house.manage.case(state.case), house.states()[-1]
    assert (left.signs, out.level) == ((), "II")
    house.manage.merge(out.case, left.case, COMMANDER, "the same after all")
    assert house.manage.case(left.case).signs == ("word:trapped",)
    before = house.states()
    rebuild(house.hub, house.journal)
    assert house.states() == before
    house.close()


def test_the_severity_of_an_alarm_counts_when_a_person_says_what_it_is_about(
    tmp_path: Path,
) -> None:
    house = Rules(tmp_path)
    house.alarm(matter="", severity="III")
    house.work()
    state = house.one()
    assert (state.stage, state.level, state.signs) == ("verify", "III", ("severity:III",))
    assert do(house, state.case, "verify", CHECKER, matter=RUBBISH).level == "III"
    house.close()


def test_what_is_said_afterwards_is_heard_as_what_was_told_first(tmp_path: Path) -> None:
    house = Rules(tmp_path)
    house.report("rubbish", matter=RUBBISH)
    house.work()
    case = house.one().case
    assert do(house, case, "return").stage == "collect"
    state = do(house, case, "supplement", text="two are trapped under it")
    assert (state.stage, state.level) == ("verify", "II")
    assert "trapped" in str(house.manage.case_view(case)["events"][-1]["data"]["why"])
    house.close()


def test_what_was_said_since_a_merge_stays_as_it_is_undone_and_what_came_by_it_goes(
    tmp_path: Path,
) -> None:
    house = Rules(tmp_path)
    told = [house.alarm(matter=RUBBISH, priority=3, east=east) for east in (0.0, 900.0)]
    house.work()
    one, two = house.states()

    def worsen(which: int, severity: str) -> None:
        alarm, device = told[which].alarm, told[which].device
        house.alarm(alarm=alarm, device=device, transition="worsen", severity=severity, priority=3)
        house.work()

    worsen(1, "III")
    house.manage.merge(two.case, one.case, COMMANDER, "the same")
    assert house.manage.case(one.case).signs == ("severity:III",)
    worsen(0, "II")
    kept, back = house.manage.undo(one.case, "", COMMANDER, "two heaps")
    assert (kept.signs, back.signs) == (("severity:II",), ("severity:III",))
    before = house.states()
    rebuild(house.hub, house.journal)
    assert house.states() == before
    house.close()
