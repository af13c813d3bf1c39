"""Command rooms: what several people say, ask for and draw about one serious case, at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import Depends

from tianmu.access.masking import mask_text
from tianmu.facts.deed import Deed
from tianmu.manage import room
from tianmu.manage.case.state import CaseState
from tianmu.manage.room import Item, ItemMoved, Room, RoomEvent, RoomRefused
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.problem import Problem
from tianmu.web.api.cases.cases import one
from tianmu.web.hub import Hub
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

routes = Routes("rooms")
VERB = "room."
SEEN = "rooms"
"""where hub remembers when it last heard of whom: (case, account) → seconds"""


class RoomEventSaid(msgspec.Struct, frozen=True, kw_only=True):
    case: str
    sequence: int
    at: Instant | None
    actor: str
    actor_name: str
    kind: str
    """``open``, ``say``, ``task``, ``task_done``, ``task_again``, ``draw``, ``redraw``, ``erase``,
    ``enter``, ``leave``"""
    item: str
    text: str
    unit: str
    shape: str
    points: list[tuple[float, float]]


class ItemSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A task or a drawing as it is now."""

    item: str
    version: int
    """number of its last event: name it as ``was`` with a change"""
    text: str
    by: str
    by_name: str
    at: Instant | None
    unit: str
    shape: str
    points: list[tuple[float, float]]
    done_by: str
    done_at: Instant | None


