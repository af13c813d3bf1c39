"""The room on its real store: facts in, cases out, exactly once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tianmu.access.scope import Scope
from tianmu.facts.alarm import AlarmEvent, AlarmState
from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import decode, encode
from tianmu.facts.place import Place
from tianmu.facts.report import Report, Reporter
from tianmu.manage import case_table
from tianmu.manage.actor import Actor
from tianmu.manage.case_query import Query
from tianmu.manage.case_state import CaseState
from tianmu.manage.evidence import Evidence
from tianmu.manage.fold import fold
from tianmu.manage.intake import Policy
from tianmu.manage.manage import Conflict, Manage, NotFound, Refused
from tianmu.manage.reader import READER
from tianmu.manage.rebuild import TABLES, rebuild
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

from .town import (
    CHECKER,
    CLEANER,
    FIRE,
    FIREMAN,
    HOUR,
    KIOSK,
    LAT,
    LON,
    METRE,
    MINUTE,
    MONDAY,
    OFFICER,
    RUBBISH,
    SMOKE,
    town,
)


class House:
    """A city's files in a folder: watch writes alarms, hub keeps cases."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.now = MONDAY
        self.alarms = 0
        self.open()

    def open(self) -> None:
        self.watch = Records(self.data / "watch.sqlite")
        self.hub = Records(self.data / "hub.sqlite")
        self.journal = SqliteJournal(self.data)
        self.manage = Manage(self.hub, self.journal, town(), lambda: self.now, self.data)
        self.manage.start()

    def close(self) -> None:
        self.journal.close()
        self.hub.close()
        self.watch.close()

    def alarm(self, **more: Any) -> AlarmEvent:
        self.alarms += 1
        metres = more.pop("east", 0.0)
        device = more.pop("device", f"d{self.alarms}")
        fields: dict[str, Any] = {
            "alarm": f"a{self.alarms}",
            "identity": f"rule@{device}",
            "transition": "raise",
            "state": AlarmState.UNACKNOWLEDGED,
            "before": AlarmState.NORMAL,
            "at": self.now,
            "observed_at": self.now,
            "rule": "rule",
            "priority": 2,
            "matter": FIRE,
            "device": device,
            "text": {"en": "fire", "zh": "fire"},
            "place": Place(longitude=LON + metres * METRE * 1.5557, latitude=LAT, division="11"),
            **more,
        }
        event = AlarmEvent(**fields)
        self.watch.transact(lambda tx: tx.append("alarm", encode(event)))
        return event

    def report(self, text: str, actor: Actor = OFFICER, key: str = "", **more: Any) -> str:
        metres = more.pop("east", 0.0)
        fields: dict[str, Any] = {
            "report": f"r{len(text)}-{self.now}-{metres}",
            "at": self.now,
            "channel": "hotline",
            "text": text,
            "place": Place(longitude=LON + metres * METRE * 1.5557, latitude=LAT, division="11"),
            **more,
        }
        return self.manage.submit_report(Report(**fields), actor, key)

    def work(self) -> None:
        while self.manage.step(0.0):
            pass

    def states(self) -> list[CaseState]:
        items = self.manage.cases(Query(sort="opened", limit=500))["items"]
        return [self.manage.case(item["case"]) for item in reversed(items)]

    def one(self) -> CaseState:
        [state] = self.states()
        return state

    def topic(self) -> list[CaseEvent]:
        found: list[CaseEvent] = []
        after = 0
        while entries := self.journal.read("case", after):
            for entry in entries:
                fact = decode(entry.payload)
                assert isinstance(fact, CaseEvent)
                found.append(fact)
            after = entries[-1].position
        return found

    def tables(self) -> dict[str, list[Any]]:
        def look(connection: Any) -> dict[str, list[Any]]:
            return {
                one.name: sorted(map(repr, connection.execute(one.select()).all()))
                for one in TABLES
            }

        return self.hub.read(look)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def test_signals_of_one_problem_are_one_case(house: House) -> None:
    house.alarm()
    house.alarm(east=30, matter=SMOKE)
    house.report("there are flames on the roof", east=20)
    house.alarm(east=900)
    house.report("rubbish in the street", east=10)
    house.work()
    fire, far, rubbish = house.states()
    assert (fire.signals, fire.alarms, fire.reports, fire.level) == (3, 2, 1, "III")
    assert (far.signals, rubbish.signals, rubbish.matter) == (1, 1, RUBBISH)
    view = house.manage.case_view(fire.case, OFFICER)
    assert [one["kind"] for one in view["members"]] == ["alarm", "alarm", "report"]
    second = view["members"][1]
    assert 0.6 <= second["score"] <= 1
    words = [reason["en"] for reason in second["reasons"]]
    assert any("related matters" in one for one in words)
    assert any("30 m apart" in one for one in words)
    assert {"grade", "merge", "split"} <= {one["step"] for one in view["actions"]}
    assert house.manage.case_of(["a1", "a2", "a9"]) == {"a1": fire.case, "a2": fire.case}


