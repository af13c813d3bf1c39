"""Cameras with recognition that see a drawn street, and tell of it at gate's door of events.

Each scene is written down as the truth before its first event is sent: something that really is
there and stays, or something that only looks like it and passes or is never surely seen. The
pictures are drawn, and say so.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import random
import time
import tomllib
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import msgspec
from PIL import Image, ImageDraw, ImageFont

from tianmu.facts.place import Place

log = logging.getLogger("tianmu.feed")

PATH = "/events"
CAMERA, SIGHTING = "street_camera", "sighting"
"""kind of device, and the property that its events are observations of"""
RESOURCE = "camera"
"""kind of the pack's resources that stand in streets"""
RECOGNISER = "drawn"
WIDE, HIGH = 640, 360
"""pixels of a picture"""
GROUND = 0.94
"""where what stands in the street stands, as a share of the picture's height"""
QUICK = 4
"""kinds that stand soonest"""
NOT_YET = frozenset({401, 403, 404})
"""a source that was made a moment ago is not heard yet"""

Span = tuple[float, float]


class Refused(RuntimeError):
    """Gate will not take a camera's events: which, and what it answered."""


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scene of ``data/street.toml``."""

    kind: str
    stays_s: Span
    colour: tuple[int, int, int]
    size: Span
    """shares of the picture's width and height"""


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    per_hour: float
    real: float
    every_s: Span
    surely: Span
    unsure: Span
    passing_s: Span
    caption: str
    scene: tuple[Kind, ...]


