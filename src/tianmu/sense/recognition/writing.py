"""Events to the journal with what they come to: how many stand, and what an alarm is told."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tianmu.sense.recognition import standing
from tianmu.sense.recognition.codec import Event
from tianmu.sense.recognition.dwell import Seen, Sight, Thing
from tianmu.sense.recognition.kind import EventKind
from tianmu.store.records import Transaction


@dataclass(frozen=True)
class Ready:
    """An event whose camera, kind and picture are known."""

    event: Event
    kind: EventKind
    device: str
    streams: tuple[int, int]
    """of the camera's sightings, and of how many things of the kind stand"""
    quality: int
    picture: dict[str, Any] | None
    key: bytes


def write(
    tx: Transaction,
    ready: Sequence[Ready],
    source: int,
    topic: str,
    received: int,
    adds: Callable[[Ready, Thing], Mapping[str, Any]],
    show: Callable[[str], bool],
) -> dict[int, dict[str, Any]]:
    """Events to the journal with what they come to, in one commit; row → what became of it."""
    said: dict[int, dict[str, Any]] = {}
    rows = standing.Rows.none()
    keys: set[bytes] = set()
    touched: dict[tuple[str, str], tuple[standing.Standing, Ready]] = {}
    for one in sorted(ready, key=lambda each: (each.event.time, each.event.row)):
        event = one.event
        if one.key in keys or tx.seen(topic, one.key) is not None:
            said[event.row] = {"event": event.event, "state": "duplicate"}
            continue
        keys.add(one.key)
        place = (one.device, one.kind.code)
        if place not in touched:
            touched[place] = (standing.read(tx, *place, one.streams[1]), one)
        held = touched[place][0]
        touched[place] = (held, one)
        before = held.count
        seen = held.see(
            Sight(event.time, event.confidence, event.box, event.recogniser, one.picture),
            one.kind.patience,
        )
        rows.add(
            one.streams[0], event.time, event.confidence, one.quality, sequence_of(event.event),
            side_of(event, one.kind, one.picture),
        )  # fmt: skip
        fewer = held.count - seen.rises
        if fewer != before:
            held.tell(rows, event.time, one.quality, stand=fewer)
        if seen.rises and seen.thing is not None:
            held.tell(rows, event.time, one.quality, _alarm(one, seen.thing, adds, show))
        said[event.row] = {"event": event.event, "state": "taken", **_stage(seen)}
    if keys:
        position = tx.append(topic, rows.batch(source, received).encode()).position
        tx.see(topic, keys, position)
        for held, one in touched.values():
            standing.write(tx, held, one.kind.patience, source=source, quality=one.quality)
    return said


def _stage(seen: Seen) -> dict[str, Any]:
    if seen.thing is None:
        return {"stage": "passed_over"}
    if not seen.thing.stands:
        return {"stage": "watched", "seen": seen.thing.count}
    return {"stage": "rises" if seen.rises else "stands", "seen": seen.thing.count}


def side_of(event: Event, kind: EventKind, picture: dict[str, Any] | None) -> dict[str, Any]:
    """What stands beside an event's confidence."""
    told: dict[str, Any] = {"event": event.event, "kind": kind.code}
    if event.box is not None:
        told["box"] = list(event.box)
    if event.recogniser:
        told["recogniser"] = event.recogniser
    if picture is not None:
        told["picture"] = picture["digest"]
    return told


def _alarm(
    one: Ready,
    thing: Thing,
    adds: Callable[[Ready, Thing], Mapping[str, Any]],
    show: Callable[[str], bool],
) -> dict[str, Any]:
    """What an alarm, and its case, are told of a thing that stands."""
    told = {**side_of(one.event, one.kind, None), **adds(one, thing)}
    told |= {
        "confidence": thing.best, "seen": thing.count, "since": thing.since,
        "stayed_s": (thing.stands - thing.since) / 1e6,
    }  # fmt: skip
    if thing.picture and show(thing.picture["digest"]):
        told["pictures"] = [thing.picture]
    return told


def shown(picture: dict[str, Any] | None, event: Event, kind: EventKind) -> dict[str, Any] | None:
    """A kept picture as evidence of this event, with the box to be drawn over it."""
    if picture is None:
        return None
    shown = {**picture, "role": "handle_before", "taken_at": event.time}
    if event.box is not None:
        shown["boxes"] = [
            {"box": list(event.box), "text": dict(kind.name), "confidence": event.confidence}
        ]
    return shown


def sequence_of(event: str) -> int:
    """Tells apart events of one camera at one time."""
    return zlib.crc32(event.encode())