def test_equal_signals_are_one_and_a_test_is_none(house: House) -> None:
    for _ in range(5):
        house.alarm(device="same")
    house.alarm(test=True, east=5000)
    house.alarm(state=AlarmState.SHELVED, east=6000)
    house.alarm(matter="", priority=4, east=7000)
    house.work()
    assert (house.one().signals, house.one().reports) == (5, 0)


def test_an_alarm_that_returns_is_noted(house: House) -> None:
    event = house.alarm()
    house.work()
    assert house.one().active == 1
    back = {"transition": "return", "state": AlarmState.RETURNED_UNACKNOWLEDGED}
    for _ in range(2):
        house.alarm(alarm=event.alarm, device=event.device, **back)
    house.work()
    state = house.one()
    assert (state.active, state.open, state.signals) == (0, True, 1)
    steps = [one["step"] for one in house.manage.case_view(state.case)["events"]]
    assert steps.count("returned") == 1
    assert house.manage.case_view(state.case)["members"][0]["returned"] is True


def test_an_alarm_that_worsens_raises_the_level(house: House) -> None:
    event = house.alarm(matter=SMOKE)
    house.work()
    assert house.one().level == "IV"
    house.alarm(
        alarm=event.alarm, device=event.device, transition="worsen", severity="II", priority=1
    )
    house.work()
    assert (house.one().level, house.one().worst) == ("II", 1)


def test_a_trusted_alarm_files_what_was_to_be_verified(house: House) -> None:
    house.report("I see flames")
    house.work()
    assert house.one().stage == "verify"
    house.alarm(east=15)
    house.work()
    state = house.one()
    assert (state.stage, state.signals, len(state.orders)) == ("handle", 2, 2)


def test_many_signals_raise_the_level(house: House) -> None:
    for n in range(25):
        house.alarm(matter=SMOKE, device=f"s{n}", east=n)
    house.work()
    state = house.one()
    assert (state.signals, state.level) == (25, "II")  # 10 signals by a rule, 20 by the plan


def test_a_case_goes_to_its_end(house: House) -> None:
    house.report("rubbish everywhere")
    house.work()
    case = house.one().case
    state = house.manage.command(case, "verify", OFFICER)
    state = house.manage.command(case, "file", OFFICER, state.version)
    with pytest.raises(Conflict) as conflict:
        house.manage.command(case, "accept", CLEANER, state.version - 1)
    assert conflict.value.state == state
    house.manage.command(case, "accept", CLEANER)
    house.manage.command(case, "feed_back", CLEANER, data={"result": "clean"})
    with pytest.raises(Refused) as refused:
        house.manage.command(case, "check", CLEANER, data={"result": "pass"})
    assert refused.value.refusal.what == "permission"
    house.manage.command(case, "check", CHECKER, data={"result": "pass"})
    state = house.manage.command(case, "close", OFFICER)
    assert not state.open
    with pytest.raises(NotFound):
        house.manage.command("c99", "note", OFFICER, data={"text": "x"})
    assert house.manage.vitals()["cases"]["today_closed"] == 1
    # the same problem later is another case
    house.now += HOUR
    house.report("rubbish again")
    house.work()
    assert [one.open for one in house.states()] == [False, True]


def test_tables_are_what_the_events_add_up_to(house: House) -> None:
    for n in range(6):
        house.alarm(east=n * 700, matter=FIRE if n % 2 else SMOKE)
        house.alarm(east=n * 700 + 20)
    house.report("litter", east=3000)
    house.work()
    house.manage.merge("c2", "c1", OFFICER, "one fire")
    house.manage.split("c1", ["alarm:a2"], OFFICER, "another house")
    house.manage.command("c3", "accept", FIREMAN)
    house.manage.command("c4", "void", OFFICER, reason="a drill")
    house.now += 3 * HOUR
    house.work()
    by_case: dict[str, list[CaseEvent]] = {}
    for event in house.topic():
        by_case.setdefault(event.case, []).append(event)
    for case, events in by_case.items():
        assert fold(events) == house.manage.case(case)
    before = house.tables()
    assert rebuild(house.hub, house.journal, batch=7) == sum(map(len, by_case.values()))
    after = house.tables()
    for name in before:
        assert after[name] == before[name], name
    house.manage.start()
    house.alarm(east=90_000)
    house.work()
    assert len({state.number for state in house.states()}) == len(house.states())


