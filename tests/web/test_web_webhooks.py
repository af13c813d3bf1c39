"""Departments' own systems: told by webhook, working by the API, from a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tianmu.access.scope import WHOLE
from tianmu.city.charter.outbound import Outbound
from tianmu.command import signing
from waiting import eventually

from .receivers import FAST, Hook, Receiver, approve, fast, hook, receiver, sent, steps, unit

__all__ = ["fast", "hook", "receiver", "unit"]
CLIENT = Path(__file__).parents[1] / "command" / "client.py"


@pytest.fixture
def patient(world: Any, fast: None) -> Iterator[None]:
    """A receiver that is a process of its own may be slow on a busy machine: with ``FAST`` what it
    has not answered within a second would be given up for good."""
    before = world.hub.city
    slow = msgspec.structs.replace(FAST, timeout_s=10.0, give_up_h=1.0)
    world.hub.city = replace(before, outbound=slow)
    yield
    world.hub.city = before


def test_a_department_keeps_its_software(world: Any, unit: str, patient: None) -> None:
    """The reference client: told by webhook, it works over the API until the case is closed."""
    name = f"s{uuid.uuid4().hex[:8]}"
    token = world.account(name, ["department_system"], department=unit)
    admin = world.client("system_admin")
    # the secret is known once the address is, so the door is opened first
    probe = Receiver()
    made = admin.post(
        "/api/webhooks", json={"name": "orders", "department": unit, "url": probe.url}
    ).json()
    probe.close()
    hook = made["webhook"]["webhook"]
    assert not made["webhook"]["on"] and made["webhook"]["proposed"] == probe.url
    client = subprocess.Popen(
        [sys.executable, str(CLIENT), world.url, token, made["secret"]],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    said: list[dict[str, Any]] = []
    assert client.stdout is not None
    lines = iter(client.stdout.readline, "")
    threading.Thread(target=lambda: said.extend(map(json.loads, lines)), daemon=True).start()
    try:
        port = eventually(lambda: next((one["port"] for one in list(said) if "port" in one), 0))
        url = f"http://127.0.0.1:{port}/"
        assert admin.post(f"/api/webhooks/{hook}", json={"url": url}).status_code == 200
        approve(world, hook, url)
        case = sent(world)
        fed = eventually(lambda: next((one for one in list(said) if "fed_back" in one), None))
        state = world.hub.manage.case(case, WHOLE)
        mine = state.order(fed["fed_back"])
        assert mine is not None and mine.result == "repaired" and len(state.photos) == 1
        for other in state.open_orders:  # of departments that have no software
            steps(world, case, "cancel", order=other.order)
        with world.client("duty_officer") as duty:
            held = duty.get(f"/api/cases/{case}").json()
        numbers = {one["order"]: one["number"] for one in held["orders"]}
        assert numbers[fed["fed_back"]] == f"WO-{fed['fed_back']}"
        accepted = next(one for one in held["events"] if one["step"] == "accept")
        assert accepted["actor_name"] == name
        steps(world, case, "check", role="duty_officer", result="pass")
        steps(world, case, "close", role="commander")
        eventually(lambda: {"closed": case} in list(said))
        # what is replayed, forged or old is refused; what comes twice counts once
        body = b'{"type":"test","data":{}}'
        for at, secret, known in (
            (time.time(), made["secret"], 204),
            (time.time(), made["secret"], 204),
            (time.time() - 400, made["secret"], 401),
            (time.time(), signing.new_secret(), 401),
        ):
            headers = signing.headers([secret], "msg_same", int(at), body)
            assert httpx.post(url, content=body, headers=headers).status_code == known
        eventually(lambda: {"again": "msg_same"} in list(said))
        assert sum(one.get("took") == "msg_same" for one in said) == 1
        took = [one["took"] for one in said if "took" in one]
        assert len(took) == len(set(took))
        assert not [one for one in said if "status" in one], said
    finally:
        print(*said, sep="\n")
        client.kill()
        client.wait(10)
        admin.post(f"/api/webhooks/{hook}", json={"on": False})


def test_messages_are_signed_masked_and_in_order(
    world: Any, hook: Callable[..., Hook], receiver: Receiver
) -> None:
    mine = hook(receiver.url)
    case = sent(world, f"call me on 13812345678, {uuid.uuid4().hex}")
    steps(world, case, "urge")
    eventually(lambda: any(one["type"] == "case.urge" for one in receiver.told(case)))
    for headers, body in receiver.came:
        assert signing.verify(mine.secret, headers, body, time.time()) == headers["webhook-id"]
        assert b"13812345678" not in body
    told = receiver.told(case)
    order = [one["data"]["event"]["sequence"] for one in told]
    assert order == sorted(set(order))
    assert "138****5678" in told[0]["data"]["case"]["text"]
    assert told[-1]["data"]["orders"][0]["unit"] in mine.now()["department"]
    # neither other departments nor a webhook that wants other events hear of it
    others = [one for one in world.city.departments if one != mine.now()["department"]]
    parent = {one.code: one.parent for one in world.city.departments.values()}
    stranger = next(one for one in others if parent[mine.now()["department"]] != one)
    apart, picky = Receiver(), Receiver()
    hook(apart.url, department=stranger)
    hook(picky.url, ["urge"])
    second = sent(world)
    steps(world, second, "urge")
    eventually(lambda: picky.told(second))
    assert {one["type"] for one in picky.told(second)} == {"case.urge"}
    assert not apart.came
    apart.close()
    picky.close()


def test_a_receiver_that_is_down_delays_no_other(
    world: Any, hook: Callable[..., Hook], receiver: Receiver
) -> None:
    down = Receiver()
    down.close()
    dead = hook(down.url)
    slow = Receiver()
    slow.wait = 0.7
    late = hook(slow.url)
    good = hook(receiver.url)
    case = sent(world)
    eventually(lambda: receiver.told(case))
    eventually(lambda: dead.deliveries("waiting") and dead.deliveries("waiting")[0]["error"])
    assert "could not be reached" in dead.deliveries("waiting")[-1]["error"]
    eventually(lambda: slow.came)
    assert all(one["state"] != "dead" for one in late.deliveries())
    assert len(good.done(len(receiver.told(case)))) == len(set(receiver.ids()))
    # after the bounded time: dead letters, with why; back again, all go out, by their ids
    letters = eventually(
        lambda: (
            (all_ := dead.deliveries()) and all(one["state"] == "dead" for one in all_) and all_
        ),
        20,
    )
    assert letters[0]["attempts"] > 1
    assert dead.now()["dead"] == len(letters)
    whole = dead.admin.get(f"{dead.path}/deliveries/{letters[0]['delivery']}").json()
    assert whole["body"] == ""  # who runs the machines does not read cases
    with world.client("commander") as commander:
        looked = commander.get(f"{dead.path}/deliveries/{letters[0]['delivery']}").json()
    assert json.loads(looked["body"])["data"]["case"]["case"] == case
    one = f"/deliveries/{letters[-1]['delivery']}"
    assert dead.admin.post(f"{dead.path}{one}/discard", json={}).status_code == 422
    assert dead.post(f"{one}/discard", reason="told by telephone")["state"] == "discarded"
    assert dead.admin.post(f"{dead.path}{one}/redeliver").status_code == 409
    back = Receiver()
    dead.post(url=back.url)
    dead.approve(back.url)
    assert dead.post("/redeliver")["redelivered"] == len(letters) - 1
    dead.done(len(letters) - 1)
    assert sorted(back.ids()) == sorted(x["delivery"] for x in letters[:-1])
    slow.close()
    back.close()


def test_answers(world: Any, hook: Callable[..., Hook], receiver: Receiver) -> None:
    mine = hook(receiver.url, ["order", "urge"])
    receiver.answers = [(503, {"Retry-After": "1"}), (500, {}), (302, {"Location": "/x"})]
    began = world.hub.clock()
    case = sent(world)
    mine.done(1)
    ids = receiver.ids()
    assert len(ids) == 4 and len(set(ids)) == 1
    assert mine.deliveries("done")[0]["attempts"] == 4
    assert began  # 503 with Retry-After is bounded by the pack's longest wait
    receiver.answers = [(410, {})]
    steps(world, case, "urge")
    off = eventually(lambda: (now := mine.now()) and not now["on"] and now)
    assert "410" in off["note"] and off["waiting"] == 1
    mine.post(on=True)
    assert mine.now()["note"] == ""
    mine.done(2)


def test_a_new_secret_and_the_one_before(
    world: Any, hook: Callable[..., Hook], receiver: Receiver
) -> None:
    mine = hook(receiver.url)
    newer = mine.post("/rotate")["secret"]
    made = mine.post("/test")
    eventually(lambda: made["delivery"] in receiver.ids())
    headers, body = receiver.came[-1]
    for secret in (mine.secret, newer):
        assert signing.verify(secret, headers, body, time.time()) == made["delivery"]
    world.hub.city = replace(world.hub.city, outbound=replace_struct(FAST, old_secret_h=0.0))
    newest = mine.post("/rotate")["secret"]
    world.hub.city = replace(world.hub.city, outbound=FAST)
    made = mine.post("/test")
    eventually(lambda: made["delivery"] in receiver.ids())
    headers, body = receiver.came[-1]
    assert signing.verify(newest, headers, body, time.time())
    with pytest.raises(signing.Unsigned, match="our secret"):
        signing.verify(newer, headers, body, time.time())
    with pytest.raises(signing.Unsigned, match="replay"):
        signing.verify(newest, headers, body, time.time() + 400)


def replace_struct(policy: Outbound, **values: Any) -> Outbound:
    import msgspec

    return msgspec.structs.replace(policy, **values)


def test_a_system_that_cannot_be_called_asks_for_changes(world: Any, unit: str) -> None:
    name = f"s{uuid.uuid4().hex[:8]}"
    world.tokens[name] = world.account(name, ["department_system"], department=unit)
    with world.client(name) as system:
        first = system.get("/api/orders/changes").json()
        assert first["items"] == [] and not first["more"]
        case = sent(world)
        found, after = [], first["next"]
        while True:
            answer = system.get("/api/orders/changes", params={"after": after, "limit": 2})
            found += answer.json()["items"]
            after = answer.json()["next"]
            if not answer.json()["items"] and not answer.json()["more"]:
                break
        sequences = [one["data"]["event"]["sequence"] for one in found]
        assert sequences == list(range(1, world.hub.manage.case(case, WHOLE).version + 1))
        same = {"If-None-Match": answer.headers["etag"]}
        path = f"/api/orders/changes?after={after}"
        assert system.get(path, headers=same).status_code == 304
        assert system.get("/api/orders/changes?after=nonsense").status_code == 400
        # its orders, once each, page by page
        pages, cursor = [], None
        while True:
            query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
            page = system.get("/api/orders", params=query).json()
            pages += [one["order"]["order"] for one in page["items"]]
            if (cursor := page["next"]) is None:
                break
        assert len(pages) == len(set(pages))
        order = world.hub.manage.case(case, WHOLE).orders[0].order
        assert order in pages
        held = system.get(f"/api/orders/{order}")
        assert held.json()["steps"][0] == "accept" and held.headers["etag"]
        key = {"Idempotency-Key": "a-1"}
        body = {"reason": "not ours: the road belongs to the railway"}
        for again in (False, True):
            gone = system.post(f"/api/orders/{order}/steps/return", json=body, headers=key)
            assert gone.status_code == 200, gone.text
            assert ("deed-again" in gone.headers) is again
        assert gone.json()["order"]["state"] == "returned"
        assert system.post(f"/api/orders/{order}/steps/close", json={}).status_code == 404
        called = system.post(f"/api/orders/{order}/number", json={"number": "X-1"})
        assert called.json()["order"]["number"] == "X-1"
    other = next(
        one.code for one in world.city.departments.values() if one.code != unit and not one.parent
    )
    world.tokens[f"{name}x"] = world.account(f"{name}x", ["department_system"], department=other)
    with world.client(f"{name}x") as stranger:
        assert stranger.get(f"/api/orders/{order}").status_code == 404
        assert stranger.post(f"/api/orders/{order}/steps/accept", json={}).status_code == 404