def script() -> Script:
    text = files("tianmu.rehearse").joinpath("data", "street.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Script)


@dataclass(frozen=True)
class Scene:
    """Something at one place of a camera's picture for a while."""

    kind: Kind
    real: bool
    left: float
    seconds: float
    confidence: Span
    incident: str


def draw(
    told: Script, kinds: Sequence[Kind], rng: random.Random, *, real: bool | None = None
) -> Scene:
    """One scene; what is not real either passes soon or is never surely seen."""
    kind = rng.choice(kinds)
    real = rng.random() < told.real if real is None else real
    passes = not real and rng.random() < 0.5
    return Scene(
        kind=kind,
        real=real,
        left=rng.uniform(0.02, 0.97 - kind.size[0]),
        seconds=rng.uniform(*(told.passing_s if passes else kind.stays_s)),
        confidence=told.surely if real or passes else told.unsure,
        incident=uuid.UUID(int=rng.getrandbits(128), version=4).hex,
    )


def picture(scene: Scene, box: tuple[float, float, float, float], camera: str, at: float) -> bytes:
    """A drawn street with the thing in its box, as JPEG; it says that it is drawn."""
    image = Image.new("RGB", (WIDE, HIGH), (206, 214, 222))
    pen = ImageDraw.Draw(image)
    fronts = ((178, 160, 142), (150, 160, 150), (170, 150, 156), (146, 152, 168))
    for number, colour in enumerate(fronts):
        left = number * WIDE // len(fronts)
        pen.rectangle((left, 40, left + WIDE // len(fronts) - 6, 230), fill=colour)
        pen.rectangle((left + 40, 120, left + 110, 230), fill=(90, 96, 104))
    pen.rectangle((0, 230, WIDE, 270), fill=(186, 182, 174))
    pen.rectangle((0, 270, WIDE, HIGH), fill=(112, 112, 116))
    left, top, right, bottom = (
        round(share * side) for share, side in zip(box, (WIDE, HIGH) * 2, strict=True)
    )
    shape = (left + 3, top + 3, right - 3, bottom - 3)
    if scene.kind.size[1] < 0.12:  # flat on the ground
        pen.ellipse(shape, fill=scene.kind.colour)
    else:
        pen.rounded_rectangle(shape, 8, fill=scene.kind.colour)
    told = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    pen.rectangle((0, 0, WIDE, 30), fill=(20, 24, 30))
    pen.text((8, 6), f"{script().caption}   {camera}   {told}", (255, 214, 90), _font())
    made = io.BytesIO()
    image.save(made, "JPEG", quality=70)
    return made.getvalue()


def _font() -> Any:
    return ImageFont.load_default(14)


@dataclass
class Street:
    """Cameras that one recogniser looks at. ``truth`` is the feed's file of what happened."""

    url: str
    token: str
    cameras: dict[str, Place]
    kinds: Sequence[Kind]
    truth: Path
    tls: Any = None
    told: Script = field(default_factory=script)
    rng: random.Random = field(default_factory=random.Random)
    counts: Counter[str] = field(default_factory=Counter)
    """what became of the events, by state; ``cameras_refused`` that play no more"""
    first_s: Span = (5.0, 30.0)
    """seconds until the first scenes"""

    async def run(self) -> None:
        """For ever: each camera's scenes one after the other. The first two begin within a minute,
        with something real that stands soon, so that a city that has just begun has a street."""
        async with httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=30,
            verify=self.tls or True,
        ) as client:  # fmt: skip
            await self.watch(client)

    async def watch(self, client: httpx.AsyncClient) -> None:
        """All cameras. One that is refused is told and plays no more, the others go on; raises
        ``Refused`` where none is left."""
        async with asyncio.TaskGroup() as group:
            for number, camera in enumerate(self.cameras):
                group.create_task(self._go_on(client, camera, soon=number < 2))
        if self.cameras:
            raise Refused(f"{PATH} takes events of none of {len(self.cameras)} cameras")

    async def _go_on(self, client: httpx.AsyncClient, camera: str, *, soon: bool) -> None:
        try:
            await self._watch(client, camera, soon=soon)
        except Refused as refused:
            self.counts["cameras_refused"] += 1
            log.error("camera %s plays no more: %s", camera, refused)

    async def _watch(self, client: httpx.AsyncClient, camera: str, *, soon: bool) -> None:
        usual = 3600 * len(self.cameras) / self.told.per_hour
        first, latest = self.first_s
        await asyncio.sleep(self.rng.uniform(first, latest if soon else min(usual, 600)))
        if soon:
            quick = sorted(self.kinds, key=lambda kind: kind.stays_s[0])[:QUICK]
            await self.play(client, camera, draw(self.told, quick, self.rng, real=True))
        while True:
            await self.play(client, camera, draw(self.told, self.kinds, self.rng))
            await asyncio.sleep(self.rng.expovariate(1 / usual))

    async def play(self, client: httpx.AsyncClient, camera: str, scene: Scene) -> None:
        """One scene: the truth first, then what is seen of it until it is over."""
        began = time.time()
        place = self.cameras[camera]
        self._write(
            {
                "incident": scene.incident, "code": f"street.{scene.kind.kind}", "matter": "",
                "truth": scene.real, "void": not scene.real, "at": began,
                "longitude": place.longitude, "latitude": place.latitude,
                "division": place.division, "devices": [camera], "reports": 0,
            }
        )  # fmt: skip
        while (now := time.time()) < began + scene.seconds:
            await self._tell(client, camera, scene, now)
            await asyncio.sleep(self.rng.uniform(*self.told.every_s))
        # only now the city can know: what stayed too short is nobody's fault
        self._write({"told": scene.incident, "at": time.time()})

    def _write(self, line: dict[str, Any]) -> None:
        with self.truth.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    async def _tell(self, client: httpx.AsyncClient, camera: str, scene: Scene, now: float) -> None:
        wide, high = scene.kind.size
        left = scene.left + self.rng.uniform(-0.01, 0.01)
        box = (max(left, 0.0), GROUND - high, min(left + wide, 1.0), GROUND)
        shot = await asyncio.to_thread(picture, scene, box, camera, now)
        event = {
            "event": uuid.UUID(int=self.rng.getrandbits(128), version=4).hex, "camera": camera,
            "kind": scene.kind.kind, "time": round(now * 1000),
            "confidence": round(self.rng.uniform(*scene.confidence), 3),
            "box": [round(edge, 4) for edge in box], "recogniser": RECOGNISER,
            "picture": base64.b64encode(shot).decode(),
        }  # fmt: skip
        wait = 1.0
        for _ in range(20):
            try:
                answer = await client.post(PATH, json=event)
            except httpx.TransportError as error:
                log.debug("%s: %s", camera, error)
                answer = None
            if answer is not None and answer.status_code in {200, 422}:
                for one in answer.json()["events"]:
                    self.counts[one["state"]] += 1
                    if one["state"] == "refused":
                        log.warning("%s: %s", camera, one["reason"])
                return
            if answer is not None and answer.status_code not in {*NOT_YET, 429, 503, 507}:
                raise Refused(f"{PATH} answered {answer.status_code}: {answer.text[:200]}")
            self.counts["sent_again"] += 1
            await asyncio.sleep(wait)
            wait = min(wait * 2, 15.0)
        raise Refused(f"{PATH} took no event of {camera} for minutes")
