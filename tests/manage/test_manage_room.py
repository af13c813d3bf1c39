"""The room itself: reads once, writes once, asks and is asked by many."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from tianmu.access.scope import Scope
from tianmu.facts.place import Place
from tianmu.facts.report import Reporter
from tianmu.manage.case.fold import fold
from tianmu.manage.evidence.kept import Evidence
from tianmu.manage.intake import Policy
from tianmu.manage.kept import table as case_table
from tianmu.manage.kept.deed_key import Deed
from tianmu.manage.kept.query import Query
from tianmu.manage.manage import Conflict, Manage, NotFound, Refused
from tianmu.manage.reader import READER

from .house import House, house
from .town import (
    CHECKER,
    FIREMAN,
    KIOSK,
    OFFICER,
    town,
)

__all__ = ["house"]


def test_scopes_and_filters(house: House) -> None:
    house.alarm()
    house.report("rubbish", east=3000)
    house.report("rubbish", east=6000, place=Place(division="12", address="Main Road 7"))
    house.work()
    cases = house.manage.cases
    assert len(cases(Query())["items"]) == 3
    joint = Scope(departments=frozenset(("centre-north",)))
    assert [one["owner"] for one in cases(Query(), joint)["items"]] == ["fire"]
    told = Scope(departments=frozenset(("centre",)))
    assert [one["owner"] for one in cases(Query(), told)["items"]] == ["fire"], "told by the plan"
    assert len(cases(Query(), Scope(divisions=frozenset(("12",))))["items"]) == 1
    assert len(cases(Query(department="clean"))["items"]) == 2
    assert len(cases(Query(stage="verify"))["items"]) == 2
    assert len(cases(Query(q="RUBBISH"))["items"]) == 2
    assert len(cases(Query(q="00001"))["items"]) == 1
    assert cases(Query(sort="level"))["items"][0]["owner"] == "fire"
    first = cases(Query(limit=2))
    rest = cases(Query(limit=2, cursor=first["next"]))
    assert len(first["items"] + rest["items"]) == 3 and rest["next"] is None
    with pytest.raises(ValueError, match="no cursor"):
        cases(Query(cursor="xx"))
    with pytest.raises(NotFound):
        house.manage.case_view("c1", None, Scope(divisions=frozenset(("12",))))


def test_a_report_is_told_once(house: House) -> None:
    one = house.report("rubbish", key="k1")
    assert house.report("rubbish", key="k1") == one
    assert house.report("rubbish", key="k2") != one
    same = house.report("litter", report="r-same")
    house.report("litter", report=same)
    house.work()
    assert sum(state.signals for state in house.states()) == 3


def test_a_phone_number_does_not_reach_the_case(house: House) -> None:
    house.report("rubbish, call me: 13812345678", reporter=Reporter(phone="13812345678"))
    house.work()
    view = house.manage.case_view(house.one().case, OFFICER)
    assert "13812345678" not in repr(view)


def test_a_fact_nobody_can_work_with_is_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from tianmu.manage import intake

    real = intake.open_case

    def broken(draft: Any, city: Any, signal: Any, *args: Any, **more: Any) -> None:
        if signal.device == "bad":
            raise KeyError("no such thing")
        real(draft, city, signal, *args, **more)

    monkeypatch.setattr(intake, "open_case", broken)
    house.alarm()
    house.alarm(device="bad", east=800)
    house.alarm(east=5000)
    house.work()
    assert len(house.states()) == 2
    assert house.manage.failed == 1
    [row] = house.hub.read(lambda one: one.execute(case_table.unread.select()).all())
    assert "no such thing" in row.error


def test_a_failed_commit_leaves_no_trace(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from tianmu.manage.kept import ledger

    house.alarm()
    house.work()
    real = ledger.write_states
    calls = []

    def fails_once(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("disk")
        real(*args)

    monkeypatch.setattr(ledger, "write_states", fails_once)
    with pytest.raises(OSError, match="disk"):
        house.manage.command("c1", "note", OFFICER, data={"text": "lost"})
    state = house.manage.command("c1", "note", OFFICER, data={"text": "kept"})
    events = [one for one in house.topic() if one.step == "note"]
    assert [one.data["text"] for one in events] == ["kept"]
    assert state == house.manage.case("c1") == fold(house.topic())


def test_commands_race_and_one_wins(house: House) -> None:
    house.alarm()
    house.work()
    version = house.one().version
    outcomes: list[str] = []

    def race() -> None:
        try:
            house.manage.command("c1", "accept", FIREMAN, version)
            outcomes.append("won")
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 7 + ["won"]


def test_read_position_and_effect_are_one(house: House) -> None:
    for n in range(30):
        house.alarm(east=n * 800)
    house.work()
    # a second reader that lost its memory starts where the tables say
    again = Manage(house.hub, house.journal, town(), lambda: house.now, house.data)
    again.start()
    while again.step(0.0):
        pass
    assert len(house.states()) == 30
    positions = house.hub.positions()
    assert positions[(READER, "alarm")] == house.journal.last("alarm")


def test_another_roster_from_now_on(house: House) -> None:
    shifts = tuple(shift for shift in town().shifts if shift.person.department != "fire")
    house.manage.set_city(replace(town(), shifts=shifts))
    house.alarm()
    house.work()
    view = house.manage.case_view("c1")
    order = view["orders"][0]
    assert (order["unit"], order["persons"], order["nobody_on_duty"]) == ("fire", [], True)
    assert any("nobody on duty" in event["text"]["en"] for event in view["events"])


def test_shifts_are_handed_over_and_signed(house: House) -> None:
    from tianmu.manage.duty import handover

    house.alarm()
    house.work()
    given = house.manage.relief.hand_over("desk", "chen", "one fire open", OFFICER)
    assert given["open"]["count"] == 1
    with pytest.raises(handover.HandoverRefused):
        house.manage.relief.take(given["number"], OFFICER)
    house.manage.relief.take(given["number"], CHECKER)
    house.manage.relief.hand_over("desk", "olga", "all quiet", CHECKER)
    assert house.hub.read(handover.verify) is None
    house.hub.transact(
        lambda tx: tx.connection.execute(
            case_table.handover.update()
            .where(case_table.handover.c.number == 1)
            .values(text="nothing open")
        )
    )
    assert house.hub.read(handover.verify) == 1


def test_policy_of_untrusted_sources(house: House) -> None:
    house.manage._desk.policy = Policy(untrusted=frozenset(("cheap",)))
    house.alarm(source="cheap")
    house.work()
    assert house.one().stage == "verify"


def test_evidence_is_on_the_case(house: House) -> None:
    house.alarm()
    house.work()
    photo = Evidence(name="a.png", media_type="image/png", role="handle_before", at=house.now)
    content = b"\x89PNG\r\n\x1a\n picture"
    kept, _ = house.manage.attach("c1", photo, content, FIREMAN)
    house.manage.attach("c1", photo, content, FIREMAN)
    view = house.manage.case_view("c1", FIREMAN)
    [one] = view["evidence"]
    assert (one["digest"], one["actor"], one["role"]) == (kept["digest"], "fred", "handle_before")
    assert house.manage.evidence.read(kept["digest"]) == content
    assert [event["step"] for event in view["events"]].count("evidence") == 1
    with pytest.raises(Refused):
        house.manage.attach("c1", photo, content, KIOSK)
    with pytest.raises(NotFound):
        house.manage.attach("c9", photo, content, FIREMAN)
    other = b"\x89PNG\r\n\x1a\n another"
    with pytest.raises(NotFound):
        house.manage.attach("c9", photo, other, FIREMAN)
    folder = house.manage.evidence.folder
    left = {one.name for one in folder.rglob("*") if one.is_file() and one.name != ".guard"}
    assert left == {kept["digest"]}, "what was refused leaves no file"


def test_the_same_said_again_at_once_without_a_key_counts_once(house: House) -> None:
    house.alarm()
    house.work()

    def did(step: str, text: str, version: int | None = None, key: str = "") -> bool:
        data, reason = ({"text": text}, "") if step == "note" else ({}, text)
        deed = Deed(key=key)
        return house.manage.deed("c1", step, OFFICER, deed, version, reason, data).again

    for step, one in (("note", "notes"), ("urge", "urges")):
        before = [event.step for event in house.topic()]
        assert [did(step, "hurry"), did(step, "hurry"), did(step, "please")] == [False, True, False]
        assert not did(step, "hurry", house.one().version), "said of the version that is seen"
        assert [did(step, "hurry", key=f"{one}1"), did(step, "hurry", key=f"{one}1")] == [
            False,
            True,
        ]
        house.now += 11_000_000
        assert [did(step, "hurry"), did(step, "hurry")] == [False, True], "later it is another one"
        steps = [event.step for event in house.topic()]
        assert steps.count(step) - before.count(step) == 5
