"""A shift is handed over: item by item, to whom it concerns, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tianmu.access import account as accounts
from tianmu.access import audit
from tianmu.city.calendar.limit import HOUR

from .duty import CENTRE, FIRE


def test_a_shift_is_confirmed_item_by_item(world: Any) -> None:
    alarm = world.raise_alarm("d8", priority=3, matter=FIRE)
    world.settle()
    with world.client("commander") as leaver:
        open_now = leaver.get("/api/handovers/open").json()
        assert {one["kind"] for one in open_now["items"]} >= {"case", "alarm"}
        assert f"alarm:{alarm.alarm}" in {one["item"] for one in open_now["items"]}
        given = leaver.post(
            "/api/handovers", json={"to": "t-duty-officer", "text": "The pump is out"}
        ).json()
        number = given["handover"]
        assert given["responsible"] == "t-commander"
        assert given["items"][0]["kind"] == "note"
        mine = leaver.post(f"/api/handovers/{number}/confirm", json={"items": ["note"]})
        assert mine.status_code == 409
    items = [one["item"] for one in given["items"]]
    with world.client("duty_officer") as taker:
        unknown = taker.post(f"/api/handovers/{number}/confirm", json={"items": ["case:c0"]})
        assert unknown.status_code == 409 and "no item" in unknown.json()["detail"]
        first = taker.post(f"/api/handovers/{number}/confirm", json={"items": items[:1]}).json()
        assert first["confirmed"] == 1 and first["responsible"] == "t-commander"
        assert first["items"][0]["confirmed_at"] and not first["signed_at"]
        again = taker.post(f"/api/handovers/{number}/confirm", json={"items": items[:1]}).json()
        assert again["confirmed"] == 1
        rest = taker.post(f"/api/handovers/{number}/confirm", json={"items": items[1:]}).json()
        assert rest["signed_at"] and rest["responsible"] == "t-duty-officer"
        held = taker.get(f"/api/handovers/{number}").json()
        assert held["confirmed"] == len(items)
        assert taker.get("/api/handovers/999999").status_code == 404
    from tianmu.manage.duty import handover

    assert world.hub.records.read(handover.verify) is None


def test_a_shift_is_handed_to_nobody_who_cannot_take_it(world: Any) -> None:
    world.account("gone-officer", ["duty_officer"])
    world.hub.records.transact(
        lambda tx: accounts.disable(tx.connection, "gone-officer", at=world.hub.clock())
    )
    with world.client("commander") as leaver:
        for name in ("t-grid-worker", "t-system-admin", "gone-officer", "nobody-at-all"):
            given = leaver.post("/api/handovers", json={"to": name, "text": "all"})
            assert given.status_code == 422 and name in given.json()["detail"], name


def test_a_shift_is_handed_to_nobody_who_does_not_see_all_of_it(world: Any) -> None:
    """What stands in it is shown to whoever takes it: another town's officer would read it."""
    north, south = world.towns()[:2]
    world.account("north-leaver", ["duty_officer"], division=north)
    plain = world.account("north-other", ["duty_officer"], division=north)
    world.account("south-taker", ["duty_officer"], division=south)
    with httpx.Client(base_url=world.url, headers={"Authorization": f"Bearer {plain}"}) as leaver:
        refused = leaver.post("/api/handovers", json={"to": "south-taker", "text": "all"})
        assert refused.status_code == 422 and "does not see all" in refused.json()["detail"]
        for name in ("north-leaver", "t-duty-officer"):
            assert (
                leaver.post("/api/handovers", json={"to": name, "text": "all"}).status_code == 201
            )
    with world.client("commander") as whole:
        assert whole.post("/api/handovers", json={"to": "north-other", "text": "all"}).is_error


def test_what_another_town_hands_over_is_not_shown(world: Any) -> None:
    plain = world.account("north-officer", ["duty_officer"], division=world.towns()[0])
    with world.client("commander") as leaver:
        given = leaver.post("/api/handovers", json={"to": "t-duty-officer", "text": "all"}).json()
    with httpx.Client(base_url=world.url, headers={"Authorization": f"Bearer {plain}"}) as other:
        held = other.get(f"/api/handovers/{given['handover']}").json()
    assert held["items"] == [] and held["cases"] == [] and given["items"]


