"""Recognition events at gate's door: taken, watched, alarmed, refused, held, never twice."""

from __future__ import annotations

import errno
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tianmu.facts.encoding import encode
from tianmu.facts.registry import Device, MaintenanceChanged
from tianmu.facts.topic import OBSERVATION_LIFE, REGISTRY
from tianmu.sense import hold
from tianmu.sense.http.columns import Refused
from tianmu.sense.recognition import standing
from tianmu.sense.recognition.codec import COMMAS, WIDEST, decode, look
from tianmu.sense.recognition.connector import DAY, PATH
from tianmu.sense.recognition.kind import catalogue

from ..door import NOW, post, run
from .street import SECOND, Street, jpeg, picture, told


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    made = Street(tmp_path)
    yield made
    made.close()


def quarantined(street: Street) -> list[Any]:
    return street.door.main.read(lambda c: c.execute(sa.select(hold.quarantine)).all())


@run
async def test_it_stands_after_dwell_and_repetition_and_goes(street: Street) -> None:
    shot = picture()
    status, answer = await street.tell(told("e1", -40, picture=shot))
    assert status == 200
    assert answer == {
        "events": [{"row": 0, "event": "e1", "state": "taken", "stage": "watched", "seen": 1}]
    }
    assert (await street.tell(told("e2", -30)))[1]["events"][0]["stage"] == "watched"
    _, answer = await street.tell(told("e3", -15, confidence=0.95))
    assert answer["events"][0]["stage"] == "rises"
    assert (await street.tell(told("e4", -10)))[1]["events"][0]["stage"] == "stands"
    [(at, value, side)] = street.rows("c0/stall")
    assert (at, value) == (-15, 1)
    assert {name: side[name] for name in ("event", "kind", "seen", "stayed_s", "confidence")} == {
        "event": "e3", "kind": "stall", "seen": 3, "stayed_s": 25.0, "confidence": 0.95,
    }  # fmt: skip
    [kept] = side["pictures"]
    assert kept["role"] == "handle_before" and (kept["width"], kept["height"]) == (64, 48)
    assert kept["taken_at"] == NOW - 40 * SECOND
    assert kept["boxes"] == [
        {"box": [0.1, 0.2, 0.4, 0.6], "text": {"zh": "摊", "en": "Stall"}, "confidence": 0.8}
    ]
    assert street.evidence.read(kept["digest"]) == jpeg()
    sighted = street.rows("c0/sighting")
    assert [value for _, value, _ in sighted] == [0.8, 0.8, 0.95, 0.8]
    assert sighted[0][2]["picture"] == kept["digest"] and "pictures" not in sighted[0][2]
    # nothing more is seen of it
    street.now = NOW + 20 * SECOND
    assert await street.events.let_go() == 0
    street.now = NOW + 21 * SECOND
    assert await street.events.let_go() == 1
    assert await street.events.let_go() == 0
    assert [row[:2] for row in street.rows("c0/stall")] == [(-15, 1), (20, 0)]


@run
async def test_the_same_event_takes_effect_once(street: Street) -> None:
    event = told("e1", kind="smoke", picture=picture())
    assert (await street.tell(event))[1]["events"][0]["stage"] == "rises"
    _, answer = await street.tell(event, event, told("e2", 1, kind="smoke"))
    assert [one["state"] for one in answer["events"]] == ["duplicate", "duplicate", "taken"]
    assert len(street.rows("c0/sighting")) == 2 and len(street.rows("c0/smoke")) == 1
    street.source("other", number=8)
    _, answer = await street.tell(told("e1", 2, kind="smoke"), token="other")
    assert answer["events"][0]["state"] == "taken", "another source's e1 is another event"


@run
async def test_what_was_watched_is_known_again_after_a_restart(tmp_path: Path) -> None:
    street = Street(tmp_path)
    await street.tell(told("e1", -30), told("e2", -20))
    street.close()
    again = Street(tmp_path)
    _, answer = await again.tell(told("e2", -20), told("e3", -5))
    assert [one["state"] for one in answer["events"]] == ["duplicate", "taken"]
    assert answer["events"][1]["stage"] == "rises"
    again.close()


@run
async def test_one_goes_as_another_comes(street: Street) -> None:
    await street.tell(told("e1", -60, kind="smoke", box=None))
    _, answer = await street.tell(told("e2", -40, kind="smoke", box=None))
    assert answer["events"][0]["stage"] == "rises"
    assert [row[:2] for row in street.rows("c0/smoke")] == [(-60, 1), (-40, 0), (-40, 1)]


