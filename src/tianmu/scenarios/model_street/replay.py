"""What the city's cameras reported in the past as rows of ``dwell``, with how the cases ended.

``watched`` says whose a row is: rows of one thing are judged by themselves, and one that stood is a
hit where its case was closed as real. Things whose case is still open, or was merged into another,
are left out: they have no end to be judged by. Of what no camera reported nothing is known here;
``tianmu backtest`` without ``--history`` counts it from the cases.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
import numpy as np
import pyarrow as pa

from tianmu.scenarios.recognition import FILE, kinds_of, of_city
from tianmu.scenarios.settings import settings_of
from tianmu.scenarios.signals import REAL, Signal
from tianmu.scenarios.world import World
from tianmu.sense.recognition.dwell import Box, Patience, Sight, Thing, see
from tianmu.sense.recognition.kind import SIGHTING
from tianmu.store.registry import UNKNOWN

MOST = 100_000
"""cameras"""
DAY = 86_400_000_000


class _Side(msgspec.Struct, frozen=True):
    """What stands beside a sighting's confidence."""

    kind: str = ""
    box: Box | None = None
    recogniser: str = ""


_side = msgspec.json.Decoder(_Side)


@dataclass
class Seen:
    """One sighting."""

    at: int
    """µs"""
    camera: str
    confidence: float
    side: _Side
    thing: str = ""
    event: int = 0


def rows(world: World, since: date) -> pa.Table:
    """Sightings from a day before ``since`` on, in their order; ``event`` is 1 in the row of a
    thing with which a person told of it, else in its last. Raises ``TooCostly``."""
    told = settings_of(__file__)["recognition"]
    kinds = {one.code: one for one in of_city(kinds_of({"recognition": told}), world.folder / FILE)}
    start = world.city.calendar.instant(since, 0)
    things: dict[tuple[str, str], list[list[Seen]]] = {}
    by_place: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for one in sorted(_sightings(world, told["device"], start - DAY), key=lambda one: one.at):
        if one.side.kind in kinds:
            by_place[one.camera, one.side.kind].append(one)
    for place, seen in by_place.items():
        things[place] = list(_things(place, seen, kinds[place[1]].patience))
    _mark(world, told["device"], start - DAY, things)
    kept = [one for those in things.values() for thing in those for one in thing]
    kept.sort(key=lambda one: one.at)
    return _table(world, kept)


def _sightings(world: World, kind: str, start: int) -> Iterator[Seen]:
    cameras = world.devices(kind, MOST)
    streams = world.streams(cameras, SIGHTING)
    known = streams != UNKNOWN
    if world.history is None or not known.any():
        return
    whose = dict(zip(streams[known].tolist(), cameras.index[known].tolist(), strict=True))
    read = world.history.raw(streams[known], start, world.now + 1, asked=world.asked())
    for batch in read:
        if "text" not in batch.schema.names:
            continue
        time = batch.column("time").cast(pa.int64()).to_numpy()
        text, value = batch.column("text").to_pylist(), batch.column("value").to_numpy()
        for row, stream in enumerate(batch.column("datastream").to_pylist()):
            if text[row]:
                camera = world.registry.device_id(whose[stream])
                yield Seen(int(time[row]), camera, float(value[row]), _side.decode(text[row]))


def _things(
    place: tuple[str, str], seen: Sequence[Seen], patience: Patience
) -> Iterator[list[Seen]]:
    """Sightings of one kind on one camera, by the thing they show, however sure they are."""
    eager = msgspec.structs.replace(patience, least=0.0, dwell_s=0.0, repeat=1, sure=0.0)
    held: list[Thing] = []
    found: dict[int, list[Seen]] = {}
    for number, one in enumerate(seen, 1):
        held, did = see(held, Sight(one.at, one.confidence, one.side.box), eager, number)
        if did.thing is None:
            continue
        own = found.setdefault(did.thing.number, [])
        if own:
            one.at = max(one.at, own[-1].at + 1)  # two boxes of one picture
        one.thing = f"{place[0]} {place[1]} {did.thing.number}"
        own.append(one)
    yield from found.values()


def _mark(
    world: World, kind: str, start: int, things: dict[tuple[str, str], list[list[Seen]]]
) -> None:
    """Events of the things whose cases were closed as real; those without an end go."""
    rules = {str(one["code"]): one for one in world.city.kinds[kind].rules}
    matters = sorted({str(one["matter"]) for one in rules.values() if one.get("matter")})
    signals = world.signals(matters, start)
    people: dict[str, list[int]] = defaultdict(list)
    for signal in signals:
        if signal.report:
            people[signal.case].append(signal.at)
    open_: list[tuple[tuple[str, str], int]] = []
    for signal in signals:
        if signal.report or signal.rule not in rules:
            continue
        place = (signal.device, str(rules[signal.rule]["property"]))
        at = _shown(things.get(place, ()), signal)
        if at is None:
            continue
        if not signal.verdict:
            open_.append((place, at))
        elif signal.verdict == REAL:
            thing = things[place][at]
            told = min(people[signal.case], default=None)
            later = [one for one in thing if told is not None and one.at >= told]
            (later or thing[-1:])[0].event = 1
    for place, at in sorted(set(open_), reverse=True):
        del things[place][at]


def _shown(things: Sequence[list[Seen]], signal: Signal) -> int | None:
    """Which thing an alarm is of: the one that was seen last before it."""
    best, newest = None, -1
    for number, thing in enumerate(things):
        before = bisect_right([one.at for one in thing], signal.at)
        if before and thing[before - 1].at > newest:
            best, newest = number, thing[before - 1].at
    return best


def _table(world: World, seen: Sequence[Seen]) -> pa.Table:
    local = world.city.calendar.local
    return pa.table(
        {
            "timestamp": pa.array([local(one.at).isoformat() for one in seen], pa.string()),
            "camera": pa.array([one.camera for one in seen], pa.string()),
            "kind": pa.array([one.side.kind for one in seen], pa.string()),
            "confidence": pa.array([one.confidence for one in seen], pa.float64()),
            "box": pa.array([" ".join(map(str, one.side.box or ())) for one in seen], pa.string()),
            "recogniser": pa.array([one.side.recogniser for one in seen], pa.string()),
            "watched": pa.array([one.thing for one in seen], pa.string()),
            "event": pa.array(np.array([one.event for one in seen], np.int8)),
        }
    )
