"""How far a contact ladder comes in one move: the next rungs, persons and units, until one waits
for an answer or nobody is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tianmu.access.scope import Extent
from tianmu.city.calendar.limit import Limit
from tianmu.city.people.contact import Ladder
from tianmu.city.people.roster import Person
from tianmu.manage.case.contact import Contact
from tianmu.manage.case.parties import parties
from tianmu.manage.case.state import CaseState
from tianmu.manage.contact.called import persons_of, units_of
from tianmu.manage.contact.reach import MINUTE, WAITS, Reach

if TYPE_CHECKING:
    from tianmu.city.city import City


class Climb(NamedTuple):
    """How far a move comes: where the ladder stands then, and what was tried on the way."""

    contact: Contact
    wait: Limit | None
    """of the rung that waits for an answer; None: nobody is left"""
    tries: list[dict[str, Any]]
    empty: list[str]
    """units without anybody on duty"""


def climbed(
    city: City,
    state: CaseState,
    ladder: Ladder,
    was: Contact,
    now: int,
    reach: Callable[[], Reach],
) -> Climb:
    """``climb``, remembered for ladders that begin: in a storm many begin alike, and a look at
    what is there holds for some seconds. The roster knows no time shorter than a minute."""
    if was.units:
        return climb(city, state, ladder, was, now, reach)
    known = reach().begun
    key = (ladder.code, state.lead, state.division, state.tier, parties(state), now // MINUTE)
    found: Climb | None = known.get(key)
    if found is None:
        found = known[key] = climb(city, state, ladder, was, now, reach)
    return found


def climb(
    city: City,
    state: CaseState,
    ladder: Ladder,
    contact: Contact,
    now: int,
    reach: Callable[[], Reach],
) -> Climb:
    """The next rungs from where the ladder stands, until one waits for an answer."""
    extent = Extent(state.division, tuple(parties(state)), state.probe)
    tries: list[dict[str, Any]] = []
    empty: list[str] = []
    # whose shift has ended meanwhile is called no further: the next person is
    still = persons_of(city, state, contact.unit, now, reach) if contact.account else []
    person = next((one for one in still if one.account == contact.account), None)
    rung = contact.rung + 1
    while True:
        while person is not None and rung < len(ladder.rungs):
            step = ladder.rungs[rung]
            tried = reach().attempt(step.by, person, contact.unit, extent)
            told = {"by": step.by, "outcome": tried.outcome, "via": tried.via}
            tries.append(
                {"unit": contact.unit, "account": person.account, "name": person.name, **told}
            )
            contact = msgspec.structs.replace(contact, rung=rung, by=step.by)
            if tried.outcome in WAITS:
                return Climb(contact, step.wait, tries, empty)
            rung += 1
        found = _next(city, state, ladder, contact, now, reach, empty)
        if found is None:
            return Climb(contact, None, tries, empty)
        contact, person = found
        rung = 0


def _next(
    city: City,
    state: CaseState,
    ladder: Ladder,
    contact: Contact,
    now: int,
    reach: Callable[[], Reach],
    empty: list[str],
) -> tuple[Contact, Person] | None:
    """The ladder at the next person; None where nobody is left. Units without anybody on duty
    go to ``empty``."""
    units = units_of(city, state, ladder)
    done = set(contact.units) - {contact.unit}
    for unit in units:
        if unit in done:
            continue
        there = persons_of(city, state, unit, now, reach)
        if not there:
            if unit not in contact.units:
                empty.append(unit)
            done.add(unit)
            contact = msgspec.structs.replace(contact, units=(*contact.units, unit))
            continue
        tried = contact.at if unit == contact.unit else 0
        fresh = [one for one in there if one.account not in contact.tried]
        if tried >= ladder.persons or not fresh:
            continue
        person = fresh[0]
        return (
            msgspec.structs.replace(
                contact,
                unit=unit,
                units=contact.units if unit in contact.units else (*contact.units, unit),
                account=person.account,
                post=person.post,
                tried=(*contact.tried, person.account),
                at=tried + 1,
                rung=0,
            ),
            person,
        )
    return None
