"""Which tier handles, which coordinates, which commands: as the plan says."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tianmu.city import pack
from tianmu.city.city import City
from tianmu.city.level.plan import Acts
from tianmu.manage.actor import Actor
from tianmu.manage.levels import acting
from tianmu.manage.steps.lifecycle import Command, Refusal, actions, decide

from .test_lifecycle import CITY, Story, filed
from .town import OFFICER

TOWN = Actor("tom", ("duty_officer",), division="11")
"""of a town's desk; the account itself says nothing of a tier"""
CITY_DESK = OFFICER


def with_acts(told: Acts) -> City:
    plans = (msgspec.structs.replace(one, acts=told) for one in CITY.plans)
    return replace(CITY, plans=tuple(plans))


def grave() -> Story:
    story = filed()
    story.do("grade", CITY_DESK, "the mayor is near", level="II")
    return story


def asked(story: Story, step: str, actor: Actor, city: City = CITY) -> str:
    data = {"grade": {"level": "I"}, "order": {"department": "roads"}}.get(step, {})
    found = decide(story.state, Command(step, "because", data), actor, story.now, city)
    return found.what if isinstance(found, Refusal) else "done"


def test_the_tier_of_the_level_commands_and_the_next_one_coordinates() -> None:
    mild = filed()
    assert acting.acts(CITY, mild.state) == Acts(handle=2, coordinate=2, command=2)
    assert asked(mild, "suspend", TOWN) == "done"
    story = grave()
    assert acting.acts(CITY, story.state) == Acts(handle=2, coordinate=2, command=1)
    for step in ("grade", "suspend", "void"):
        assert asked(story, step, TOWN) == "tier_acts"
        assert asked(story, step, CITY_DESK) == "done"
    for step in ("order", "urge", "escalate", "whistle"):
        assert asked(story, step, TOWN) in ("done", "data"), step
    offered = {one.name for one in actions(story.state, TOWN, CITY)}
    assert "urge" in offered and offered.isdisjoint(acting.COMMANDS)


def test_what_the_plan_says_counts() -> None:
    city = with_acts(Acts(handle=2, coordinate=1, command=1))
    story = filed()
    assert asked(story, "order", TOWN, city) == asked(story, "suspend", TOWN, city) == "tier_acts"
    assert asked(story, "escalate", TOWN, city) == "done"
    free = with_acts(Acts(command=2))
    assert asked(grave(), "suspend", TOWN, free) == "done"


def test_a_refusal_names_the_centre_that_does_it() -> None:
    story = grave()
    found = decide(story.state, Command("void", "no"), TOWN, story.now, CITY)
    assert isinstance(found, Refusal)
    assert "centre" in found.why["en"] and found.remedy["zh"]


def test_a_village_handles_a_town_coordinates_and_the_city_commands() -> None:
    city = pack.load("liyang")
    village = next(one for one in city.divisions.values() if one.tier == 3)
    state = msgspec.structs.replace(
        filed().state, matter="", division=village.code, level="II", level_number=2
    )
    assert acting.acts(city, state) == Acts(handle=3, coordinate=2, command=1)
    centres = [acting.centre(city, state, tier) for tier in (3, 2, 1)]
    parts = [city.divisions[city.departments[one].division].tier for one in centres if one]
    assert parts == sorted(parts, reverse=True) and parts[-1] == 1 and 2 in parts


def test_under_each_reading_of_the_levels_the_tier_that_a_level_names_commands() -> None:
    city = pack.load("liyang")
    for profile in city.profiles.values():
        under = replace(city, profile=profile)
        for level in profile.levels:
            state = msgspec.structs.replace(
                filed().state, matter="", level=level.name, level_number=level.number
            )
            assert acting.acts(under, state).command == level.tier, (profile.name, level.name)
