"""Warnings over HTTP: drafted by one, confirmed by another, on the feed, pushed, sent, ended."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import xmlschema

from tianmu.city.level.warning import NAMESPACE
from tianmu.prevent.warning import feed, table
from tianmu.sense.cap import codec
from tianmu.store.journal.sqlite import SqliteJournal
from waiting import eventually

from .heard import Stream
from .receivers import Hook, Receiver, fast, hook, receiver, unit
from .warned import trail, two, written

__all__ = ["fast", "hook", "receiver", "two", "unit"]


def test_a_warning_from_draft_to_cancelled(
    world: Any, two: tuple[httpx.Client, httpx.Client], hook: Callable[..., Hook],
    receiver: Receiver,
) -> None:  # fmt: skip
    one, other = two
    told = hook(receiver.url, ["warning"])
    schema = xmlschema.XMLSchema(str(files("tianmu.sense.cap") / "CAP-v1.2.xsd"))
    kiosk = world.client("kiosk")
    stream = Stream(world.client("kiosk"), only="warning")
    drafted = one.post("/api/warnings", json=written())
    assert drafted.status_code == 201, drafted.text
    name = drafted.json()["warning"]
    path = f"/api/warnings/{name}"
    assert drafted.json()["stage"] == "draft"
    assert kiosk.get(path).status_code == 404, "a draft is not for all"
    assert name not in [w["warning"] for w in kiosk.get("/api/warnings?state=all").json()["items"]]
    assert kiosk.get("/api/warnings?state=waiting").json()["items"] == []
    preview = other.get(f"{path}/preview.xml")
    schema.validate(preview.text)

    alone = one.post(f"{path}/confirm", json={})
    assert alone.status_code == 403 and alone.json()["type"].endswith("second-person")
    stale = other.post(f"{path}/confirm", json={}, headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    done = other.post(f"{path}/confirm", json={}, headers={"If-Match": drafted.headers["etag"]})
    assert done.status_code == 200 and done.json()["stage"] == "in_force", done.text
    assert other.post(f"{path}/confirm", json={}).status_code == 409
    (first,) = stream.wait("warning")
    assert first["warning"] == name and first["pending"] is None
    assert first["content"]["areas"][0]["rings"]

    def entries() -> list[ET.Element]:
        answer = kiosk.get("/api/warnings/feed.atom")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(feed.MEDIA)
        found = ET.fromstring(answer.text).findall(f"{{{feed.ATOM}}}entry")
        return [e for e in found if f"-{name}-" in (e.findtext(f"{{{feed.ATOM}}}id") or "")]

    (entry,) = entries()
    link = entry.find(f"{{{feed.ATOM}}}link")
    assert link is not None
    alert = kiosk.get(link.attrib["href"])
    assert alert.headers["content-type"].startswith("application/cap+xml")
    schema.validate(alert.text)
    tag = kiosk.get("/api/warnings/feed.atom").headers["etag"]
    same = kiosk.get("/api/warnings/feed.atom", headers={"If-None-Match": tag})
    assert same.status_code == 304

    higher = one.post(f"{path}/update", json=written(colour="orange", note="it grows"))
    assert higher.json()["pending"]["kind"] == "Update"
    assert kiosk.get(path).json()["pending"] is None
    assert one.post(f"{path}/update", json=written()).status_code == 409
    assert other.post(f"{path}/confirm", json={}).json()["content"]["colour"] == "orange"
    assert one.post(f"{path}/cancel", json={}).status_code == 422
    assert one.post(f"{path}/cancel", json={"reason": "over"}).status_code == 200
    ended = other.post(f"{path}/confirm", json={}).json()
    assert ended["stage"] == "cancelled"
    (entry,) = entries()  # who asks once in a while hears that it is over, and not only nothing
    assert entry.findtext(f"{{{NAMESPACE}}}msgType") == "Cancel"
    assert kiosk.get(link.attrib["href"]).text == alert.text, "the same for ever"

    read = []
    for message in ended["messages"]:
        document = kiosk.get(message["cap"]).text
        schema.validate(document)
        read.append(codec.read(document.encode()))
    assert [m.kind for m in read] == ["Alert", "Update", "Cancel"]
    assert read[2].references == (read[0].key, read[1].key)
    eventually(lambda: len(told.deliveries("done")) == 3)
    bodies = [json.loads(body) for _, body in receiver.came]
    assert [b["type"] for b in bodies] == ["warning.alert", "warning.update", "warning.cancel"]
    assert bodies[1]["data"]["references"] == [read[0].identifier]
    assert bodies[1]["data"]["colour"] == "orange"
    assert [n["content"]["colour"] for n in stream.wait("warning", 3)] == [
        "blue",
        "orange",
        "orange",
    ]
    stream.stop()
    national = kiosk.get(f"/api/warnings/national/{read[0].identifier}.xml")
    assert national.status_code == 409 and "warnings.toml" in national.json()["remedy"]


def test_whoever_writes_warnings_sees_which_systems_they_did_not_reach(
    world: Any, two: tuple[httpx.Client, httpx.Client], hook: Callable[..., Hook],
    receiver: Receiver,
) -> None:  # fmt: skip
    """Under the messages of the warning itself, where nobody of the duty has to look for them."""
    one, other = two
    told = hook(receiver.url, ["warning"])
    receiver.answers = [(500, {})] * 100
    name = one.post("/api/warnings", json=written()).json()["warning"]
    path = f"/api/warnings/{name}"
    assert other.post(f"{path}/confirm", json={}).status_code == 200

    def reached(client: httpx.Client = one) -> Any:
        return client.get(path).json()["messages"][0]["sent_to"]

    given_up = {"done": 0, "waiting": 0, "dead": 1, "discarded": 0}
    eventually(lambda: reached() == given_up, what="it is given up")
    assert reached(world.client("kiosk")) is None
    listed = one.get("/api/warnings?state=all").json()["items"]
    [said] = [item["messages"] for item in listed if item["warning"] == name]
    assert said[0]["sent_to"] == given_up
    receiver.answers = []
    [letter] = told.deliveries("dead")
    told.post(f"/deliveries/{letter['delivery']}/redeliver")
    eventually(lambda: reached() == {"done": 1, "waiting": 0, "dead": 0, "discarded": 0})
    assert {one["webhook-id"] for one, _ in receiver.came} == {letter["delivery"]}


def test_a_draft_that_is_sent_again_is_one(
    world: Any, two: tuple[httpx.Client, httpx.Client]
) -> None:
    one, other = two
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = written()
    names = {one.post("/api/warnings", json=body, headers=key).json()["warning"] for _ in range(3)}
    assert len(names) == 1
    path = f"/api/warnings/{names.pop()}"
    again = [other.post(f"{path}/confirm", json={}, headers=key) for _ in range(2)]
    assert [a.status_code for a in again] == [200, 200]
    assert len(again[1].json()["messages"]) == 1
    dropped = one.post("/api/warnings", json=body).json()["warning"]
    gone = other.post(f"/api/warnings/{dropped}/drop", json={"reason": "twice"})
    assert gone.json()["stage"] == "dropped"
    assert other.post(f"/api/warnings/{dropped}/confirm", json={}).status_code == 409


def test_nobody_publishes_alone_but_in_an_emergency(world: Any) -> None:
    with world.client("commander") as commander, world.client("duty_officer") as duty:
        name = commander.post("/api/warnings", json=written()).json()["warning"]
        path = f"/api/warnings/{name}/confirm"
        alone = commander.post(path, json={})
        assert alone.status_code == 403 and alone.json()["type"].endswith("second-person")
        assert "emergency" in alone.json()["remedy"]
        silent = commander.post(path, json={"emergency": True})
        assert silent.status_code == 422 and silent.json()["faults"][0]["where"] == "body.reason"
        why = "the line to the second officer is dead, the water is at the door"
        done = commander.post(path, json={"emergency": True, "reason": why})
        assert done.status_code == 200, done.text
        assert done.json()["messages"][0]["alone"] is True
        (line,) = trail(world, "warning.publish", name)
        assert line["detail"]["alone"] is True and line["detail"]["reason"] == why
        # whoever has no such role does not get round it
        other = duty.post("/api/warnings", json=written()).json()["warning"]
        refused = duty.post(
            f"/api/warnings/{other}/confirm", json={"emergency": True, "reason": why}
        )
        assert refused.status_code == 403 and "emergency" not in refused.json()["remedy"]


def test_what_is_published_names_offices_and_no_account(world: Any) -> None:
    here = world.towns()[0]
    names, clients = [], []
    for _ in range(2):
        names.append(f"d{uuid.uuid4().hex[:8]}")
        token = world.account(names[-1], ["duty_officer"], division=here)
        headers = {"Authorization": f"Bearer {token}"}
        clients.append(httpx.Client(base_url=world.url, headers=headers, timeout=20))
    one, other = clients
    name = one.post("/api/warnings", json=written(divisions=[here])).json()["warning"]
    published = other.post(f"/api/warnings/{name}/confirm", json={})
    assert published.status_code == 200, published.text
    (message,) = published.json()["messages"]
    centre = world.hub.city.departments[f"centre-{here}"].name
    assert message["drafted_by"] == message["confirmed_by"] == centre and not message["alone"]
    with world.client("kiosk") as kiosk:
        said = kiosk.get(f"/api/warnings/{name}").text
        document = kiosk.get(message["cap"]).text
    assert centre["zh"] in document, "whom to ask, where the pack names nobody"
    assert not any(account in said + document for account in names)
    for client in clients:
        client.close()


def test_what_is_wrong_is_named(world: Any) -> None:
    with world.client("duty_officer") as duty:
        for more, where in (
            ({"event": "frogs"}, "body.event"),
            ({"expires": "2020-01-01T00:00:00Z"}, "body.expires"),
            ({"expires": "soon"}, "body.expires"),
            ({"rings": [[[119, 31], [120, 32]]]}, "body.rings"),
            ({"headline": {"zh": "大风"}}, "body.headline"),
        ):
            refused = duty.post("/api/warnings", json=written(**more))
            assert refused.status_code == 422, refused.text
            assert refused.json()["faults"][0]["where"] == where and refused.json()["remedy"]


def test_tables_say_what_the_journal_says(world: Any) -> None:
    told = table.states(table.events(SqliteJournal(world.hub.data)))
    assert told and world.hub.records.read(table.held) == told
