"""What is being watched on each camera, by kind: written with the observations that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa

from tianmu.facts.batch import ObservationBatch
from tianmu.sense.recognition.dwell import (
    Patience,
    Seen,
    Sight,
    Thing,
    gone_at,
    leave,
    see,
)
from tianmu.store.records import Transaction

metadata = sa.MetaData()
recognised = sa.Table(
    "recognised",
    metadata,
    sa.Column("device", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("stream", sa.BigInteger, nullable=False),
    sa.Column("source", sa.Integer, nullable=False),
    sa.Column("quality", sa.Integer, nullable=False),
    sa.Column("next", sa.BigInteger, nullable=False),
    sa.Column("told", sa.BigInteger, nullable=False),
    sa.Column("due", sa.BigInteger, nullable=False, index=True),
    sa.Column("things", sa.LargeBinary, nullable=False),
)
"""``stream`` is the datastream that says how many stand, ``next`` the number of the next thing,
``told`` the time (µs) of the newest of its observations, ``due`` when something of it goes (µs)."""

_things = msgspec.msgpack.Decoder(list[Thing])


@dataclass
class Rows:
    """Observations in the making."""

    stream: list[int]
    time: list[int]
    value: list[float]
    quality: list[int]
    sequence: list[int]
    side: dict[int, Any]

    @classmethod
    def none(cls) -> Rows:
        return cls([], [], [], [], [], {})

    def add(
        self, stream: int, time: int, value: float, quality: int, sequence: int, side: Any = None
    ) -> None:
        if side is not None:
            self.side[len(self.stream)] = side
        self.stream.append(stream)
        self.time.append(time)
        self.value.append(value)
        self.quality.append(quality)
        self.sequence.append(sequence)

    def batch(self, source: int, received: int) -> ObservationBatch:
        return ObservationBatch(
            datastream=np.array(self.stream, dtype=np.uint32),
            phenomenon_time=np.array(self.time, dtype=np.int64),
            value=np.array(self.value, dtype=np.float64),
            received=received,
            source=source,
            quality=np.array(self.quality, dtype=np.uint8),
            sequence=np.array(self.sequence, dtype=np.uint32),
            side=self.side,
        )


@dataclass
class Standing:
    """The things of one kind on one camera, within a transaction."""

    device: str
    kind: str
    stream: int
    things: list[Thing]
    next: int = 1
    told: int = 0
    sequence: int = 0
    """of the newest observation among those that this transaction makes at one time"""

    @property
    def count(self) -> int:
        """How many stand."""
        return sum(1 for one in self.things if one.stands)

    def see(self, sight: Sight, patience: Patience) -> Seen:
        self.things, seen = see(self.things, sight, patience, self.next, self.told)
        self.next += 1
        return seen

    def tell(
        self, rows: Rows, at: int, quality: int, side: Any = None, *, stand: int | None = None
    ) -> None:
        """How many stand from ``at`` on. Never before what was told already: that would be late."""
        if at <= self.told:
            at, self.sequence = self.told, self.sequence + 1
        else:
            self.sequence = 0
        self.told = at
        stand = self.count if stand is None else stand
        rows.add(self.stream, at, float(stand), quality, self.sequence, side)


def read(tx: Transaction, device: str, kind: str, stream: int) -> Standing:
    row = tx.connection.execute(
        sa.select(recognised).where(recognised.c.device == device, recognised.c.kind == kind)
    ).first()
    if row is None:
        return Standing(device, kind, stream, [])
    # a later transaction may tell at the same time: by a sequence that no earlier one had
    started = (row.next & 0xFFFF) << 8
    return Standing(device, kind, stream, _things.decode(row.things), row.next, row.told, started)


def write(tx: Transaction, one: Standing, patience: Patience, *, source: int, quality: int) -> None:
    """Keep it; what has nothing left to watch keeps its numbers and the time of what it told."""
    due = min((gone_at(thing, patience) for thing in one.things), default=NEVER)
    values = {
        "device": one.device, "kind": one.kind, "stream": one.stream, "source": source,
        "quality": quality, "next": one.next, "told": one.told, "due": due,
        "things": msgspec.msgpack.encode(one.things),
    }  # fmt: skip
    from sqlalchemy.dialects.sqlite import insert

    tx.connection.execute(
        insert(recognised)
        .values(values)
        .on_conflict_do_update(index_elements=["device", "kind"], set_=values)
    )


NEVER = (1 << 63) - 1


def due(
    connection: sa.Connection, now: int, kinds: Sequence[str], most: int = 500
) -> Sequence[Any]:
    """Rows of these kinds of which something has gone by ``now``, the longest ago first."""
    c = recognised.c
    return connection.execute(
        sa.select(recognised).where(c.due < now, c.kind.in_(kinds)).order_by(c.due).limit(most)
    ).all()


def sweep(
    tx: Transaction, device: str, kind: str, patience: Patience, now: int, topic: str
) -> bool:
    """Let what was not seen for long enough go; whether something that stood did."""
    row = tx.connection.execute(
        sa.select(recognised).where(recognised.c.device == device, recognised.c.kind == kind)
    ).first()
    if row is None:
        return False
    one = read(tx, device, kind, row.stream)
    before = one.count
    one.things, gone = leave(one.things, now, patience)
    rows = Rows.none()
    if one.count != before:
        at = max(gone_at(thing, patience) for thing in gone)
        one.tell(rows, min(at, now), row.quality)
        tx.append(topic, rows.batch(row.source, now).encode())
    write(tx, one, patience, source=row.source, quality=row.quality)
    return one.count != before
