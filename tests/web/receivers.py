"""Doors of departments' own systems, and webhooks to them as administrators have them."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import httpx
import pytest

from tianmu.access.scope import WHOLE
from tianmu.city.charter.outbound import Outbound
from waiting import eventually

FAST = Outbound(
    timeout_s=1.0, first_wait_s=0.02, growth=1.5, longest_wait_s=0.2, give_up_h=1 / 3600
)
APART = count()


@pytest.fixture(scope="module")
def fast(world: Any) -> None:
    world.hub.city = replace(world.hub.city, outbound=FAST)
    with world.client("system_admin") as admin:
        answer = admin.post("/api/webhooks/hosts", json={"hosts": ["127.0.0.1"]})
        assert answer.status_code == 200, answer.text


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
                once = {"Idempotency-Key": uuid.uuid4().hex}
                done = centre.post(f"/api/cases/{case}/steps/{step}", json=body, headers=once)
                assert done.status_code == 200, done.text


def sent(world: Any, text: str = "") -> str:
    case = new_case(world, text)
    steps(world, case, "verify", "file")
    if not world.hub.manage.case(case, WHOLE).orders:  # the plan has sent nobody
        steps(world, case, "order")
    return case


@pytest.fixture(scope="module")
def unit(world: Any, fast: None) -> str:
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


def approve(world: Any, name: str, url: str) -> None:
    with world.client("security_admin") as other:
        answer = other.post(f"/api/webhooks/{name}/approve", json={"url": url})
        assert answer.status_code == 200, answer.text


class Hook:
    """A webhook as the system administrator has it."""

    def __init__(self, world: Any, department: str, url: str, events: list[str]) -> None:
        self.admin: httpx.Client = world.client("system_admin")
        self.world = world
        body = {"name": "own", "department": department, "url": url, "events": events}
        made = self.admin.post("/api/webhooks", json=body)
        assert made.status_code == 201, made.text
        self.name = made.json()["webhook"]["webhook"]
        self.secret = made.json()["secret"]
        self.approve(url)

    @property
    def path(self) -> str:
        return f"/api/webhooks/{self.name}"

    def post(self, what: str = "", **body: Any) -> Any:
        answer = self.admin.post(self.path + what, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def approve(self, url: str) -> None:
        """The security administrator lets cases go there."""
        approve(self.world, self.name, url)

    def now(self) -> Any:
        return self.admin.get(self.path).json()

    def deliveries(self, state: str = "") -> list[Any]:
        answer = self.admin.get(f"{self.path}/deliveries", params={"state": state})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    def done(self, many: int) -> list[Any]:
        found: list[Any] = eventually(lambda: len(one := self.deliveries("done")) >= many and one)
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
