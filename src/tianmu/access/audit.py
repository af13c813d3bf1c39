"""The audit trail: who did what to which, when, from where, and how it ended (GB/T 22239-2019
§8.1.4.3). Each record carries the hash of the one before it, so a change, a gap or a record put
in between shows; cut-off records at the end show against a head that was noted elsewhere, or the
signed one at the end of an export (``verify_trail.py`` checks it without us).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, desc, func, insert, select

from tianmu.access.keys import Keys
from tianmu.access.table import audit as table
from tianmu.store.records import Records

START = "0" * 64
"""``previous`` of the first record"""

_json = msgspec.json.Encoder(order="deterministic")


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record. ``hash`` = SHA-256 over ``previous`` (ASCII) and the JSON array of the other
    fields in the order they stand here, ``detail`` being the JSON text itself."""

    sequence: int
    at: int
    actor: str
    role: str
    address: str
    verb: str
    object: str
    outcome: str
    """``done``, ``refused`` or ``failed``"""
    detail: str
    previous: str
    hash: str


@dataclass(frozen=True)
class BadLink:
    """The first place where the trail does not hold."""

    sequence: int
    what: str


def link(
    previous: str,
    sequence: int,
    at: int,
    actor: str,
    role: str,
    address: str,
    verb: str,
    object: str,
    outcome: str,
    detail: str,
) -> str:
    """The hash (hex) of a record that follows one whose hash is ``previous``."""
    body = _json.encode([sequence, at, actor, role, address, verb, object, outcome, detail])
    return hashlib.sha256(previous.encode("ascii") + body).hexdigest()


def append(
    connection: Connection,
    *,
    at: int,
    actor: str,
    verb: str,
    object: str = "",
    role: str = "",
    address: str = "",
    outcome: str = "done",
    detail: Mapping[str, Any] | None = None,
) -> AuditRecord:
    """Append a record in the caller's transaction: it stands or falls with what it records."""
    last = connection.execute(
        select(table.c.sequence, table.c.hash).order_by(desc(table.c.sequence)).limit(1)
    ).first()
    sequence, previous = (last.sequence + 1, last.hash) if last else (1, START)
    text = _json.encode(dict(detail or {})).decode()
    record = AuditRecord(
        sequence=sequence,
        at=at,
        actor=actor,
        role=role,
        address=address,
        verb=verb,
        object=object,
        outcome=outcome,
        detail=text,
        previous=previous,
        hash=link(previous, sequence, at, actor, role, address, verb, object, outcome, text),
    )
    connection.execute(insert(table).values(msgspec.structs.asdict(record)))
    return record


def head(records: Records) -> tuple[int, str]:
    """Number and hash of the newest record: note it elsewhere to notice a cut-off end."""

    def newest(connection: Connection) -> tuple[int, str]:
        row = connection.execute(
            select(table.c.sequence, table.c.hash).order_by(desc(table.c.sequence)).limit(1)
        ).first()
        return (row.sequence, row.hash) if row else (0, START)

    return records.read(newest)


def _record(row: RowMapping) -> AuditRecord:
    return AuditRecord(**{str(key): value for key, value in row.items()})


def query(
    connection: Connection,
    *,
    before: int | None = None,
    limit: int = 100,
    actor: str = "",
    verb: str = "",
    object: str = "",
    outcome: str = "",
    since: int | None = None,
    until: int | None = None,
) -> list[AuditRecord]:
    """Newest first, those before number ``before``; ``verb`` matches its beginning."""
    wanted = select(table).order_by(desc(table.c.sequence)).limit(limit)
    if before is not None:
        wanted = wanted.where(table.c.sequence < before)
    if actor:
        wanted = wanted.where(table.c.actor == actor)
    if verb:
        wanted = wanted.where(table.c.verb.startswith(verb, autoescape=True))
    if object:
        wanted = wanted.where(table.c.object == object)
    if outcome:
        wanted = wanted.where(table.c.outcome == outcome)
    if since is not None:
        wanted = wanted.where(table.c.at >= since)
    if until is not None:
        wanted = wanted.where(table.c.at < until)
    return [_record(row) for row in connection.execute(wanted).mappings()]


def _pages(records: Records, after: int, size: int = 2000) -> Iterator[list[AuditRecord]]:
    while True:
        start = after

        def page(connection: Connection, start: int = start) -> list[AuditRecord]:
            rows = connection.execute(
                select(table).where(table.c.sequence > start).order_by(table.c.sequence).limit(size)
            )
            return [_record(row) for row in rows.mappings()]

        found = records.read(page)
        if not found:
            return
        yield found
        after = found[-1].sequence


def verify(records: Records, *, noted: tuple[int, str] | None = None) -> BadLink | None:
    """The first place where the trail does not hold, or None. ``noted`` is a head noted earlier:
    the trail must still contain it."""
    previous, expected = START, 1
    seen = noted is None or noted[0] == 0
    for page in _pages(records, 0):
        for record in page:
            if record.sequence != expected:
                return BadLink(expected, f"record {expected} is missing")
            if record.previous != previous:
                return BadLink(record.sequence, "does not follow from the record before it")
            fields = msgspec.structs.astuple(record)[:9]
            if link(record.previous, *fields) != record.hash:
                return BadLink(record.sequence, "was changed after it was written")
            if noted is not None and record.sequence == noted[0]:
                if record.hash != noted[1]:
                    return BadLink(record.sequence, "is not the record that was noted")
                seen = True
            previous, expected = record.hash, expected + 1
    if not seen and noted is not None:
        return BadLink(expected, f"the trail ends before record {noted[0]}, which was noted")
    return None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a trail, signed: over the lines ``tianmu trail head``, sequence, hash and at."""

    sequence: int
    hash: str
    at: int
    key: str
    """public key (Ed25519, hex): whoever checks compares it with the one noted elsewhere"""
    signature: str


def signed(sequence: int, hash: str, at: int, keys: Keys) -> Head:
    """The head with the city's signature."""
    text = f"tianmu trail head\n{sequence}\n{hash}\n{at}\n".encode()
    return Head(
        sequence=sequence, hash=hash, at=at, key=keys.public.hex(), signature=keys.sign(text).hex()
    )


def export(records: Records, at: int, keys: Keys, after: int = 0) -> Iterator[bytes]:
    """The trail as it is now, as NDJSON, one record a line, oldest first, and its signed head in
    the last line; each line can be checked alone, and ``verify_trail.py`` checks all of it."""
    last, newest = head(records)
    for page in _pages(records, after):
        wanted = [record for record in page if record.sequence <= last]
        yield b"".join(_json.encode(record) + b"\n" for record in wanted)
        if page[-1].sequence >= last:
            break
    yield _json.encode({"head": signed(last, newest, at, keys)}) + b"\n"


def count(connection: Connection) -> int:
    """How many records the trail has."""
    return int(
        connection.execute(select(func.coalesce(func.max(table.c.sequence), 0))).scalar_one()
    )
