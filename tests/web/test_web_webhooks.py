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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tianmu.access.scope import WHOLE
from tianmu.city.outbound import Outbound
from tianmu.command import signing

CLIENT = Path(__file__).parents[1] / "command" / "client.py"
FAST = Outbound(
    timeout_s=1.0, first_wait_s=0.02, growth=1.5, longest_wait_s=0.2, give_up_h=1 / 3600
)
APART = count()


@pytest.fixture(scope="module", autouse=True)
def fast(world: Any) -> None:
    world.hub.city = replace(world.hub.city, outbound=FAST)
    with world.client("system_admin") as admin:
        answer = admin.post("/api/webhooks/hosts", json={"hosts": ["127.0.0.1"]})
        assert answer.status_code == 200, answer.text


def wait(until: Callable[[], Any], within: float = 10) -> Any:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if found := until():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come")


def new_case(world: Any, text: str = "") -> str:
    """A case that waits to be sent to somebody."""
    with world.client("integrator") as program:
        place = {"longitude": 119.2 + next(APART) * 0.03, "latitude": 31.41}
        words = text or f"broken {uuid.uuid4().hex}"
        told = program.post(
            "/api/reports",
            json={"channel": "app", "text": words, "matter": world.matter(), "place": place},
        )
        assert told.status_code == 201, told.text
    world.settle()
    name = told.json()["report"]
    return str(world.hub.manage.case_of([name], "report")[name])


def steps(world: Any, case: str, *names: str, role: str = "commander", **data: Any) -> None:
    """The centre takes those of the steps that may be taken now."""
    with world.client(role) as centre:
        for step in names:
            held = centre.get(f"/api/cases/{case}").json()
            if step in {one["step"] for one in held["actions"]}:
                body = {"reason": "so ordered", "data": data}
                done = centre.post(f"/api/cases/{case}/steps/{step}", json=body)
                assert done.status_code == 200, done.text


def sent(world: Any, text: str = "") -> str:
    case = new_case(world, text)
    steps(world, case, "verify", "file")
    if not world.hub.manage.case(case, WHOLE).orders:  # the plan has sent nobody
        steps(world, case, "order")
    return case


@pytest.fixture(scope="module")
def unit(world: Any) -> str:
    """The department that answers for the cases of this file."""
    return str(world.hub.manage.case(sent(world), WHOLE).orders[0].unit)


