"""Contact ladders: whom they reach, by what, when; and that a kill neither loses nor repeats."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.access import account as accounts
from tianmu.access import table as access_table
from tianmu.access.scope import WHOLE, Extent, Scope
from tianmu.city.absence import Absence
from tianmu.city.contact import Contact as Reaching
from tianmu.city.contact import Ladder, Rung
from tianmu.city.limit import Limit, LimitUnit
from tianmu.city.pack import City
from tianmu.city.roster import Person, Shift
from tianmu.facts.case import CaseEvent
from tianmu.facts.contact import UNREACHED
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import decode, encode
from tianmu.facts.place import Place
from tianmu.manage import case_table, contact, reach
from tianmu.manage.case_state import CaseState
from tianmu.manage.contact_query import waiting
from tianmu.manage.draft import Draft
from tianmu.manage.fold import fold
from tianmu.manage.manage import Conflict, Manage, NotFound, Refused
from tianmu.manage.reach import Reach, Tried
from tianmu.manage.rebuild import TABLES, rebuild
from tianmu.prevent.deeds import unreached
from tianmu.prevent.ledger import Ledger
from tianmu.prevent.target import Targets
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

from .test_manage import House
from .town import (
    CLEANER,
    FIRE,
    FIREMAN,
    KIOSK,
    LAT,
    LON,
    MINUTE,
    MONDAY,
    OFFICER,
    RUBBISH,
    text,
    town,
)


def minutes(value: float) -> Limit:
    return Limit(value, LimitUnit.MINUTE)


def person(account: str, department: str, order: int = 1, phone: str = "1") -> Shift:
    return Shift(
        person=Person(
            name=account.title(), account=account, phone=phone, department=department,
            division="1", post=f"{department}-duty", order=order,
        )
    )  # fmt: skip


STAFF = (
    person("fred", "fire"),
    person("faye", "fire", 2),
    person("carl", "centre"),
    person("cora", "centre", 2, phone=""),
)
LEVEL = Ladder(
    code="serious",
    name=text("serious"),
    levels=("III",),
    rungs=(Rung("app", minutes(1)), Rung("message", minutes(2)), Rung("call", minutes(3))),
)
NIGHT = Ladder(
    code="night",
    name=text("night"),
    alarm_priority=2,
    to="centre:1",
    rungs=(Rung("app", minutes(2)), Rung("call", minutes(2))),
)


def city(*ladders: Ladder) -> City:
    return replace(town(), shifts=STAFF, contact=Reaching(ladders=ladders))


class Reached(House):
    """A house whose city has ladders; gateways are what ``gateways`` says."""

    def __init__(self, data: Path, *ladders: Ladder) -> None:
        self.city = city(*ladders)
        self.gateways: dict[str, str] = {}
        super().__init__(data)

    def open(self) -> None:
        self.watch = Records(self.data / "watch.sqlite")
        self.hub = Records(self.data / "hub.sqlite")
        self.hub.create(access_table.metadata)
        self.journal = SqliteJournal(self.data)
        self.manage = Manage(
            self.hub, self.journal, self.city, lambda: self.now, self.data,
            providers=lambda _: self.gateways, present=reach.present,
        )  # fmt: skip
        self.manage.start()

    def pass_minutes(self, value: float) -> None:
        self.now += round(value * MINUTE)
        self.work()

    def case(self, **more: Any) -> CaseState:
        self.alarm(**{"priority": 3, **more})
        self.work()
        return self.manage.case("c1")

    def held(self, name: str = "k1") -> Any:
        found = self.manage.case("c1").contacts
        return next(one for one in found if one.contact == name)

    def moves(self, case: str = "c1") -> list[CaseEvent]:
        events = (decode(one.payload) for one in self.journal.read("case", 0, entries=10_000))
        return [
            one
            for one in events
            if isinstance(one, CaseEvent) and one.case == case and one.step == "contact"
        ]

    def told(self) -> list[Deed]:
        deeds = (decode(one.payload) for one in self.journal.read("deed", 0))
        return [one for one in deeds if isinstance(one, Deed) and one.verb == UNREACHED]

    def sign_in(self, account: str, role: str) -> None:
        def job(tx: Any) -> None:
            accounts.create(tx.connection, account, account, at=self.now)
            accounts.set_roles(tx.connection, account, [role])
            tx.connection.execute(
                access_table.session.insert().values(
                    digest=account, account=account, kind="person", created_at=self.now,
                    seen_at=self.now, expires_at=self.now + 10**12,
                )
            )  # fmt: skip

        self.hub.transact(job)
        self.manage.look_again()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Reached]:
    made = Reached(tmp_path, LEVEL)
    yield made
    made.close()


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


def test_the_case_ends_and_so_do_its_ladders(house: Reached) -> None:
    house.case()
    assert house.told()[-1].data["count"] == 1
    house.manage.command("c1", "void", OFFICER, reason="nothing there")
    assert house.held().state == "over"
    assert [one.data["count"] for one in house.told()] == [1, 0]


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

    def tables() -> list[list[Any]]:
        return [
            house.hub.read(
                lambda c, t=table: sorted(c.execute(t.select()).all(), key=repr)  # type: ignore[misc]
            )
            for table in TABLES
        ]

    before = tables()
    rebuild(house.hub, house.journal)
    assert tables() == before


class Answers(Reach):
    """What comes of a try, as the test says."""

    def __init__(self, outcomes: dict[tuple[str, str], str]) -> None:
        super().__init__()
        self.outcomes = outcomes

    def attempt(self, by: str, who: Person, unit: str, extent: Extent) -> Tried:
        return Tried(by, self.outcomes.get((who.account, by), "no_provider"))


RUNGS = st.lists(
    st.tuples(st.sampled_from(("app", "message", "call")), st.integers(1, 9)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=80, deadline=None)
@given(
    RUNGS,
    st.integers(1, 3),
    st.dictionaries(
        st.tuples(
            st.sampled_from(("fred", "faye", "carl", "cora")),
            st.sampled_from(("app", "message", "call")),
        ),
        st.sampled_from(("shown", "handed_over", "no_number")),
    ),
    st.lists(st.integers(1, 700), min_size=1, max_size=12),
)
def test_clocks_are_those_of_a_plain_list(
    rungs: list[tuple[str, int]],
    persons: int,
    outcomes: dict[tuple[str, str], str],
    looks: list[int],
) -> None:
    """However late somebody looks, no rung is left out, none is tried twice, and each waits its
    time from when it was tried."""
    ladder = replace_ladder(rungs, persons)
    where = city(ladder)
    fire, centre = ("fred", "faye")[:persons], ("carl", "cora")[:persons]
    plain = [(who, by, wait) for who in (*fire, *centre) for by, wait in rungs]
    answers = Answers(outcomes)
    draft = Draft("c1", None, MONDAY)
    draft.add("open", {"number": "1", "matter": FIRE, "division": "1"}, stage="dispatch")
    draft.add("grade", {"level": "III", "number": 3, "tier": 1})
    draft.add("assign", {"lead": "fire", "joint": [], "queue": ""})
    contact.follow(tuple(draft.events), draft, where, lambda: answers)
    now, at, due = MONDAY, 0, 0
    tried: list[tuple[str, str]] = []

    def expect() -> None:
        nonlocal at, due
        due = 0
        while at < len(plain):
            who, by, wait = plain[at]
            at += 1
            tried.append((who, by))
            if outcomes.get((who, by), "no_provider") in ("shown", "handed_over"):
                due = now + wait * MINUTE
                return

    expect()
    for seconds in looks:
        held = draft.state.contacts[0]
        assert held.due == due
        assert held.state == ("running" if due else "exhausted")
        now += seconds * 1_000_000
        after = Draft("c1", draft.state, now)
        contact.follow((), after, where, lambda: answers)
        if due and due <= now:
            assert len(after.events) == 1
            expect()
        else:
            assert after.events == []
        after.events = draft.events + after.events
        draft = after
    done = [
        (one["account"], one["by"])
        for event in draft.events
        if event.step == "contact"
        for one in event.data["tries"]
    ]
    assert done == tried


def replace_ladder(rungs: list[tuple[str, int]], persons: int) -> Ladder:
    return Ladder(
        code="l",
        name=text("l"),
        levels=("III",),
        persons=persons,
        rungs=tuple(Rung(by, minutes(wait)) for by, wait in rungs),
    )


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


WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from manage.test_contact import WAITING, city
from tianmu.access import table
from tianmu.manage import manage
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
data = Path(sys.argv[1])
records = Records(data / "hub.sqlite")
records.create(table.metadata)
room = manage.Manage(records, SqliteJournal(data), city(WAITING), data=data,
                     providers=lambda _: {"message": "w", "call": "w"})
room.start()
print("ready", flush=True)
while True:
    room.step(0.05)
"""
CASES = 5
WAITING = Ladder(
    code="short",
    name=text("short"),
    levels=("III",),
    rungs=(Rung("message", minutes(0.004)), Rung("call", minutes(0.004))),
)


