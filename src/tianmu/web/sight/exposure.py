"""Who saw what of a case: it stands in the trail, and on the case itself.

Four things are told apart: the case was opened (``case.view``), personal data of it were shown in
clear (``case.reveal``, with the reason), it was taken out as a file (``case.export``), or handed to
a person or system outside (``case.pass``). The last three are written before they are done; opening
once an hour for each account, without holding the answer up. What webhooks hand on is written where
they are sent (``command/lane.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection

from tianmu.access import audit
from tianmu.access.exposure import AGAIN, PASS
from tianmu.store.records import Transaction

if TYPE_CHECKING:
    from tianmu.web.route.route import Ask

VIEW, REVEAL, EXPORT = "case.view", "case.reveal", "case.export"
LISTEN = "push.listen"
PRINT = "case.print"
"""taken out on paper: noted where it is printed, with the mark of the print"""
DEEDS = {
    VIEW: "viewed",
    REVEAL: "revealed",
    EXPORT: "exported",
    PRINT: "exported",
    PASS: "passed_on",
}
SYSTEMS = frozenset({"integrator", "department_system"})
"""roles of other systems: what they read is there from now on"""
REMEMBERED = 50_000


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One line of it."""

    at: int
    actor: str
    role: str
    deed: str
    """``viewed``, ``revealed``, ``exported`` or ``passed_on``"""
    what: str
    """of the case: empty for all of it, else the report, file or form"""
    reason: str
    to: str
    """whom it was handed to"""


def viewed(ask: Ask, case: str, what: str = "") -> None:
    """The account opened the case. Walls and probes show without anybody who looks."""
    all_viewed(ask, [case], what)


def all_viewed(ask: Ask, cases: Iterable[str], what: str = "") -> None:
    """The same of several cases that were shown together."""
    if ask.who.kind == "kiosk" or ask.who.probe:
        return
    seen: dict[tuple[str, str, str], int] = ask.hub.memory.setdefault("exposure", {})
    now, account = ask.hub.clock(), ask.who.account
    fresh = [
        case
        for case in dict.fromkeys(cases)
        if now - seen.get((account, case, what), -AGAIN) >= AGAIN
    ]
    if not fresh:
        return
    if len(seen) >= REMEMBERED:
        for old in list(seen)[: REMEMBERED // 2]:
            seen.pop(old, None)
    seen.update(((account, case, what), now) for case in fresh)
    detail = {"what": what} if what else {}
    passes = not SYSTEMS.isdisjoint(ask.who.roles)

    def write(tx: Transaction) -> None:
        for case in fresh:
            if passes:
                ask.note(tx, PASS, case, to=account, **detail)
            else:
                ask.note(tx, VIEW, case, **detail)

    ask.hub.records.write(write)


def listed(ask: Ask, cases: Iterable[str]) -> None:
    """The cases stood in a list. A person opens what they look at; another system has them all."""
    if not SYSTEMS.isdisjoint(ask.who.roles):
        all_viewed(ask, cases)


def listens(ask: Ask) -> None:
    """Another system hears by push what becomes of all cases of its scope: that it listened is in
    the trail, once an hour, and not on each of them."""
    seen: dict[tuple[str, str, str], int] = ask.hub.memory.setdefault("exposure", {})
    key, now = (ask.who.account, "", LISTEN), ask.hub.clock()
    if SYSTEMS.isdisjoint(ask.who.roles) or now - seen.get(key, -AGAIN) < AGAIN:
        return
    seen[key] = now
    ask.hub.records.write(lambda tx: ask.note(tx, LISTEN))


def revealed(ask: Ask, tx: Transaction, case: str, what: str, reason: str) -> None:
    """Personal data are about to be shown in clear, in the transaction that says so elsewhere."""
    ask.note(tx, REVEAL, case, what=what, reason=reason)


def exported(ask: Ask, case: str, what: str, reason: str = "") -> None:
    """The case is about to be taken out as a file (``what``: which)."""
    ask.hub.records.transact(lambda tx: ask.note(tx, EXPORT, case, what=what, reason=reason))


def seen_of(connection: Connection, cases: list[str], limit: int = 500) -> list[Seen]:
    """Who saw what of a case and of those that are part of it, newest first."""
    found = [
        record
        for case in cases
        for verb in DEEDS
        for record in audit.query(connection, object=case, verb=verb, limit=limit)
        if record.verb == verb and record.outcome == "done"
    ]
    found.sort(key=lambda record: record.sequence, reverse=True)
    return [_seen(record) for record in found[:limit]]


def _seen(record: audit.AuditRecord) -> Seen:
    detail = msgspec.json.decode(record.detail)
    return Seen(
        at=record.at,
        actor=record.actor,
        role=record.role,
        deed=DEEDS[record.verb],
        what=str(detail.get("what") or detail.get("mark", "")),
        reason=str(detail.get("reason", "")),
        to=str(detail.get("to", "")),
    )
