"""The signals of a case as it keeps them, and as they come to another."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from tianmu.facts.text import Text
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import table
from tianmu.manage.kept.ledger import decode_member

Row = tuple[dict[str, Any], int, int]
"""what was told, whether it has returned, when it joined"""


def members(connection: Connection, state: CaseState) -> list[Row]:
    """(what was told, whether it has returned, when it joined) in the order they came; an alarm
    that has worsened since tells its worst. ``since`` is when it first came into any case."""
    rows = connection.execute(
        select(table.member.c.told, table.member.c.returned, table.member.c.joined_at)
        .where(table.member.c.serial == table.serial_of(state.case))
        .order_by(table.member.c.sequence)
    )
    graver = dict(state.graver)
    found: list[Row] = []
    for stored, returned, joined_at in rows:
        told = {"since": joined_at, **decode_member(stored)[0]}
        worse = graver.get(told["id"]) if told["kind"] == "alarm" else None
        if worse and worse < (told.get("priority") or worse + 1):
            told = {**told, "priority": worse}
        found.append((told, returned, joined_at))
    return found


def joining_as(
    told: dict[str, Any],
    returned: int,
    reasons: list[Text],
    *,
    came: tuple[str, ...] = (),
    heard: set[str],
) -> dict[str, Any]:
    """Data of the event by which a signal joins; ``came``: the cases it was in before, the last
    one last; ``heard`` are the devices of its case so far. It is
    ``moved``: no news, it was in a case before."""
    moved = ("returned", "from", "earlier")
    member = {key: value for key, value in told.items() if key not in moved}
    if returned:
        member["returned"] = True
    if came:
        member["from"] = came[-1]
    if len(came) > 1:
        member["earlier"] = list(came[:-1])
    data: dict[str, Any] = {"member": member, "score": 1.0, "reasons": reasons, "moved": True}
    device = told.get("device", "") if told["kind"] == "alarm" else ""
    if device and device not in heard:
        heard.add(device)
        data["new_device"] = True
    return data


def came_through(told: dict[str, Any], *more: str) -> tuple[str, ...]:
    """The merged cases that a signal has come through, and more."""
    last = (told["from"],) if told.get("from") else ()
    return (*told.get("earlier", ()), *last, *more)
