"""The command room of a case: who was in it, what was said, asked for and drawn, by whom, when.

A room is its appended events, numbered without gaps; nothing is ever changed or taken away. A task
or a drawing is an item whose version is the number of its last event: whoever changes it names the
version they saw, and is told what it is now where somebody else was first. So several people work
in it at once and nobody overwrites anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

metadata = sa.MetaData()
event = sa.Table(
    "room_event",
    metadata,
    sa.Column("case", sa.String, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("key", sa.String, nullable=False),  # of whoever may have to send it again
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Index("room_event_key", "case", "actor", "key"),
)

MOST = 20_000
"""events of one room; then it is full and says so"""
MARKS = 5_000
"""who came and who went, of one room; from then on only who is in is known, and not since when"""
POINTS = 500
"""of one drawing"""
WORDS = 2000
"""letters of one entry"""
PERSONS = ("enter", "leave")
NEW = ("task", "draw")
"""kinds that make an item"""
CHANGES = {"task_done": "task", "task_again": "task", "redraw": "draw", "erase": "draw"}
"""kinds that change one, and what it must be"""
KINDS = ("open", "say", *NEW, *CHANGES, *PERSONS)
SHAPES = {"point": (1, 1), "line": (2, POINTS), "area": (3, POINTS)}
"""shape → least and most corners"""


class RoomEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="room/1"):
    """Something that happened in a room."""

    case: str
    sequence: int
    at: int
    actor: str
    kind: str
    item: str = ""
    """the task (``t7``) or drawing (``d9``) it makes or changes"""
    text: str = ""
    unit: str = ""
    """department or unit a task is for"""
    shape: str = ""
    points: tuple[tuple[float, float], ...] = ()
    """longitude, latitude; CGCS2000 / WGS 84"""


@dataclass
class Item:
    """A task or a drawing as it is now."""

    item: str
    kind: str
    version: int
    text: str
    by: str
    at: int
    unit: str = ""
    shape: str = ""
    points: tuple[tuple[float, float], ...] = ()
    done_by: str = ""
    done_at: int = 0
    gone: bool = False


@dataclass
class Room:
    """A room as its events leave it."""

    version: int = 0
    items: dict[str, Item] = field(default_factory=dict)
    present: dict[str, int] = field(default_factory=dict)
    """account → µs since when it is in; as of the last mark where ``marked`` says so"""
    marks: int = 0
    """how often somebody came or went"""

    @property
    def marked(self) -> bool:
        """Whether who comes and goes is still written down."""
        return self.marks < MARKS


class RoomRefused(ValueError):
    """It cannot be done; says why and what to do."""


class ItemMoved(Exception):
    """Somebody else has changed the item since."""

    def __init__(self, item: Item, given: int) -> None:
        super().__init__(f"{item.item} is at version {item.version}, not {given}")
        self.item, self.given = item, given


_decoder = msgspec.msgpack.Decoder(RoomEvent)


def events(connection: Connection, case: str, after: int = 0) -> list[RoomEvent]:
    """The events of a room after number ``after``, in order."""
    rows = connection.execute(
        sa.select(event.c.payload)
        .where(event.c.case == case, event.c.sequence > after)
        .order_by(event.c.sequence)
    ).scalars()
    return [_decoder.decode(row) for row in rows]


def fold(happened: Iterable[RoomEvent]) -> Room:
    """The room after these events, from the first one on."""
    room = Room()
    for one in happened:
        room.version = one.sequence
        held = room.items.get(one.item)
        room.marks += one.kind in PERSONS
        if one.kind == "enter":
            room.present.setdefault(one.actor, one.at)
        elif one.kind == "leave":
            room.present.pop(one.actor, None)
        elif one.kind in NEW:
            room.items[one.item] = Item(
                one.item, one.kind, one.sequence, one.text, one.actor, one.at,
                unit=one.unit, shape=one.shape, points=one.points,
            )  # fmt: skip
        elif held is not None:
            held.version = one.sequence
            if one.kind == "task_done":
                held.done_by, held.done_at = one.actor, one.at
            elif one.kind == "task_again":
                held.done_by, held.done_at = "", 0
            elif one.kind == "erase":
                held.gone = True
            elif one.kind == "redraw":
                held.text, held.points = one.text, one.points or held.points
    return room


def append(
    connection: Connection, told: RoomEvent, *, was: int | None = None, key: str = ""
) -> tuple[RoomEvent, bool]:
    """Append an event (its ``sequence`` is given here; a new item gets its name); the event, and
    whether it was there already under this ``key``. Raises ``RoomRefused`` and ``ItemMoved``."""
    if key:
        known = connection.execute(
            sa.select(event.c.payload).where(
                event.c.case == told.case, event.c.actor == told.actor, event.c.key == key
            )
        ).scalar()
        if known is not None:
            return _decoder.decode(known), True
    _check(told)
    last = connection.scalar(
        sa.select(sa.func.max(event.c.sequence)).where(event.c.case == told.case)
    )
    sequence = (last or 0) + 1
    if sequence > MOST and told.kind not in PERSONS:
        raise RoomRefused(f"the room has {MOST} entries and is full: go on in the case's notes")
    item = told.item
    if told.kind in NEW:
        item = f"{told.kind[0]}{sequence}"
    elif told.kind in CHANGES:
        held = fold(events(connection, told.case)).items.get(item)
        if held is None or held.gone or held.kind != CHANGES[told.kind]:
            raise RoomRefused(f"there is no {CHANGES[told.kind]} {item!r} here (any more)")
        if was != held.version:
            raise ItemMoved(held, was or 0)
        if told.kind == "redraw":
            _redrawn(told, held)
    made = msgspec.structs.replace(told, sequence=sequence, item=item)
    connection.execute(
        sa.insert(event).values(
            case=told.case,
            sequence=sequence,
            at=told.at,
            actor=told.actor,
            key=key,
            payload=msgspec.msgpack.encode(made),
        )
    )
    return made, False


def _check(told: RoomEvent) -> None:
    if told.kind not in KINDS:
        raise RoomRefused(f"there is no entry of kind {told.kind!r}: use one of {', '.join(KINDS)}")
    if len(told.text) > WORDS:
        raise RoomRefused(f"the text has {len(told.text)} letters: at most {WORDS} are kept")
    if told.kind in ("say", "task", "open") and not told.text.strip():
        raise RoomRefused("there are no words in it: write what is meant")
    if told.kind == "draw":
        if told.shape not in SHAPES:
            raise RoomRefused(f"shape {told.shape!r} is none of {', '.join(SHAPES)}")
        _corners(told, told.shape)
    if told.kind in ("draw", "redraw"):
        for longitude, latitude in told.points:
            if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
                raise RoomRefused(f"{longitude}, {latitude} is no longitude and latitude")


def _redrawn(told: RoomEvent, held: Item) -> None:
    """A drawing may have other words and corners, and keeps its shape."""
    if told.shape not in ("", held.shape):
        raise RoomRefused(
            f"the shape of {held.item} is {held.shape} and stays so: leave it out, or erase the "
            f"drawing and draw another"
        )
    if told.points:
        _corners(told, held.shape)


def _corners(told: RoomEvent, shape: str) -> None:
    least, most = SHAPES[shape]
    if not least <= len(told.points) <= most:
        raise RoomRefused(f"{len(told.points)} points: shape {shape} has {least} to {most}")


def log_lines(happened: Iterable[RoomEvent], words: dict[str, Any]) -> list[tuple[int, str, str]]:
    """The room on paper: (µs, account, what), each kind said by ``words``."""
    found = []
    texts: dict[str, str] = {}
    for one in happened:
        if one.kind in NEW:
            texts[one.item] = one.text
        what = one.text or texts.get(one.item, "")
        found.append((one.at, one.actor, f"{words.get(one.kind, one.kind)} {what}".strip()))
    return found
