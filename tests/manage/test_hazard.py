"""The ledger of hazards: limits over working time, checks, sign-off by another; files; kill -9."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.city.city import City
from tianmu.city.matter.hazard import Hazards
from tianmu.city.pack import load
from tianmu.facts.hazard import HazardEvent
from tianmu.facts.place import Place
from tianmu.manage.hazard import reckon as hazard_reckon
from tianmu.manage.hazard import sheet as hazard_sheet
from tianmu.manage.hazard import step as hazard_step
from tianmu.manage.hazard import table as hazard_table
from tianmu.manage.hazard.state import STANDS, Hazard, fold, of_events
from tianmu.manage.hazard.step import STAGES_OF, HazardRefused, actions, decide, permit
from tianmu.manage.kept import table as case_table
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

NOW = 1_795_000_000_000_000
DAY = 86_400_000_000
TOWN = "320481001000"
CHILD = Path(__file__).parent / "hazard_child.py"


@cache
def city() -> City:
    return load("liyang")


def entered(**more: Any) -> dict[str, Any]:
    told = {
        "title": "Fire door blocked", "kind": "fire", "grade": "general",
        "place": Place(division=TOWN), "department": "", "measures": ("clear it",), "due": 0,
        "source": "", "now": NOW, **more,
    }  # fmt: skip
    return hazard_step.enter(city(), **told)


def new(**more: Any) -> Hazard:
    event = HazardEvent(
        hazard="h1", sequence=1, step="enter", at=NOW, actor="wang", data=entered(**more)
    )
    return of_events([event])


def then(state: Hazard, step: str, at: int, by: str, **more: Any) -> Hazard:
    """The hazard after a step that is taken as the ledger takes it."""
    reason = more.pop("reason", "")
    if step == "evidence":
        file = {"digest": f"{at}", "name": "a", "media_type": "image/png", **more}
        data: dict[str, Any] = {"file": file}
    else:
        permit(state, step, by, reason)
        data = decide(city(), state, step, at, **more)
    event = HazardEvent(
        hazard="h1", sequence=state.version + 1, step=step, at=at, actor=by, reason=reason,
        data=data,
    )  # fmt: skip
    return fold(state, event)


def test_a_limit_runs_over_working_time() -> None:
    state = new()
    calendar = city().calendar
    assert state.due == calendar.add(NOW, city().hazards.grades["general"].within)
    assert calendar.worked(NOW, state.due) == calendar.length(
        city().hazards.grades["general"].within
    )
    assert state.check_due == NOW + 30 * DAY
    assert new(grade="major").check_due == NOW + 7 * DAY
    assert state.next == min(state.due, state.check_due)
    assert state.department == city().duties.resolve(
        city().owner_of("liyang:event:fire_alarm", TOWN).department,
        TOWN,
    )


def test_from_entered_to_signed_off() -> None:
    state = then(new(), "check", NOW + DAY, "li", result="worse", note="more pallets")
    assert state.check_due == NOW + 31 * DAY and state.result == "worse"
    with pytest.raises(HazardRefused, match="no picture"):
        then(state, "rectify", NOW + 2 * DAY, "li")
    state = then(state, "evidence", NOW + 2 * DAY, "li", role="handle_after")
    state = then(state, "rectify", NOW + 2 * DAY + 1, "li")
    assert state.stage == "rectified" and not state.overdue(NOW + 90 * DAY)
    with pytest.raises(HazardRefused) as refused:
        permit(state, "sign", "li", "")
    assert refused.value.code == "second-person" and "sign" not in actions(state, "li")
    back = then(state, "reject", NOW + 3 * DAY, "zhao", reason="still blocked")
    assert back.stage == "open" and back.rejected == 1
    with pytest.raises(HazardRefused, match="no picture"):
        then(back, "rectify", NOW + 4 * DAY, "li")
    done = then(state, "sign", NOW + 3 * DAY, "zhao")
    assert (done.stage, done.check_due, done.next) == ("closed", 0, 0)
    again = then(done, "reopen", NOW + 40 * DAY, "zhao", reason="blocked again")
    assert again.stage == "open" and again.due > NOW + 40 * DAY < again.check_due


def test_what_is_late_stays_late() -> None:
    state = new()
    late = state.due + DAY
    assert state.overdue(late) and state.unlooked(state.check_due + 1)
    state = then(state, "evidence", late, "li", role="handle_after")
    state = then(state, "rectify", late, "li")
    assert state.late == DAY
    state = then(state, "reject", late + 1, "zhao", reason="no")
    state = then(state, "extend", late + 2, "zhao", reason="parts", due=late + 9 * DAY)
    assert state.late == DAY and state.extended == 1 and not state.overdue(late + 8 * DAY)


def test_a_grade_brings_its_own_limits() -> None:
    state = then(new(), "grade", NOW + DAY, "zhao", grade="major", reason="people sleep there")
    assert state.due == city().calendar.add(NOW + DAY, city().hazards.grades["major"].within)
    assert state.check_due == NOW + 8 * DAY


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"title": "x"}, "title"),
        ({"kind": "frogs"}, "kind"),
        ({"grade": "grave"}, "grade"),
        ({"place": Place()}, "place"),
        ({"place": Place(longitude=1.0, latitude=1.0)}, "place"),
        ({"department": "nobody"}, "department"),
        ({"kind": "other"}, "department"),
        ({"due": NOW}, "due"),
        ({"measures": ("x" * 501,)}, "measures"),
    ],
)
def test_what_cannot_be_entered_is_named(more: dict[str, Any], where: str) -> None:
    with pytest.raises(HazardRefused) as refused:
        entered(**more)
    assert refused.value.where == where and refused.value.remedy


def test_a_pack_without_the_file_keeps_no_ledger() -> None:
    with pytest.raises(HazardRefused, match=r"hazards\.toml"):
        hazard_step.enter(
            replace(city(), hazards=Hazards()), title="door", kind="fire", grade="general",
            place=Place(division=TOWN), department="", measures=(), due=0, source="", now=NOW,
        )  # fmt: skip


steps = st.lists(
    st.tuples(
        st.sampled_from(sorted(STAGES_OF)), st.sampled_from(["wang", "li"]), st.integers(1, 40)
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_no_order_of_steps_breaks_what_must_hold(taken: list[tuple[str, str, int]]) -> None:
    state, at = new(), NOW
    for step, by, days in taken:
        at += days * DAY
        more: dict[str, Any] = {
            "check": {"result": "better"}, "grade": {"grade": "major"}, "evidence":
            {"role": "handle_after"}, "assign": {"department": "fire"}, "extend":
            {"due": max(state.due, at) + DAY},
        }.get(step, {})  # fmt: skip
        before = state
        try:
            state = then(state, step, at, by, reason="so", **more)
        except HazardRefused as error:
            assert error.remedy
            continue
        if step in {"sign", "reject"}:
            assert before.rectified_by != by
        assert (state.stage in STANDS) == (state.next > 0) == (not state.closed_at)
        assert state.late >= before.late


GOOD = f"""number,title,kind,grade,division,measures,due
1,Door blocked,fire,general,{TOWN},clear it;mark it,2026-12-31
2,"Pipe, rusted",gas,major,{TOWN},,
"""


def test_a_ledger_comes_as_a_file() -> None:
    rows, faults = hazard_sheet.read("\ufeff" + GOOD, city(), NOW)
    assert not faults and [one.key.split()[1] for one in rows] == ["1", "2"]
    assert rows[0].data["measures"] == ["clear it", "mark it"]
    assert str(city().calendar.local(rows[0].data["due"] - 1).date()) == "2026-12-31"
    assert rows[1].data["title"] == "Pipe, rusted"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (GOOD.replace("title", "name"), 1, "'title' is missing"),
        (GOOD.replace("gas,major", "gas,grave"), 3, "grave"),
        (GOOD.replace("2026-12-31", "soon"), 2, "soon"),
        (GOOD.replace("2,\"", "1,\""), 3, "line 2"),
        (GOOD + "3,short\n", 4, "2 cells"),
        (GOOD + '4,"open', 4, "no CSV"),
        ("title,kind,grade,division\n", 1, "no rows"),
        ("", 1, "missing"),
        (GOOD.replace("number", "title"), 1, "twice"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_told_by_line_and_enters_nothing(text: str, line: int, what: str) -> None:
    rows, faults = hazard_sheet.read(text, city(), NOW)
    assert rows == []
    assert any(one.line == line and what in one.what and one.remedy for one in faults), faults


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 20), st.text(max_size=8))
def test_a_damaged_file_is_read_or_told(at: int, cut: int, put: str) -> None:
    rows, faults = hazard_sheet.read(GOOD[:at] + put + GOOD[at + cut :], city(), NOW)
    assert bool(rows) != bool(faults)


def test_nothing_is_lost_or_entered_twice_by_kill_9(tmp_path: Path) -> None:
    told: list[str] = []
    for wanted in (4, 12):
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for line in child.stdout:
            told.append(line.strip())
            if len(told) >= wanted:
                child.kill()
                break
        told += child.stdout.read().split()
        assert child.wait(10) == -signal.SIGKILL
    states = hazard_table.states(hazard_table.events(SqliteJournal(tmp_path)))
    with Records(tmp_path / "hub.sqlite", readonly=True) as records:
        assert records.read(hazard_table.held) == states
    titles = [one.title for one in states.values()]
    assert len(titles) == len(set(titles)), "what was entered before it was killed is known after"
    assert set(told) <= set(states) and len(set(told)) >= 8


def with_days_off(days: int) -> City:
    """The city once somebody has published that so many days from now on are free."""
    calendar = city().calendar
    first = calendar.local(NOW).date()
    free = frozenset(first + timedelta(days=n) for n in range(1, days + 1))
    working = replace(calendar.working, free=calendar.working.free | free)
    return replace(city(), working=working)


def test_limits_follow_the_calendar_and_what_a_person_set_stays(tmp_path: Path) -> None:
    later = with_days_off(5)
    with Records(tmp_path / "hub.sqlite") as records:
        for tables in (hazard_table.metadata, case_table.metadata):
            records.create(tables)

        def put(name: str, step: str, sequence: int, data: dict[str, Any]) -> Hazard:
            event = HazardEvent(
                hazard=name, sequence=sequence, step=step, at=NOW, actor="wang", data=data
            )
            return records.transact(lambda tx: hazard_table.append(tx, event))

        general, by_hand, major, done = "h1", "h2", "h3", "h4"
        put(general, "enter", 1, entered())
        put(by_hand, "enter", 1, entered(due=NOW + 9 * DAY))
        put(major, "enter", 1, entered(grade="major"))
        before = put(done, "enter", 1, entered())
        put(done, "rectify", 2, {})

        def reckon(of: City) -> int:
            return records.transact(lambda tx: hazard_reckon.reckon(tx, of, NOW + DAY))

        assert reckon(city()) == 0, "nothing has changed under them"
        assert reckon(later) == 2
        assert reckon(later) == 0, "once for each calendar"
        held = records.read(hazard_table.held)
        within = city().hazards.grades["general"].within
        assert held[general].due == later.calendar.add(NOW, within) > before.due
        assert held[general].check_due == before.check_due, "natural days run on"
        assert held[by_hand].due == NOW + 9 * DAY
        assert held[major].due == later.calendar.add(NOW, city().hazards.grades["major"].within)
        assert held[done].due == before.due, "it was put right in time, or not, by then"
        # whoever sets a limit by hand afterwards keeps it
        data = decide(later, held[general], "extend", NOW + DAY, due=NOW + 60 * DAY)
        put(general, "extend", held[general].version + 1, data)
        assert reckon(city()) == 1, "only the major one"
        assert records.read(hazard_table.held)[general].due == NOW + 60 * DAY
    states = hazard_table.states(hazard_table.events(SqliteJournal(tmp_path)))
    with Records(tmp_path / "hub.sqlite", readonly=True) as records:
        assert records.read(hazard_table.held) == states