class Receiver:
    """A door of a department that answers as it is told."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        """what to answer next; 204 once they are used up"""
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.wait = 0.0
        outer = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.came.append(({k.lower(): v for k, v in self.headers.items()}, body))
                time.sleep(outer.wait)
                status, headers = outer.answers.pop(0) if outer.answers else (204, {})
                self.send_response(status)
                for key, value in {"content-length": "0", **headers}.items():
                    self.send_header(key, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/in"

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in list(self.came)]

    def told(self, case: str) -> list[dict[str, Any]]:
        found = [json.loads(body) for _, body in list(self.came)]
        return [one for one in found if one["data"].get("case", {}).get("case") == case]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


class Hook:
    """A webhook as the system administrator has it."""

    def __init__(self, world: Any, department: str, url: str, events: list[str]) -> None:
        self.admin: httpx.Client = world.client("system_admin")
        body = {"name": "own", "department": department, "url": url, "events": events}
        made = self.admin.post("/api/webhooks", json=body)
        assert made.status_code == 201, made.text
        self.name = made.json()["webhook"]["webhook"]
        self.secret = made.json()["secret"]

    @property
    def path(self) -> str:
        return f"/api/webhooks/{self.name}"

    def post(self, what: str = "", **body: Any) -> Any:
        answer = self.admin.post(self.path + what, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def now(self) -> Any:
        return self.admin.get(self.path).json()

    def deliveries(self, state: str = "") -> list[Any]:
        answer = self.admin.get(f"{self.path}/deliveries", params={"state": state})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    def done(self, many: int) -> list[Any]:
        found: list[Any] = wait(lambda: len(one := self.deliveries("done")) >= many and one)
        return found

    def close(self) -> None:
        self.post(on=False, note="the test is over")


@pytest.fixture
def hook(world: Any, unit: str) -> Iterator[Callable[..., Hook]]:
    made: list[Hook] = []

    def make(url: str, events: list[str] | None = None, department: str = "") -> Hook:
        made.append(Hook(world, department or unit, url, events or []))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_department_keeps_its_software(world: Any, unit: str) -> None:
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
    client = subprocess.Popen(
        [sys.executable, str(CLIENT), world.url, token, made["secret"]],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    said: list[dict[str, Any]] = []
    assert client.stdout is not None
    lines = iter(client.stdout.readline, "")
    threading.Thread(target=lambda: said.extend(map(json.loads, lines)), daemon=True).start()
    try:
        port = wait(lambda: next((one["port"] for one in list(said) if "port" in one), 0))
        url = f"http://127.0.0.1:{port}/"
        assert admin.post(f"/api/webhooks/{hook}", json={"url": url}).status_code == 200
        case = sent(world)
        fed = wait(lambda: next((one for one in list(said) if "fed_back" in one), None))
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
        wait(lambda: {"closed": case} in list(said))
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
        wait(lambda: {"again": "msg_same"} in list(said))
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
    wait(lambda: any(one["type"] == "case.urge" for one in receiver.told(case)))
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
    wait(lambda: picky.told(second))
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
    wait(lambda: receiver.told(case))
    wait(lambda: dead.deliveries("waiting") and dead.deliveries("waiting")[0]["error"])
    assert "could not be reached" in dead.deliveries("waiting")[-1]["error"]
    wait(lambda: slow.came)
    assert all(one["state"] != "dead" for one in late.deliveries())
    assert len(good.done(len(receiver.told(case)))) == len(set(receiver.ids()))
    # after the bounded time: dead letters, with why; back again, all go out, by their ids
    letters = wait(
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
    off = wait(lambda: (now := mine.now()) and not now["on"] and now)
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
    wait(lambda: made["delivery"] in receiver.ids())
    headers, body = receiver.came[-1]
    for secret in (mine.secret, newer):
        assert signing.verify(secret, headers, body, time.time()) == made["delivery"]
    world.hub.city = replace(world.hub.city, outbound=replace_struct(FAST, old_secret_h=0.0))
    newest = mine.post("/rotate")["secret"]
    world.hub.city = replace(world.hub.city, outbound=FAST)
    made = mine.post("/test")
    wait(lambda: made["delivery"] in receiver.ids())
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


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/in", "without TLS"),
        ("https://10.0.0.1/in", "not a public address"),
        ("https://169.254.169.254/latest", "not a public address"),
        ("https://[::ffff:127.0.0.2]/in", "not a public address"),
        ("https://[64:ff9b::a00:1]/in", "not a public address"),
        ("https://[fd00::1]/in", "not a public address"),
        ("https://a:b@example.com/", "signed instead"),
        ("ftp://example.com/", "whole URL"),
        ("https://example.com/a b", "blanks"),
        ("https://example.com:99999/", "no URL"),
    ],
)
def test_addresses_that_are_not_called(world: Any, unit: str, url: str, why: str) -> None:
    with world.client("system_admin") as admin:
        answer = admin.post("/api/webhooks", json={"name": "x", "department": unit, "url": url})
        assert answer.status_code == 422 and why in answer.json()["detail"], answer.text


def test_a_name_is_held_against_the_rules_each_time(
    world: Any, hook: Callable[..., Hook], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a name stands for may change after it was entered: it is looked up for each message."""
    import socket

    real = socket.getaddrinfo

    def looked_up(host: Any, *args: Any, **more: Any) -> Any:
        return real("127.0.0.3" if host == "rebound.example" else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    mine = hook("https://rebound.example/in")
    mine.post("/test")
    letter = wait(lambda: mine.deliveries("dead"))[0]
    assert "not a public address" in letter["error"] and letter["status"] == 0


def test_what_is_asked_wrongly(world: Any, hook: Callable[..., Hook], receiver: Receiver) -> None:
    mine = hook(receiver.url)
    for body, what in (
        ({"department": "nobody"}, "no department"),
        ({"events": ["explode"]}, "no event explode"),
    ):
        asked = {"name": "x", "department": mine.now()["department"], "url": receiver.url, **body}
        answer = mine.admin.post("/api/webhooks", json=asked)
        assert answer.status_code == 422 and what in answer.json()["detail"]
    answer = mine.admin.post("/api/webhooks/hosts", json={"hosts": ["300.1.1.1"]})
    assert answer.status_code == 422
    stale = mine.admin.post(mine.path, json={"name": "y"}, headers={"If-Match": '"99"'})
    assert stale.status_code == 412
    assert mine.admin.get("/api/webhooks/none").status_code == 404
    assert "secret" not in mine.now()
