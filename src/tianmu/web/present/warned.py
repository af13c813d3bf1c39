"""Warnings that hold now, of the city and of other bodies, as scenarios may see them.

Only what is meant for everybody and for real: who asks for a scenario's danger need not be one who
may read what is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tianmu.facts.text import Text
from tianmu.prevent.warning import table
from tianmu.scenarios.warned import Warned
from tianmu.sense.cap import held

if TYPE_CHECKING:
    from tianmu.web.hub import Hub

ACTUAL = "Actual"
PAGE = 200
"""messages of others that are read at a time"""


def warned(hub: Hub, event: str) -> tuple[Warned, ...]:
    """Of an event of the pack's ``warnings.toml``; the city's own first."""
    return (*_own(hub, event), *_of_others(hub, event))


def _own(hub: Hub, event: str) -> Iterator[Warned]:
    now = hub.clock()
    for one in hub.records.read(lambda c: table.in_force(c, now)):
        told = one.content
        if (told.event, told.status) == (event, ACTUAL) and told.onset <= now:
            yield Warned(
                event, told.colour, _colour(hub, told.colour), hub.city.warnings.name,
                told.expires, told.divisions,
            )  # fmt: skip


def _of_others(hub: Hub, event: str) -> Iterator[Warned]:
    now = hub.clock()
    for one in hub.ask("gate", partial(_standing, now=now), []):
        if one.ended or one.bulletin.status != ACTUAL:
            continue
        for part in one.bulletin.parts:
            known = part.event == event and part.colour and part.divisions
            if known and part.start <= now < part.until:
                sender = part.sender_name or {"en": one.bulletin.sender}
                yield Warned(
                    event, part.colour, _colour(hub, part.colour), sender, part.until,
                    part.divisions,
                )  # fmt: skip


def _standing(connection: sa.Connection, now: int) -> list[held.Standing]:
    """All that hold or will and are for everybody."""
    found: list[held.Standing] = []
    before = 0
    while page := held.listed(connection, before, PAGE, now=now, public=True):
        found += page
        before = int(page[-1].bulletin.bulletin.removeprefix("b"))
    return found


def _colour(hub: Hub, code: str) -> Text:
    known = hub.city.warnings.colours.get(code)
    return known.name if known is not None else {"en": code}
