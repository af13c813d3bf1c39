"""A warning drafted from what is not for the public stays marked until somebody answers for it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from tianmu.access import account as accounts
from tianmu.access import level
from tianmu.sense.cap import held

from .heard import Stream
from .warned import came, trail, two, written

__all__ = ["two"]


@pytest.fixture(autouse=True)
def tables(world: Any) -> None:
    world.gate.create(held.metadata, room="bulletin")


def kind(said: httpx.Response) -> str:
    """Of a problem."""
    return str(said.json()["type"]).rpartition("#")[2]


def from_it(world: Any, secret: str) -> tuple[str, dict[str, Any]]:
    """What a draft cites, and the draft."""
    one = came(world, public=False, restriction="offices alone")
    cited = f"{one.sender} {one.identifier}"[:100]
    return cited, written(description={"en": secret, "zh": secret}, source=cited)


def test_it_is_published_only_by_whoever_answers_for_it(
    world: Any,
    two: tuple[httpx.Client, httpx.Client],
) -> None:
    one, other = two
    secret = "the pumping station at the north gate fails"
    cited, draft = from_it(world, secret)
    made = one.post("/api/warnings", json=draft).json()
    path = f"/api/warnings/{made['warning']}"
    waits = made["pending"]["content"]
    assert (waits["restriction"], waits["source"]) == ("offices alone", cited)
    # a client that leaves the source out of what is written anew does not unmark its words
    again = one.post(f"{path}/revise", json={**draft, "source": ""}).json()["pending"]["content"]
    assert (again["restriction"], again["source"]) == ("offices alone", cited)
    said = other.post(f"{path}/confirm", json={})
    assert (said.status_code, kind(said)) == (409, "restricted")
    assert "offices alone" in said.json()["detail"] and "release" in said.json()["remedy"]
    said = other.post(f"{path}/confirm", json={"release": True, "reason": " "})
    assert (said.status_code, kind(said)) == (422, "reason-needed")
    with world.client("kiosk") as kiosk:
        assert kiosk.get(path).status_code == 404
        said = other.post(
            f"{path}/confirm",
            json={"release": True, "reason": "the bureau gave leave by telephone"},
        )
        assert said.status_code == 200, said.text
        public = kiosk.get(path)
        # released are the words, and not what they were drafted from
        assert secret in public.text
        assert cited not in public.text and "offices alone" not in public.text
        cap = kiosk.get(public.json()["messages"][0]["cap"]).text
        assert secret in cap and cited not in cap and "offices alone" not in cap
    (noted,) = trail(world, "warning.publish", made["warning"])
    assert noted["detail"]["reason"] == "the bureau gave leave by telephone"
    assert noted["detail"]["released"] is True
    # what is public by now is updated and cancelled as any other
    more = one.post(f"{path}/update", json=written(colour="yellow")).json()
    assert more["pending"]["content"]["restriction"] == ""
    assert other.post(f"{path}/confirm", json={}).status_code == 200
    assert one.post(f"{path}/cancel", json={"reason": "over"}).status_code == 200
    assert other.post(f"{path}/confirm", json={}).status_code == 200


def test_its_draft_is_seen_by_those_who_may_see_the_message(
    world: Any,
    two: tuple[httpx.Client, httpx.Client],
) -> None:
    # whose data level does not reach what is not for the public
    name = f"d{uuid.uuid4().hex[:8]}"
    token = world.account(name, ["duty_officer"])
    world.hub.records.transact(lambda tx: accounts.set_level(tx.connection, name, level.INTERNAL))

    def client() -> httpx.Client:
        return httpx.Client(
            base_url=world.url, headers={"Authorization": f"Bearer {token}"}, timeout=20
        )

    one, _ = two
    secret = "the pumping station at the south gate fails"
    _, draft = from_it(world, secret)
    with client() as drafter:
        stream = Stream(client(), only="warning")
        path = f"/api/warnings/{one.post('/api/warnings', json=draft).json()['warning']}"
        mine = drafter.post("/api/warnings", json=written())
        assert mine.status_code == 201, mine.text
        assert (
            drafter.get(path).status_code == drafter.get(f"{path}/preview.xml").status_code == 404
        )
        waiting = drafter.get("/api/warnings?state=waiting").json()["items"]
        listed = drafter.get("/api/warnings?state=all").json()["items"]
        heard = stream.wait("warning")
        assert [x["warning"] for x in heard] == [mine.json()["warning"]]
        assert secret not in json.dumps([waiting, listed, heard])
        # nor does he bring in such words himself
        said = drafter.post("/api/warnings", json=written(restriction="offices alone"))
        assert (said.status_code, kind(said)) == (403, "restricted")
        stream.stop()


def test_what_is_pasted_says_for_whom_it_is(
    world: Any,
    two: tuple[httpx.Client, httpx.Client],
) -> None:
    one, _ = two
    xml = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>p1</identifier>
    <sender>bureau@example</sender><sent>2026-11-28T08:00:00+08:00</sent><status>Actual</status>
    <msgType>Alert</msgType><scope>SCOPE</scope>WHOM<info><category>Met</category>
    <event>gale</event><urgency>Expected</urgency><severity>Minor</severity>
    <certainty>Likely</certainty></info></alert>"""
    for scope, whom, wanted in (
        ("Public", "", ""),
        ("Restricted", "<restriction>offices alone</restriction>", "offices alone"),
        ("Private", "<addresses>a@x b@x</addresses>", "a@x b@x"),
    ):
        told = xml.replace("SCOPE", scope).replace("WHOM", whom)
        said = one.post("/api/warnings/read", json={"xml": told})
        assert said.status_code == 200, said.text
        assert said.json()["restriction"] == wanted
    made = one.post("/api/warnings", json=written(restriction="offices alone"))
    assert made.json()["pending"]["content"]["restriction"] == "offices alone"
