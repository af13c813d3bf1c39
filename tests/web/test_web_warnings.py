"""Warnings over HTTP: drafted by one, confirmed by another, on the feed, pushed, sent, ended."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
import xmlschema

from tianmu.city.warning import NAMESPACE
from tianmu.prevent.warning import feed, table
from tianmu.scenarios.load import find
from tianmu.sense.cap import codec
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.web import danger

from .conftest import Stream
from .receivers import Hook, Receiver, fast, hook, receiver, unit, wait

__all__ = ["fast", "hook", "receiver", "unit"]
ROOT = "320481000000"


def written(**more: Any) -> dict[str, Any]:
    ends = datetime.now(UTC) + timedelta(hours=6)
    return {
        "event": "gale",
        "colour": "blue",
        "headline": {"zh": "大风蓝色预警", "en": "Blue warning: gale"},
        "divisions": [ROOT],
        "expires": ends.isoformat(),
        **more,
    }


@pytest.fixture
def two(world: Any) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Two duty officers of the whole city."""
    clients = []
    for _ in range(2):
        token = world.account(f"d{uuid.uuid4().hex[:8]}", ["duty_officer"])
        headers = {"Authorization": f"Bearer {token}"}
        clients.append(httpx.Client(base_url=world.url, headers=headers, timeout=20))
    yield clients[0], clients[1]
    for one in clients:
        one.close()


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
    wait(lambda: len(told.deliveries("done")) == 3)
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


def trail(world: Any, verb: str, object: str) -> list[dict[str, Any]]:
    with world.client("audit_admin") as audit:
        asked = audit.get("/api/audit", params={"verb": verb, "object": object})
        assert asked.status_code == 200, asked.text
        found: list[dict[str, Any]] = asked.json()["items"]
        return found


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


def test_a_feed_that_has_not_changed_is_not_sent_again(
    world: Any, two: tuple[httpx.Client, httpx.Client]
) -> None:
    one, other = two
    with world.client("integrator") as reader:

        def ask(**headers: str) -> httpx.Response:
            named = {key.replace("_", "-"): value for key, value in headers.items()}
            return reader.get("/api/warnings/feed.atom", headers=named)

        first = ask()
        tag, since = first.headers["etag"], first.headers["last-modified"]
        for told in (
            {"if_none_match": tag},
            {"if_none_match": f'"other", W/{tag}'},
            {"if_modified_since": since},
        ):
            same = ask(**told)
            assert (same.status_code, same.content) == (304, b"")
            assert same.headers["last-modified"] == since
        assert ask(if_none_match='"other"', if_modified_since=since).status_code == 200
        for wrong in ("yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", ""):
            assert ask(if_modified_since=wrong).status_code == 200
        name = one.post("/api/warnings", json=written()).json()["warning"]
        other.post(f"/api/warnings/{name}/confirm", json={})
        new = ask(if_modified_since=since)
        assert new.status_code == 200 and f"-{name}-1" in new.text
        assert new.headers["last-modified"] != since, "however soon after"
        assert ask(if_none_match=tag).status_code == 200


def test_the_feed_is_open_only_where_the_pack_opens_it(world: Any) -> None:
    anybody = httpx.Client(base_url=world.url)
    assert anybody.get("/api/warnings/feed.atom").status_code == 401
    with world.client("audit_admin") as audit:
        assert audit.get("/api/warnings/feed.atom").status_code == 403
    hub = world.hub
    before = hub.city
    hub.city = replace(before, warnings=replace(before.warnings, open=True))
    try:
        assert anybody.get("/api/warnings/feed.atom").status_code == 200
        assert anybody.get("/api/warnings/cap/none.xml").status_code == 404
        assert anybody.get("/api/warnings").status_code == 401
    finally:
        hub.city = before
        anybody.close()


def test_a_message_of_another_body_is_taken_over(world: Any) -> None:
    with world.client("commander") as commander, world.client("duty_officer") as duty:
        name = duty.post("/api/warnings", json=written(colour="red")).json()["warning"]
        commander.post(f"/api/warnings/{name}/confirm", json={})
        told = commander.get(f"/api/warnings/{name}").json()["messages"][0]
        xml = commander.get(told["cap"]).text
        taken = commander.post("/api/warnings/read", json={"xml": xml}).json()
        assert (taken["colour"], taken["divisions"]) == ("red", [ROOT])
        assert taken["headline"] == {"zh": "大风蓝色预警", "en": "Blue warning: gale"}
        refused = commander.post("/api/warnings/read", json={"xml": xml.replace("Extreme", "Red")})
        assert refused.status_code == 422 and "severity" in refused.json()["detail"]


def test_tables_say_what_the_journal_says(world: Any) -> None:
    told = table.states(table.events(SqliteJournal(world.hub.data)))
    assert told and world.hub.records.read(table.held) == told


