"""Things that live by steps (a warning, a hazard): the journal has the steps, a table of their room
the state that follows from them. Whoever doubts the table makes the states again and compares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tianmu.facts.encoding import decode
from tianmu.store.journal.contract import Journal

Step = TypeVar("Step")
State = TypeVar("State")


def read(journal: Journal, topic: str, sort: type[Step]) -> list[Step]:
    """All steps of one sort in a topic, oldest first."""
    found: list[Step] = []
    after = 0
    while entries := journal.read(topic, after):
        found += [one for e in entries if isinstance(one := decode(e.payload), sort)]
        after = entries[-1].position
    return found


def states(
    told: Iterable[Step], thing: str, of_events: Callable[[list[Step]], State]
) -> dict[str, State]:
    """What the steps make of each thing; ``thing`` is the field of a step that names it."""
    by_name: dict[str, list[Step]] = {}
    for step in told:
        by_name.setdefault(getattr(step, thing), []).append(step)
    return {name: of_events(steps) for name, steps in by_name.items()}


def held(
    connection: Connection, column: sa.Column[Any], sort: type[State], thing: str
) -> dict[str, State]:
    """What a table holds, to be compared with ``states``: ``column`` has each state as msgpack."""
    states = msgspec.msgpack.Decoder(sort)
    rows = connection.execute(sa.select(column)).scalars()
    return {getattr(one, thing): one for one in map(states.decode, rows)}
