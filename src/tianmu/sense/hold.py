"""What could not be placed or read: held, counted, offered, never dropped.

``unknown`` has a row for each address nobody has registered, ``held`` what it said meanwhile
(the newest ``HELD_PER_ADDRESS`` messages; older ones are counted as let go and said so), and
``quarantine`` the bytes that no codec could read. Gate writes them; others read them.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from tianmu.facts.batch import side_of
from tianmu.facts.encoding import encode
from tianmu.facts.intake import Quarantined, UnknownSeen
from tianmu.facts.topic import INTAKE
from tianmu.store.records import Transaction

log = logging.getLogger("tianmu.gate")
metadata = sa.MetaData()

HELD_PER_ADDRESS = 1_000
"""messages kept for one unregistered address; a default, to be set by the city"""
HELD_UNLISTED = 20
"""messages kept for a registered device of what its kind does not list: enough to see what it is,
for nothing can be played before the device has such a property; a default likewise"""

UNKNOWN_KEPT = 20_000
"""unregistered addresses kept: anybody who reaches a door may make up more; a default likewise"""
QUARANTINE_KEPT = 100_000
"""inputs kept in the quarantine; a default, to be set by the city"""
QUARANTINE_BYTES = 1 << 30
"""of them together; a default likewise"""
QUARANTINE_LARGE = 1 << 14
"""bytes from which on an input is weighed against those before it: smaller ones have room"""

unknown = sa.Table(
    "unknown",
    metadata,
    sa.Column("unknown", sa.Text, primary_key=True),
    sa.Column("protocol", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("peer", sa.Text, nullable=False),
    sa.Column("first_at", sa.BigInteger, nullable=False),
    sa.Column("last_at", sa.BigInteger, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("let_go", sa.Integer, nullable=False, server_default="0"),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("unknown_last", "last_at"),
)

held = sa.Table(
    "held",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("unknown", sa.Text, nullable=False, index=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("life", sa.Boolean, nullable=False),
    sa.Column("key", sa.LargeBinary, unique=True),
    sa.Column("readings", sa.LargeBinary, nullable=False),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("quarantine", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("protocol", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("peer", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("offset", sa.Integer, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="kept"),
    # whether its words may not be for everybody who sees the quarantine; null: nobody looked
    sa.Column("restricted", sa.Boolean, nullable=True),
)


class HeldReadings(msgspec.Struct, frozen=True, array_like=True):
    """Readings of one unregistered address, row by row small enough to be plain lists."""

    property: list[str]
    time: list[int]
    value: list[float | None]
    quality: list[int] | None
    side: dict[int, Any]
    source: int
    received: int


def pick(readings: HeldReadings, rows: list[int]) -> HeldReadings:
    """Some rows of held readings."""
    return msgspec.structs.replace(
        readings,
        property=[readings.property[row] for row in rows],
        time=[readings.time[row] for row in rows],
        value=[readings.value[row] for row in rows],
        quality=None if readings.quality is None else [readings.quality[row] for row in rows],
        side=side_of(readings.side, rows),
    )


def see_unknown(
    tx: Transaction,
    address: str,
    *,
    protocol: str,
    source: str,
    peer: str,
    at: int,
    data: dict[str, Any],
) -> int:
    """Count an unregistered address; the first time it is announced on topic ``intake``.

    Returns how often it has been seen, this time included.
    """
    row = tx.connection.execute(
        sa.select(unknown.c.count).where(unknown.c.unknown == address)
    ).scalar_one_or_none()
    if row is None:
        tx.connection.execute(
            sa.insert(unknown).values(
                unknown=address, protocol=protocol, source=source, peer=peer,
                first_at=at, last_at=at, count=1, data=data,
            )
        )  # fmt: skip
        seen = UnknownSeen(
            unknown=address, at=at, protocol=protocol, source=source, peer=peer, data=data
        )
        tx.append(INTAKE.name, encode(seen))
        return 1
    tx.connection.execute(
        sa.update(unknown)
        .where(unknown.c.unknown == address)
        .values(last_at=at, count=unknown.c.count + 1, peer=peer, data=data)
    )
    return int(row) + 1


def hold(
    tx: Transaction,
    address: str,
    readings: HeldReadings,
    *,
    life: bool,
    key: bytes | None,
    registered: bool = False,
) -> bool:
    """Keep what an unregistered address said, or a registered one of properties that it does not
    have; beyond the limit the oldest is let go, counted.

    False where the ``key`` was there already: a resent message is held once.
    """
    if key is not None:
        key += b"/" + address.encode()
        if tx.connection.execute(sa.select(held.c.id).where(held.c.key == key)).first():
            return False
    tx.connection.execute(
        sa.insert(held).values(
            unknown=address,
            at=readings.received,
            life=life,
            key=key,
            readings=msgspec.msgpack.encode(readings),
        )
    )
    over = (
        sa.select(held.c.id)
        .where(held.c.unknown == address)
        .order_by(held.c.id.desc())
        .offset(HELD_UNLISTED if registered else HELD_PER_ADDRESS)
    )
    gone = tx.connection.execute(sa.delete(held).where(held.c.id.in_(over))).rowcount
    if gone:
        tx.connection.execute(
            sa.update(unknown)
            .where(unknown.c.unknown == address)
            .values(let_go=unknown.c.let_go + gone)
        )
    return True


def waiting(connection: sa.Connection) -> list[str]:
    """Addresses that have spoken and that nobody has registered."""
    return list(connection.execute(sa.select(unknown.c.unknown)).scalars())


def held_for(connection: sa.Connection, address: str) -> list[tuple[int, bool, HeldReadings]]:
    """What is held for an address, oldest first: (row, life lane, readings)."""
    rows = connection.execute(
        sa.select(held.c.id, held.c.life, held.c.readings)
        .where(held.c.unknown == address)
        .order_by(held.c.id)
    ).all()
    return [
        (row, bool(life), msgspec.msgpack.decode(blob, type=HeldReadings))
        for row, life, blob in rows
    ]


def forget(tx: Transaction, address: str, rows: list[int]) -> None:
    """Take out what has been played to the journal, and with the last of it the address."""
    tx.connection.execute(sa.delete(held).where(held.c.id.in_(rows)))
    left = sa.exists().where(held.c.unknown == address)
    tx.connection.execute(sa.delete(unknown).where(unknown.c.unknown == address, ~left))


def keep_rest(tx: Transaction, row: int, readings: HeldReadings) -> None:
    """Of a message that was played in part, keep what could not be."""
    tx.connection.execute(
        sa.update(held).where(held.c.id == row).values(readings=msgspec.msgpack.encode(readings))
    )


def discard(tx: Transaction, address: str) -> None:
    """Put away an unregistered address and what it said; a person decided so."""
    tx.connection.execute(sa.delete(held).where(held.c.unknown == address))
    tx.connection.execute(sa.delete(unknown).where(unknown.c.unknown == address))


def put_in_quarantine(
    tx: Transaction,
    protocol: str,
    payload: bytes,
    *,
    reason: str,
    peer: str,
    source: str,
    offset: int,
    at: int,
    restricted: bool | None = False,
) -> str:
    """Keep unreadable input with its bytes; announced on topic ``intake`` without them.
    ``restricted``: it may have words that are not for everybody who sees the quarantine; None:
    nobody could look."""
    name = uuid.uuid4().hex
    tx.connection.execute(
        sa.insert(quarantine).values(
            quarantine=name, at=at, protocol=protocol, source=source, peer=peer,
            reason=reason, offset=offset, payload=payload, restricted=restricted,
        )
    )  # fmt: skip
    tx.append(
        INTAKE.name,
        encode(
            Quarantined(
                quarantine=name, at=at, protocol=protocol, source=source, peer=peer,
                reason=reason, offset=offset, restricted=bool(restricted),
            )
        ),
    )  # fmt: skip
    if len(payload) >= QUARANTINE_LARGE and (gone := _lighten(tx)):
        log.warning("%d of the oldest inputs in the quarantine were let go: too many bytes", gone)
    return name


def _lighten(tx: Transaction) -> int:
    """Let go of the oldest inputs beyond ``QUARANTINE_BYTES``; returns how many went."""
    c = quarantine.c
    newest_first = (c.at.desc(), c.quarantine.desc())
    size = sa.func.sum(sa.func.length(c.payload)).over(order_by=newest_first, rows=(None, 0))
    weighed = sa.select(c.quarantine, size.label("whole")).subquery()
    over = sa.select(weighed.c.quarantine).where(weighed.c.whole > QUARANTINE_BYTES)
    return tx.connection.execute(sa.delete(quarantine).where(c.quarantine.in_(over))).rowcount


def forget_quarantined(tx: Transaction, sources: Sequence[str], before: int) -> int:
    """Let go of what these sources sent before a time (µs); returns how many went."""
    c = quarantine.c
    return tx.connection.execute(
        sa.delete(quarantine).where(c.source.in_(sources), c.at < before)
    ).rowcount


def trim_quarantine(tx: Transaction) -> int:
    """Let go of the oldest inputs beyond the limit; returns how many went."""
    over = sa.select(quarantine.c.quarantine).order_by(quarantine.c.at.desc())
    return tx.connection.execute(
        sa.delete(quarantine).where(quarantine.c.quarantine.in_(over.offset(QUARANTINE_KEPT)))
    ).rowcount


def trim_unknown(tx: Transaction) -> int:
    """Let go of the unregistered addresses beyond the limit that have been silent for longest,
    with what they said; returns how many went."""
    count = tx.connection.execute(sa.select(sa.func.count()).select_from(unknown)).scalar_one()
    if count <= UNKNOWN_KEPT:
        return 0
    over = (
        sa.select(unknown.c.unknown)
        .order_by(unknown.c.last_at.desc(), unknown.c.unknown)
        .offset(UNKNOWN_KEPT)
    )
    gone = list(tx.connection.execute(over).scalars())
    for address in gone:
        discard(tx, address)
    return len(gone)