def test_what_a_plan_proposes_is_offered_as_a_draft(world: Any) -> None:
    with world.client("duty_officer") as duty:
        assert duty.get("/api/warnings/proposals?case=c99999").status_code == 404
        world.raise_alarm(matter="liyang:event:heavy_rain", severity="III")
        world.settle()
        found = [
            c["case"] for c in duty.get("/api/cases?limit=500").json()["items"]
            if duty.get(f"/api/cases/{c['case']}").json()["warnings"]
        ]  # fmt: skip
        assert found, "the plan of level III proposes one"
        (proposal,) = duty.get(f"/api/warnings/proposals?case={found[0]}").json()["items"]
        assert (proposal["event"], proposal["colour"]) == ("waterlogging", "yellow")
        body = {k: proposal[k] for k in ("event", "colour", "headline", "description", "divisions",
                                         "expires", "source")}  # fmt: skip
        assert duty.post("/api/warnings", json=body).status_code == 201


def test_a_proposal_is_dismissed_with_a_reason(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    degree = [2]

    async def present(hub: Any, scenario: Any, fit: Any) -> Any:
        there = degree[0] if scenario.id == "forest-fire" else 0
        return SimpleNamespace(degree=there, why=[{"zh": "干旱", "en": "dry"}])

    monkeypatch.setattr(danger, "present", present)
    steps = [s for s in find().scenarios["forest-fire"].manifest.plan if s.warning]
    degree[0] = min(s.at for s in steps)
    path = "/api/warnings/proposals"
    token = world.account(f"d{uuid.uuid4().hex[:8]}", ["duty_officer"], division=world.towns()[0])
    headers = {"Authorization": f"Bearer {token}"}
    town = httpx.Client(base_url=world.url, headers=headers, timeout=20)
    with world.client("duty_officer") as duty, town:
        (proposal,) = duty.get(path).json()["items"]
        assert proposal["source"] == "scenario:forest-fire" and proposal["dismissed"] is None
        assert proposal["divisions"] == [ROOT]
        assert town.get(path).json()["items"] == [], "it is the city's to warn of all of it"
        body = {key: proposal[key] for key in ("source", "event", "colour")}
        for wrong, status in (({}, 422), ({"reason": " "}, 422)):
            assert duty.post(f"{path}/dismiss", json={**body, **wrong}).status_code == status
        never = {**body, "source": "scenario:frogs", "reason": "no"}
        assert duty.post(f"{path}/dismiss", json=never).status_code == 409
        told = {**body, "reason": "it rains"}
        assert town.post(f"{path}/dismiss", json=told).status_code == 409
        done = duty.post(f"{path}/dismiss", json=told)
        assert done.status_code == 200 and done.json()["until"], done.text
        assert duty.get(path).json()["items"] == []
        (kept,) = duty.get(f"{path}?dismissed=true").json()["items"]
        assert kept["dismissed"]["reason"] == "it rains" and kept["dismissed"]["office"]
        assert len(trail(world, "warning.dismiss", proposal["source"])) == 1
        # a graver danger is proposed all the same
        degree[0] = max(s.at for s in steps)
        (graver,) = duty.get(path).json()["items"]
        assert graver["colour"] != proposal["colour"] and graver["dismissed"] is None
        # and this one again, once a warning of its colour would have ended
        degree[0] = min(s.at for s in steps)
        ends = datetime.fromisoformat(kept["dismissed"]["until"]).timestamp() * 1e6
        held = world.hub.records.read(lambda c: table.dismissed(c, int(ends) + 1_000_000))
        assert (proposal["source"], proposal["event"]) not in held


def test_a_proposal_falls_silent_once_it_is_drafted(
    world: Any, two: tuple[httpx.Client, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [s for s in find().scenarios["forest-fire"].manifest.plan if s.warning]
    low, high = min(steps, key=lambda s: s.at), max(steps, key=lambda s: s.at)
    degree = [high.at]

    async def present(hub: Any, scenario: Any, fit: Any) -> Any:
        there = degree[0] if scenario.id == "forest-fire" else 0
        return SimpleNamespace(degree=there, why=[])

    monkeypatch.setattr(danger, "present", present)
    one, other = two
    name = one.post("/api/warnings", json=written(event=low.warning, colour=low.colour)).json()[
        "warning"
    ]
    other.post(f"/api/warnings/{name}/confirm", json={})
    (proposal,) = one.get("/api/warnings/proposals").json()["items"]
    assert (proposal["colour"], proposal["replaces"]) == (high.colour, name)
    update = written(event=high.warning, colour=high.colour)
    assert one.post(f"/api/warnings/{name}/update", json=update).status_code == 200
    assert one.get("/api/warnings/proposals").json()["items"] == [], "it waits to be confirmed"
    assert other.post(f"/api/warnings/{name}/confirm", json={}).status_code == 200
    assert one.get("/api/warnings/proposals").json()["items"] == []
    one.post(f"/api/warnings/{name}/cancel", json={"reason": "over"})
    other.post(f"/api/warnings/{name}/confirm", json={})
    (again,) = one.get("/api/warnings/proposals").json()["items"]
    assert again["replaces"] == ""
