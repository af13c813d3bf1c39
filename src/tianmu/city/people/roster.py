"""The roster: who is on duty where, resolved to named persons at any moment, or to nobody.

Who is absent is stood in for by the substitute that was named, and by that one's own while that
one is absent too; where the chain ends without anybody, the duty has nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise

import msgspec

from tianmu.city.calendar.calendar import Calendar
from tianmu.city.calendar.clock import DAYS, minute
from tianmu.city.file.reader import PackReader, Row
from tianmu.city.people.absence import Absence
from tianmu.city.people.department import Department
from tianmu.city.place.division import Division

FILE = "roster.csv"
_CYCLE_FROM = date(2024, 1, 1)
"""day 0 of every rotation: a Monday"""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on duty. Name and phone are personal: masked wherever they are shown."""

    name: str
    account: str
    phone: str = ""
    department: str
    division: str
    post: str
    order: int = 1
    """1 is called first"""
    basis: str = ""


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """A person's duty: on which days, from and to which minute (past midnight if ``to`` is not
    later than ``from``)."""

    person: Person
    days: str = "daily"
    """``daily``, ``working`` (working days), ``free`` (the others), or weekdays ``mon|tue``"""
    start: int = 0
    end: int = 1440
    cycle: int = 1
    """the duty comes round every so many days …"""
    offset: int = 0
    """… on this one of them"""

    def on(self, day: date, calendar: Calendar) -> bool:
        """Whether the duty begins on ``day``."""
        if self.cycle > 1 and (day - _CYCLE_FROM).days % self.cycle != self.offset:
            return False
        if self.days == "daily":
            return True
        if self.days in ("working", "free"):
            return calendar.is_working_day(day) == (self.days == "working")
        return DAYS[day.weekday()] in self.days.split("|")

    def covers(self, at: datetime, calendar: Calendar) -> bool:
        """Whether the duty runs at the wall-clock time ``at``."""
        minute = at.hour * 60 + at.minute
        if self.end > self.start:
            return self.start <= minute < self.end and self.on(at.date(), calendar)
        if minute >= self.start:
            return self.on(at.date(), calendar)
        return minute < self.end and self.on(at.date() - timedelta(days=1), calendar)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A duty from ``start`` to ``end`` (µs): whose it is by the roster, and who stands there."""

    planned: Person
    start: int
    end: int
    person: Person | None = None
    """None: nobody"""
    absence: int = 0
    """number of the absence because of which it is another one, or nobody"""


class Roster:
    """Shifts, found by department or post. Make another one to change it."""

    def __init__(
        self,
        shifts: Iterable[Shift],
        calendar: Calendar,
        divisions: Mapping[str, Division],
        absences: Iterable[Absence] = (),
    ) -> None:
        self.shifts = tuple(shifts)
        self.absences = tuple(absences)
        self._calendar, self._divisions = calendar, divisions
        self._by: dict[str, list[Shift]] = {}
        self._own: dict[str, list[Shift]] = {}
        for shift in self.shifts:
            for key in {shift.person.department, shift.person.post}:
                self._by.setdefault(key, []).append(shift)
            self._own.setdefault(shift.person.account, []).append(shift)
        self._away: dict[str, list[Absence]] = {}
        for one in self.absences:
            self._away.setdefault(one.account, []).append(one)

    def on_duty(self, who: str, division: str, at: int) -> list[Person]:
        """Persons of department or post ``who`` on duty at ``at`` (µs), first to call first.

        With a division: those who answer for it or, where it has none, for the nearest division
        around it. With an empty one: all. An empty list means that nobody is on duty.
        """
        when = self._calendar.local(at)
        there = [shift for shift in self._by.get(who, ()) if shift.covers(when, self._calendar)]
        if division:
            code = division
            while code:
                near = [shift for shift in there if shift.person.division == code]
                if near:
                    there = near
                    break
                code = self._divisions[code].parent if code in self._divisions else ""
            else:
                there = []
        standing: dict[str, Person] = {}
        for shift in sorted(there, key=lambda one: (one.person.order, one.person.account)):
            person = self.standing(shift.person, at)
            if person is not None:
                standing.setdefault(person.account, person)
        return sorted(standing.values(), key=lambda one: (one.order, one.account))

    def absence_of(self, account: str, at: int) -> Absence | None:
        """Why ``account`` is away at ``at``: of several absences the one recorded last."""
        found = [one for one in self._away.get(account, ()) if one.covers(at)]
        return max(found, key=lambda one: one.absence) if found else None

    def standing(self, person: Person, at: int) -> Person | None:
        """Who stands in the place of ``person`` at ``at``: they themselves, or their substitute,
        with the post that is theirs for the time; None where nobody does."""
        seen: set[str] = set()
        account = person.account
        while (away := self.absence_of(account, at)) is not None:
            seen.add(account)
            account = away.substitute
            if not account or account in seen:
                return None
        if account == person.account:
            return person
        known = self.person(account)
        return msgspec.structs.replace(
            person,
            account=account,
            name=known.name if known else account,
            phone=known.phone if known else "",
        )

    def person(self, account: str) -> Person | None:
        """Somebody on the roster, as their first shift says; None for who is not on it."""
        own = self._own.get(account)
        return own[0].person if own else None

    def of(self, who: str) -> list[Person]:
        """Everybody on the roster at department or post ``who``, on duty or not."""
        found = {shift.person.account: shift.person for shift in self._by.get(who, ())}
        return sorted(found.values(), key=lambda one: (one.order, one.account))

    def duties_of(self, account: str, since: int, until: int) -> list[Span]:
        """The duties of ``account`` by the roster that reach into ``since`` … ``until``, whole."""
        return self._spans(self._own.get(account, ()), since, until)

    def spans(self, who: str, since: int, until: int) -> list[Span]:
        """Every duty at ``who`` that reaches into ``since`` … ``until``, in pieces within which
        the same person stands there."""
        found: list[Span] = []
        for span in self._spans(self._by.get(who, ()), since, until):
            found += self._pieces(span)
        return found

    def _spans(self, shifts: Iterable[Shift], since: int, until: int) -> list[Span]:
        calendar = self._calendar
        first = calendar.local(since).date() - timedelta(days=1)
        last = calendar.local(until).date()
        found: list[Span] = []
        for shift in shifts:
            day = first
            while day <= last:
                if shift.on(day, calendar):
                    over = 0 if shift.end > shift.start else 1440
                    start = calendar.instant(day, shift.start)
                    end = calendar.instant(day, shift.end + over, last=True)
                    if start < until and since < end:
                        found.append(Span(planned=shift.person, start=start, end=end))
                day += timedelta(days=1)
        return sorted(found, key=lambda one: (one.start, one.planned.order, one.planned.account))

    def _pieces(self, span: Span) -> list[Span]:
        cuts = {span.start, span.end}
        names, seen = [span.planned.account], set[str]()
        while names:
            name = names.pop()
            seen.add(name)
            for one in self._away.get(name, ()):
                cuts |= {at for at in (one.since, one.until) if span.start < at < span.end}
                if one.substitute and one.substitute not in seen:
                    names.append(one.substitute)
        found: list[Span] = []
        edges = sorted(cuts)
        for start, end in pairwise(edges):
            away = self.absence_of(span.planned.account, start)
            piece = Span(
                planned=span.planned,
                start=start,
                end=end,
                person=self.standing(span.planned, start),
                absence=away.absence if away else 0,
            )
            before = found[-1] if found else None
            if before and (before.person, before.absence) == (piece.person, piece.absence):
                found[-1] = msgspec.structs.replace(before, end=end)
            else:
                found.append(piece)
        return found


def read(
    reader: PackReader,
    departments: Mapping[str, Department],
    divisions: Mapping[str, Division],
) -> list[Shift]:
    """Shifts, with faults for unknown departments and divisions and times that are none."""
    found: list[Shift] = []
    for row in reader.csv(
        FILE,
        ("account", "name", "department", "division", "post", "days", "from", "to"),
        optional=("phone", "order", "cycle", "offset", "basis"),
    ):
        start, end = minute(row["from"]), minute(row["to"])
        if start is None or end is None:
            what = f"from {row['from']!r} to {row['to']!r} are no times"
            reader.fault(FILE, row.line, what, "write HH:MM, 24:00 for midnight after")
            continue
        if row["department"] not in departments:
            what = f"{row['department'] or '(nothing)'} is no department"
            reader.fault(FILE, row.line, what, "use a code of departments.csv")
        if row["division"] not in divisions:
            what = f"{row['division'] or '(nothing)'} is no division"
            reader.fault(FILE, row.line, what, "use a code of divisions.csv")
        if row["days"] not in ("daily", "working", "free") and not set(
            row["days"].split("|")
        ) <= set(DAYS):
            what = f"days {row['days']!r} are not understood"
            reader.fault(FILE, row.line, what, "use daily, working, free or mon|tue|…")
            continue
        cycle = int(reader.number(FILE, row, "cycle", low=1, default=1) or 1)
        offset = int(reader.number(FILE, row, "offset", low=0, default=0) or 0)
        if offset >= cycle:
            what = f"offset {offset} lies outside a cycle of {cycle} days"
            reader.fault(FILE, row.line, what, f"use 0 … {cycle - 1}")
        found.append(
            Shift(
                person=_person(reader, row),
                days=row["days"],
                start=start,
                end=end,
                cycle=cycle,
                offset=offset,
            )
        )
    return found


def _person(reader: PackReader, row: Row) -> Person:
    return Person(
        name=row["name"],
        account=row["account"],
        phone=row["phone"],
        department=row["department"],
        division=row["division"],
        post=row["post"],
        order=int(reader.number(FILE, row, "order", low=1, default=1) or 1),
        basis=row["basis"],
    )
