"""Shift hand-over: what is open is handed from one account to another, in a log chained by hash.

Both sign: whoever hands over, and whoever takes over. Each entry's digest covers the one before,
so that none can be changed or left out without it showing (``verify``). What is handed over is a
list of items; the taker confirms them one by one or all at once, and with the last one has taken
over. Until then whoever handed over may withdraw it: it was a mistake, and is over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, desc, insert, select, update

from tianmu.access.scope import WHOLE, Scope
from tianmu.manage.actor import Actor
from tianmu.manage.kept import counts as case_counts
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept.table import handover, handover_item
from tianmu.manage.words import phrase

PERMISSION = "handover.write"
OPEN_MOST = 500
"""cases of a hand-over, the most pressing ones"""
NOTE = "note"
"""the item that is what the leaver wrote"""
WITHDRAWN = "withdrawn"
"""the link of the chain that says that it was withdrawn, signed by whoever handed over"""
MORE = "more"
"""kind of the item that stands for those which the list does not name"""


class HandoverRefused(ValueError):
    """Not yours to hand or take over, or taken already."""


def more(kind: str, count: int) -> list[dict[str, Any]]:
    """The item that says of how many ``case`` or ``alarm`` the list names none; none for 0."""
    if count <= 0:
        return []
    title = phrase(f"handover.more.{kind}", count=count)
    return [{"item": f"{MORE}:{kind}", "kind": MORE, "title": title}]


def give(
    connection: Connection,
    post: str,
    to: str,
    text: str,
    actor: Actor,
    now: int,
    *,
    alarms: int = 0,
    items: Sequence[dict[str, Any]] = (),
    scope: Scope = WHOLE,
) -> dict[str, Any]:
    """Hand the shift of ``post`` to the account ``to`` with what is open now: cases and ladders,
    and of alarms what only the caller knows (their number; as ``items`` those that wait). Whoever
    hands over stays responsible until it is taken."""
    if PERMISSION not in actor.permissions:
        raise HandoverRefused("this account hands over no shifts: ask the officer on duty")
    if not to or to == actor.account:
        raise HandoverRefused("a shift is handed to somebody else: name the account that takes it")
    last = connection.execute(
        select(handover.c.number, handover.c.digest).order_by(desc(handover.c.number)).limit(1)
    ).first()
    number, before = (last[0] + 1, last[1]) if last else (1, "")
    held = opened(connection, actor.probe, now, scope)
    note = {"item": NOTE, "kind": "note", "text": text.strip()[:4000]}
    held["items"] = [*([note] if note["text"] else []), *held["items"], *items]
    entry: dict[str, Any] = {
        "number": number,
        "at": now,
        "post": post,
        "from_account": actor.account,
        "to_account": to,
        "text": text.strip()[:4000],
        "open": {**held, "alarms": alarms},
    }
    entry["digest"] = _digest(before, entry)
    connection.execute(insert(handover).values(**entry, taken_at=0, taken_digest=""))
    return {**entry, "taken_at": 0, "taken_digest": "", "confirmed": {}, "withdrawn_at": 0}


def confirm(
    connection: Connection, number: int, items: Sequence[str], actor: Actor, now: int
) -> dict[str, Any]:
    """Confirm items of the shift that was handed to this account, each once; with the last of them
    the shift is taken over."""
    row = _mine(connection, number, actor)
    names = [one["item"] for one in row["open"].get("items", ())]
    unknown = [one for one in items if one not in names]
    if unknown:
        raise HandoverRefused(f"hand-over {number} has no item {unknown[0]!r}")
    known = row["confirmed"]
    digest, sequence = _last(connection, row)
    for item in dict.fromkeys(items):
        if item in known:
            continue
        digest, sequence = _confirmed(digest, item, actor.account, now), sequence + 1
        values = {"number": number, "sequence": sequence, "item": item, "at": now}
        connection.execute(insert(handover_item).values(**values, digest=digest))
        known[item] = now
    if all(one in known for one in names):
        return take(connection, number, actor, now)
    return row


def take(connection: Connection, number: int, actor: Actor, now: int) -> dict[str, Any]:
    """Take over the shift that was handed to this account, with all that is in it."""
    row = _mine(connection, number, actor)
    signed = _taken(row["digest"], actor.account, now)
    connection.execute(
        update(handover)
        .where(handover.c.number == number)
        .values(taken_at=now, taken_digest=signed)
    )
    return {**row, "taken_at": now, "taken_digest": signed}


def withdraw(connection: Connection, number: int, actor: Actor, now: int) -> dict[str, Any]:
    """Withdraw a shift that this account has handed over, which nobody has taken over yet."""
    row = _open(connection, number)
    if row["from_account"] != actor.account:
        raise HandoverRefused(f"hand-over {number} was given by {row['from_account']}: ask them")
    digest, sequence = _last(connection, row)
    values = {"number": number, "sequence": sequence + 1, "item": WITHDRAWN, "at": now}
    signed = _confirmed(digest, WITHDRAWN, actor.account, now)
    connection.execute(insert(handover_item).values(**values, digest=signed))
    return {**row, "withdrawn_at": now}


def withdrawn() -> Select[tuple[int]]:
    """The numbers of the hand-overs that were withdrawn."""
    return select(handover_item.c.number).where(handover_item.c.item == WITHDRAWN)


def _mine(connection: Connection, number: int, actor: Actor) -> dict[str, Any]:
    row = _open(connection, number)
    if row["to_account"] != actor.account:
        raise HandoverRefused(f"hand-over {number} is for {row['to_account']}")
    return row


def _open(connection: Connection, number: int) -> dict[str, Any]:
    row = connection.execute(select(handover).where(handover.c.number == number)).mappings().first()
    if row is None:
        raise HandoverRefused(f"there is no hand-over {number}")
    if row["taken_at"]:
        raise HandoverRefused(f"hand-over {number} has been taken already")
    found = _with_confirmed(connection, [dict(row)])[0]
    if found["withdrawn_at"]:
        raise HandoverRefused(f"hand-over {number} was withdrawn by {row['from_account']}")
    return found


def _with_confirmed(connection: Connection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with what of each was confirmed when (item → µs), and when it was withdrawn (0: not)."""
    by_number: dict[int, dict[str, int]] = {row["number"]: {} for row in rows}
    c = handover_item.c
    for number, item, at in connection.execute(
        select(c.number, c.item, c.at).where(c.number.in_(sorted(by_number)))
    ):
        by_number[number][item] = at
    gone = {number: confirmed.pop(WITHDRAWN, 0) for number, confirmed in by_number.items()}
    return [
        {**row, "confirmed": by_number[row["number"]], "withdrawn_at": gone[row["number"]]}
        for row in rows
    ]


