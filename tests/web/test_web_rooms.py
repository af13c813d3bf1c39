"""The command room: several people at once, nothing overwritten, nothing lost by a restart."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

from tianmu.manage import room
from tianmu.manage.manage import Manage

DEVICES = itertools.count()


@pytest.fixture
def case(world: Any) -> str:
    """A fire of its own: each at another place."""
    alarm = world.raise_alarm(f"d{next(DEVICES)}", matter="liyang:event:fire_alarm")
    world.settle()
    return str(world.hub.manage.case_of([alarm.alarm])[alarm.alarm])


def say(client: Any, case: str, **told: Any) -> Any:
    return client.post(f"/api/cases/{case}/room", json={"kind": "say", **told})


def test_two_people_work_in_one_room(world: Any, case: str, stream: Any) -> None:
    where = f"/api/cases/{case}/room"
    with world.client("commander") as one, world.client("duty_officer") as two:
        heard = stream(world.client("duty_officer"))
        assert one.put(f"{where}/here").status_code == 204
        assert two.put(f"{where}/here").status_code == 204
        assert one.put(f"{where}/here").status_code == 204, "being there again is no news"
        assert say(one, case, text="两辆水罐车到场").status_code == 201
        task = say(two, case, kind="task", text="封路", unit="police").json()
        drawn = say(
            one, case, kind="draw", shape="area", text="警戒区",
            points=[[119.4, 31.4], [119.5, 31.4], [119.5, 31.5]],
        ).json()  # fmt: skip
        held = one.get(where).json()
        assert held["open"]
        assert {p["account"] for p in held["present"]} == {"t-commander", "t-duty-officer"}
        assert [t["text"] for t in held["tasks"]] == ["封路"]
        assert held["drawings"][0]["points"][1] == [119.5, 31.4]
        assert [e["sequence"] for e in held["log"]] == list(range(1, held["version"] + 1))
        assert [e["kind"] for e in held["log"]] == ["enter", "enter", "say", "task", "draw"]

        # both saw version 4 of the task; the second is told, and nothing of the first is lost
        done = {"kind": "task_done", "item": task["item"], "was": task["sequence"]}
        assert say(one, case, **done).status_code == 201
        late = say(two, case, **done)
        assert late.status_code == 412
        assert "somebody else was first" in late.json()["detail"]
        assert one.get(where).json()["tasks"][0]["done_by"] == "t-commander"
        gone = {"kind": "erase", "item": drawn["item"], "was": drawn["sequence"]}
        assert say(two, case, **gone).status_code == 201
        assert say(two, case, **gone).status_code == 422, "it is not there any more"
        assert one.delete(f"{where}/here").status_code == 204
        after = two.get(where).json()
        assert [p["account"] for p in after["present"]] == ["t-duty-officer"]
        assert after["drawings"] == []
        told = heard.wait("room", after["version"])
        assert [t["sequence"] for t in told] == list(range(1, after["version"] + 1))
        heard.stop()


def test_entries_sent_at_once_all_stand_and_those_sent_again_once(world: Any, case: str) -> None:
    def write(role: str) -> None:
        with world.client(role) as client:
            for n in range(10):
                for _ in range(2):  # the answer was lost: sent again with its key
                    sent = say(client, case, text=f"{role} {n}", key=f"{role}-{n}")
                    assert sent.status_code == 201

    threads = [
        threading.Thread(target=write, args=(role,))
        for role in ("commander", "duty_officer", "dispatcher")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with world.client("commander") as one:
        log = one.get(f"/api/cases/{case}/room").json()["log"]
    assert len(log) == 30
    assert len({e["text"] for e in log}) == 30
    assert [e["sequence"] for e in log] == list(range(1, 31))


def test_a_room_survives_a_restart_and_stands_in_the_case_file(world: Any, case: str) -> None:
    with world.client("commander") as one:
        say(one, case, text="call the gas company, 13812345678")
        before = one.get(f"/api/cases/{case}/room").json()
        assert "138****5678" in before["log"][0]["text"]
        assert one.get(f"/api/cases/{case}/file.pdf").status_code == 200
    again = Manage(world.hub.records, world.hub.manage.journal, world.city, world.hub.clock)
    assert again.case(case).open
    kept = world.hub.records.read(lambda c: room.events(c, case))
    assert [e.text for e in kept] == ["call the gas company, 13812345678"]


def test_whoever_falls_silent_has_left(
    world: Any, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = f"/api/cases/{case}/room"
    with world.client("commander") as one, world.client("dispatcher") as two:
        one.put(f"{where}/here")
        two.put(f"{where}/here")
        seen = world.hub.memory["rooms"]
        seen[case, "t-commander"] -= world.city.desk.here_s + 1
        two.put(f"{where}/here")
        held = two.get(where).json()
        assert [p["account"] for p in held["present"]] == ["t-dispatcher"]
        assert held["log"][-1]["kind"] == "leave"
        assert held["log"][-1]["actor"] == "t-commander"


def test_coming_and_going_is_bounded_and_who_is_in_is_still_known(
    world: Any, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MARKS", 4)
    where = f"/api/cases/{case}/room"
    with world.client("commander") as one, world.client("dispatcher") as two:
        for _ in range(5):
            one.put(f"{where}/here")
            one.delete(f"{where}/here")
        held = one.get(where).json()
        assert [e["kind"] for e in held["log"]] == ["enter", "leave"] * 2
        assert not held["marked"] and held["present"] == []
        two.put(f"{where}/here")
        one.put(f"{where}/here")
        held = one.get(where).json()
        assert [p["account"] for p in held["present"]] == ["t-commander", "t-dispatcher"]
        assert held["present"][0]["since"] is None and held["version"] == 4
        world.hub.memory["rooms"][case, "t-commander"] -= world.city.desk.here_s + 1
        assert [p["account"] for p in two.get(where).json()["present"]] == ["t-dispatcher"]
        assert say(one, case, text="still works").status_code == 201


def test_who_may_and_what_cannot_be_meant(world: Any, case: str) -> None:
    with world.client("commander") as one:
        for told in (
            {"kind": "shout", "text": "x"},
            {"text": "  "},
            {"kind": "draw", "shape": "line", "points": [[119, 31]]},
            {"kind": "draw", "shape": "point", "points": [[500, 31]]},
            {"kind": "draw", "shape": "star", "points": [[119, 31]]},
            {"kind": "enter"},
            {"kind": "task_done", "item": "t99", "was": 1},
        ):
            assert say(one, case, **told).status_code == 422, told
    town = world.account("room-elsewhere", ["duty_officer"], division=world.towns()[5])
    with world.client() as other:
        other.headers["Authorization"] = f"Bearer {town}"
        seen = other.get(f"/api/cases/{case}/room").status_code
        place = world.hub.manage.case(case).division
        assert seen == (200 if place in world.hub.below(world.towns()[5]) else 404)
    with world.client("leader") as leader:
        assert leader.get(f"/api/cases/{case}/room").status_code == 403


def test_a_drawing_keeps_its_shape_and_says_so(world: Any, case: str) -> None:
    with world.client("commander") as one:
        line = [[119.4, 31.4], [119.5, 31.4]]
        made = say(one, case, kind="draw", shape="line", text="hose", points=line).json()
        known = {"kind": "redraw", "item": made["item"], "was": made["sequence"]}
        area = [*line, [119.5, 31.5]]
        for wrong in (
            {"shape": "area", "points": area},
            {"shape": "area", "text": "hose"},
            {"shape": "star"},
        ):
            refused = say(one, case, **known, **wrong)
            assert refused.status_code == 422, wrong
            assert f"the shape of {made['item']} is line and stays so" in refused.json()["detail"]
        short = say(one, case, **known, points=line[:1])
        assert (short.status_code, "shape line has 2 to" in short.json()["detail"]) == (422, True)
        assert one.get(f"/api/cases/{case}/room").json()["version"] == made["sequence"]
        assert say(one, case, **known, shape="line", points=area).status_code == 201
        [drawn] = one.get(f"/api/cases/{case}/room").json()["drawings"]
        assert (drawn["shape"], drawn["points"]) == ("line", area)


def test_a_mild_case_has_a_room_when_somebody_opens_one(world: Any) -> None:
    alarm = world.raise_alarm(matter="liyang:event:bin_full", priority=4)
    world.settle()
    case = world.hub.manage.case_of([alarm.alarm])[alarm.alarm]
    assert world.hub.manage.case(case).level_number > world.city.desk.room_level
    with world.client("dispatcher") as one:
        assert one.get(f"/api/cases/{case}/room").json()["why"] == "mild"
        assert say(one, case, text="hello").status_code == 409
        assert say(one, case, kind="open", text="the mayor asks").status_code == 201
        assert say(one, case, text="hello").status_code == 201
