"""Where cases are sent: which addresses may be called, who approves one, what is on the case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from waiting import eventually

from .receivers import Hook, Receiver, fast, hook, receiver, sent, steps, unit

__all__ = ["fast", "hook", "receiver", "unit"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/in", "without TLS"),
        ("https://10.0.0.1/in", "not a public address"),
        ("https://169.254.169.254/latest", "not a public address"),
        ("https://[::ffff:127.0.0.2]/in", "not a public address"),
        ("https://[64:ff9b::a00:1]/in", "not a public address"),
        ("https://[fd00::1]/in", "not a public address"),
        ("https://a:b@example.com/", "is not sent"),
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
    letter = eventually(lambda: mine.deliveries("dead"))[0]
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


def test_nobody_alone_says_where_cases_go(world: Any, unit: str, receiver: Receiver) -> None:
    admin, other = world.client("system_admin"), world.client("security_admin")
    asked = {"name": "x", "department": unit, "url": receiver.url}
    path = f"/api/webhooks/{admin.post('/api/webhooks', json=asked).json()['webhook']['webhook']}"
    url = {"url": receiver.url}
    case = sent(world)
    # who proposed it neither approves it, nor switches it on, nor tries it
    assert admin.post(f"{path}/approve", json=url).status_code == 403
    assert admin.post(path, json={"on": True}).status_code == 409
    assert admin.post(f"{path}/test").status_code == 409
    # what is approved is what was looked at
    elsewhere = other.post(f"{path}/approve", json={"url": receiver.url + "x"})
    assert elsewhere.status_code == 409 and elsewhere.json()["type"].endswith("not-approved")
    done = other.post(f"{path}/approve", json=url).json()
    assert (done["on"], done["url"], done["proposed"]) == (True, receiver.url, "")
    assert other.post(f"{path}/approve", json=url).status_code == 409  # nothing waits
    steps(world, case, "urge")
    eventually(lambda: receiver.told(case))
    assert {one["type"] for one in receiver.told(case)} == {"case.urge"}  # from then on
    # another address: messages go to the one before until it is approved
    apart = Receiver()
    moved = admin.post(path, json={"url": apart.url}).json()
    assert (moved["url"], moved["proposed"], moved["proposed_by"]) == (
        receiver.url, apart.url, "t-system-admin",
    )  # fmt: skip
    steps(world, case, "urge")
    eventually(lambda: len(receiver.told(case)) == 2)
    assert not apart.came
    assert admin.post(path, json={"url": receiver.url}).json()["proposed"] == ""  # taken back
    assert other.post(f"{path}/approve", json={"url": apart.url}).status_code == 409
    admin.post(path, json={"url": apart.url})
    assert other.post(f"{path}/approve", json={"url": apart.url}).json()["url"] == apart.url
    steps(world, case, "urge")
    eventually(lambda: apart.told(case))
    assert len(receiver.told(case)) == 2
    admin.post(path, json={"on": False})
    apart.close()
    with world.client("audit_admin") as auditor:
        name = path.rpartition("/")[2]
        found = auditor.get("/api/audit", params={"object": name, "verb": "webhook.approve"})
    assert [one["outcome"] for one in found.json()["items"]].count("done") == 2


def test_what_was_handed_on_is_on_the_case(
    world: Any, hook: Callable[..., Hook], receiver: Receiver
) -> None:
    down = Receiver()
    down.close()
    dead, mine = hook(down.url), hook(receiver.url)
    case = sent(world)
    steps(world, case, "urge")
    eventually(lambda: any(one["type"] == "case.urge" for one in receiver.told(case)))
    mine.done(len(set(receiver.ids())))
    eventually(lambda: dead.deliveries("waiting") and dead.deliveries("waiting")[0]["error"])
    with world.client("commander") as commander:
        found = commander.get(f"/api/cases/{case}/exposure").json()["items"]
    passed = [(one["actor"], one["to"]) for one in found if one["deed"] == "passed_on"]
    assert passed == [("@system", "own")]  # once an hour; the one that is away was handed nothing
