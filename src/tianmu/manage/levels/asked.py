"""The kinds of units that the plan of a case asks for, each from the department that sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tianmu.manage.case.state import CaseState
from tianmu.manage.levels.response import plan_of, resolve

if TYPE_CHECKING:
    from tianmu.city.city import City

Wanted = tuple[str, str]
"""department, kind of unit"""


def asked(city: City, state: CaseState) -> tuple[Wanted, ...]:
    """In the plan's order, without those of which one is sent. A kind that the city does not have
    (a plan may come with a scenario) is asked of nobody."""
    plan = plan_of(city, state)
    if plan is None:
        return ()
    found = [
        (unit, order.unit_kind)
        for order in plan.orders
        if order.unit_kind in city.sending.kinds
        for unit in resolve(city, state, order.to)
    ]
    sent = [city.units[one.force] for one in state.open_orders if one.force in city.units]
    there = {(one.department, one.kind) for one in sent}
    return tuple(one for one in dict.fromkeys(found) if one not in there)
