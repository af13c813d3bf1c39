"""Events to a city's door, again until they are taken: the same event has the same name."""

from __future__ import annotations

import base64
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tianmu.recognise.fault import Unusable
from tianmu.recognise.picture import Found

PATH = "/events"
PATIENCE = 120.0
"""seconds of waiting after which a file's run gives up; a camera's goes on"""
MOST = 50
"""events of one message"""


def events_of(
    camera: str, at: int, found: Sequence[Found], picture: bytes, recogniser: str
) -> list[dict[str, Any]]:
    """What was found on one frame, as events that share its picture, which each message of them has
    once. The name tells of recogniser, camera and time alone: who runs over a file again tells
    nothing twice."""
    frame = hashlib.sha256(f"{recogniser}\0{camera}\0{at}".encode()).hexdigest()[:32]
    made: list[dict[str, Any]] = []
    for number, one in enumerate(found):
        told: dict[str, Any] = {
            "event": f"{frame}-{number}", "camera": camera, "kind": one.kind, "time": _rfc3339(at),
            "confidence": one.confidence, "box": list(one.box), "recogniser": recogniser,
        }  # fmt: skip
        if first := number % MOST:
            told["picture_of"] = made[number - first]["event"]
        else:
            told["picture"] = base64.b64encode(picture).decode()
        made.append(told)
    return made


def _rfc3339(at: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at / 1e6, UTC).isoformat(timespec="microseconds")


@dataclass
class Sender:
    """To one city with one token. ``patient``: for ever, else for ``PATIENCE`` seconds."""

    client: httpx.Client
    tell: Callable[[str], None]
    patient: bool = False
    sleep: Callable[[float], None] = time.sleep
    counts: Counter[str] = field(default_factory=Counter)

    def send(self, events: list[dict[str, Any]]) -> None:
        """Until they are taken. Raises ``Unusable`` where the city will never take them."""
        for first in range(0, len(events), MOST):
            self._send(events[first : first + MOST])

    def _send(self, events: list[dict[str, Any]]) -> None:
        waited = 0.0
        while True:
            wait, why = self._once(events)
            if not wait:
                return
            waited += wait
            if not self.patient and waited > PATIENCE:
                raise Unusable(f"not taken for {PATIENCE:g} s: {why}: run it again, it goes on")
            self.tell(f"{why}; again in {wait:g} s")
            self.sleep(wait)

    def _once(self, events: list[dict[str, Any]]) -> tuple[float, str]:
        """Seconds to wait and why; 0 where they are taken."""
        try:
            answer = self.client.post(PATH, json=events)
        except httpx.HTTPError as error:
            return 5.0, f"no answer: {error}"
        told = _body(answer)
        if answer.status_code in {429, 502, 503, 504, 507}:
            return _seconds(answer), f"{answer.status_code} {told.get('detail', '')}"
        if answer.status_code not in {200, 422}:
            raise Unusable(
                f"the city answered {answer.status_code}: {told.get('detail', answer.text[:200])}: "
                f"{told.get('remedy', 'see docs/connectors/recognition.md')}"
            )
        for one in told.get("events", []):
            self.counts[str(one.get("state", ""))] += 1
            self.counts["rises"] += one.get("stage") == "rises"
            if one.get("state") == "refused":
                self.tell(f"refused {one.get('event')}: {one.get('reason')}")
        return 0.0, ""


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _seconds(answer: httpx.Response) -> float:
    told = answer.headers.get("retry-after", "")
    return min(max(float(told), 1.0), 60.0) if told.isdigit() else 5.0
