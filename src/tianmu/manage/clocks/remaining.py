"""How long is left of a limit, in the words of whoever waits for it."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from tianmu.city.calendar.limit import DAY, HOUR, MINUTE, LimitUnit
from tianmu.facts.text import Text
from tianmu.manage.case.state import CaseState, Clock
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.calendar.calendar import Calendar
    from tianmu.city.city import City

_BY_DAYS = (LimitUnit.WORK_DAY, LimitUnit.URGENT_DAY, LimitUnit.NATURAL_DAY)
_SOON = 2
"""days before and after today that have a word of their own"""


def left(city: City, due: int, now: int, unit: str) -> Text:
    """``2 working hours left, due tomorrow 10:00``; ``overdue by 3 working hours, was due …``.

    What is left is rounded up to the minute and what is overdue down, so that nobody is told of
    more time than there is lateness, or of less. Overdue outside working hours a working limit is
    late by nothing yet, and only its time is said.
    """
    return dict(_left(city.calendar, due, now, unit))


@lru_cache(maxsize=8192)
def _left(calendar: Calendar, due: int, now: int, unit: str) -> Text:
    """Remembered: of a storm's cases many are due alike, and they are told together."""
    when = moment(calendar, due, now)
    working = LimitUnit(unit).working
    span = calendar.worked(now, due) if working else due - now
    if due >= now:
        return phrase("left.left", amount=amount(calendar, span, unit), due=when)
    minutes = -span // MINUTE
    if not minutes:
        return phrase("left.just_over", due=when)
    return phrase("left.over", amount=amount(calendar, minutes * MINUTE, unit), due=when)


def of_clock(city: City, state: CaseState, clock: Clock, now: int) -> Text:
    """What is left of a clock of the case, which may stand still."""
    share = dict(state.paused).get(clock.name)
    if not state.suspended_at or share is None:
        return left(city, clock.due, now, clock.unit)
    span = round(clock.value * city.calendar.unit(clock.unit) * (1.0 - share))
    if span < MINUTE:
        return phrase("left.paused_over")
    return phrase("left.paused", amount=amount(city.calendar, span, clock.unit))


def of_case(city: City, state: CaseState, now: int) -> Text | None:
    """What is left of the nearest limit that runs; None where none does."""
    clock = state.nearest
    return left(city, clock.due, now, clock.unit) if clock else None


def amount(calendar: Calendar, span: int, unit: str) -> Text:
    """``span`` (µs of working or of natural time, by the unit) in days, hours and minutes: the two
    largest of them that there are. Days only where the limit is of days."""
    kind = LimitUnit(unit)
    minutes = -(-span // MINUTE)
    whole = (calendar.unit(kind) if kind.working else DAY) // MINUTE
    return dict(_amount(minutes, kind, whole))


@lru_cache(maxsize=8192)
def _amount(minutes: int, kind: LimitUnit, whole: int) -> Text:
    """``whole``: minutes of a day of this kind. Remembered: lists and pushes say the same of very
    many cases."""
    days = 0
    if kind in _BY_DAYS or (not kind.working and minutes >= 2 * whole):
        days, minutes = divmod(minutes, whole)
    hours, minutes = divmod(minutes, HOUR // MINUTE)
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    shown = [(count, name) for count, name in parts[:2] if count] or [(0, "minute")]
    texts = [_counted(count, name, kind.working and not i) for i, (count, name) in enumerate(shown)]
    if len(texts) == 1:
        return texts[0]
    return phrase("left.and", one=texts[0], other=texts[1])


def _counted(count: int, name: str, working: bool) -> Text:
    key = f"work_{name}" if working else name
    return phrase(f"left.{key}.{'one' if count == 1 else 'many'}", count=count)


def moment(calendar: Calendar, at: int, now: int) -> Text:
    """``tomorrow 10:00``, ``6 March 10:00``: a time on the city's clock."""
    wall, today = calendar.local(at), calendar.local(now).date()
    time = f"{wall:%H:%M}"
    near = (wall.date() - today).days
    if abs(near) < _SOON:
        return phrase(f"left.{('yesterday', 'today', 'tomorrow')[near + 1]}", time=time)
    return phrase("left.date", **_date(wall.date(), today), time=time)


def _date(day: date, today: date) -> dict[str, object]:
    far = abs(day - today) > timedelta(days=180)
    return {
        "month": phrase(f"left.months.{day.month}"),
        "day": day.day,
        "year": phrase("left.year", year=day.year) if far else phrase("left.no_year"),
    }
