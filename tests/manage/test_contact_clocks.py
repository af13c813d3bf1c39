"""When contact ladders move: clocks, suspensions; and that a kill neither loses nor repeats."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.access.scope import Extent
from tianmu.city.people.contact import Ladder, Rung
from tianmu.city.people.roster import Person
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import CaseState
from tianmu.manage.contact import ladder as contact
from tianmu.manage.contact.reach import Reach, Tried
from tianmu.manage.kept import table as case_table

from .ladders import LEVEL, NIGHT, Reached, city, house, minutes
from .town import (
    FIRE,
    MINUTE,
    MONDAY,
    OFFICER,
    RUBBISH,
    text,
)

__all__ = ["house"]


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


WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from manage.ladders import city
from manage.test_contact_clocks import WAITING
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
