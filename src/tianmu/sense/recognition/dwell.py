"""When what is seen becomes what stands: dwell, repetition and confirmation. Pure.

A *thing* is what events of one kind on one camera show in one place of the picture: boxes that
overlap are one thing, an event without a box tells of the thing seen last. It *stands* (and is
alarmed) once it has stayed for ``dwell_s``, was seen ``repeat`` times within ``window_s`` and is
confirmed: one event as confident as ``sure``, or two recognisers that agree. It is *gone* when it
was not seen for ``gone_s``. The same functions judge a file and the running city.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

SECOND = 1_000_000
MOST = 64
"""things of one kind on one camera that are watched at once; the one unseen longest is let go"""

Box = tuple[float, float, float, float]
"""left, top, right, bottom as shares of the picture's width and height, from its upper left"""


class Patience(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long and how often a thing must be seen. Defaults, to be set by the city."""

    least: float = 0.5
    """confidence below which an event counts for nothing"""
    dwell_s: float = 0.0
    repeat: int = 1
    window_s: float = 600.0
    sure: float = 0.0
    """0: no confirmation is asked for"""
    gone_s: float = 120.0
    overlap: float = 0.3
    """share of two boxes together that they have in common, from which they are one thing"""

    def __post_init__(self) -> None:
        for name, low, high in _BOUNDS:
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie between {low:g} and {high:g}")


_BOUNDS = (
    ("least", 0.0, 1.0), ("dwell_s", 0.0, 604_800.0), ("repeat", 1, 100),
    ("window_s", 1.0, 604_800.0), ("sure", 0.0, 1.0), ("gone_s", 1.0, 604_800.0),
    ("overlap", 0.0, 1.0),
)  # fmt: skip


class Thing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is seen again and again."""

    number: int
    """tells apart the things of one kind on one camera"""
    box: Box | None = None
    since: int
    last: int
    times: tuple[int, ...] = ()
    """µs: the newest ``repeat`` sightings"""
    count: int = 0
    best: float = 0.0
    by: tuple[str, ...] = ()
    """recognisers that saw it, two at most"""
    stands: int = 0
    """µs since when it stands; 0: it does not yet"""
    picture: dict[str, Any] = {}
    """the newest picture that shows it, as its keeper tells of it"""


@dataclass(frozen=True)
class Sight:
    """One event, as it bears on what stands. ``at`` µs."""

    at: int
    confidence: float
    box: Box | None = None
    by: str = ""
    picture: dict[str, Any] | None = None


@dataclass(frozen=True)
class Seen:
    """What an event did."""

    thing: Thing | None
    """None: it counts for nothing (too unsure, or long past)"""
    rises: bool
    """the thing stands from now on"""
    gone: tuple[Thing, ...] = ()
    """things that stood and were gone by the time of the event"""


def see(
    things: Sequence[Thing], sight: Sight, patience: Patience, number: int, told: int = 0
) -> tuple[list[Thing], Seen]:
    """The things after one event, and what it did; ``number`` is that of a new thing, ``told`` (µs)
    when it was last told how many stand: what is long past by then rises no more."""
    held, gone = leave(things, sight.at, patience)
    newest = max([told, *(one.last for one in held)])
    past = sight.at < newest - round(patience.gone_s * SECOND)
    if sight.confidence < patience.least or past:
        return held, Seen(None, False, gone)
    old = _match(held, sight, patience)
    thing = _again(old, sight, patience, number)
    rises = not thing.stands and _stands(thing, patience)
    if rises:
        # a camera whose clock stands at 1970 sees it at 0, which says that nothing stands
        thing = msgspec.structs.replace(thing, stands=thing.last or 1)
    held = [thing if one is old else one for one in held]
    if old is None:
        held.append(thing)
        if len(held) > MOST:
            held.remove(min(held[:-1], key=lambda one: (bool(one.stands), one.last)))
    return held, Seen(thing, rises, gone)


def leave(
    things: Sequence[Thing], now: int, patience: Patience
) -> tuple[list[Thing], tuple[Thing, ...]]:
    """The things that are still there at ``now``, and those that stood and are gone."""
    here = [one for one in things if gone_at(one, patience) >= now]
    gone = tuple(one for one in things if one.stands and gone_at(one, patience) < now)
    return here, gone


def gone_at(thing: Thing, patience: Patience) -> int:
    """µs: when it is gone if nothing more is seen of it."""
    return thing.last + round(patience.gone_s * SECOND)


def _again(old: Thing | None, sight: Sight, patience: Patience, number: int) -> Thing:
    """The thing with one sighting more."""
    if old is None:
        old = Thing(number=number, since=sight.at, last=sight.at)
    newer = sight.at >= old.last
    by = old.by if sight.by in old.by or len(old.by) >= 2 else (*old.by, sight.by)
    return msgspec.structs.replace(
        old,
        box=sight.box if sight.box is not None and newer else old.box or sight.box,
        since=min(old.since, sight.at),
        last=max(old.last, sight.at),
        times=tuple(sorted((*old.times, sight.at)))[-patience.repeat :],
        count=old.count + 1,
        best=max(old.best, sight.confidence),
        by=by,
        picture=sight.picture if sight.picture and newer else old.picture or sight.picture or {},
    )


def _stands(thing: Thing, patience: Patience) -> bool:
    if thing.last - thing.since < round(patience.dwell_s * SECOND):
        return False
    if thing.count < patience.repeat:
        return False
    if thing.times[-1] - thing.times[0] > round(patience.window_s * SECOND):
        return False
    return thing.best >= patience.sure or len(thing.by) > 1


def _match(things: Sequence[Thing], sight: Sight, patience: Patience) -> Thing | None:
    """The thing that an event tells of, or None."""
    if sight.box is None:
        return max(things, key=lambda one: one.last, default=None)
    best: Thing | None = None
    most = 0.0
    for one in things:
        share = 1.0 if one.box is None else overlap(one.box, sight.box)
        if share > most and share >= patience.overlap:
            best, most = one, share
    return best


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return both / (_area(one) + _area(other) - both)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
