"""Whom a contact ladder calls: whose duty it is, and who of them is to be called now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tianmu.city.people.contact import Ladder
from tianmu.city.people.duty import LEAD
from tianmu.city.people.roster import Person
from tianmu.manage.case.state import CaseState
from tianmu.manage.contact.reach import MINUTE, Reach

if TYPE_CHECKING:
    from tianmu.city.city import City


def units_of(city: City, state: CaseState, ladder: Ladder) -> list[str]:
    """Whose duty the ladder calls, in order: whom it names, then the centres that command, tier by
    tier up to the city's."""
    found: list[str] = []
    tier = state.tier or len(city.tiers)
    if ladder.to == LEAD:
        found += [state.lead] if state.lead else []
    else:
        code = city.duties.resolve(ladder.to, state.division)
        if code:
            found.append(code)
            department = city.departments.get(code)
            if department is not None and department.kind == "centre":
                tier = city.divisions[department.division].tier - 1
    for above in range(tier, 0, -1):
        code = city.duties.resolve(f"centre:{above}", state.division)
        if code and code not in found:
            found.append(code)
    return found


def persons_of(
    city: City, state: CaseState, unit: str, now: int, reach: Callable[[], Reach]
) -> list[Person]:
    """Who is to be called at ``unit``: whoever has left without being relieved, then who is on duty
    for the division, or for the whole of it. Remembered as ``ladder`` does how one begins."""
    look = reach()
    key = (unit, state.division, now // MINUTE)
    found: list[Person] | None = look.there.get(key)
    if found is None:
        roster = city.roster
        here = roster.on_duty(unit, state.division, now) or roster.on_duty(unit, "", now)
        held = [one for one in roster.of(unit) if one.account in look.unrelieved]
        found = look.there[key] = [*held, *(one for one in here if one not in held)]
    return found