def _last(connection: Connection, row: dict[str, Any]) -> tuple[str, int]:
    """Digest and number of the last item that was confirmed, else those of the entry."""
    c = handover_item.c
    last = connection.execute(
        select(c.digest, c.sequence)
        .where(c.number == row["number"])
        .order_by(desc(c.sequence))
        .limit(1)
    ).first()
    return (last[0], last[1]) if last else (row["digest"], 0)


def read(connection: Connection, most: int = 50, number: int = 0) -> list[dict[str, Any]]:
    """Hand-overs, the newest first; or the one of this number."""
    asked = select(handover).order_by(desc(handover.c.number)).limit(most)
    if number:
        asked = asked.where(handover.c.number == number)
    return _with_confirmed(connection, [dict(row) for row in connection.execute(asked).mappings()])


def since(connection: Connection, account: str, at: int) -> bool:
    """Whether ``account`` has handed a shift over since ``at`` (µs), and not withdrawn it."""
    c = handover.c
    found = select(c.number).where(
        c.from_account == account, c.at >= at, c.number.not_in(withdrawn())
    )
    return connection.scalar(found.limit(1)) is not None


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
        if not _items_hold(connection, dict(row)):
            return expected
        before, expected = row["digest"], expected + 1
    return None


def _items_hold(connection: Connection, row: dict[str, Any]) -> bool:
    digest, expected = row["digest"], 1
    asked = select(handover_item).where(handover_item.c.number == row["number"])
    for one in connection.execute(asked.order_by(handover_item.c.sequence)).mappings():
        by = row["from_account"] if one["item"] == WITHDRAWN else row["to_account"]
        digest = _confirmed(digest, one["item"], by, one["at"])
        if one["sequence"] != expected or one["digest"] != digest:
            return False
        expected += 1
    return True


_SIGNED = ("number", "at", "post", "from_account", "to_account", "text", "open")


def _digest(before: str, entry: dict[str, Any]) -> str:
    signed = msgspec.json.encode({key: entry[key] for key in _SIGNED}, order="sorted")
    return hashlib.sha256(before.encode() + b"\n" + signed).hexdigest()


def _taken(digest: str, account: str, at: int) -> str:
    return hashlib.sha256(f"{digest}\n{account}\n{at}".encode()).hexdigest()


def _confirmed(before: str, item: str, account: str, at: int) -> str:
    return hashlib.sha256(f"{before}\n{item}\n{account}\n{at}".encode()).hexdigest()


def opened(connection: Connection, probe: str, now: int, scope: Scope = WHOLE) -> dict[str, Any]:
    """What is open in the scope: how many cases, the most pressing of them, and as items these
    with the contact ladders that wait for an answer."""
    question = case_query.Query(open=True, probe=probe, limit=OPEN_MOST)
    states = case_query.cases(connection, question, now, scope).items
    total = case_counts.counts(connection, now, now, scope).open if not probe else len(states)
    cases = [
        {
            "case": one.case,
            "number": one.number,
            "level": one.level,
            "stage": one.stage,
            "due": one.due or None,
        }
        for one in states
    ]
    items: list[dict[str, Any]] = []
    for one in states:
        told = {"case": one.case, "number": one.number, "title": one.title, "level": one.level}
        items.append(
            {"item": f"case:{one.case}", "kind": "case", "stage": one.stage, "due": one.due or None}
            | told
        )
        items += [
            {
                "item": f"contact:{one.case}/{held.contact}",
                "kind": "contact",
                "state": held.state,
                "unit": held.unit,
                "account": held.account,
                "due": held.due or None,
            }
            | told
            for held in one.contacts
            if held.waits
        ]
    items += more("case", total - len(states))
    return {"count": total, "cases": cases, "items": items}
