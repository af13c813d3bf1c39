"""How often a side path may be taken, and from which tier: by the pack's ``[side_paths]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tianmu.manage.actor import Actor
from tianmu.manage.case.state import CaseState, Order
from tianmu.manage.steps.step import Refusal, of_department, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tianmu.city.charter.side_paths import SidePaths


def late_orders(state: CaseState, actor: Actor, parents: Mapping[str, str]) -> list[Order]:
    """Orders of the actor's department that were done after their limit."""
    late = [one for one in state.orders if one.late > 0]
    return late if actor.probe else [one for one in late if of_department(actor, one.unit, parents)]


def beyond(
    state: CaseState,
    step: str,
    actor: Actor,
    paths: SidePaths,
    parents: Mapping[str, str],
    orders: list[Order],
) -> Refusal | None:
    """Why the step goes no further, though stage and permission allow it; ``orders`` are those it
    could be taken on."""
    if step == "return" and state.stage == "handle":
        returned = [one.unit for one in state.orders if one.state == "returned"]
        if len(returned) >= paths.returns_per_case:
            return refuse("returns", times=len(returned))
        if orders and all(returned.count(one.unit) >= paths.returns_per_unit for one in orders):
            return refuse("returns", times=returned.count(orders[0].unit))
    extended = [one for one in orders if one.extensions >= paths.extensions]
    if step in ("ask_extension", "extend") and orders and extended == orders:
        return refuse("extensions", times=paths.extensions)
    if step == "suspend" and state.suspensions >= paths.suspensions:
        return refuse("suspensions", times=paths.suspensions)
    if step == "supervise" and not (actor.tier < state.tier or actor.tier == 1):
        return refuse("tier")
    if step in ("lift", "close") and state.supervision and actor.tier > state.supervision.tier:
        return refuse("tier")
    if step == "appeal" and not late_orders(state, actor, parents):
        return refuse("department", unit=next(one.unit for one in state.orders if one.late > 0))
    return None
