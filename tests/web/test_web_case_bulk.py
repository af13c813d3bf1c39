"""One deed on many cases, each for itself; filters that are kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tianmu.web.api.filters import QUEUES


def cases_of(world: Any, devices: range) -> list[dict[str, Any]]:
    found = []
    for n in devices:
        alarm = world.raise_alarm(f"d{n}", matter="liyang:event:fire_alarm")
        world.settle()
        state = world.hub.manage.case(world.hub.manage.case_of([alarm.alarm])[alarm.alarm])
        found.append({"case": state.case, "version": state.version})
    return found


def test_what_would_happen_is_told_and_then_happens_to_each_for_itself(world: Any) -> None:
    many = cases_of(world, range(4))
    many[1]["version"] += 1  # somebody else was there meanwhile, as far as this page knows
    asked = {"step": "urge", "cases": [*many, {"case": "c99999"}], "reason": "shift ends"}
    with world.client("dispatcher") as one:
        told = one.post("/api/case-deeds", json={**asked, "rehearse": True}).json()
        assert [c["done"] for c in told["cases"]] == [True, False, True, True, False]
        before = one.get(f"/api/cases/{many[0]['case']}").json()["version"]
        assert before == many[0]["version"], "nothing has happened yet"
        done = one.post("/api/case-deeds", json=asked).json()
        assert (done["done"], done["refused"]) == (3, 2)
        assert [c["status"] for c in done["cases"]] == [200, 412, 200, 200, 404]
        assert all(c["undo"] is None for c in done["cases"]), "nobody is un-urged"
        assert done["cases"][1]["why"]
        steps = [e["step"] for e in one.get(f"/api/cases/{many[0]['case']}").json()["events"]]
        assert steps[-1] == "urge"
    with world.client("audit_admin") as auditor:
        trail = auditor.get("/api/audit", params={"verb": "case.urge"}).json()["items"]
    assert sorted(t["outcome"] for t in trail) == ["done"] * 3
    assert {t["detail"]["together"] for t in trail} == {5}


def test_limits_and_permissions(world: Any) -> None:
    many = cases_of(world, range(5, 6))
    with world.client("dispatcher") as one:
        crowd = [{"case": f"c{n}"} for n in range(world.city.desk.bulk_most + 1)]
        too = one.post("/api/case-deeds", json={"step": "note", "cases": crowd})
        assert too.status_code == 422 and "bulk_most" in too.json()["remedy"]
        assert one.post("/api/case-deeds", json={"step": "void", "cases": many}).status_code == 422
        twice = {"step": "note", "cases": many * 2, "data": {"text": "x"}}
        assert one.post("/api/case-deeds", json=twice).status_code == 422
        # a reason is asked for where the step alone asks for one
        bare = one.post("/api/case-deeds", json={"step": "urge", "cases": many}).json()
        assert (bare["done"], bare["cases"][0]["status"]) == (0, 422)
    with world.client("leader") as leader:
        asked = {"step": "urge", "cases": many, "reason": "now"}
        refused = leader.post("/api/case-deeds", json=asked).json()
        assert (refused["done"], refused["cases"][0]["status"]) == (0, 403)


def test_who_answers_can_be_set_back(world: Any) -> None:
    with world.client("hotline_agent") as agent:
        sent = {"text": "树倒了", "channel": "hotline", "matter": world.matter()}
        report = agent.post("/api/reports", json=sent).json()["report"]
    world.settle()
    case = world.hub.manage.case_of([report], "report")[report]
    with world.client("dispatcher") as one:
        named = {"department": "housing", "joint": ["gas-company", "fire"]}
        both = {"reason": "both", "data": named}
        assert one.post(f"/api/cases/{case}/steps/assign", json=both).status_code == 200
    before = world.hub.manage.case(case)
    assert before.lead and before.joint
    asked: dict[str, Any] = {"step": "assign", "reason": "theirs"}
    with world.client("dispatcher") as one:
        other = {"cases": [{"case": case, "version": before.version}]}
        sent_twice = [
            one.post(
                "/api/case-deeds",
                json={**asked, **other, "data": {"department": "gas-company"}},
                headers={"Idempotency-Key": "theirs"},
            ).json()
            for _ in range(2)
        ]
        [told], [again] = (done["cases"] for done in sent_twice)
        assert told["done"] and told["undo"] == {
            "department": before.lead,
            "joint": list(before.joint),
        }
        assert again == told, "it was done once, and is taken back to what it was before"
        back = {"cases": [{"case": case, "version": told["version"], "data": told["undo"]}]}
        assert one.post("/api/case-deeds", json={**asked, **back}).json()["done"] == 1
        after = world.hub.manage.case(case)
        assert (after.lead, after.joint) == (before.lead, before.joint)


def test_filters_are_kept_by_name_and_shared_with_a_post(world: Any) -> None:
    with world.client("dispatcher") as one, world.client("commander") as other:
        mine = {"name": "Gas", "choice": {"queue": "overdue", "department": "fire"}}
        first = one.post("/api/filters", json=mine).json()
        again = one.post("/api/filters", json={**mine, "share": True}).json()
        assert first["filter"] != again["filter"]
        held = one.get("/api/filters").json()["items"]
        assert [(f["name"], f["mine"], f["shared"]) for f in held] == [("Gas", True, True)]
        assert held[0]["choice"]["department"] == "fire"
        assert other.get("/api/filters").json()["items"] == [], "another post"
        token = world.account("second-dispatcher", ["dispatcher"])
        with world.client() as second:
            second.headers["Authorization"] = f"Bearer {token}"
            [seen] = second.get("/api/filters").json()["items"]
            assert (seen["name"], seen["mine"]) == ("Gas", False)
            assert second.delete(f"/api/filters/{seen['filter']}").status_code == 404
        assert one.delete(f"/api/filters/{again['filter']}").status_code == 204
        assert one.get("/api/filters").json()["items"] == []
        wrong = one.post("/api/filters", json={"name": "", "choice": {}})
        assert wrong.status_code == 422


def test_a_filter_that_would_show_nothing_is_refused_with_the_choices(world: Any) -> None:
    with world.client("dispatcher") as one:
        for field, choices in (
            ("queue", ["overdue", "mine"]),
            ("level", [level.name for level in world.city.profile.levels]),
            ("stage", ["verify", "check"]),
            ("department", ["fire", "gas-company"]),
        ):
            kept = {"name": "Nonsense", "choice": {field: "no-such"}}
            refused = one.post("/api/filters", json=kept)
            assert refused.status_code == 422, field
            told = refused.json()
            assert told["detail"] == f"there is no {field} 'no-such'"
            for choice in choices:
                assert choice in told["remedy"]
        blank = one.post("/api/filters", json={"name": "  ", "choice": {}})
        assert (blank.status_code, "name" in blank.json()["detail"]) == (422, True)
        assert one.get("/api/filters").json()["items"] == []
        for queue in QUEUES:
            made = one.post("/api/filters", json={"name": "Each", "choice": {"queue": queue}})
            assert made.status_code == 201, queue
        one.delete(f"/api/filters/{made.json()['filter']}")


def test_the_queues_of_a_filter_are_those_of_the_desk() -> None:
    page = Path(__file__).parents[2] / "ui/src/pages/desk/queues.ts"
    [names] = re.findall(r"const QUEUES = \[(.*?)\]", page.read_text())
    assert tuple(re.findall(r'"(.*?)"', names)) == QUEUES
