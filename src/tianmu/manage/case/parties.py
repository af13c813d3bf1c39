"""Whom a case concerns."""

from __future__ import annotations

from tianmu.manage.case.state import CaseState


def parties(state: CaseState) -> frozenset[str]:
    """Departments the case concerns: they lead or join, have an order, are called to the place, are
    told by the plan, or have a point of its checklist or conference."""
    found = {state.lead, *state.joint, *state.told}
    found.update([one.unit for one in state.orders])
    found.update([one.unit for one in state.calls])
    for one in state.tasks:
        found.update(one.units)
    found.discard("")
    return frozenset(found)
