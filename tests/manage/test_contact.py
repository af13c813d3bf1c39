"""Contact ladders: whom they reach, by what, and who answers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from tianmu.city.level.grading import Condition, GradingRule
from tianmu.city.people.contact import Contact as Reaching
from tianmu.command import provider
from tianmu.facts.case import CaseEvent
from tianmu.facts.contact import UNREACHED
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import decode, encode
from tianmu.manage.actor import Actor
from tianmu.manage.case.fold import fold
from tianmu.manage.kept.rebuild import TABLES, rebuild
from tianmu.manage.manage import Conflict, NotFound, Refused
from tianmu.prevent.alarm.deeds import unreached
from tianmu.prevent.alarm.ledger import Ledger
from tianmu.prevent.alarm.target import Targets

from .ladders import LEVEL, NIGHT, Reached, house
from .town import (
    CLEANER,
    COMMANDER,
    FIREMAN,
    KIOSK,
    MINUTE,
    OFFICER,
    RUBBISH,
    text,
)

__all__ = ["house"]


def test_rung_by_rung_person_by_person_tier_by_tier(house: Reached) -> None:
    house.gateways = {"message": "w-sms", "call": "w-voice"}
    house.sign_in("fred", "department_worker")
    house.sign_in("olga", "duty_officer")
    state = house.case()
    assert state.level == "III"
    (first,) = house.moves()
    assert first.data["did"] == "call"
    assert [one["outcome"] for one in first.data["tries"]] == ["shown"]
    assert house.held().account == "fred" and house.held().due == house.now + MINUTE
    assert state.due != house.held().due  # it is no limit of anybody's work
    seen = []
    for wait in (1, 2, 3, 1, 2, 3, 1, 2, 3):
        held = house.held()
        assert held.due - house.now == wait * MINUTE
        seen.append((held.unit, held.account, held.by))
        house.pass_minutes(wait)
    assert seen == [
        (unit, account, by)
        for unit, account in (("fire", "fred"), ("fire", "faye"), ("centre", "carl"))
        for by in ("app", "message", "call")
    ]
    # the last one has no number: the app shows it at the desk, and nothing else can be tried
    assert house.held().account == "cora" and house.held().by == "app"
    assert house.told() == []
    house.pass_minutes(1)
    assert house.held().state == "exhausted"
    last = house.moves()[-1]
    assert [one["outcome"] for one in last.data["tries"]] == ["no_number", "no_number"]
    assert [one.data["count"] for one in house.told()] == [1]
    house.pass_minutes(60)
    assert len([one for one in house.moves() if one.data["did"] == "exhausted"]) == 1


def test_what_has_no_provider_is_said_and_passed_over_at_once(house: Reached) -> None:
    for one in ("fred", "faye", "carl", "cora"):
        house.account(one, "department_worker")
    house.case()
    (only,) = house.moves()
    assert only.data["did"] == "exhausted"
    outcomes = [(one["account"], one["by"], one["outcome"]) for one in only.data["tries"]]
    assert outcomes[:3] == [
        ("fred", "app", "nobody_in_app"),
        ("fred", "message", "no_provider"),
        ("fred", "call", "no_provider"),
    ]
    assert [one[0] for one in outcomes] == [
        name for name in ("fred", "faye", "carl", "cora") for _ in range(3)
    ]
    words = [one["en"] for one in only.data["why"]]
    assert "message: no provider set, nothing was sent" in words
    assert words[-1] == "the ladder is at its end and nobody has answered"


def test_a_roster_of_names_that_have_no_account_is_said_to_be_one(house: Reached) -> None:
    house.case()
    (only,) = house.moves()
    assert only.data["did"] == "exhausted" and house.held().strangers
    assert {one["outcome"] for one in only.data["tries"] if one["by"] == "app"} == {"no_account"}
    words = [one["en"] for one in only.data["why"]]
    assert words[-1].startswith("the ladder is at its end: nobody on duty has an account here")
    assert not any("nobody has answered" in one for one in words)


def test_one_account_among_them_is_enough_to_say_that_nobody_answered(house: Reached) -> None:
    house.account("carl", "department_worker")
    house.case()
    assert not house.held().strangers
    assert house.moves()[-1].data["why"][-1]["en"].endswith("nobody has answered")


def test_somebody_answers_and_it_stops(house: Reached) -> None:
    house.sign_in("olga", "duty_officer")
    house.case()
    assert house.held().running and house.moves()[0].data["tries"][0]["outcome"] == "desk"
    with pytest.raises(Refused):
        house.manage.answer_contact("c1", "k1", KIOSK)
    with pytest.raises(Refused):  # neither called, nor of the department that is, nor commanding
        house.manage.answer_contact("c1", "k1", CLEANER)
    with pytest.raises(NotFound):
        house.manage.answer_contact("c1", "k9", OFFICER)
    state = house.manage.answer_contact("c1", "k1", OFFICER)
    assert state.contacts[0].answered_by == "olga" and state.clock("contact:k1") is None
    again = house.manage.answer_contact("c1", "k1", FIREMAN)
    assert again.version == state.version
    house.pass_minutes(600)
    assert house.held().state == "answered" and house.told() == []


def test_an_operator_says_who_answered_by_phone(house: Reached) -> None:
    house.sign_in("olga", "duty_officer")
    house.case()
    with pytest.raises(Refused):
        house.manage.answer_contact("c1", "k1", CLEANER, reached="fred")
    state = house.manage.answer_contact("c1", "k1", OFFICER, reached="fred")
    held = state.contacts[0]
    assert (held.state, held.answered_by) == ("answered", "fred")
    last = house.moves()[-1]
    assert (last.actor, last.data["did"]) == ("olga", "phoned")
    assert last.data["why"][-1]["en"] == "an operator noted: they answered by phone"
    house.pass_minutes(600)
    assert len(house.moves()) == 2  # nobody else was called


def test_calling_people_is_no_conflict_for_who_writes(house: Reached) -> None:
    house.gateways = {"message": "w-sms", "call": "w-voice"}
    house.sign_in("olga", "duty_officer")
    seen = house.case()
    house.pass_minutes(1)
    house.pass_minutes(2)
    now = house.manage.case("c1")
    assert now.version > seen.version and now.edited == seen.edited
    kept = house.manage.command(
        "c1", "note", OFFICER, expected_version=seen.version, data={"text": "on the way"}
    )
    with pytest.raises(Conflict):  # what somebody else did is one
        house.manage.command("c1", "note", OFFICER, expected_version=seen.version)
    with pytest.raises(Conflict):  # and so is what has not been yet
        house.manage.command("c1", "note", OFFICER, expected_version=kept.version + 1)


def test_whoever_takes_the_order_was_reached(house: Reached) -> None:
    house.sign_in("olga", "duty_officer")
    state = house.case()
    order = next(one.order for one in state.orders if one.lead)
    after = house.manage.command("c1", "accept", FIREMAN, data={"order": order})
    assert after.contacts[0].state == "answered" and after.contacts[0].answered_by == "fred"
    assert after.version == house.manage.case("c1").version


def test_whoever_has_accepted_and_is_put_in_the_lead_was_reached(house: Reached) -> None:
    house.sign_in("olga", "duty_officer")
    state = house.case()
    worker = Actor("rosa", ("department_worker",), department="roads")
    state = house.manage.command("c1", "order", OFFICER, data={"department": "roads"})
    [joint] = [one for one in state.open_orders if one.unit == "roads"]
    house.manage.command("c1", "accept", worker, data={"order": joint.order})
    assert house.held().running and not joint.lead, "the lead has not accepted"
    to = {"department": "roads"}
    state = house.manage.command("c1", "transfer", OFFICER, reason="on the road", data=to)
    assert [one.order for one in state.open_orders if one.lead] == [joint.order]
    assert (house.held().state, house.held().answered_by) == ("answered", "rosa")


def test_the_case_ends_and_so_do_its_ladders(house: Reached) -> None:
    house.case()
    assert house.told()[-1].data["count"] == 1
    house.manage.command("c1", "void", OFFICER, reason="nothing there")
    assert house.held().state == "over"
    assert [one.data["count"] for one in house.told()] == [1, 0]


def test_who_is_called_for_an_alarm_is_called_though_the_case_goes_back_to_filing(
    tmp_path: Path,
) -> None:
    house = Reached(tmp_path, LEVEL, NIGHT)
    house.gateways = {"message": "w", "call": "w"}
    state = house.case(priority=2)
    assert [(one.cause, one.running) for one in state.contacts] == [
        ("level", True),
        ("alarm", True),
    ]
    for order in state.open_orders:
        to = {"order": order.order}
        house.manage.command("c1", "cancel", OFFICER, reason="too early", data=to)
    state = house.manage.command("c1", "return", COMMANDER, reason="file it anew")
    assert state.stage == "file"
    assert [(one.cause, one.state) for one in state.contacts] == [
        ("level", "over"), ("alarm", "running"),
    ]  # fmt: skip
    assert (house.held("k2").tried, state.clock("contact:k2") is not None) == (("carl",), True)
    house.pass_minutes(2)
    assert house.held("k2").tried == ("carl", "cora")
    house.close()


def test_nobody_is_called_for_a_probe(house: Reached) -> None:
    assert house.case(probe="drill").contacts == ()


def test_an_alarm_nobody_acknowledges_wakes_the_next_one(tmp_path: Path) -> None:
    house = Reached(tmp_path, NIGHT)
    house.sign_in("carl", "duty_officer")
    house.alarm(priority=2)
    house.work()
    assert (house.held().account, house.held().due) == ("carl", house.now + 2 * MINUTE)
    house.pass_minutes(2)  # no voice gateway: the next person at once
    assert house.held().account == "cora"
    house.alarm(
        alarm="a1", identity="rule@d1", transition="acknowledge", actor="cora", device="d1",
        priority=2,
    )  # fmt: skip
    house.work()
    assert house.held().state == "answered" and house.held().answered_by == "cora"
    house.alarm(priority=1, east=5.0)
    house.work()
    assert len(house.manage.case("c1").contacts) == 1  # she is awake
    house.now += 10 * MINUTE
    house.alarm(priority=1, east=6.0)
    house.work()
    assert house.held("k2").running
    house.close()


def test_a_mild_alarm_wakes_nobody(tmp_path: Path) -> None:
    house = Reached(tmp_path, NIGHT)
    house.alarm(priority=3)
    house.work()
    assert house.manage.case("c1").contacts == ()
    house.close()


def test_tables_follow_from_events(house: Reached) -> None:
    house.sign_in("olga", "duty_officer")
    house.case()
    house.alarm(priority=3, matter=RUBBISH, east=900.0)
    house.work()
    house.manage.answer_contact("c1", "k1", OFFICER)
    house.pass_minutes(30)
    events = [decode(one.payload) for one in house.journal.read("case", 0)]
    own = [one for one in events if isinstance(one, CaseEvent) and one.case == "c1"]
    assert fold(own) == house.manage.case("c1")

    def rows(table: sa.Table, connection: sa.Connection) -> list[Any]:
        return sorted(connection.execute(table.select()).all(), key=repr)

    def tables() -> list[list[Any]]:
        return [house.hub.read(partial(rows, table)) for table in TABLES]

    before = tables()
    rebuild(house.hub, house.journal)
    assert tables() == before


def test_watch_makes_it_the_platforms_own_alarm() -> None:
    ledger = Ledger(Targets())
    told = Deed(
        deed="x", verb=UNREACHED, object="contacts", actor="@system", at=1,
        data={"count": 2, "number": "2026030200001"},
    )  # fmt: skip
    unreached(ledger, told, 10)
    (alarm,) = ledger.open.values()
    assert alarm.priority == 1 and alarm.system and "2026030200001" in alarm.text["zh"]
    unreached(ledger, Deed(deed="y", verb=UNREACHED, object="contacts", actor="@system", at=2,
                           data={"count": 0, "number": ""}), 20)  # fmt: skip
    assert not alarm.condition


def test_encode_holds(house: Reached) -> None:
    house.case()
    assert decode(encode(house.moves()[0])) == house.moves()[0]


def test_a_ladder_ends_under_a_pack_that_has_none(house: Reached) -> None:
    house.gateways = {"message": "w", "call": "w"}
    house.case()
    house.manage.set_city(replace(house.city, contact=Reaching()))
    house.now += 10 * MINUTE
    for _ in range(9):  # it comes to rest
        if not house.manage.step(0.0):
            break
    else:
        raise AssertionError("the same clock is attended to again and again")
    assert house.held().state == "replaced"


def test_who_would_be_called_at_the_level_that_the_rules_ask_for_is(house: Reached) -> None:
    deaths = GradingRule(code="dead", name=text("dead"), when=Condition(dead_from=1), level=3)
    grading = msgspec.structs.replace(house.city.grading, rules=(deaths,))
    house.city = replace(house.city, grading=grading)
    house.manage.set_city(house.city)
    house.gateways = {"message": "w", "call": "w"}
    house.case(matter=RUBBISH)
    house.manage.command("c1", "grade", OFFICER, reason="small", data={"level": "IV"})
    assert house.manage.case("c1").contacts == ()
    house.manage.command("c1", "assess", OFFICER, data={"dead": 1})
    [called] = house.manage.case("c1").contacts
    assert (called.ladder, called.cause, called.waits) == ("serious", "advice", True)
    [move] = house.moves()
    told = provider.handed(move)
    assert told is not None
    said = provider.summons(house.city, move, house.manage.case("c1"), told)
    assert said.text["en"].startswith("[rules ask for III] ") and said.level == "IV"
    assert house.manage.case("c1").level == "IV"
    house.manage.command("c1", "note", OFFICER, data={"text": "seen"})
    assert house.held().waits, "that decides nothing"
    house.manage.command("c1", "grade", OFFICER, reason="an old man in bed", data={"level": "IV"})
    assert (house.held().state, house.held().answered_by) == ("answered", OFFICER.account)
    before = house.manage.case("c1")
    rebuild(house.hub, house.journal)
    assert house.manage.case("c1") == before
