"""A drill as written: what is told and done when, and what must have become of it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

Name = Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9][a-z0-9_-]{0,39})?$")]
Point = tuple[
    Annotated[float, msgspec.Meta(ge=-180, le=180)], Annotated[float, msgspec.Meta(ge=-90, le=90)]
]
"""longitude, latitude (CGCS2000)"""
Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
When = Any
"""``datetime`` (the city's wall clock) or ``str`` (how long after the start: ``1d 2h 30m``)"""

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([dhms])")


class _Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Device(_Plain, frozen=True, kw_only=True):
    """A device that speaks in the drill; registered by the API before it begins."""

    device: Name
    place: Name
    door: str = "http"
    """``http``, ``mqtt`` or ``panel`` (a detector of a fire panel, GB/T 26875.3)"""
    kind: str = ""
    """of the pack; a ``panel``'s is its components'"""
    labels: dict[str, str] = {}


class Told(_Plain, frozen=True, kw_only=True):
    """What somebody reports."""

    channel: str
    text: str | list[str]
    """several: each time the next one"""
    place: Name = ""
    matter: str = ""
    category: str = ""
    urgency: str = ""
    address: str = ""
    precision_m: Annotated[float, msgspec.Meta(ge=0)] = 20.0


class Measured(_Plain, frozen=True, kw_only=True):
    """What a device measures."""

    device: Name
    property: str
    value: float


class Spots(_Plain, frozen=True, kw_only=True):
    """Many things of one kind at once: places on a grid around the report's own."""

    count: Annotated[int, msgspec.Meta(ge=1, le=2_000)]
    apart_m: Annotated[float, msgspec.Meta(ge=1, le=50_000)]


class Play(_Plain, frozen=True, kw_only=True):
    """Something that happens: a signal (``report``, ``observe``, ``fire``, ``normal``) or a deed of
    an actor (``step``, ``merge``, ``undo``)."""

    at: When
    case: Name = ""
    """the thing that it is about in truth: all signals of one name should become one case"""
    by: str = ""
    """a role of an account, or a department whose worker acts"""
    report: Told | None = None
    observe: Measured | None = None
    fire: Name | list[Name] = ""
    """detectors of a panel that report fire"""
    normal: Name | list[Name] = ""
    times: Annotated[int, msgspec.Meta(ge=1, le=20_000)] = 1
    over: str = "0s"
    """how long the times take, evenly"""
    spread_m: Annotated[float, msgspec.Meta(ge=0, le=10_000)] = 0.0
    """the times are told from within so far of the place"""
    spots: Spots | None = None
    step: str = ""
    merge: Name = ""
    """the case that ``case`` is put into"""
    undo: Name = ""
    """the thing whose case was put into ``case``, and comes back"""
    reason: str = ""
    data: dict[str, Any] = {}
    refused: str = ""
    """what the city must answer instead of doing it, e.g. ``own_work``"""
    overdue: str = ""
    """a deed that is not done before this clock of the case has run out, on a city whose clock
    nobody moves"""


class Expect(_Plain, frozen=True, kw_only=True):
    """What must be so, at the end or ``at`` a time: of a case, or (without one) of all of them."""

    at: When | None = None
    case: str = ""
    """its name; of ``spots``: ``name/3`` for the third"""
    cases: Count | None = None
    signals: Count | None = None
    reports: Count | None = None
    alarms: Count | None = None
    level: str | None = None
    levels: list[str] | None = None
    """each level it had, in order"""
    owner: str | None = None
    joint: list[str] | None = None
    stage: str | None = None
    stages: list[str] | None = None
    """each stage it went through, in order"""
    orders: dict[str, str] | None = None
    """unit → state of its last order"""
    told: list[str] | None = None
    """parties that were told; in any order, more may have been"""
    clocks: dict[str, datetime] | None = None
    """name of a running clock → when it ends"""
    overdue: bool | None = None
    outcome: str | None = None
    queue: str | None = None
    returns: Count | None = None
    reworks: Count | None = None
    urges: Count | None = None
    escalations: Count | None = None
    steps: list[str] | None = None
    """steps taken, in this order; others may lie between them"""
    precision_from: Share | None = None
    recall_from: Share | None = None


class Drill(_Plain, frozen=True, kw_only=True):
    """A whole drill; all names in it are of its own file, all codes of its pack."""

    name: str
    pack: str
    start: datetime
    """the city's wall clock when it begins"""
    about: str = ""
    moves_clock: bool = False
    """what becomes of it hangs on hours or days that pass: it is played only where the drill moves
    the clock"""
    place: dict[Name, Point]
    device: list[Device] = []
    play: list[Play]
    expect: list[Expect]


OF_ALL = {"at", "cases", "signals", "reports", "alarms", "precision_from", "recall_from"}
"""what can be expected of all cases together"""
OF_ONE = {key for key in Expect.__struct_fields__ if not key.endswith("_from")}


def span(text: str) -> timedelta:
    """``1d 2h`` → how long; ``ValueError`` where it is no such thing."""
    words = text.split()
    found = [_SPAN.fullmatch(word) for word in words]
    if not words or None in found:
        raise ValueError(f"{text!r} is no length of time: write it as 1d 2h 30m 5s")
    seconds = sum(float(one[1]) * UNITS[one[2]] for one in found if one)
    return timedelta(seconds=seconds)


def moment(drill: Drill, when: When) -> timedelta:
    """How long after the start it is."""
    return when - drill.start if isinstance(when, datetime) else span(when)


def wanted(expect: Expect) -> dict[str, Any]:
    """What is expected, by its key."""
    found = {key: getattr(expect, key) for key in expect.__struct_fields__}
    return {k: v for k, v in found.items() if v is not None and k not in ("at", "case")}
