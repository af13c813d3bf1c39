"""A drill in a city whose clock is past its start: played as soon as such days come again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from tianmu.rehearse.drill.script import Drill, Expect, Play, moment

Worked = Callable[[date, int], list[Any]]
"""the hours worked on so many days from one on, of each day alike where they are equal"""
FAR = 800
"""days within which days alike are looked for: a holiday comes round once a year"""


def later(drill: Drill, now: datetime, worked: Worked) -> Drill | None:
    """The drill at the first time after ``now`` (the city's wall clock) on whose days, one after
    the other, the same hours are worked as on its own; None: they come no more."""
    if now <= drill.start:
        return drill
    # clocks that are expected may end days after the last thing that happens
    last = max(_ends(drill), default=timedelta()) + timedelta(days=1)
    count = last.days + 2
    wanted = worked(drill.start.date(), count)
    begin = now.date() - drill.start.date()
    coming = worked(now.date(), FAR)
    for after in range(FAR - count):
        shift = begin + timedelta(days=after)
        if drill.start + shift >= now and coming[after : after + count] == wanted:
            return moved(drill, shift)
    return None


def _ends(drill: Drill) -> list[timedelta]:
    """How long after the start things happen, are looked at or end."""
    found = [moment(drill, play.at) for play in drill.play]
    for expect in drill.expect:
        found += [moment(drill, expect.at)] if expect.at is not None else []
        found += [due - drill.start for due in (expect.clocks or {}).values()]
    return found


def moved(drill: Drill, shift: timedelta) -> Drill:
    """All of it so much later; what is said by its distance from the start moves with that."""

    def when(at: object) -> object:
        return at + shift if isinstance(at, datetime) else at

    plays: list[Play] = [msgspec.structs.replace(one, at=when(one.at)) for one in drill.play]
    expects: list[Expect] = [
        msgspec.structs.replace(
            one,
            at=when(one.at),
            clocks={k: due + shift for k, due in one.clocks.items()} if one.clocks else one.clocks,
        )
        for one in drill.expect
    ]
    return msgspec.structs.replace(drill, start=drill.start + shift, play=plays, expect=expects)