def test_killed_at_any_moment_no_rung_is_lost_and_none_tried_twice(tmp_path: Path) -> None:
    random = Random()
    house = Reached(tmp_path, WAITING)
    house.now = time.time_ns() // 1000
    for n in range(CASES):
        house.alarm(priority=3, east=900.0 * n)
    house.close()
    tests = str(Path(__file__).parent.parent)
    for _ in range(3):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), tests], stdout=subprocess.PIPE
        )
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        time.sleep(random.uniform(0.02, 0.5))
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
    house = Reached(tmp_path, WAITING)
    house.gateways = {"message": "w", "call": "w"}
    for _ in range(8):
        house.now = max(house.now, time.time_ns() // 1000) + MINUTE
        house.work()
    for n in range(1, CASES + 1):
        tried = [
            (one["account"], one["by"])
            for move in house.moves(f"c{n}")
            for one in move.data["tries"]
            if one["outcome"] == "handed_over"
        ]
        assert tried == [
            (who, by) for who in ("fred", "faye", "carl") for by in ("message", "call")
        ]
        state = house.manage.case(f"c{n}")
        assert state.contacts[0].state == "exhausted"
    counts = [one.data["count"] for one in house.told()]
    assert counts[-1] == CASES and counts == sorted(counts)
    house.close()


def test_encode_holds(house: Reached) -> None:
    house.case()
    assert decode(encode(house.moves()[0])) == house.moves()[0]


# -- suspended cases ----


def suspended(house: Reached) -> CaseState:
    house.gateways = {"message": "w", "call": "w"}
    return house.manage.command("c1", "suspend", OFFICER, reason="the road is closed")


def test_an_urgent_alarm_into_a_suspended_case_calls_and_goes_on(tmp_path: Path) -> None:
    house = Reached(tmp_path, NIGHT)
    house.sign_in("olga", "duty_officer")
    house.case()
    house.manage.command("c1", "suspend", OFFICER, reason="the road is closed")
    house.alarm(priority=2, east=5.0)
    house.work()
    assert (house.held().account, house.held().running) == ("carl", True)
    house.pass_minutes(2)  # it is attended to, and the loop comes to rest
    assert house.held().account == "cora"
    house.pass_minutes(2)
    assert house.held().state == "exhausted"
    assert house.manage.case("c1").suspended_at
    house.close()


def test_a_ladder_that_stands_still_is_replaced_by_one_for_a_new_alarm(tmp_path: Path) -> None:
    house = Reached(tmp_path, NIGHT)
    house.gateways = {"call": "w"}
    house.case(priority=2)
    state = suspended(house)
    assert {name for name, _ in state.paused} >= {"contact:k1"}
    house.pass_minutes(60)
    assert house.held().account == "carl", "it stands still"
    house.alarm(priority=1, east=5.0)
    house.work()
    assert (house.held("k1").state, house.held("k2").state) == ("replaced", "running")
    state = house.manage.case("c1")
    assert {name for name, _ in state.paused} <= {one.name for one in state.clocks}
    house.alarm(priority=1, east=6.0)
    house.work()
    assert len(house.manage.case("c1").contacts) == 2
    house.close()


def test_a_ladder_by_level_begins_when_a_suspended_case_goes_on(house: Reached) -> None:
    first = house.alarm(matter=RUBBISH, priority=3)
    house.work()
    suspended(house)
    house.alarm(
        alarm=first.alarm, identity=first.identity, device="d1", matter=RUBBISH, priority=3,
        transition="worsen", severity="III",
    )  # fmt: skip
    house.work()
    state = house.manage.case("c1")
    assert (state.level, state.contacts) == ("III", ())
    house.pass_minutes(30)
    state = house.manage.command("c1", "resume", OFFICER, reason="open again")
    assert [one.ladder for one in state.contacts] == ["serious"]


def test_what_a_ladder_waits_until_follows_its_clock_after_a_suspension(house: Reached) -> None:
    house.gateways = {"message": "w", "call": "w"}
    house.case()
    due = house.held().due
    suspended(house)
    house.pass_minutes(30)
    state = house.manage.command("c1", "resume", OFFICER, reason="open again")
    clock = state.clock("contact:k1")
    assert clock is not None and clock.due == state.contacts[0].due == due + 30 * MINUTE
    rows = house.hub.read(lambda c: c.execute(case_table.contact.select()).all())
    assert [row.due for row in rows] == [clock.due]


def test_a_graver_ladder_replaces_one_at_its_end(tmp_path: Path) -> None:
    grave = msgspec.structs.replace(LEVEL, code="grave", levels=("II",))
    house = Reached(tmp_path, LEVEL, grave)
    house.case()
    assert house.held().state == "exhausted" and house.told()[-1].data["count"] == 1
    house.gateways = {"message": "w", "call": "w"}
    house.manage.look_again()
    house.manage.command("c1", "grade", OFFICER, reason="it spreads", data={"level": "II"})
    assert [one.state for one in house.manage.case("c1").contacts] == ["replaced", "running"]
    house.manage.answer_contact("c1", "k2", OFFICER)
    assert house.told()[-1].data["count"] == 0
    house.close()


# -- who is there, who was relieved ----


def test_the_desk_is_whoever_sees_the_case(house: Reached) -> None:
    def move(division: str) -> None:
        def job(tx: Any) -> None:
            table = access_table.account
            change = table.update().where(table.c.account == "olga").values(division=division)
            tx.connection.execute(change)

        house.hub.transact(job)
        house.manage.look_again()

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