@run
async def test_labels_and_addresses_name_kinds_and_cameras(street: Street) -> None:
    status, _ = await street.tell(told("e1", camera="wire-1", kind="streetstall"))
    assert status == 200 and street.rows("c1/sighting")[0][2]["kind"] == "stall"


@run
async def test_a_picture_as_browsers_hand_it_over_is_taken(street: Street) -> None:
    status, _ = await street.tell(told("e1", picture="data:image/jpeg;base64," + picture()))
    assert status == 200 and len(list((street.data / "recognised").glob("??/*"))) == 1


@run
async def test_events_of_one_picture_send_it_once(street: Street) -> None:
    first = told("e1", picture=picture())
    second = told("e2", kind="smoke", box=[0.5, 0.5, 0.9, 0.9], picture_of="e1")
    third = told("e3", kind="smoke", picture_of="e9")
    _, answer = await street.tell(first, second, third)
    assert [one["state"] for one in answer["events"]] == ["taken", "taken", "refused"]
    [(_, _, side)] = street.rows("c0/smoke")
    assert side["pictures"][0]["boxes"][0]["box"] == [0.5, 0.5, 0.9, 0.9]
    for folder in ("recognised", "evidence"):
        assert len(list((street.data / folder).glob("??/*"))) == 1


@run
async def test_a_picture_that_no_alarm_needs_is_let_go(street: Street) -> None:
    needed, other = jpeg(10), jpeg(20)
    await street.tell(told("e1", kind="smoke", picture=picture(needed)))
    await street.tell(told("e2", picture=picture(other)))
    assert street.pictures.let_go() == 0
    for file in (street.data / "recognised").glob("??/*"):
        os.utime(file, (0, 0))
    await street.tell(told("e3", 1, picture=picture(other)))
    assert street.pictures.let_go() == 1, "the one that was sent again is new again"
    [digest] = [file.name for file in (street.data / "evidence").glob("??/*")]
    assert street.evidence.read(digest) == needed
    # what is watched and has lost its picture is alarmed without one
    for file in (street.data / "recognised").glob("??/*"):
        file.unlink()
    await street.tell(told("e4", 11), told("e5", 22))
    [(_, _, side)] = street.rows("c0/stall")
    assert side["seen"] == 4 and "pictures" not in side


@run
async def test_a_picture_that_only_refused_events_have_is_not_kept(street: Street) -> None:
    street.source("far", allow=("c9",))
    await street.tell(told("e1", kind="nothing", picture=picture(jpeg(10))))
    await street.tell(told("e2", picture=picture(jpeg(20))), token="far")
    await street.tell(told("e3", 601, picture=picture(jpeg(30))))
    assert not list((street.data / "recognised").glob("??/*"))
    # but the one that another event shows is
    _, answer = await street.tell(
        told("e4", kind="nothing", picture=picture(jpeg(40))), told("e5", picture_of="e4")
    )
    assert [one["state"] for one in answer["events"]] == ["refused", "taken"]
    assert len(list((street.data / "recognised").glob("??/*"))) == 1