def test_merge_by_hand_and_back(house: House) -> None:
    house.alarm()
    house.now += MINUTE
    house.alarm(east=500)
    house.work()
    one, two = house.states()
    merged = house.manage.merge(two.case, one.case, OFFICER, "it is one fire")
    assert (merged.signals, merged.active, merged.merged) == (2, 2, (two.case,))
    gone = house.manage.case(two.case)
    assert (gone.open, gone.outcome, gone.merged_into, gone.signals) == (
        False,
        "merged",
        one.case,
        0,
    )
    assert house.manage.case_of(["a2"]) == {"a2": one.case}
    left, back = house.manage.split(one.case, ["alarm:a2"], OFFICER, "no, two")
    assert back.case == two.case
    assert (left.signals, back.signals, back.open, back.stage) == (1, 1, True, "handle")
    assert house.manage.case_of(["a2"]) == {"a2": two.case}


def test_what_was_taken_apart_stays_apart(house: House) -> None:
    first = house.alarm(device="x")
    second = house.alarm(device="y", east=20)
    house.work()
    case = house.one().case
    with pytest.raises(Refused):
        house.manage.split(case, ["alarm:zz"], OFFICER, "wrong")
    with pytest.raises(Refused) as refused:
        house.manage.split(case, ["alarm:a1", "alarm:a2"], OFFICER, "all")
    assert refused.value.refusal.what == "last_member"
    _, new = house.manage.split(case, [f"alarm:{second.alarm}"], OFFICER, "another room")
    assert (new.signals, new.lead, new.stage) == (1, "fire", "handle")
    house.manage.command(new.case, "void", OFFICER, reason="false")
    house.alarm(device="y", east=20)
    house.work()
    assert house.manage.case(case).signals == 1
    assert house.manage.case_of(["a3"])["a3"] not in (case, new.case)
    assert first.alarm == "a1"
    # memory and tables say the same after a new start
    house.close()
    house.open()
    house.alarm(device="y", east=20)
    house.work()
    assert house.manage.case(case).signals == 1


def test_overdue_rises_as_time_passes(house: House) -> None:
    house.alarm()
    house.work()
    assert house.one().level == "III"
    house.now += 10 * MINUTE
    house.work()
    state = house.one()
    assert (state.level, state.urges >= 1, state.escalations) == ("II", True, 1)
    vitals = house.manage.vitals()
    assert vitals["cases"]["by_level"]["II"] == 1
    house.now += 24 * HOUR
    house.work()
    assert house.manage.vitals()["cases"]["overdue"] == 1
    assert house.manage.vitals()["departments"][0]["overdue"] == 1


def test_marked_cases_stay_apart_and_uncounted(house: House) -> None:
    house.alarm(device="d")
    house.alarm(device="d", probe="p")
    house.work()
    assert house.one().signals == 1
    [marked] = house.manage.cases(Query(probe="p"))["items"]
    assert (marked["signals"], marked["number"][0]) == (1, "P")
    assert house.manage.vitals()["cases"]["open"] == 1
    with pytest.raises(Refused) as refused:
        house.manage.merge(marked["case"], "c1", OFFICER, "x")
    assert refused.value.refusal.what == "probe"
    actor = Actor("p1", ("probe_command",), probe="p")
    assert house.report("fire", actor, east=3) and house.work() is None
    assert len(house.manage.cases(Query(), Scope(probe="p"))["items"]) == 1
    assert house.manage.cases(Query(), Scope(probe="p"))["items"][0]["signals"] == 2


def test_scopes_and_filters(house: House) -> None:
    house.alarm()
    house.report("rubbish", east=3000)
    house.report("rubbish", east=6000, place=Place(division="12", address="Main Road 7"))
    house.work()
    cases = house.manage.cases
    assert len(cases(Query())["items"]) == 3
    joint = Scope(departments=frozenset(("centre-north",)))
    assert [one["owner"] for one in cases(Query(), joint)["items"]] == ["fire"]
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
    from tianmu.manage import desk

    real = desk.intake.open_case

    def broken(draft: Any, city: Any, signal: Any, *args: Any, **more: Any) -> None:
        if signal.device == "bad":
            raise KeyError("no such thing")
        real(draft, city, signal, *args, **more)

    monkeypatch.setattr(desk.intake, "open_case", broken)
    house.alarm()
    house.alarm(device="bad", east=800)
    house.alarm(east=5000)
    house.work()
    assert len(house.states()) == 2
    assert house.manage.failed == 1
    [row] = house.hub.read(lambda one: one.execute(case_table.unread.select()).all())
    assert "no such thing" in row.error


def test_a_failed_commit_leaves_no_trace(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from tianmu.manage import ledger

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
    from tianmu.manage import handover

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
