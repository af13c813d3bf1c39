"""One deed on many cases, each for itself; filters that are kept."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

from tianmu.web.api.cases.filters import QUEUES


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
        assert one.post("/api/case-deeds", json={"step": "close", "cases": many}).status_code == 422
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
        named = {"department": before.lead, "joint": list(before.joint)}
        assert told["done"] and told["undo"] == [{"step": "assign", "data": named}]
        assert again == told, "it was done once, and is taken back to what it was before"
        assert taken_back(one, {"cases": [told]})["done"] == 1
        after = world.hub.manage.case(case)
        assert (after.lead, after.joint) == (before.lead, before.joint)


def taken_back(one: Any, done: dict[str, Any]) -> dict[str, Any]:
    """The answer to taking a deed on many back, as far as it can be."""
    cases = [
        {"case": c["case"], "version": c["version"], "data": {"steps": c["undo"]}}
        for c in done["cases"]
        if c["undo"]
    ]
    asked = {"step": "undo", "reason": "the wrong ones", "cases": cases}
    answer = one.post("/api/case-deeds", json=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


ELSEWHERE = itertools.count()


def told_cases(world: Any, count: int) -> list[str]:
    """Cases of reports, each somewhere else and to be verified."""
    found = []
    with world.client("hotline_agent") as agent:
        for _ in range(count):
            place = {"longitude": 119.4 + next(ELSEWHERE) / 50, "latitude": 31.4, "precision": 5}
            sent = {"text": "树倒了", "channel": "hotline", "matter": world.matter()} | {
                "place": place
            }
            found.append(agent.post("/api/reports", json=sent).json()["report"])
    world.settle()
    return [world.hub.manage.case_of([one], "report")[one] for one in found]


KEPT = ("stage", "lead", "joint", "level", "level_by_hand", "suspended_until", "supervision")


def looks(world: Any, case: str) -> dict[str, Any]:
    state = world.hub.manage.case(case)
    found = {name: getattr(state, name) for name in KEPT}
    found["suspended_until"] = round(found["suspended_until"] / 120e6)  # to two minutes
    return {**found, "orders": [(o.unit, o.lead) for o in state.open_orders]}


def test_each_deed_on_many_that_can_be_is_taken_back_to_how_each_stood(world: Any) -> None:
    cases = told_cases(world, 3)
    roles = ["duty_officer", "commander", "acceptor"]
    token = world.account("all-desks", roles)
    with world.client() as one:
        one.headers["Authorization"] = f"Bearer {token}"

        def many(step: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
            versions = {case: world.hub.manage.case(case).version for case in cases}
            named = [{"case": case, "version": version} for case, version in versions.items()]
            asked = {"step": step, "reason": "shift", "data": data, "cases": named, **more}
            return dict(one.post("/api/case-deeds", json=asked).json())

        def there_and_back(step: str, data: dict[str, Any] | None = None) -> None:
            before = [looks(world, case) for case in cases]
            would = many(step, data or {}, rehearse=True)
            assert all(c["undo"] for c in would["cases"]), (step, would)
            done = many(step, data or {})
            assert (done["done"], done["refused"]) == (3, 0), (step, done)
            assert [looks(world, case) for case in cases] != before, step
            told = taken_back(one, done)
            assert (told["done"], told["refused"]) == (3, 0), (step, told)
            assert [looks(world, case) for case in cases] == before, step

        there_and_back("void")  # before it was verified: it is to be verified, as before
        there_and_back("grade", {"level": "II"})
        there_and_back("escalate")
        assert many("urge", {}, rehearse=True)["cases"][0]["undo"] is None
        for case in cases:
            assert one.post(f"/api/cases/{case}/steps/verify", json={}).status_code == 200
        there_and_back("file")
        assert many("file", {})["done"] == 3
        there_and_back("void")  # in hand: whoever had it gets an order again
        there_and_back("transfer", {"department": "fire"})
        there_and_back("order", {"department": "gas-company"})
        there_and_back("supervise")
        there_and_back("suspend")
        assert many("suspend", {})["done"] == 3  # the one taken back does not count
        assert all(c["undo"] for c in many("resume", {}, rehearse=True)["cases"])
        assert many("resume", {})["done"] == 3
        assert many("suspend", {})["done"] == 3
        # it may be suspended twice, so that this resuming could not be taken back, and says so
        assert not any(c["undo"] for c in many("resume", {}, rehearse=True)["cases"])
        # a case that somebody has changed since is named and left
        assert many("resume", {})["done"] == 3
        done = many("transfer", {"department": "fire"})
        other = {"text": "the road is closed"}
        one.post(f"/api/cases/{cases[1]}/steps/note", json={"data": other})
        told = taken_back(one, done)
        assert [c["status"] for c in told["cases"]] == [200, 412, 200]
        assert world.hub.manage.case(cases[1]).lead == "fire"
        # all steps of a taking back, or none; and none that takes nothing back
        bad = [{"step": "resume"}, {"step": "cancel", "data": {"order": "no-such"}}]
        for steps in (bad, [{"step": "close"}], [], "resume"):
            version = world.hub.manage.case(cases[0]).version
            named = [{"case": cases[0], "data": {"steps": steps}}]
            asked = {"step": "undo", "reason": "x", "cases": named}
            told = one.post("/api/case-deeds", json=asked).json()
            assert told["refused"] == 1 and told["cases"][0]["why"]
            assert world.hub.manage.case(cases[0]).version == version


def test_a_case_that_was_resumed_by_mistake_stands_still_for_as_long_as_it_would_have(
    world: Any,
) -> None:
    [case] = told_cases(world, 1)
    with world.client("commander") as one:
        limit = {"limit": {"value": 3, "unit": "natural_day"}}
        asked = {"step": "suspend", "reason": "parts", "cases": [{"case": case, "data": limit}]}
        assert one.post("/api/case-deeds", json=asked).json()["done"] == 1
        before = looks(world, case)
        asked = {"step": "resume", "reason": "the wrong one", "cases": [{"case": case}]}
        done = one.post("/api/case-deeds", json=asked).json()
        assert looks(world, case)["suspended_until"] == 0
        assert taken_back(one, done)["done"] == 1
        assert abs(looks(world, case)["suspended_until"] - before["suspended_until"]) <= 1


def test_who_may_not_take_a_deed_back_is_told_so_before_it_is_done(world: Any) -> None:
    [case] = told_cases(world, 1)
    with world.client("duty_officer") as duty:
        assert duty.post(f"/api/cases/{case}/steps/verify", json={}).status_code == 200
    with world.client("acceptor") as one:  # files, but commands nothing
        asked = {"step": "file", "cases": [{"case": case}], "rehearse": True}
        [told] = one.post("/api/case-deeds", json=asked).json()["cases"]
        assert (told["done"], told["undo"]) == (True, None)


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
