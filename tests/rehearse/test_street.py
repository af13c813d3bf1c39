"""Drawn street cameras: what they tell is read by the city's own codec; the truth comes first."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tianmu.city.pack import load
from tianmu.facts.place import Place
from tianmu.rehearse.field.street import CAMERA, SIGHTING, Refused, Scene, Street, draw, script
from tianmu.scenarios.folder.load import find
from tianmu.scenarios.recognition import kinds_of
from tianmu.sense.recognition.codec import Event, decode, look
from tianmu.sense.recognition.dwell import Sight, Thing, see

SCRIPT = script()
KINDS = {k.code: k for k in kinds_of(find().scenarios["model-street"].manifest.settings)}
FAST = msgspec.structs.replace(SCRIPT, every_s=(0.01, 0.02))


@dataclass
class Gate:
    """Answers as gate does; first as one that has not heard of the source."""

    truth: Path
    refusals: int = 1
    status: int = 403
    events: list[Event] = field(default_factory=list)
    truths: list[int] = field(default_factory=list)
    """lines of truth that stood there at each event"""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.refusals:
            self.refusals -= 1
            return httpx.Response(self.status, json={"detail": "not heard of"})
        message = decode(request.content)
        assert not message.refused, message.refused
        self.events += message.events
        self.truths.append(len(self.truth.read_text().splitlines()))
        said = [{"event": one.event, "state": "taken"} for one in message.events]
        return httpx.Response(200, json={"events": said})


def played(tmp_path: Path, scene: Scene, gate: Gate | None = None) -> tuple[Gate, Street]:
    truth = tmp_path / "truth.jsonl"
    gate = gate or Gate(truth)
    street = Street("http://gate", "t", {"c0": Place(longitude=119.5, latitude=31.4)},
                    SCRIPT.scene, truth, told=FAST, rng=random.Random(1))  # fmt: skip

    async def play() -> None:
        transport = httpx.MockTransport(gate)
        async with httpx.AsyncClient(base_url="http://gate", transport=transport) as client:
            await street.play(client, "c0", scene)

    asyncio.run(play())
    return gate, street


def scene(real: bool = True, seconds: float = 0.3) -> Scene:
    return Scene(SCRIPT.scene[1], real, 0.3, seconds, SCRIPT.surely, "i1")


def test_a_scene_is_told_with_drawn_pictures_and_its_truth_stands_first(
    tmp_path: Path,
) -> None:
    gate, street = played(tmp_path, scene(seconds=1.5))
    assert len(gate.events) >= 3 and set(gate.truths) == {1}
    assert street.counts["taken"] == len(gate.events) and street.counts["sent_again"] == 1
    assert len({one.event for one in gate.events}) == len(gate.events)
    for one in gate.events:
        assert one.kind == "unlicensed_vendor" and one.camera == "c0" and one.box is not None
        assert SCRIPT.surely[0] <= one.confidence <= SCRIPT.surely[1]
        assert one.picture is not None and look(one.picture).width == 640
    first, last = [json.loads(line) for line in (tmp_path / "truth.jsonl").open()]
    assert first["truth"] is True and first["devices"] == ["c0"]
    assert last["told"] == first["incident"] == "i1"


def test_what_gate_will_never_take_ends_it(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="answered 400"):
        played(tmp_path, scene(), Gate(tmp_path / "truth.jsonl", refusals=9, status=400))


def test_one_refused_camera_ends_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def gate(request: httpx.Request) -> httpx.Response:
        camera = json.loads(request.content)["camera"]
        if camera == "c1" or len(heard) >= 6:
            return httpx.Response(400, json={"detail": f"{camera} is no camera"})
        heard.append(camera)
        return httpx.Response(200, json={"events": [{"event": "e", "state": "taken"}]})

    place = Place(longitude=119.5, latitude=31.4)
    street = Street("http://gate", "t", {f"c{n}": place for n in range(3)}, SCRIPT.scene,
                    tmp_path / "truth.jsonl", told=msgspec.structs.replace(FAST, per_hour=1e7),
                    rng=random.Random(1), first_s=(0.0, 0.0))  # fmt: skip

    async def play() -> None:
        transport = httpx.MockTransport(gate)
        async with httpx.AsyncClient(base_url="http://gate", transport=transport) as client:
            await street.watch(client)

    with pytest.raises(Refused, match="none of 3 cameras"):
        asyncio.run(play())
    assert len(heard) == 6 and set(heard) == {"c0", "c2"}
    assert street.counts["cameras_refused"] == 3
    assert "camera c1 plays no more: /events answered 400" in caplog.text


def test_what_is_real_comes_to_stand_and_what_is_not_does_not() -> None:
    """By the patience that the scenario has, in scenes played by arithmetic."""
    rng = random.Random(7)
    stood = {True: 0, False: 0}
    drawn = {True: 0, False: 0}
    for _ in range(150):
        one = draw(SCRIPT, SCRIPT.scene, rng)
        patience, things, at = KINDS[one.kind.kind].patience, list[Thing](), 0.0
        rises, number = False, 0
        while at < one.seconds:
            number += 1
            sure = rng.uniform(*one.confidence)
            sight = Sight(round(at * 1e6), sure, (0.3, 0.5, 0.5, 0.9), "drawn")
            things, seen = see(things, sight, patience, number)
            rises |= seen.rises
            at += rng.uniform(*SCRIPT.every_s)
        drawn[one.real] += 1
        stood[one.real] += rises
    assert stood[True] >= 0.9 * drawn[True] and drawn[False] > 30
    # a recogniser that is wrong for minutes is alarmed: that is what the cases' ends are for
    assert stood[False] <= 0.2 * drawn[False]


@pytest.mark.parametrize("name", ["liyang", "port_ellery"])
def test_both_cities_know_what_is_drawn(name: str) -> None:
    properties: Any = load(name).kinds[CAMERA].properties
    assert {SIGHTING, *(one.kind for one in SCRIPT.scene)} <= set(properties)