REFUSED = {
    "no kind": (told("e", kind="nothing"), "kind 'nothing' is not known: there are stall, smoke"),
    "ahead": (told("e", 601), "ahead of the city's clock"),
    "no zone": (told("e", time="2026-11-23T08:00:00"), "has no zone"),
    "confidence": (told("e", confidence=87), "confidence`: send a number from 0 to 1, not per"),
    "box": (told("e", box=[0.4, 0.2, 0.1, 0.6]), "box must be left, top"),
    "box outside": (told("e", box=[40, 20, 110, 60]), "box[0]`: send four shares of the"),
    "no base64": (told("e", picture="%%%"), "not base64"),
    "no jpeg": (told("e", picture=picture(b"GIF89a...")), "no JPEG by its first bytes"),
    "cut": (told("e", picture=picture(jpeg()[:300])), "cannot be read"),
    "small": (told("e", picture=picture(jpeg(size=(8, 8)))), "8 x 8 pixels"),
    "both": (told("e", picture=picture(), picture_of="e"), "exclude each other"),
    "field": (told("e", plate="A"), "plate"),
    "name": (told("a b"), "event must be 1 to 200"),
    "long": (told("e", recogniser="x" * 201), "recogniser"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@run
async def test_what_cannot_be_taken_is_told_and_kept(street: Street, name: str) -> None:
    event, why = REFUSED[name]
    status, answer = await street.tell(event)
    assert status == 422, answer
    [said] = answer["events"]
    assert said["state"] == "refused" and why in said["reason"]
    assert said["event"] == ("" if name == "name" else "e")
    [row] = quarantined(street)
    assert json.loads(row.payload) == [event] and why in row.reason
    assert street.door.entries() == []


@pytest.mark.parametrize("body", [b"", b"no", b'{"event": ', b"[]", b"[{},", b"[" * 100_000])
@run
async def test_what_is_no_message_is_told_and_kept(street: Street, body: bytes) -> None:
    status, answer = await street.tell(body=body)
    assert status == 400 and answer["remedy"]
    assert [row.payload for row in quarantined(street)] == [body]


@run
async def test_a_message_from_the_quarantine_is_taken_again(street: Street) -> None:
    registry = street.door.intake.registry
    camera = Device(device="c9", kind="camera", properties=("value",))
    fact = registry.registration([camera], at=1, actor="test")
    street.door.hub.transact(lambda tx: tx.append(REGISTRY.name, encode(fact)))
    registry.refresh(street.door.journal)
    status, answer = await street.tell(told("e1", camera="c9"), told("e2"))
    assert status == 200 and "has no property sighting" in answer["events"][0]["reason"]
    [row] = quarantined(street)
    replay = street.http.replay
    assert not await replay(row.payload, source=row.source, peer=row.peer)
    street.now += 600 * SECOND
    late = json.dumps([told("e3", 601)]).encode()
    assert await replay(late, source="eye", peer="test")
    assert not await replay(b"no", source="eye", peer="test")
    assert len(street.rows("c0/sighting")) == 2


@run
async def test_who_may_tell(street: Street) -> None:
    assert (await street.tell(told("e"), token="nobody"))[0] == 401
    street.door.source("sensor", number=9)
    status, answer = await street.tell(told("e"), token="sensor")
    assert status == 403 and "POST /observations" in answer["remedy"]
    status, answer, _ = await post(street.http, "eye", b"[]")
    assert status == 403 and "POST /events" in answer["remedy"]
    street.source("one", number=10, allow=("c1",))
    _, answer = await street.tell(told("e"), told("f", camera="c1"), token="one")
    assert [one["state"] for one in answer["events"]] == ["refused", "taken"]
    assert (await post(street.http, "eye", b"", path="/else"))[0] == 404


@run
async def test_an_unregistered_camera_is_held_and_offered(street: Street) -> None:
    _, answer = await street.tell(told("e1", camera="new", picture=picture()))
    assert answer["events"][0]["state"] == "held"
    await street.tell(told("e1", camera="new"))
    [row] = street.door.main.read(lambda c: c.execute(sa.select(hold.unknown)).all())
    assert row.unknown == "new" and row.data["kind"] == "street_camera"
    held = street.door.main.read(lambda c: c.execute(sa.select(hold.held)).all())
    assert len(held) == 1, "the same event twice is held once"


@run
async def test_a_camera_in_maintenance_is_shown_and_dispatches_nothing(street: Street) -> None:
    window = MaintenanceChanged(
        object="c0", start=NOW - SECOND, end=NOW + SECOND, at=NOW, actor="test"
    )
    street.door.sources.apply(window)
    await street.tell(told("e1", kind="smoke"))
    [batch] = street.door.entries()
    assert batch.quality is not None and batch.quality.tolist() == [3, 3]


@run
async def test_life_safety_goes_on_its_own_lane(street: Street) -> None:
    street.source("fire", number=11, life_safety=True)
    await street.tell(told("e1", kind="smoke"), token="fire")
    assert street.rows("c0/smoke") == []
    assert len(street.rows("c0/smoke", OBSERVATION_LIFE.name)) == 1
    street.now += 11 * SECOND
    assert await street.events.let_go() == 1
    assert [row[1] for row in street.rows("c0/smoke", OBSERVATION_LIFE.name)] == [1, 0]


@run
async def test_a_full_disk_takes_nothing_and_says_so(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(street.pictures, "keep", full)
    status, answer = await street.tell(told("e1", picture=picture()))
    assert status == 507 and "send it again later" in answer["remedy"]
    assert street.door.entries() == []

    def silent(*_: Any) -> None:
        raise OSError("the scanner gives no answer")

    monkeypatch.setattr(street.pictures, "keep", silent)
    status, answer = await street.tell(told("e1", picture=picture()))
    assert status == 503 and street.door.entries() == []


@run
async def test_what_is_known_of_the_place_is_told_and_a_fault_in_it_costs_nothing(
    tmp_path: Path,
) -> None:
    def adds(sighted: Any) -> dict[str, Any]:
        if sighted.device == "c1":
            raise ZeroDivisionError
        return {"description": f"{sighted.kind} at {sighted.longitude}", "front": {"code": "s1"}}

    street = Street(tmp_path, adds)
    await street.tell(told("e1", kind="smoke"), told("e2", kind="smoke", camera="c1"))
    assert street.rows("c0/smoke")[0][2]["description"] == "smoke at 119.5"
    assert "description" not in street.rows("c1/smoke")[0][2]
    street.close()


@run
async def test_what_has_gone_is_told_beside_many_of_a_kind_that_is_no_more(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    await street.tell(told("e1", -20), told("e2", -10), told("e3", 0))
    await street.tell(told("e4", 1, kind="smoke"))
    monkeypatch.setattr(standing.due, "__defaults__", (1,))
    whole = street.events.catalogue
    street.events.catalogue = catalogue([whole.kinds["smoke"]])
    street.now = NOW + 100 * SECOND
    assert await street.events.let_go() == 1
    street.events.catalogue = whole
    assert await street.events.let_go() == 1


@run
async def test_what_is_long_past_rises_no_more(street: Street) -> None:
    await street.tell(told("e1", 0, kind="smoke"))
    street.now = NOW + 60 * SECOND
    assert await street.events.let_go() == 1
    _, answer = await street.tell(told("e2", -300, kind="smoke"))
    assert answer["events"][0]["stage"] == "passed_over"
    assert [row[:2] for row in street.rows("c0/smoke")] == [(0, 1), (10, 0)]
    assert len(street.rows("c0/sighting")) == 2, "it is kept all the same"


@run
async def test_the_first_of_two_with_one_name_has_its_own_picture(street: Street) -> None:
    first, second = jpeg(10), jpeg(20)
    one = told("e1", kind="smoke", picture=picture(first))
    await street.tell(one, one | {"picture": picture(second)})
    [(_, _, side)] = street.rows("c0/smoke")
    assert street.evidence.read(side["pictures"][0]["digest"]) == first


@run
async def test_what_cannot_be_unpacked_is_told_and_kept(street: Street) -> None:
    body = b"no gzip at all"
    status, answer, _ = await post(
        street.http, "eye", body, path=PATH, headers={"content-encoding": "gzip"}
    )
    assert status == 400 and answer["remedy"]
    assert [row.payload for row in quarantined(street)] == [body]
    packed = gzip.compress(json.dumps([told("e1")]).encode())
    status, _, _ = await post(
        street.http, "eye", packed, path=PATH, headers={"content-encoding": "gzip"}
    )
    assert status == 200 and len(street.rows("c0/sighting")) == 1


@run
async def test_a_refused_message_is_let_go_with_its_pictures(street: Street) -> None:
    await street.tell(told("e1", kind="nothing", picture=picture()))
    street.door.source("sensor", number=9)
    await post(street.http, "sensor", b"no")
    assert len(quarantined(street)) == 2
    await street.events.tidy()
    assert len(quarantined(street)) == 2
    street.now += 2 * DAY + SECOND
    await street.events.tidy()
    assert [row.source for row in quarantined(street)] == ["sensor"]


def test_infected_pictures_are_let_go_as_well(street: Street) -> None:
    lies = street.data / "recognised" / "quarantine" / "ab"
    lies.parent.mkdir(parents=True)
    lies.write_bytes(b"x")
    assert street.pictures.let_go() == 0
    os.utime(lies, (0, 0))
    assert street.pictures.let_go() == 1 and not lies.exists()


def test_a_message_of_millions_of_values_is_refused_before_it_is_read() -> None:
    with pytest.raises(Refused, match="far too many values"):
        decode(b"[" + b"1," * COMMAS + b"1,1]")


def test_a_large_picture_is_looked_at_in_little_memory() -> None:
    tall = jpeg(size=(64, WIDEST))
    found = look(tall)
    assert (found.width, found.height) == (64, WIDEST)
    with pytest.raises(ValueError, match="cannot be read"):
        look(tall[: len(tall) // 2])
