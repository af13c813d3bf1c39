"""A patrol: where a grid worker walked, and what was looked at on the way.

A walk is told when it is over (a phone keeps it until there is a line), and counts once for its
key. It shows where a person was, so it is kept for the pack's ``patrol_days`` and no longer.
"""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    LargeBinary,
    String,
    Table,
    delete,
    desc,
    insert,
    select,
    tuple_,
)

from tianmu.city.place.place import distance
from tianmu.manage.kept.deed_key import SKEW, OtherDeed
from tianmu.manage.kept.table import metadata

DAY = 86_400_000_000
"""µs"""

table = Table(
    "patrol",
    metadata,
    Column("account", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("division", String, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("metres", Float, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("walk", LargeBinary, nullable=False),  # Walk as msgpack
    Index("patrol_started", "started_at"),
)


class Step(msgspec.Struct, frozen=True, array_like=True):
    """Where the walker was."""

    at: int
    """µs"""
    longitude: float
    latitude: float
    precision: float = 0.0
    """metres, 0 unknown"""


class Looked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A point that was looked at."""

    point: str
    at: int
    good: bool
    note: str = ""


class Walk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    key: str
    account: str
    division: str
    started_at: int
    ended_at: int
    steps: tuple[Step, ...]
    looked: tuple[Looked, ...] = ()
    received_at: int = 0
    clock_ahead: int = 0
    """µs that the phone's clock was ahead of ours; its times stand here without them"""

    @property
    def metres(self) -> float:
        """Length of the way, leaving out what is nearer than the position was exact."""
        if not self.steps:
            return 0.0
        way, last = 0.0, self.steps[0]
        for here in self.steps[1:]:
            far = distance((last.longitude, last.latitude), (here.longitude, here.latitude))
            if far > max(5.0, here.precision / 2):
                way, last = way + far, here
        return way


def in_order(walk: Walk) -> bool:
    """Whether it goes forward in time, within its start and end, over places that there are."""
    times = [walk.started_at, *(one.at for one in walk.steps), walk.ended_at]
    there = all(
        math.isfinite(one.longitude)
        and abs(one.longitude) <= 180
        and math.isfinite(one.latitude)
        and abs(one.latitude) <= 90
        for one in walk.steps
    )
    return there and all(one <= next_ for one, next_ in pairwise(times))


def believed(walk: Walk, now: int) -> Walk:
    """The walk by our clock: one that ends in the future was told by a clock that is ahead, and
    is shifted to end now; by how much stays with it."""
    ahead = walk.ended_at - now
    if ahead <= SKEW:
        return msgspec.structs.replace(walk, received_at=now)
    return msgspec.structs.replace(
        walk,
        started_at=walk.started_at - ahead,
        ended_at=now,
        steps=tuple(msgspec.structs.replace(one, at=one.at - ahead) for one in walk.steps),
        looked=tuple(msgspec.structs.replace(one, at=one.at - ahead) for one in walk.looked),
        received_at=now,
        clock_ahead=ahead,
    )


def keep(connection: Connection, told: Walk, now: int, days: float) -> tuple[Walk, bool]:
    """Keep a walk and let go of those that are older than so many ``days``; the walk as it is kept,
    and whether it was there already. ``OtherDeed`` where its key was another walk's."""
    kept = select(table.c.walk).where(table.c.account == told.account, table.c.key == told.key)
    before = connection.execute(kept).scalar_one_or_none()
    walk = believed(told, now)
    if before is not None:
        found = msgspec.msgpack.decode(before, type=Walk)
        if len(found.steps) != len(told.steps) or (found.looked and not told.looked):
            raise OtherDeed(f"the key {told.key!r} was used for another walk")
        return found, True
    connection.execute(
        insert(table).values(
            account=walk.account,
            key=walk.key,
            division=walk.division,
            started_at=walk.started_at,
            metres=walk.metres,
            received_at=now,
            walk=msgspec.msgpack.encode(walk),
        )
    )
    let_go(connection, now, days)
    return walk, False


def let_go(connection: Connection, now: int, days: float) -> int:
    """Remove walks that came longer than so many ``days`` ago; how many."""
    old = table.c.received_at < now - days * DAY
    return connection.execute(delete(table).where(old)).rowcount


def listed(
    connection: Connection,
    divisions: frozenset[str] | None,
    before: tuple[int, str] | None,
    limit: int,
) -> list[Walk]:
    """Walks in ``divisions`` (None: all), the newest first, from ``before`` (start and key) on."""
    c = table.c
    wanted = select(c.walk).order_by(desc(c.started_at), desc(c.key)).limit(limit)
    if divisions is not None:
        wanted = wanted.where(c.division.in_(sorted(divisions)))
    if before is not None:
        wanted = wanted.where(tuple_(c.started_at, c.key) < before)
    return [msgspec.msgpack.decode(one, type=Walk) for one in connection.execute(wanted).scalars()]
