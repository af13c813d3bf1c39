"""Who opened a case, saw personal data of it, took it out or handed it on, is on the case."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from tianmu.web.route.route import Ask
from tianmu.web.sight import exposure
from waiting import eventually


@pytest.fixture
def told(world: Any) -> tuple[str, str]:
    """A case by a citizen's call: (case, report)."""
    with world.client("hotline_agent") as agent:
        made = agent.post(
            "/api/reports",
            json={
                "channel": "hotline", "text": "井盖丢失，我的电话 13812345678",
                "matter": world.matter(),
                "reporter": {"name": "张三丰", "phone": "13812345678"},
                "place": {"longitude": 119.49, "latitude": 31.42},
            },
        )  # fmt: skip
        assert made.status_code in {200, 201}, made.text
    world.settle()
    with world.client("duty_officer") as duty:
        found = duty.get("/api/reports").json()["items"][0]
    assert found["case"], found
    return found["case"], found["report"]


def lines(world: Any, case: str, role: str = "commander") -> list[Any]:
    with world.client(role) as client:
        answer = client.get(f"/api/cases/{case}/exposure")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def wait(world: Any, case: str, count: int) -> list[Any]:
    """Opening is written beside the answer."""
    return eventually(lambda: len(found := lines(world, case)) >= count and found) or []


def test_opening_showing_and_handing_on(world: Any, told: tuple[str, str]) -> None:
    case, report = told
    with world.client("duty_officer") as duty:
        for _ in range(3):  # written once an hour
            assert "13812345678" not in duty.get(f"/api/cases/{case}").text
        assert "张三丰" not in duty.get(f"/api/reports/{report}").text
        assert [line["deed"] for line in wait(world, case, 1)] == ["viewed"]
        assert duty.post(f"/api/reports/{report}/reveal", json={}).status_code == 422
        seen = duty.post(f"/api/reports/{report}/reveal", json={"reason": "call back"})
        assert seen.json()["reporter"]["phone"] == "13812345678"
        given = {"to": "县医院急诊", "reason": "伤者送医"}
        assert duty.post(f"/api/cases/{case}/passed", json=given).status_code == 204
    with world.client("integrator") as program:
        assert program.get(f"/api/cases/{case}").status_code == 200
    with world.client("kiosk") as wall:
        assert wall.get(f"/api/cases/{case}").status_code == 200
    found = wait(world, case, 4)
    # a wall's token here is a program's; walls themselves are of kind kiosk and not written down
    told_of = [(line["actor"], line["deed"]) for line in found if line["actor"] != "t-kiosk"]
    assert told_of == [
        ("t-integrator", "passed_on"),
        ("t-duty-officer", "passed_on"),
        ("t-duty-officer", "revealed"),
        ("t-duty-officer", "viewed"),
    ]
    shown = next(line for line in found if line["deed"] == "revealed")
    assert (shown["what"], shown["reason"]) == (report, "call back")
    assert {line["to"] for line in found if line["deed"] == "passed_on"} == {
        "t-integrator", "县医院急诊",
    }  # fmt: skip


def test_what_another_system_lists_or_hears(world: Any, told: tuple[str, str]) -> None:
    case, _ = told
    name = f"system-{case}"
    world.tokens[name] = world.account(name, ["integrator"])
    with world.client(name) as system, world.client("audit_admin") as auditor:
        for _ in range(2):
            assert case in system.get("/api/cases").text
            with system.stream("GET", "/api/push") as stream:
                assert stream.status_code == 200

        def told_of() -> list[Any]:
            trail: list[Any] = auditor.get("/api/audit", params={"actor": name}).json()["items"]
            both = {one["verb"] for one in trail} == {"push.listen", "case.pass"}
            return trail if both else []

        trail = eventually(told_of)
    assert [one["verb"] for one in trail].count("push.listen") == 1
    assert [one["object"] for one in trail if one["verb"] == "case.pass"].count(case) == 1


def test_a_file_taken_out_is_written_first(world: Any, told: tuple[str, str]) -> None:
    case, _ = told
    who = world.hub.sessions.token_principal(world.tokens["commander"])
    request: Any = None
    exposure.exported(Ask(world.hub, who, "::1", request), case, "case.pdf", "for the court")
    found = next(line for line in lines(world, case) if line["deed"] == "exported")
    assert (found["actor"], found["what"], found["reason"]) == (
        "t-commander", "case.pdf", "for the court",
    )  # fmt: skip


