"""What an earlier release left open cases without, they have after the first start."""

from __future__ import annotations

import pytest

from tianmu.manage.case.fold import fold
from tianmu.manage.case.parties import parties
from tianmu.manage.kept.rebuild import rebuild
from tianmu.manage.levels import owner, response
from tianmu.manage.steps import turn

from .house import House, house
from .test_handing import CITY
from .town import FIRE, MINUTE, OFFICER, RUBBISH

__all__ = ["house"]


def agree(house: House) -> None:
    """Tables, events and a rebuild say the same."""
    assert fold(house.topic()) == house.one()
    tables = house.tables()
    rebuild(house.hub, house.journal)
    assert house.tables() == tables


def restart(house: House) -> None:
    house.close()
    house.now += MINUTE
    house.open()


def test_who_waits_for_more_information_has_a_clock_from_the_first_start_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.report("litter", matter=RUBBISH)
    house.work()
    with monkeypatch.context() as earlier:
        earlier.setattr(response, "_LOOK", ("verify", "feed_back"))
        state = house.manage.command("c1", "return", OFFICER, reason="where?")
    assert (state.stage, state.clocks) == ("collect", ())
    restart(house)
    state = house.one()
    clock = state.clock("collect")
    assert clock is not None
    assert clock.started_at == house.now
    assert clock == response.stage_clock(house.manage.city, state, "collect", house.now)
    assert house.manage.case("c1").due == clock.due
    agree(house)
    version = state.version
    restart(house)
    assert house.one().version == version, "once"


def test_open_points_that_a_former_lead_kept_go_to_the_lead_at_the_first_start(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.manage.set_city(CITY)
    house.alarm(matter=FIRE)
    house.work()
    with monkeypatch.context() as earlier:
        for room in (turn, owner):
            earlier.setattr(room, "handed", lambda city, state, data, now: data)
        state = house.manage.command(
            "c1", "transfer", OFFICER, reason="theirs", data={"department": "roads"}
        )
    assert "fire" in parties(state)
    restart(house)
    house.manage.set_city(CITY)
    state = house.one()
    assert "fire" not in parties(state)
    assert state.tasks[0].units == ("roads",)
    agree(house)
    restart(house)
    assert house.one().version == state.version, "once"


def test_a_point_that_two_former_leads_kept_is_with_neither_after_one_start(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.manage.set_city(CITY)
    house.alarm(matter=FIRE)
    house.work()
    with monkeypatch.context() as earlier:
        for room in (turn, owner):
            earlier.setattr(room, "handed", lambda city, state, data, now: data)
        for department in ("centre-north", "roads"):
            to = {"department": department}
            house.manage.command("c1", "transfer", OFFICER, reason="theirs", data=to)
    restart(house)
    house.manage.set_city(CITY)
    state = house.one()
    assert {unit for one in state.tasks for unit in one.units} <= {"roads"}
    agree(house)
