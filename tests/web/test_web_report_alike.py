"""Who takes a call is told which open cases and which matters it may be about."""

from __future__ import annotations

from typing import Any

from .reporting import report


def alike(client: Any, **told: Any) -> Any:
    return client.post("/api/reports/alike", json=told)


def test_a_call_is_compared_with_all_open_cases_in_scope(world: Any) -> None:
    matter, town = world.matter(), world.towns()[0]
    spot = {"longitude": 119.3123, "latitude": 31.3456}
    with world.client("hotline_agent") as agent:
        before = agent.get("/api/reports").json()["items"]
        told = {"text": "老街桥头的路面塌了一个大坑", "place": {**spot, "division": town}}
        name = report(agent, matter=matter, **told).json()["report"]
        world.settle()
        case = agent.get(f"/api/reports/{name}").json()["case"]
        for asked in (
            {"matter": matter, "place": {"division": town}},
            {"place": spot},
            {"text": "老街桥头塌了一个坑"},
        ):
            found = alike(agent, **asked)
            assert found.status_code == 200, found.text
            assert case in [one["case"]["case"] for one in found.json()], asked
            assert len(found.json()) <= 5
            assert all(one["reasons"] for one in found.json())
        assert alike(agent).json() == []
        assert len(agent.get("/api/reports").json()["items"]) == len(before) + 1
    other = world.towns()[1]
    world.tokens["elsewhere"] = world.account("elsewhere", ["grid_worker"], division=other)
    with world.client("elsewhere") as elsewhere:
        assert case not in [one["case"]["case"] for one in alike(elsewhere, place=spot).json()]


def test_what_the_city_does_not_know_is_named(world: Any) -> None:
    with world.client("hotline_agent") as agent:
        for asked, where in (
            ({"matter": "no:such:matter"}, "body.matter"),
            ({"place": {"division": "999"}}, "body.place.division"),
            ({"place": {"longitude": 119.3}}, "body.place"),
        ):
            refused = alike(agent, **asked)
            assert refused.status_code == 422
            assert refused.json()["faults"][0]["where"] == where
    with world.client("system_admin") as admin:
        assert alike(admin, text="anything at all").status_code == 403


LAMP = "gbt30428.2-2013:component:0137"


def proposed(client: Any, text: str) -> Any:
    return client.post("/api/reports/matters", json={"text": text})


def test_matters_are_proposed_and_what_is_unsure_is_decided_by_nobody(world: Any) -> None:
    told = {
        "路灯三天没亮了，晚上漆黑一片": ("words", LAMP),
        "我们这里的路等坏了": ("sound", ""),
        "刚才没有冒烟，是热气": ("words", ""),
    }
    with world.client("hotline_agent") as agent:
        before = len(agent.get("/api/reports").json()["items"])
        for number, (text, (by, matter)) in enumerate(told.items()):
            found = proposed(agent, text)
            assert found.status_code == 200, found.text
            items = found.json()
            assert 1 <= len(items) <= 3
            assert items[0]["by"] == by
            assert len(agent.get("/api/reports").json()["items"]) == before + number
            place = {"longitude": 119.21 + number / 10, "latitude": 31.51}
            name = report(agent, text=text, place=place).json()["report"]
            world.settle()
            case = agent.get(f"/api/reports/{name}").json()["case"]
            held = world.hub.manage.case(case)
            assert (held.matter, held.stage) == (matter, "verify"), text
        assert proposed(agent, "").json() == []
    with world.client("system_admin") as admin:
        assert proposed(admin, "路灯坏了").status_code == 403