def test_a_printed_case_file_is_one_taken_out(world: Any, told: tuple[str, str]) -> None:
    case, _ = told
    with world.client("commander") as commander:
        assert commander.get(f"/api/cases/{case}/file.pdf").status_code == 200
        mark = commander.get(f"/api/cases/{case}/prints").json()["items"][0]["mark"]
    found = next(line for line in lines(world, case) if line["deed"] == "exported")
    assert found["what"] == mark


def test_whoever_may_not_see_the_case_sees_none_of_it(world: Any, told: tuple[str, str]) -> None:
    case, _ = told
    elsewhere = world.account("elsewhere", ["duty_officer"], division=world.towns()[-1])
    with world.client("duty_officer") as any_:
        division = any_.get(f"/api/cases/{case}").json()["division"]
    assert not division.startswith(world.towns()[-1])
    with world.client() as client:
        headers = {"Authorization": f"Bearer {elsewhere}"}
        for method, path in (("GET", "exposure"), ("POST", "passed")):
            answer = client.request(
                method, f"/api/cases/{case}/{path}", headers=headers,
                json={"to": "me", "reason": "because"} if method == "POST" else None,
            )  # fmt: skip
            assert answer.status_code == 404


LISTS = ("/api/scenarios/forest-fire/watched", "/api/scenarios/forest-fire/record", "/api/contacts")


@pytest.mark.parametrize("path", [*LISTS, "/api/cases/{case}/contacts", "/api/cases/{case}/alike"])
def test_another_system_has_the_cases_of_every_list(world: Any, path: str) -> None:
    matter = "liyang:event:forest_smoke"
    more = {"rule": "forest_camera.smoke", "matter": matter, "severity": "II", "priority": 1}
    alarm = world.raise_alarm("d3", identity=f"forest_camera.smoke@d3/{uuid.uuid4().hex}", **more)
    world.settle()
    case = world.hub.manage.case_of([alarm.alarm])[alarm.alarm]
    name = f"lister-{uuid.uuid4().hex[:8]}"
    world.tokens[name] = world.account(name, ["integrator"])
    with world.client(name) as system, world.client("audit_admin") as auditor:
        answer = system.get(path.format(case=case))
        assert answer.status_code == 200, answer.text
        shown = set(re.findall(r'"case":"(c[0-9]+)"', answer.text))

        def passed() -> set[str]:
            asked = {"actor": name, "limit": 500}
            trail = auditor.get("/api/audit", params=asked).json()["items"]
            return {one["object"] for one in trail if one["verb"] == "case.pass"}

        assert shown or path in LISTS[1:] or path.endswith("alike")
        eventually(lambda: passed() >= shown)


def test_who_only_takes_steps_has_seen_the_case_too(world: Any, told: tuple[str, str]) -> None:
    """The answer is the whole case, with the names of those on duty in clear for who may see them;
    what a citizen has said of themselves is masked in it."""
    case, _ = told
    name = "only-takes-steps"  # whom nothing else of the tests is about
    world.tokens[name] = world.account(name, ["duty_officer"])
    with world.client(name) as one:
        noted = one.post(f"/api/cases/{case}/steps/note", json={"data": {"text": "looked at"}})
        assert noted.status_code == 200, noted.text
        assert "13812345678" not in noted.text and "张三丰" not in noted.text

    def viewed(of: str) -> bool:
        found = [(line["actor"], line["deed"]) for line in lines(world, of)]
        return (name, "viewed") in found

    assert eventually(lambda: viewed(case))
    with world.client(name) as duty:
        other = world.raise_alarm("d31", matter="liyang:event:fire_alarm")
        world.settle()
        into = world.hub.manage.case_of([other.alarm])[other.alarm]
        asked = {"into": into, "reason": "the same"}
        merged = duty.post(f"/api/cases/{case}/merge", json=asked)
        assert merged.status_code == 200, merged.text
        shown = [person["name"] for order in merged.json()["orders"] for person in order["persons"]]
        assert shown and not any("*" in name for name in shown), (
            "in clear: it has to be written down"
        )
    assert eventually(lambda: viewed(into))
