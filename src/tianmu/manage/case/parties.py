"""Whom a case concerns, and whom it does no more."""

from __future__ import annotations

from tianmu.manage.case.state import CaseState

LEFT = frozenset(("returned", "cancelled"))
"""states of an order that ties its department to the case no more"""
PARTS = frozenset(
    (
        "assign", "transfer", "rule", "cancel", "return", "dispute", "call_off", "tick",
        "inherit", "give_back", "unmerge", "close", "reopen",
    )
)  # fmt: skip
"""steps by which a department may lose a case"""


def parties(state: CaseState) -> frozenset[str]:
    """Departments the case concerns: they lead or join, have an order that is open or was done, are
    called to the place, are told by the plan, or have a point of its checklist or conference. An
    order that was returned, or taken back as the case went to somebody else, ties nobody to it, nor
    does a point that its department had done by then."""
    found = {state.lead, *state.joint, *state.told}
    # a case that is void or merged ends the orders that were open: its departments stay concerned
    ended = {one.order for one in state.kept.open_orders} if state.kept is not None else ()
    found.update([one.unit for one in state.orders if one.state not in LEFT or one.order in ended])
    found.update([one.unit for one in state.calls if one.arrived_at or not one.ended_at])
    left = {one.unit for one in state.orders if one.state in LEFT} - found
    for one in state.tasks:
        found.update(set(one.units) - left if one.done_at else one.units)
    found.discard("")
    return frozenset(found)


def parted(before: CaseState, after: CaseState) -> list[str]:
    """Departments that the case concerned and does no more."""
    return sorted(parties(before) - parties(after))
