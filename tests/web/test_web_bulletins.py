"""Warnings of other bodies over HTTP and push, as gate has put them on disk."""

from __future__ import annotations

from typing import Any

import pytest

from tianmu.access import level
from tianmu.facts.bulletin import Bulletin
from tianmu.sense.cap import held
from tianmu.web.answer import page as page_of
from tianmu.web.present.warned import warned

from .heard import Stream
from .warned import HOUR, ROOT, came, part


@pytest.fixture(autouse=True)
def tables(world: Any) -> None:
    world.gate.create(held.metadata, room="bulletin")


def test_what_holds_is_listed_and_pushed_and_ended(world: Any) -> None:
    with world.client("kiosk") as kiosk:
        stream = Stream(world.client("kiosk"), only="bulletin")
        one = came(world)
        path = f"/api/bulletins/{one.bulletin}"
        (news,) = stream.wait("bulletin")
        assert news == kiosk.get(path).json()
        assert (news["stage"], news["parts"][0]["colour"]) == ("in_force", "orange")
        assert news["parts"][0]["event_name"]["en"] == "Rainstorm"
        listed = kiosk.get("/api/bulletins").json()["items"]
        assert one.bulletin in [b["bulletin"] for b in listed]
        over = came(world, kind="Cancel", parts=(), references=(one.key,))
        told = stream.wait("bulletin", 3)[1:]
        assert {b["bulletin"]: b["stage"] for b in told} == {
            one.bulletin: "cancelled", over.bulletin: "cancel"
        }  # fmt: skip
        assert kiosk.get(path).json()["ended_by"] == over.bulletin
        listed = kiosk.get("/api/bulletins").json()["items"]
        assert one.bulletin not in [b["bulletin"] for b in listed]
        stream.stop()


def test_what_is_not_for_the_public_is_for_those_who_warn(world: Any) -> None:
    secret = came(world, public=False, restriction="offices alone")
    assert level.needed("restricted.read") == level.SENSITIVE
    with world.client("kiosk") as kiosk, world.client("duty_officer") as duty:
        said = duty.get(f"/api/bulletins/{secret.bulletin}").json()
        assert (said["public"], said["restriction"]) == (False, "offices alone")
        for state in ("in_force", "all"):
            path = f"/api/bulletins?state={state}&limit=1"
            hidden = duty.get(path).json()["total"] - kiosk.get(path).json()["total"]
            assert hidden >= 1
        assert kiosk.get(f"/api/bulletins/{secret.bulletin}").status_code == 404
        for state in ("in_force", "all"):
            seen = kiosk.get(f"/api/bulletins?state={state}").json()["items"]
            assert secret.bulletin not in [b["bulletin"] for b in seen]
            seen = duty.get(f"/api/bulletins?state={state}").json()["items"]
            assert secret.bulletin in [b["bulletin"] for b in seen]


def test_the_public_is_told_nothing_of_what_is_not_for_it(world: Any) -> None:
    """A restricted cancellation of a public warning: the public's holds on, by list and push."""
    with world.client("kiosk") as kiosk, world.client("duty_officer") as duty:
        public = Stream(world.client("kiosk"), only="bulletin")
        offices = Stream(world.client("duty_officer"), only="bulletin")
        one = came(world)
        path = f"/api/bulletins/{one.bulletin}"
        before = kiosk.get(path).json()
        assert public.wait("bulletin") == [before]
        end = came(
            world, kind="Cancel", parts=(), references=(one.key,), public=False,
            restriction="offices alone", note="only for the offices",
        )  # fmt: skip
        told = offices.wait("bulletin", 3)[1:]
        assert {b["bulletin"]: b["stage"] for b in told} == {
            one.bulletin: "cancelled", end.bulletin: "cancel"
        }  # fmt: skip
        said = duty.get(path).json()
        assert (said["stage"], said["ended_by"]) == ("cancelled", end.bulletin)
        assert said["public_until"] == said["parts"][0]["until"]
        assert kiosk.get(path).json() == before and before["public_until"] is None
        listed = kiosk.get("/api/bulletins").json()["items"]
        assert before in listed
        assert one.bulletin not in [
            b["bulletin"] for b in duty.get("/api/bulletins").json()["items"]
        ]
        after = came(world, kind="Cancel", parts=(), references=(one.key,))
        told = public.wait("bulletin", 3)[1:]
        assert {b["bulletin"]: b["ended_by"] for b in told} == {
            one.bulletin: after.bulletin, after.bulletin: ""
        }  # fmt: skip
        assert duty.get(path).json()["public_until"] is None
        public.stop()
        offices.stop()


def test_scenarios_see_what_holds_for_everybody_now(world: Any) -> None:
    event, now = "forest_fire_danger", world.hub.clock()
    before = warned(world.hub, event)

    def told(**more: Any) -> Bulletin:
        return came(world, parts=(part(world, event=event, **more),))

    told(start=now + HOUR)
    told(divisions=())
    told(colour="")
    came(world, parts=(part(world, event=event),), public=False)
    came(world, parts=(part(world, event=event),), status="Exercise")
    assert warned(world.hub, event) == before == ()
    one = told(sender_name={"zh": "气象台", "en": "Weather bureau"})
    (found,) = warned(world.hub, event)
    assert (found.colour, found.colour_name["zh"]) == ("orange", "橙色")
    assert (found.sender["en"], found.divisions, found.until) == (
        "Weather bureau", (ROOT,), one.until,
    )  # fmt: skip
    with world.client("commander") as client:
        world.hub.memory.pop("danger", None)
        said = client.get("/api/scenarios/forest-fire/present").json()
        assert said["degree"] >= 4 and "Weather bureau" in said["why"][0]["en"]
    came(world, kind="Cancel", parts=(), references=(one.key,))
    assert warned(world.hub, event) == ()
    world.hub.memory.pop("danger", None)


def test_pages_go_on_and_nothing_is_asked_by_a_wrong_name(world: Any) -> None:
    made = [came(world).bulletin for _ in range(5)]
    found: list[str] = []
    with world.client("leader") as leader:
        cursor = ""
        while len(found) < 5:
            page = leader.get(f"/api/bulletins?state=all&limit=2{cursor}").json()
            assert page["total"] >= 5
            found += [b["bulletin"] for b in page["items"]]
            cursor = f"&cursor={page['next']}"
        assert found[:5] == made[::-1]
        for name in ("b0", "x", "b99999999999999999999", "b-1"):
            assert leader.get(f"/api/bulletins/{name}").status_code == 404
        for number in (1 << 63, (1 << 64) - 1):  # more than the database holds
            said = leader.get(f"/api/bulletins?state=all&cursor={page_of.write(number)}")
            assert said.status_code == 400, said.text