def test_the_note_of_a_hand_over_is_for_both_and_who_sees_the_city(world: Any) -> None:
    from .heard import Stream

    note = "Mrs Chen at the pump of Daitou calls again"
    plain = world.account("south-officer", ["duty_officer"], division=world.towns()[0])
    headers = {"Authorization": f"Bearer {plain}"}
    with (
        world.client("kiosk") as wall,
        world.client("leader") as leader,
        world.client("duty_officer") as taker,
        httpx.Client(base_url=world.url, headers=headers) as other,
    ):
        streams = [Stream(one, only="handover") for one in (taker, wall, other)]
        with world.client("commander") as leaver:
            given = leaver.post(
                "/api/handovers", json={"to": "t-duty-officer", "text": note}
            ).json()
        path = f"/api/handovers/{given['handover']}"
        shown = [one.get(path).json()["text"] for one in (leader, taker, wall, other)]
        assert given["text"] == note and shown == [note, note, "", ""]
        for one in (wall, other):
            assert note not in one.get("/api/handovers").text
        for stream in streams[:2]:  # both see the whole city
            [told] = stream.wait("handover")
            assert told["handover"] == given["handover"] and told["text"] == ""
        assert streams[2].of("handover") == []
        for stream in streams:
            stream.stop()


def test_a_hand_over_that_is_sent_again_is_one(world: Any) -> None:
    body = {"to": "t-duty-officer", "text": "sent twice"}
    key = {"Idempotency-Key": "handover-1"}

    def trail() -> list[tuple[str, str]]:
        rows = world.hub.records.read(lambda c: audit.query(c, verb="handover.", limit=1000))
        return [(one.verb, one.object) for one in rows]

    with world.client("commander") as leaver, world.client("duty_officer") as taker:
        first, again = (
            leaver.post("/api/handovers", json=body, headers=key).json() for _ in range(2)
        )
        assert first == again
        other = leaver.post("/api/handovers", json={**body, "text": "other"}, headers=key)
        assert other.status_code == 409 and other.json()["type"].endswith("key-reused")
        path = f"/api/handovers/{first['handover']}"
        both = [taker.post(f"{path}/take", headers={"Idempotency-Key": "t1"}) for _ in range(2)]
        assert [one.status_code for one in both] == [200, 200]
        assert both[0].json() == both[1].json() and both[0].json()["signed_at"]
        assert taker.post(f"{path}/take").status_code == 409
    done = [verb for verb, number in trail() if number == first["handover"]]
    assert sorted(done) == ["handover.give", "handover.take"]


def test_a_hand_over_by_mistake_is_withdrawn_until_it_is_confirmed(world: Any) -> None:
    from tianmu.manage.contact.reach import unrelieved
    from tianmu.manage.duty import handover

    since = world.hub.clock()
    with world.client("acceptor") as leaver, world.client("duty_officer") as taker:

        def give(text: str) -> tuple[str, list[str]]:
            told = {"to": "t-duty-officer", "text": text}
            given = leaver.post("/api/handovers", json=told).json()
            return f"/api/handovers/{given['handover']}", [one["item"] for one in given["items"]]

        path, items = give("to the wrong one")
        assert "t-acceptor" in world.hub.records.read(unrelieved)
        assert taker.post(f"{path}/confirm", json={"items": items[:1]}).status_code == 200
        other = taker.post(f"{path}/withdraw")
        assert other.status_code == 409 and "t-acceptor" in other.json()["detail"]
        key = {"Idempotency-Key": "withdraw-1"}
        gone, again = (leaver.post(f"{path}/withdraw", headers=key).json() for _ in range(2))
        assert gone == again
        assert gone["withdrawn_at"] and not gone["signed_at"]
        assert (gone["responsible"], gone["confirmed"]) == ("t-acceptor", 1)
        assert [one["item"] for one in gone["items"]] == items
        assert "t-acceptor" not in world.hub.records.read(unrelieved)
        assert not world.hub.records.read(lambda c: handover.since(c, "t-acceptor", since))
        for deed, told in (("take", None), ("confirm", {"items": items})):
            late = taker.post(f"{path}/{deed}", json=told)
            assert late.status_code == 409 and "withdrawn" in late.json()["detail"], deed
        assert leaver.post(f"{path}/withdraw").status_code == 409
        path, _ = give("to the right one")
        assert taker.post(f"{path}/take").status_code == 200
        late = leaver.post(f"{path}/withdraw")
        assert late.status_code == 409 and "taken" in late.json()["detail"]
        assert leaver.get(path).json()["withdrawn_at"] is None
    assert world.hub.records.read(handover.verify) is None
    rows = world.hub.records.read(lambda c: audit.query(c, verb="handover.withdraw", limit=10))
    assert [one.actor for one in rows] == ["t-acceptor"]


