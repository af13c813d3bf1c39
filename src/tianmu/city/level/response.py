"""What a plan means here and now: its parties resolved to departments and persons on duty."""

from __future__ import annotations

import msgspec

from tianmu.city.calendar.calendar import Calendar
from tianmu.city.calendar.limit import Limit
from tianmu.city.level.plan import OrderTemplate, Plan, Tell
from tianmu.city.level.profile import Level
from tianmu.city.matter.matter import Matter
from tianmu.city.people.duty import JOINT, LEAD, Duties
from tianmu.city.people.roster import Person, Roster
from tianmu.facts.text import Text


class Told(msgspec.Struct, frozen=True, kw_only=True):
    department: str
    by: str
    due: int
    """µs"""
    persons: tuple[Person, ...]
    """empty: nobody is on duty"""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    department: str
    lead: bool
    task: Text
    accept_due: int
    due: int | None
    """µs; None: without end"""
    limit: Limit | None
    unit_kind: str
    persons: tuple[Person, ...]
    """empty: nobody is on duty"""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    plan: str
    """code, or empty where no plan fits"""
    lead: str
    """department that leads, or empty where nobody answers for the matter"""
    joint: tuple[str, ...]
    close_limit: Limit | None
    tells: tuple[Told, ...]
    orders: tuple[Sent, ...]


def closing_limit(level: Level, matter: Matter | None) -> Limit | None:
    """The matter's own (shortest) filing standard, else the level's closing limit."""
    standard = matter.default if matter is not None else None
    return standard.limit if standard is not None else level.close


def resolve(
    *,
    plan: Plan | None,
    level: Level,
    duties: Duties,
    roster: Roster,
    calendar: Calendar,
    matter: Matter | None,
    key: str,
    division: str,
    at: int,
) -> Response:
    """The plan for a case of matter ``key`` in ``division`` that begins at ``at`` (µs)."""
    duty = duties.owner_of(key, division)
    lead = duty.department if duty else ""
    joint = duty.joint if duty else ()
    close = closing_limit(level, matter)

    def parties(to: str) -> tuple[str, ...]:
        if to == LEAD:
            return (lead,) if lead else ()
        if to == JOINT:
            return joint
        code = duties.resolve(to, division)
        return (code,) if code else ()

    def persons(department: str) -> tuple[Person, ...]:
        return tuple(roster.on_duty(department, division, at))

    tells: dict[str, Told] = {}
    orders: dict[tuple[str, str], Sent] = {}
    tell: Tell
    for tell in plan.tells if plan else ():
        for code in parties(tell.to):
            due = calendar.add(at, tell.within)
            if code not in tells or due < tells[code].due:
                tells[code] = Told(department=code, by=tell.by, due=due, persons=persons(code))
    order: OrderTemplate
    for order in plan.orders if plan else ():
        for code in parties(order.to):
            limit = order.limit or close
            orders.setdefault(
                (code, str(order.task)),
                Sent(
                    department=code,
                    lead=code == lead,
                    task=order.task,
                    accept_due=calendar.add(at, level.accept),
                    due=calendar.add(at, limit) if limit else None,
                    limit=limit,
                    unit_kind=order.unit_kind,
                    persons=persons(code),
                ),
            )
    return Response(
        plan=plan.code if plan else "",
        lead=lead,
        joint=joint,
        close_limit=close,
        tells=tuple(tells.values()),
        orders=tuple(orders.values()),
    )
