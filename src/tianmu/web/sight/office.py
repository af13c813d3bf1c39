"""What the office behind an account is called: what is published names offices, no accounts."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from tianmu.access import account as accounts
from tianmu.city.people.department import centres
from tianmu.facts.text import Text

if TYPE_CHECKING:
    from tianmu.access.scope import Principal
    from tianmu.web.hub import Hub


def of(hub: Hub, division: str, department: str) -> Text:
    """The department; without one the centre of the division, or of the next one above it that has
    one; else whoever warns in the city's name."""
    city = hub.city
    if department in city.departments:
        return city.departments[department].name
    there = centres(dict(city.departments))
    here = division if division in city.divisions else city.root.code
    while here and here not in there:
        here = city.divisions[here].parent
    return there[here].name if here else city.warnings.name or city.name


def mine(hub: Hub, who: Principal) -> Text:
    return of(hub, who.division, who.department)


def of_accounts(hub: Hub, names: Collection[str]) -> dict[str, Text]:
    """Account → its office; for one that is not there any more, the city's."""
    held = hub.records.read(lambda connection: accounts.places(connection, names))
    return {name: of(hub, *held.get(name, ("", ""))) for name in names}
