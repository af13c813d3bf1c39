"""Names and numbers of new cases, from counters that are written with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tianmu.manage.desk.desk import Desk
from tianmu.manage.kept import table

if TYPE_CHECKING:
    from tianmu.city.city import City


class Numbering:
    """The part of ``Work`` that counts."""

    desk: Desk
    city: City
    now: int
    _counters: set[str]

    def _count(self, name: str) -> int:
        value = self.desk.counters.get(name, 0) + 1
        self.desk.counters[name] = value
        self._counters.add(name)
        return value

    def new_case(self) -> str:
        self.desk.loaded = False
        return table.case_id(self._count(table.SERIAL))

    def new_number(self, probe: str) -> str:
        """A readable number: the day in the city's time zone and a serial of that day. Marked
        cases count for themselves, so that real numbers have no gaps."""
        day = f"{self.city.calendar.local(self.now):%Y%m%d}"
        name = f"{'P' if probe else ''}{day}"
        return f"{name}{self._count(name):05d}"
