"""Shift hand-over: what is open is handed from one account to another, in a log chained by hash.

Both sign: whoever hands over, and whoever takes over. Each entry's digest covers the one before,
so that none can be changed or left out without it showing (``verify``).
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import Connection, desc, func, insert, select, update

from tianmu.manage.actor import Actor
from tianmu.manage.case_table import NEVER, OPEN, case, case_id, handover

PERMISSION = "handover.write"
OPEN_MOST = 500


class HandoverRefused(ValueError):
    """Not yours to hand or take over, or taken already."""


def give(
    connection: Connection,
    post: str,
    to: str,
    text: str,
    actor: Actor,
    now: int,
    *,
    alarms: int = 0,
) -> dict[str, Any]:
    """Hand the shift of ``post`` to the account ``to`` with the cases that are open now, and the
    number of alarms that are active, which only the caller knows."""
    if PERMISSION not in actor.permissions:
        raise HandoverRefused("this account hands over no shifts: ask the officer on duty")
    if not to or to == actor.account:
        raise HandoverRefused("a shift is handed to somebody else: name the account that takes it")
    last = connection.execute(
        select(handover.c.number, handover.c.digest).order_by(desc(handover.c.number)).limit(1)
    ).first()
    number, before = (last[0] + 1, last[1]) if last else (1, "")
    entry: dict[str, Any] = {
        "number": number,
        "at": now,
        "post": post,
        "from_account": actor.account,
        "to_account": to,
        "text": text.strip()[:4000],
        "open": {**_open(connection, actor.probe), "alarms": alarms},
    }
    entry["digest"] = _digest(before, entry)
    connection.execute(insert(handover).values(**entry, taken_at=0, taken_digest=""))
    return {**entry, "taken_at": 0, "taken_digest": ""}


def take(connection: Connection, number: int, actor: Actor, now: int) -> dict[str, Any]:
    """Take over the shift that was handed to this account."""
    row = connection.execute(select(handover).where(handover.c.number == number)).mappings().first()
    if row is None:
        raise HandoverRefused(f"there is no hand-over {number}")
    if row["to_account"] != actor.account:
        raise HandoverRefused(f"hand-over {number} is for {row['to_account']}")
    if row["taken_at"]:
        raise HandoverRefused(f"hand-over {number} has been taken already")
    signed = _taken(row["digest"], actor.account, now)
    connection.execute(
        update(handover)
        .where(handover.c.number == number)
        .values(taken_at=now, taken_digest=signed)
    )
    return {**row, "taken_at": now, "taken_digest": signed}


def read(connection: Connection, most: int = 50) -> list[dict[str, Any]]:
    """Hand-overs, the newest first."""
    rows = connection.execute(select(handover).order_by(desc(handover.c.number)).limit(most))
    return [dict(row) for row in rows.mappings()]


def verify(connection: Connection) -> int | None:
    """Number of the first entry that is not what was signed; None if all are."""
    before, expected = "", 1
    for row in connection.execute(select(handover).order_by(handover.c.number)).mappings():
        entry = {key: row[key] for key in _SIGNED}
        if row["number"] != expected or _digest(before, entry) != row["digest"]:
            return expected
        if row["taken_at"] and row["taken_digest"] != _taken(
            row["digest"], row["to_account"], row["taken_at"]
        ):
            return expected
        before, expected = row["digest"], expected + 1
    return None


_SIGNED = ("number", "at", "post", "from_account", "to_account", "text", "open")


def _digest(before: str, entry: dict[str, Any]) -> str:
    signed = msgspec.json.encode({key: entry[key] for key in _SIGNED}, order="sorted")
    return hashlib.sha256(before.encode() + b"\n" + signed).hexdigest()


def _taken(digest: str, account: str, at: int) -> str:
    return hashlib.sha256(f"{digest}\n{account}\n{at}".encode()).hexdigest()


def _open(connection: Connection, probe: str) -> dict[str, Any]:
    """How many cases are open, and the most pressing of them."""
    here = (OPEN, case.c.probe == probe)
    total = connection.scalar(select(func.count()).where(*here)) or 0
    rows = connection.execute(
        select(case.c.serial, case.c.number, case.c.level, case.c.stage, case.c.due)
        .where(*here)
        .order_by(case.c.due, case.c.serial)
        .limit(OPEN_MOST)
    )
    return {
        "count": total,
        "cases": [
            {
                "case": case_id(row.serial),
                "number": row.number,
                "level": row.level,
                "stage": row.stage,
                "due": None if row.due == NEVER else row.due,
            }
            for row in rows
        ],
    }
