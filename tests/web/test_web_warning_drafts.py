"""Whose a draft of a warning is: seen, pushed and changed where somebody answers for the place."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from .heard import Stream
from .warned import ROOT, written


def test_a_town_warns_of_itself_alone(world: Any) -> None:
    here, there = world.towns()[:2]
    token = world.account(f"d{uuid.uuid4().hex[:8]}", ["duty_officer"], division=here)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=world.url, headers=headers, timeout=20) as town:
        for divisions, status in (
            ([here], 201),
            ([there], 403),
            ([ROOT], 403),
            ([here, there], 403),
        ):
            answer = town.post("/api/warnings", json=written(divisions=divisions))
            assert answer.status_code == status, answer.text
        with world.client("duty_officer") as duty:
            name = duty.post("/api/warnings", json=written()).json()["warning"]
        assert town.post(f"/api/warnings/{name}/confirm", json={}).status_code == 404
        with world.client("commander") as commander:
            assert commander.post(f"/api/warnings/{name}/confirm", json={}).status_code == 200
        over = town.post(f"/api/warnings/{name}/cancel", json={"reason": "over here"})
        assert over.status_code == 403, "what holds is for all to see, and the city's to end"


def test_drafts_are_seen_by_those_who_answer_for_the_place(world: Any) -> None:
    here, there = world.towns()[:2]
    clients = {}
    for place in (here, there):
        token = world.account(f"d{uuid.uuid4().hex[:8]}", ["duty_officer"], division=place)
        headers = {"Authorization": f"Bearer {token}"}
        clients[place] = httpx.Client(base_url=world.url, headers=headers, timeout=20)
    city = world.client("duty_officer")

    def waiting(client: httpx.Client) -> set[str]:
        items = client.get("/api/warnings?state=waiting").json()["items"]
        return {one["warning"] for one in items}

    drafts = {
        place: city.post("/api/warnings", json=written(divisions=[place])).json()["warning"]
        for place in (here, there, ROOT)
    }
    both = city.post("/api/warnings", json=written(divisions=[here, there])).json()["warning"]
    assert {*drafts.values(), both} <= waiting(city)
    for place, other in ((here, there), (there, here)):
        seen = waiting(clients[place])
        assert drafts[place] in seen and not seen & {drafts[other], drafts[ROOT], both}
        assert clients[place].get(f"/api/warnings/{drafts[other]}").status_code == 404
        assert clients[place].get(f"/api/warnings/{both}/preview.xml").status_code == 404
        listed = clients[place].get("/api/warnings?state=all").json()["items"]
        assert drafts[other] not in {one["warning"] for one in listed}
    # what is published is for all, what waits there is not
    with world.client("commander") as commander:
        path = f"/api/warnings/{drafts[here]}"
        assert commander.post(f"{path}/confirm", json={}).status_code == 200
        city.post(f"{path}/update", json=written(divisions=[here], colour="yellow"))
    assert clients[here].get(path).json()["pending"]["kind"] == "Update"
    assert clients[there].get(path).json()["pending"] is None
    assert clients[there].get(f"{path}/preview.xml").status_code == 409
    for client in (*clients.values(), city):
        client.close()


def test_what_waits_for_more_than_ones_own_is_not_ones_to_drop(world: Any) -> None:
    here, there = world.towns()[:2]
    token = world.account(f"d{uuid.uuid4().hex[:8]}", ["duty_officer"], division=here)
    headers = {"Authorization": f"Bearer {token}"}
    with (
        world.client("duty_officer") as city,
        world.client("commander") as commander,
        httpx.Client(base_url=world.url, headers=headers, timeout=20) as town,
    ):
        name = city.post("/api/warnings", json=written(divisions=[here])).json()["warning"]
        path = f"/api/warnings/{name}"
        assert commander.post(f"{path}/confirm", json={}).status_code == 200
        wider = written(divisions=[here, there], colour="yellow")
        assert city.post(f"{path}/update", json=wider).status_code == 200
        assert town.post(f"{path}/drop", json={"reason": "no"}).status_code == 403
        mine = written(divisions=[here])
        assert town.post(f"{path}/revise", json=mine).status_code == 403
        assert city.post(f"{path}/drop", json={"reason": "no"}).status_code == 200
        assert town.post(f"{path}/update", json=mine).status_code == 200


def test_drafts_are_pushed_to_those_who_answer_for_the_place(world: Any) -> None:
    here, there = world.towns()[:2]
    streams = []
    for place in (here, there):
        token = world.account(f"d{uuid.uuid4().hex[:8]}", ["duty_officer"], division=place)
        headers = {"Authorization": f"Bearer {token}"}
        client = httpx.Client(base_url=world.url, headers=headers, timeout=20)
        streams.append(Stream(client, only="warning"))
    with world.client("duty_officer") as city:
        of = [
            city.post("/api/warnings", json=written(divisions=[place])).json()["warning"]
            for place in (there, here)
        ]
        assert [one["warning"] for one in streams[0].wait("warning")] == [of[1]]
        assert [one["warning"] for one in streams[1].wait("warning")] == [of[0]]
    for one in streams:
        one.stop()
