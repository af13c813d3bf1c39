"""A street's cameras at a gate's door, and events of what is recognised on their pictures."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from tianmu.app.pictures import Pictures
from tianmu.facts.encoding import encode
from tianmu.facts.place import Place
from tianmu.facts.registry import Device, SourceChanged
from tianmu.facts.topic import OBSERVATION, REGISTRY
from tianmu.manage.evidence.kept import EvidenceStore
from tianmu.sense.http.connector import HttpConnector
from tianmu.sense.http.door import Doors
from tianmu.sense.intake import Intake
from tianmu.sense.recognition.connector import PATH, PROTOCOL, Recognitions
from tianmu.sense.recognition.dwell import Patience
from tianmu.sense.recognition.kind import Adds, EventKind, catalogue, nothing
from tianmu.sense.source import digest

from ..door import NOW, Door, post

SECOND = 1_000_000
KINDS = (
    EventKind(
        "stall",
        {"zh": "摊", "en": "Stall"},
        ("StreetStall",),
        Patience(dwell_s=20, repeat=3, window_s=60, sure=0.7, gone_s=30),
    ),
    EventKind("smoke", {"zh": "烟", "en": "Smoke"}, (), Patience(gone_s=10)),
)


def jpeg(colour: int = 90, size: tuple[int, int] = (64, 48)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (colour, 120, 60)).save(out, "JPEG")
    return out.getvalue()


def told(event: str, at: float = 0.0, **more: Any) -> dict[str, Any]:
    """An event so many seconds after the door's clock."""
    return {
        "event": event, "camera": "c0", "kind": "stall", "time": round(NOW / 1000 + at * 1000),
        "confidence": 0.8, "box": [0.1, 0.2, 0.4, 0.6], **more,
    }  # fmt: skip


def picture(content: bytes | None = None) -> str:
    return base64.b64encode(jpeg() if content is None else content).decode()


class Street:
    """Cameras ``c0`` and ``c1`` behind a door; source ``eye`` may tell of them."""

    def __init__(self, data: Path, adds: Adds = nothing) -> None:
        self.data = data
        self.now = NOW
        self.door = Door(data, 0)
        self._open(adds)
        cameras = [
            Device(
                device=f"c{i}", kind="street_camera", properties=("sighting", "stall", "smoke"),
                place=Place(longitude=119.5, latitude=31.4 + i / 1000, precision=5.0),
                labels={"address": f"wire-{i}"},
            )
            for i in (0, 1)
        ]  # fmt: skip
        registry = self.door.intake.registry
        registry.refresh(self.door.journal)
        if registry.find("c0") is None:  # else it is a city that starts again
            fact = registry.registration(cameras, at=1, actor="test")
            self.door.hub.transact(lambda tx: tx.append(REGISTRY.name, encode(fact)))
            registry.refresh(self.door.journal)
        self.source("eye")

    def _open(self, adds: Adds) -> None:
        door = self.door
        door.intake = Intake(
            door.main, door.life, door.intake.registry, door.sources, now=lambda: self.now
        )
        self.evidence = EvidenceStore(self.data / "evidence")
        self.pictures = Pictures(self.data)
        self.events = Recognitions(
            door.intake, self.pictures, catalogue(KINDS, "street_camera", adds)
        )
        self.http = HttpConnector(door.intake, doors=Doors({PROTOCOL: {PATH: self.events}}))

    def source(self, name: str, **more: Any) -> SourceChanged:
        fact = SourceChanged(
            **{
                "source": name, "number": 7, "protocol": PROTOCOL, "at": 0, "actor": "test",
                "token_digest": digest(name), **more,
            }
        )  # fmt: skip
        self.door.sources.apply(fact)
        return fact

    async def tell(
        self, *events: Mapping[str, Any], token: str = "eye", body: bytes | None = None
    ) -> tuple[int, dict[str, Any]]:
        sent = json.dumps(list(events)).encode() if body is None else body
        status, answer, _ = await post(self.http, token, sent, path=PATH)
        return status, answer

    def rows(self, name: str, topic: str = OBSERVATION.name) -> list[tuple[float, float, Any]]:
        """(seconds after the beginning, value, side) of a datastream, in the journal's order."""
        [index] = self.door.intake.resolve(
            [name.split("/", maxsplit=1)[0]], [name.split("/")[1]]
        ).tolist()
        return [
            ((int(batch.phenomenon_time[row]) - NOW) / SECOND, float(batch.value[row]),
             batch.side.get(row))
            for batch in self.door.entries(topic)
            for row in range(len(batch))
            if int(batch.datastream[row]) == index
        ]  # fmt: skip

    def close(self) -> None:
        self.door.close()