class PresentSaid(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    name: str
    since: Instant | None


class RoomSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A room as it is now."""

    case: str
    number: str
    open: bool
    """whether anybody can write in it"""
    why: str
    """why not: ``mild`` (the case is not grave enough, and nobody opened one), ``closed``"""
    version: int
    """number of its last event"""
    present: list[PresentSaid]
    marked: bool
    """whether who comes and goes is still written down: no longer after 5,000 times"""
    tasks: list[ItemSaid]
    drawings: list[ItemSaid]
    log: list[RoomEventSaid]


class RoomTold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str
    text: Annotated[str, msgspec.Meta(max_length=room.WORDS)] = ""
    item: str = ""
    was: int | None = None
    """version of the item that was seen, where one is changed"""
    unit: Annotated[str, msgspec.Meta(max_length=100)] = ""
    shape: str = ""
    points: Annotated[list[tuple[float, float]], msgspec.Meta(max_length=room.POINTS)] = []
    key: Annotated[str, msgspec.Meta(max_length=100)] = ""
    """makes it safe to send again"""


def bring(hub: Hub) -> None:
    """The table, when hub starts."""
    hub.records.create(room.metadata)
    hub.memory[SEEN] = {}


def event_said(told: RoomEvent, names: dict[str, str]) -> RoomEventSaid:
    return RoomEventSaid(
        case=told.case,
        sequence=told.sequence,
        at=moment.say(told.at),
        actor=told.actor,
        actor_name=names.get(told.actor, told.actor),
        kind=told.kind,
        item=told.item,
        text=mask_text(told.text),
        unit=told.unit,
        shape=told.shape,
        points=list(told.points),
    )


def _item(held: Item, names: dict[str, str]) -> ItemSaid:
    return ItemSaid(
        item=held.item,
        version=held.version,
        text=mask_text(held.text),
        by=held.by,
        by_name=names.get(held.by, held.by),
        at=moment.say(held.at),
        unit=held.unit,
        shape=held.shape,
        points=list(held.points),
        done_by=names.get(held.done_by, held.done_by),
        done_at=moment.say(held.done_at) if held.done_at else None,
    )


def _shut(ask: Ask, state: CaseState, happened: Sequence[RoomEvent]) -> str:
    """Why nobody can write; empty where they can."""
    if not state.open:
        return "closed"
    serious = 0 < state.level_number <= ask.hub.city.desk.room_level
    return "" if serious or happened else "mild"


def _said(ask: Ask, state: CaseState, happened: Sequence[RoomEvent]) -> RoomSaid:
    held: Room = room.fold(happened)
    names = ask.hub.names_of({e.actor for e in happened})
    items = [one for one in held.items.values() if not one.gone]
    present = held.present if held.marked else dict.fromkeys(_here(ask.hub, state.case), 0)
    if not held.marked:
        names |= ask.hub.names_of(present.keys())
    why = _shut(ask, state, happened)
    return RoomSaid(
        case=state.case,
        number=state.number,
        open=not why,
        why=why,
        version=held.version,
        present=[
            PresentSaid(account=who, name=names.get(who, who), since=moment.say(since))
            for who, since in present.items()
        ],
        marked=held.marked,
        tasks=[_item(one, names) for one in items if one.kind == "task"],
        drawings=[_item(one, names) for one in items if one.kind == "draw"],
        log=[event_said(one, names) for one in happened],
    )


def _write(ask: Ask, told: RoomEvent, was: int | None, key: str, *, note: bool = True) -> RoomEvent:
    """Append the event and the deed by which push tells of it, in one commit."""
    hub = ask.hub

    def job(tx: Transaction) -> RoomEvent:
        made, again = room.append(tx.connection, told, was=was, key=key)
        if again:
            return made
        hub.deed(
            tx,
            Deed(
                deed=uuid.uuid4().hex,
                verb=f"{VERB}{made.kind}",
                object=made.case,
                actor=made.actor,
                at=made.at,
                data={"sequence": made.sequence, "event": msgspec.to_builtins(made)},
            ),
        )
        if note:
            ask.note(tx, f"{VERB}{made.kind}", made.case, sequence=made.sequence, item=made.item)
        return made

    return hub.records.transact(job)


def _happened(ask: Ask, case: str) -> list[RoomEvent]:
    return ask.hub.records.read(lambda connection: room.events(connection, case))


@routes("GET", "/api/cases/{case}/room", may="room.use", gives=RoomSaid)
def get_room(ask: Asking, case: str) -> Reply:
    """The command room of a case: who is in, what was asked for and drawn, its whole log."""
    state = one(ask, case)
    _sweep(ask, case)
    said = _said(ask, state, _happened(ask, case))
    return Reply(said, etag=said.version)


@routes(
    "POST",
    "/api/cases/{case}/room",
    may="room.use",
    takes=RoomTold,
    gives=RoomEventSaid,
    status=201,
    example={"kind": "say", "text": "Two engines are on site", "key": "5e0c"},
)
def tell_room(
    ask: Asking, case: str, body: Annotated[RoomTold, Depends(taken(RoomTold))]
) -> RoomEventSaid:
    """Add to a command room. Entries stand one after another; whoever changes a task or a drawing
    names the version they saw (`was`), and gets 412 where somebody else was first. `open` (with
    `case.command`) opens a room on a case that is not grave enough to have one by itself."""
    state = one(ask, case)
    if body.kind in room.PERSONS:
        raise Problem(
            422, "invalid", "who is in is told by being there", "PUT /api/cases/{case}/room/here"
        )
    why = _shut(ask, state, _happened(ask, case))
    if body.kind == "open" and not ask.may("case.command"):
        raise Problem(403, "forbidden", "this account opens no rooms", "ask who commands the case")
    if why and not (why == "mild" and body.kind == "open"):
        raise Problem(
            409,
            "no-room",
            f"nobody can write in this room: {why}",
            "read it" if why == "closed" else "open one first: kind open, with a reason as text",
        )
    told = RoomEvent(
        case=case,
        sequence=0,
        at=ask.hub.clock(),
        actor=ask.who.account,
        kind=body.kind,
        item=body.item,
        text=body.text.strip(),
        unit=body.unit,
        shape=body.shape,
        points=tuple(body.points),
    )
    try:
        made = _write(ask, told, body.was, body.key)
    except RoomRefused as error:
        raise Problem(422, "invalid", str(error), "mend what is named") from error
    except ItemMoved as error:
        raise Problem(
            412,
            "changed",
            f"somebody else was first: {error}",
            "look at the room again, then decide again",
        ) from error
    return event_said(made, ask.hub.names_of({made.actor}))


# -- who is in ---------------------------------------------------------------------------------


def _seen(hub: Hub) -> dict[tuple[str, str], float]:
    seen: dict[tuple[str, str], float] = hub.memory[SEEN]
    return seen


def _here(hub: Hub, case: str) -> list[str]:
    """Accounts that gave a sign of life in the room of late."""
    now = time.monotonic()
    return sorted(
        account
        for (room_of, account), last in list(_seen(hub).items())
        if room_of == case and now - last <= hub.city.desk.here_s
    )


def _sweep(ask: Ask, case: str) -> None:
    """Whoever gave no sign of life for too long has left. After a start of hub nobody is thrown
    out before they had the time to give one."""
    hub, now = ask.hub, time.monotonic()
    held = room.fold(_happened(ask, case))
    seen = _seen(hub)
    if not held.marked:
        for key, last in list(seen.items()):
            if key[0] == case and now - last > hub.city.desk.here_s:
                seen.pop(key, None)
        return
    for account in held.present:
        last = seen.setdefault((case, account), now)
        if now - last > hub.city.desk.here_s:
            _person(ask, case, account, "leave")
            seen.pop((case, account), None)


def _person(ask: Ask, case: str, account: str, kind: str) -> None:
    def unchanged(connection: sa.Connection) -> bool:
        held = room.fold(room.events(connection, case))
        return not held.marked or (account in held.present) == (kind == "enter")

    if ask.hub.records.read(unchanged):
        return
    told = RoomEvent(case=case, sequence=0, at=ask.hub.clock(), actor=account, kind=kind)
    _write(ask, told, None, "", note=False)


@routes("PUT", "/api/cases/{case}/room/here", may="room.use")
def enter_room(ask: Asking, case: str) -> None:
    """Be in the room: to be said again every 10 seconds as long as somebody looks at it."""
    state = one(ask, case)
    if _shut(ask, state, _happened(ask, case)):
        return
    _seen(ask.hub)[case, ask.who.account] = time.monotonic()
    _person(ask, case, ask.who.account, "enter")
    _sweep(ask, case)


@routes("DELETE", "/api/cases/{case}/room/here", may="room.use")
def leave_room(ask: Asking, case: str) -> None:
    """Leave the room."""
    one(ask, case)
    _seen(ask.hub).pop((case, ask.who.account), None)
    _person(ask, case, ask.who.account, "leave")


def on_paper(ask: Ask, case: str, words: dict[str, Any]) -> list[tuple[int, str, str]]:
    """The log for the case file: (µs, who, what), masked."""
    happened = _happened(ask, case)
    names = ask.hub.names_of({one.actor for one in happened})
    return [
        (at, names.get(who, who), mask_text(what))
        for at, who, what in room.log_lines(happened, words)
    ]
