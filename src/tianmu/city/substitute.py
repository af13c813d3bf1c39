"""Who may stand in for whom: proposed in the pack's order of substitution, refused where they
cannot be in two places at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from tianmu.city.people.roster import Person, Span

if TYPE_CHECKING:
    from tianmu.city.city import City

ABSENT, ON_POST, STANDS_IN = "absent", "on_post", "stands_in"
"""why somebody cannot: they are away, on a post of their own, or stand in for another"""


class Clash(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps ``account`` from standing in."""

    why: str
    account: str
    since: int
    until: int
    """µs of what is in the way"""
    department: str = ""
    post: str = ""
    other: str = ""
    """account that they stand in for already"""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    person: Person
    by: str
    """by which word of the pack's order: ``post``, ``department``, ``above``"""
    clash: Clash | None = None
    """None: free"""


def clash(city: City, absent: str, account: str, since: int, until: int) -> Clash | None:
    """Why ``account`` cannot stand in for ``absent`` from ``since`` to ``until`` (µs); None where
    nothing is in the way. Only the duties of that time count."""
    roster = city.roster
    needed = roster.duties_of(absent, since, until)
    for one in roster.absences:
        if one.account == account and one.meets(since, until):
            return Clash(why=ABSENT, account=account, since=one.since, until=one.until)
    for duty in roster.duties_of(account, since, until):
        if _meets(duty, needed, since, until):
            return Clash(
                why=ON_POST,
                account=account,
                since=duty.start,
                until=duty.end,
                department=duty.planned.department,
                post=duty.planned.post,
            )
    for one in roster.absences:
        if one.substitute != account or one.account == absent or not one.meets(since, until):
            continue
        for duty in roster.duties_of(one.account, one.since, one.until):
            if _meets(duty, needed, max(since, one.since), min(until, one.until)):
                return Clash(
                    why=STANDS_IN,
                    account=account,
                    since=duty.start,
                    until=duty.end,
                    department=duty.planned.department,
                    post=duty.planned.post,
                    other=one.account,
                )
    return None


def _meets(duty: Span, needed: Iterable[Span], since: int, until: int) -> bool:
    start, end = max(duty.start, since), min(duty.end, until)
    return any(max(start, one.start) < min(end, one.end) for one in needed)


def candidates(city: City, absent: str, since: int, until: int) -> list[Candidate]:
    """Who might stand in, in the pack's order; those that are free before those that are not."""
    roster = city.roster
    own = [shift.person for shift in roster.shifts if shift.person.account == absent]
    found: dict[str, Candidate] = {}
    for by in city.contact.substitution:
        for person in own:
            for other in _others(city, person, by):
                if other.account != absent and other.account not in found:
                    why = clash(city, absent, other.account, since, until)
                    found[other.account] = Candidate(person=other, by=by, clash=why)
    return sorted(found.values(), key=lambda one: one.clash is not None)


def _others(city: City, person: Person, by: str) -> list[Person]:
    if by == "above":
        above = city.above.get(person.department) or city.duties.resolve("centre:1", "")
        return [] if above == person.department else city.roster.of(above)
    there = city.roster.of(person.department)
    return [one for one in there if by == "department" or one.post == person.post]
