"""Alarms as pages show them and as people act on them."""

from __future__ import annotations

from typing import Any

import httpx


def test_alarm_list_and_deeds(world: Any) -> None:
    from tianmu.facts.deed import Deed
    from tianmu.facts.encoding import decode
    from tianmu.store.journal.sqlite import SqliteJournal

    made = [world.raise_alarm(f"d{n}", priority=1 + n % 4) for n in range(9)]
    with world.client("duty_officer") as client:
        seen: list[dict[str, Any]] = []
        cursor = None
        while True:
            params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = client.get("/api/alarms", params=params).json()
            seen += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        assert len({one["alarm"] for one in seen}) == len(seen)
        assert {one.alarm for one in made} <= {one["alarm"] for one in seen}
        assert [one["priority"] for one in seen] == sorted(one["priority"] for one in seen)
        name = made[0].alarm
        assert client.get("/api/alarms", params={"priority": 9}).status_code == 422
        assert client.get("/api/alarms", params={"cursor": "x"}).status_code == 400
        whole = client.get(f"/api/alarms/{name}")
        assert whole.headers["etag"] == '"1"'
        assert client.post(f"/api/alarms/{name}/shelve", json={"minutes": 10}).status_code == 422
        assert client.post(f"/api/alarms/{name}/reset", json={"reason": "x"}).status_code == 409
        stale = client.post(f"/api/alarms/{name}/acknowledge", json={}, headers={"If-Match": '"7"'})
        assert stale.status_code == 412
        done = client.post(
            f"/api/alarms/{name}/shelve", json={"minutes": 10, "reason": "serviced by 13912345678"}
        )
        assert done.status_code == 202, done.text
    journal = SqliteJournal(world.hub.data)
    entry = journal.read("deed", done.json()["position"] - 1, entries=1)[0]
    deed = decode(entry.payload)
    journal.close()
    assert isinstance(deed, Deed)
    assert (deed.verb, deed.object, deed.actor) == ("alarm.shelve", name, "t-duty-officer")
    assert deed.data["until"] - deed.at == 600_000_000
    with world.client("audit_admin") as client:
        last = client.get("/api/audit", params={"verb": "alarm."}).json()["items"][0]
        assert last["object"] == name and last["detail"]["reason"] == "serviced by 139****5678"


def test_words_about_an_alarm_give_no_number_away(world: Any) -> None:
    alarm = world.raise_alarm("d4", reason="told to 13912345678", actor="duty")
    with world.client("kiosk") as wall:
        said = wall.get(f"/api/alarms/{alarm.alarm}").json()["alarm"]
        assert said["reason"] == "told to 139****5678"


def test_an_alarm_out_of_scope_is_not_there(world: Any) -> None:
    here, there = world.towns()[2:4]
    world.tokens["elsewhere"] = world.account("elsewhere", ["duty_officer"], division=there)
    alarm = world.raise_alarm("d5", division=here)
    with world.client("elsewhere") as client:
        assert client.get(f"/api/alarms/{alarm.alarm}").status_code == 404
        acted = client.post(f"/api/alarms/{alarm.alarm}/acknowledge", json={})
        assert acted.status_code == 404
        shown = client.get("/api/alarms", params={"division": here}).json()["items"]
        assert shown == []


def test_what_a_test_raises_is_listed_and_counted_nowhere(world: Any) -> None:
    def counted(client: httpx.Client) -> tuple[Any, ...]:
        world.hub.memory.pop("vitals", None)
        signs = client.get("/api/vitals").json()
        listed = client.get("/api/scenarios").json()["items"]
        smoke = next(one for one in listed if one["id"] == "forest-fire")
        shift = client.get("/api/handovers/open").json()
        waits = sorted(one["item"] for one in shift["items"] if one["kind"] == "alarm")
        net = signs["nets"]["prevent"]
        today = net["alarms_today"], net["alarms_active"]
        handed = shift["active_alarms"], shift["unacknowledged_alarms"], waits
        return signs["alarms"], today, smoke["alarms"], handed

    with world.client("commander") as one, world.client("integrator") as program:
        before, told = counted(one), program.get("/metrics").text
        test = world.raise_alarm("d3", rule="forest_camera.smoke", test=True)
        listed = one.get(f"/api/alarms/{test.alarm}").json()["alarm"]
        assert listed["test"] and listed["state"] == "unacknowledged"
        assert counted(one) == before

        def alarms(text: str) -> list[str]:
            return [line for line in text.splitlines() if line.startswith("tianmu_alarms")]

        assert alarms(program.get("/metrics").text) == alarms(told)
        world.raise_alarm("d3", rule="forest_camera.smoke")
        after = counted(one)
        assert after[0]["active"] == before[0]["active"] + 1 and after[2] == before[2] + 1
        assert alarms(program.get("/metrics").text) != alarms(told)
