"""Why a step is refused is said in the words of people, not of the program."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tianmu.manage.actor import Actor
from tianmu.manage.steps.lifecycle import Command, Refusal, decide

from .test_lifecycle import CITY, filed
from .town import CHECKER, CLEANER, OFFICER


def test_a_refusal_names_departments_steps_and_outcomes_as_people_do() -> None:
    clean = msgspec.structs.replace(
        CITY.departments["clean"], name={"zh": "环卫处", "en": "Cleaners"}
    )
    city = replace(CITY, departments={**CITY.departments, "clean": clean})
    story = filed()

    def why(actor: Actor, step: str, **data: object) -> dict[str, str]:
        found = decide(story.state, Command(step, "", data), actor, story.now, city)
        assert isinstance(found, Refusal)
        return found.why

    stranger = Actor("w", ("department_worker",), department="roads")
    assert why(stranger, "accept")["zh"].startswith("派遣单属于环卫处")
    assert why(OFFICER, "order", department="roads", lead=True)["en"].startswith("Cleaners leads")
    story.do("accept", CLEANER)
    story.do("feed_back", CLEANER, result="swept")
    assert why(CHECKER, "check", result="fail")["zh"] == "“核查”必须填写理由"
    story.do("check", CHECKER, result="pass")
    story.do("close", OFFICER)
    assert why(OFFICER, "urge") == {
        "zh": "案件已结束（已结案）",
        "en": "the case has ended (closed)",
    }
