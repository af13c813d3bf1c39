"""Who answers for a case: by the duties, else the device's owner, else a person decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tianmu.manage.case.draft import Draft
from tianmu.manage.levels.handing import handed
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City


def assign(
    draft: Draft, city: City, department: str = "", *, more: Mapping[str, Any] | None = None
) -> None:
    """Adds an ``assign`` event: lead and joint departments with the reason. ``department`` owns
    the device that told; ``more`` goes into the event. Where nobody answers the case goes to the
    dispatch queue."""
    state = draft.state
    duties = (state.probe and city.marked_duties) or city.duties
    duty = duties.owner_of(state.matter, state.division) if state.matter else None
    if duty is not None:
        data: dict[str, Any] = {
            "lead": duty.department,
            "joint": list(duty.joint),
            "why": [phrase("why.ruling", number=duty.ruled) if duty.ruled else phrase("why.duty")],
            "basis": duty.basis,
        }
    elif department in city.departments:
        data = {"lead": department, "joint": [], "why": [phrase("why.device_department")]}
    else:
        data = {
            "lead": "",
            "joint": [],
            "why": [phrase("why.no_duty")],
            "queue": state.queue or "dispatch",
        }
    if data["lead"] and state.queue == "dispatch":
        data["queue"] = ""
    if (data["lead"], tuple(data["joint"])) != (state.lead, state.joint) or not data["lead"]:
        draft.add("assign", handed(city, state, {**data, **(more or {})}, draft.now))