def test_what_the_list_does_not_name_is_an_item_of_it(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tianmu.manage.duty import handover
    from tianmu.web.api.duty import handovers

    for device in ("d1", "d2"):
        world.raise_alarm(device, matter=FIRE)
    world.settle()
    monkeypatch.setattr(handovers, "ALARMS", 1)
    monkeypatch.setattr(handover, "OPEN_MOST", 1)
    with world.client("commander") as leaver, world.client("duty_officer") as taker:
        held = leaver.get("/api/handovers/open").json()
        more = {one["item"]: one["title"]["en"] for one in held["items"] if one["kind"] == "more"}
        assert more["more:case"].startswith(f"{held['open_cases'] - 1} more")
        named = [one for one in held["items"] if one["kind"] == "alarm"]
        assert len(named) == 1 and "more alarms" in more["more:alarm"]
        given = leaver.post("/api/handovers", json={"to": "t-duty-officer", "text": "x"}).json()
        items = [one["item"] for one in given["items"]]
        path = f"/api/handovers/{given['handover']}/confirm"
        rest = [one for one in items if not one.startswith("more:")]
        assert taker.post(path, json={"items": rest}).json()["signed_at"] is None
        assert taker.post(path, json={"items": sorted(set(items) - set(rest))}).json()["signed_at"]


def test_a_shift_that_ends_without_hand_over_is_said(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = world.city
    day = city.calendar.local(world.hub.clock()).date() + timedelta(days=1)
    end = city.calendar.instant(day, 0)
    leavers = {
        one.planned.account
        for one in city.roster.spans(CENTRE, end - HOUR, end - 1)
        if one.planned.post == "duty_officer"
    }

    def asked(at: int) -> list[dict[str, Any]]:
        monkeypatch.setattr(world.hub, "clock", lambda: at)
        with world.client("duty_officer") as client:
            found: list[dict[str, Any]] = client.get("/api/handovers/due").json()["items"]
        return found

    minute = HOUR // 60
    assert asked(end - 20 * minute) == []
    soon = asked(end - 10 * minute)
    assert {one["account"] for one in soon} == leavers and not any(one["over"] for one in soon)
    assert all(one["next"] and one["account"] not in one["next"] for one in soon)
    assert all(one["over"] for one in asked(end + HOUR))
    # nobody could hand over in a city that was not there yet
    assert asked(city.calendar.instant(day - timedelta(days=1), 0) + HOUR) == []


def test_roster_and_handover(world: Any) -> None:
    world.raise_alarm()
    world.settle()
    with world.client("commander") as client:
        held = client.get("/api/roster")
        assert held.json()["version"] == 0
        department = next(iter(world.city.departments))
        shift = {
            "account": "wang",
            "name": "王伟",
            "phone": "13912345678",
            "department": department,
            "division": world.city.root.code,
            "post": "duty",
        }
        wrong = client.put("/api/roster", json={"shifts": [shift | {"department": "x"}]})
        assert wrong.status_code == 422
        put = client.put(
            "/api/roster", json={"shifts": [shift]}, headers={"If-Match": held.headers["etag"]}
        )
        assert put.status_code == 200, put.text
        assert [one["name"] for one in put.json()["on_duty"]] == ["王伟"]
        empty = client.put("/api/roster", json={"shifts": []})
        assert (empty.status_code, empty.json()["faults"][0]["where"]) == (422, "shifts")
        assert "nobody would be on duty" in empty.json()["detail"]
        late = client.put(
            "/api/roster", json={"shifts": [shift]}, headers={"If-Match": held.headers["etag"]}
        )
        assert late.status_code == 412
        on_duty = world.hub.city.roster.on_duty(department, "", world.hub.clock())
        assert [one.account for one in on_duty] == ["wang"]
        given = client.post(
            "/api/handovers", json={"to": "t-duty-officer", "text": "Two open; 13912345678 waits."}
        )
        assert given.status_code == 201, given.text
        assert given.json()["text"] == "Two open; 139****5678 waits."
        active = client.get("/api/vitals").json()["alarms"]["active"]
        assert active and given.json()["active_alarms"] == active
        number = given.json()["handover"]
        assert client.post(f"/api/handovers/{number}/take").status_code == 409
    with world.client("kiosk") as wall:
        shown = wall.get("/api/roster").json()["shifts"][0]
        assert shown["phone"] == "139****5678" and shown["name"] == "王**"
    with world.client("duty_officer") as client:
        taken = client.post(f"/api/handovers/{number}/take")
        assert taken.json()["signed_by"] == "t-duty-officer"
        assert client.get("/api/handovers").json()["items"][0]["from"] == "t-commander"
