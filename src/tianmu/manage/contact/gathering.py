"""In a flood of cases nobody is told of each: so many messages go to a person within some minutes,
those of later cases are gathered, and one message tells of all of them together.

What is gathered stands on its case; how many wait for whom is one row a person and means, so that
a flood needs no more room than there are persons, and a kill -9 forgets nobody. The rows are not
made again from the events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, insert, select

from tianmu.manage.kept import table

DUE = "@gathered"
"""in the list of what is due: somebody is to be told of what was gathered"""
MINUTE = 60_000_000
UNGRADED = 99
"""stands for the level number of a case without a level"""
Key = tuple[str, str]
"""account and means"""


@dataclass(frozen=True)
class Gathered:
    """How often a person was told of late by one means, and of what not yet."""

    begun: int
    """µs: since when ``sent`` is counted"""
    sent: int = 0
    gravest: int = 0
    """level number of the gravest case that was told since then, 1 is the gravest; 0: none"""
    waiting: int = 0
    """cases that were gathered since then"""
    case: str = ""
    """the gravest of them, of several the last"""
    unit: str = ""
    level: int = 0
    """level number of that case"""


class Gathering:
    """Of all persons, in memory as in the table. ``most`` messages within ``minutes``."""

    def __init__(self, most: int, minutes: float) -> None:
        self._most, self._for = most, round(minutes * MINUTE)
        self.held: dict[Key, Gathered] = {}
        self._changed: set[Key] = set()

    def load(self, connection: Connection) -> None:
        for row in connection.execute(select(table.gathered)):
            named = table.case_id(row.serial) if row.serial else ""
            self.held[row.account, row.by] = Gathered(
                row.begun, row.sent, row.gravest, row.waiting, named, row.unit, row.level
            )

    def admit(self, key: Key, case: str, unit: str, level: int, now: int, due: int = 0) -> bool:
        """Whether the person may be told of a case of this level now; else it is gathered, until
        ``due`` (µs) at the latest: by then the plan wants them told. One that is graver than all
        they were told of may be, whatever was sent before."""
        one, level = self.held.get(key), level or UNGRADED
        if one is None or (not one.waiting and not 0 <= now - one.begun < self._for):
            one = Gathered(now)
        graver = not one.gravest or level < one.gravest
        sends = graver or (one.sent < self._most and not one.waiting)
        if sends:
            told = min(level, one.gravest) if one.gravest else level
            one = replace(one, sent=one.sent + 1, gravest=told)
        else:
            one = replace(one, waiting=one.waiting + 1)
            if not one.level or level <= one.level:
                one = replace(one, case=case, unit=unit, level=level)
            if due:  # the count is over by then
                one = replace(one, begun=min(one.begun, due - self._for))
        self._put(key, one)
        return sends

    def over(self, now: int) -> list[tuple[Key, Gathered]]:
        """Whoever is to be told by now of what was gathered; from now on it is counted anew."""
        found = [
            (key, one)
            for key, one in sorted(self.held.items())
            if one.waiting and one.begun + self._for <= now
        ]
        for key, one in found:
            self._put(key, Gathered(now, sent=1, gravest=one.level))
        return found

    @property
    def next_at(self) -> int:
        """When somebody is to be told next, 0: nobody waits."""
        waits = (one.begun + self._for for one in self.held.values() if one.waiting)
        return min(waits, default=0)

    def _put(self, key: Key, one: Gathered) -> None:
        self.held[key] = one
        self._changed.add(key)

    @property
    def changed(self) -> bool:
        return bool(self._changed)

    def write(self, connection: Connection) -> None:
        """What has changed since the last time."""
        rows = [self._row(key) for key in sorted(self._changed)]
        c = table.gathered.c
        for key in self._changed:
            mine = (c.account == key[0], c.by == key[1])
            connection.execute(delete(table.gathered).where(*mine))
        if rows:
            connection.execute(insert(table.gathered), rows)
        self._changed = set()

    def _row(self, key: Key) -> dict[str, object]:
        one = self.held[key]
        return {
            "account": key[0],
            "by": key[1],
            "begun": one.begun,
            "sent": one.sent,
            "gravest": one.gravest,
            "waiting": one.waiting,
            "serial": table.serial_of(one.case) if one.case else 0,
            "unit": one.unit,
            "level": one.level,
        }
