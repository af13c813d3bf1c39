"""Contact ladders follow the roster: who is on duty, who was not relieved, who sees the case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from tianmu.access import table as access_table
from tianmu.access.scope import WHOLE, Scope
from tianmu.city.people.absence import Absence
from tianmu.city.people.roster import Shift
from tianmu.facts.place import Place
from tianmu.manage.contact import reach
from tianmu.manage.contact.query import waiting

from .ladders import STAFF, Reached, house, person
from .town import (
    LAT,
    LON,
    MINUTE,
    MONDAY,
    OFFICER,
)

__all__ = ["house"]


def test_it_calls_who_is_on_duty_when_it_moves(house: Reached) -> None:
    house.gateways = {"message": "w", "call": "w"}
    house.sign_in("olga", "duty_officer")
    away = [
        Absence(absence=1, account="fred", since=MONDAY, until=MONDAY + 90 * MINUTE, substitute=""),
        Absence(
            absence=2, account="faye", since=MONDAY + 2 * MINUTE, until=MONDAY + 90 * MINUTE,
            substitute="greta",
        ),
    ]  # fmt: skip
    staff = (*STAFF, person("greta", "roads"))
    house.city = house.city.staffed(staff, away)
    house.manage.set_roster(house.city)
    state = house.case()
    assert [one["account"] for one in state.orders[0].persons] == ["faye"]
    assert house.held().account == "faye"
    house.pass_minutes(3)  # faye has gone meanwhile: her substitute is called, from the first rung
    assert (house.held().account, house.held().by) == ("greta", "app")


def test_nobody_on_duty_is_said_and_the_next_tier_called(house: Reached) -> None:
    house.sign_in("olga", "duty_officer")
    house.city = house.city.staffed([one for one in STAFF if one.person.department != "fire"], ())
    house.manage.set_roster(house.city)
    state = house.case()
    assert state.orders[0].persons == ()
    (first,) = house.moves()
    assert first.data["empty"][0] == "fire"
    assert "nobody on duty" in [one["en"] for one in first.data["why"]]
    assert house.held().unit == "centre"


def test_who_was_not_relieved_is_called_first(house: Reached) -> None:
    house.sign_in("olga", "duty_officer")
    off = [one for one in STAFF if one.person.account != "faye"]
    gone = replace(house.city, shifts=(*off, _never(person("faye", "fire", 2))))
    house.city = gone
    house.manage.set_roster(gone)
    faye = replace(OFFICER, account="faye")
    given = house.manage.relief.hand_over("duty", "fred", "one pump out", faye)
    house.case()
    assert house.held().account == "faye"
    house.manage.relief.take(given["number"], replace(OFFICER, account="fred"))
    house.alarm(priority=3, east=5000.0)
    house.work()
    assert house.manage.case("c2").contacts[0].account == "fred"


def _never(one: Shift) -> Shift:
    """On the roster, and not on duty today."""
    return msgspec.structs.replace(one, days="sun", start=0, end=1)


def test_only_the_newest_hand_over_of_an_account_keeps_it_responsible(house: Reached) -> None:
    faye, fred = replace(OFFICER, account="faye"), replace(OFFICER, account="fred")

    def unrelieved() -> frozenset[str]:
        return house.hub.read(reach.unrelieved)

    house.manage.relief.hand_over("duty", "fred", "never confirmed", faye)
    assert unrelieved() == {"faye"}
    house.now += 24 * 60 * MINUTE
    given = house.manage.relief.hand_over("duty", "fred", "the next day", faye)
    assert unrelieved() == {"faye"}
    house.manage.relief.take(given["number"], fred)
    assert unrelieved() == frozenset()
    house.manage.relief.hand_over("duty", "faye", "back", fred)
    assert unrelieved() == {"fred"}


def test_the_desk_is_whoever_sees_the_case(house: Reached) -> None:
    def move(division: str) -> None:
        def job(tx: Any) -> None:
            table = access_table.account
            change = table.update().where(table.c.account == "olga").values(division=division)
            tx.connection.execute(change)

        house.hub.transact(job)
        house.manage.look_again()

    house.account("fred", "department_worker")
    house.sign_in("olga", "duty_officer")
    move("12")  # the cases are in division 11
    house.case()
    assert house.moves()[0].data["tries"][0]["outcome"] == "nobody_in_app"
    for east, division in ((5000.0, "11"), (9000.0, "1")):
        move(division)
        house.alarm(priority=3, east=east)
        house.work()
        case = f"c{house.alarms}"
        assert house.moves(case)[0].data["tries"][0]["outcome"] == "desk"


def test_ladders_out_of_sight_take_no_place_of_those_that_are_shown(house: Reached) -> None:
    house.gateways = {"message": "w", "call": "w"}
    for n, division in enumerate(("12", "12", "11", "12")):
        place = Place(longitude=LON + n / 10, latitude=LAT, division=division)
        house.alarm(priority=3, place=place)
        house.work()
        house.now += MINUTE // 6

    def seen(account: str, scope: Scope, most: int) -> list[str]:
        return house.hub.read(lambda c: waiting(c, account, scope, most))

    north = Scope(divisions=frozenset({"11"}))
    assert seen("olga", WHOLE, 9) == ["c1", "c2", "c3", "c4"]
    assert seen("olga", WHOLE, 2) == ["c1", "c2"]
    assert seen("olga", north, 1) == ["c3"]
    assert seen("olga", Scope(departments=frozenset({"clean"})), 9) == []
    assert seen("olga", Scope(departments=frozenset({"fire"})), 1) == ["c1"]
    house.city = house.city.staffed([one for one in STAFF if one.person.account != "fred"], ())
    house.manage.set_roster(house.city)
    house.alarm(priority=3, place=Place(longitude=LON + 0.5, latitude=LAT, division="12"))
    house.work()
    assert house.manage.case("c5").contacts[0].account == "faye"
    assert seen("faye", WHOLE, 1) == ["c5"], "its own first"
