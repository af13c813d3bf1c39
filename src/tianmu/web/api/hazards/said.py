"""Hazards as the API and push say them: what is surely somebody's masked, as in cases."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tianmu.access.masking import mask_text
from tianmu.access.role import ROLES
from tianmu.access.scope import Extent
from tianmu.facts.hazard import HazardEvent
from tianmu.facts.text import Text
from tianmu.manage.hazard.state import Hazard
from tianmu.manage.hazard.step import PERMISSIONS, STAGES_OF
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.place import PlaceSaid, department_name, division_name
from tianmu.web.answer.place import said as place_said
from tianmu.web.hub import Hub


class HazardFileSaid(msgspec.Struct, frozen=True, kw_only=True):
    digest: str
    name: str
    media_type: str
    role: str
    """``handle_before``, ``handle_after``, …"""
    at: Instant | None
    actor: str
    scan: str
    """``infected``: it is kept apart and not given out"""


class HazardSaid(msgspec.Struct, frozen=True, kw_only=True):
    hazard: str
    version: int
    stage: str
    """``open``, ``rectified`` (waits to be signed off), ``closed``, ``void``"""
    title: str
    kind: str
    kind_name: Text
    grade: str
    grade_name: Text
    place: PlaceSaid
    division_name: Text | None
    department: str
    department_name: Text | None
    measures: list[str]
    due: Instant | None
    overdue: bool
    check_due: Instant | None
    unlooked: bool
    """whether it should have been looked at by now"""
    checked_at: Instant | None
    checked_by: str
    result: str
    source: str
    entered_at: Instant | None
    entered_by: str
    rectified_at: Instant | None
    rectified_by: str
    late_s: int
    """seconds after its limit that it was put right"""
    closed_at: Instant | None
    closed_by: str
    rejected: int
    extended: int
    files: list[HazardFileSaid]
    changed_at: Instant | None


class HazardStep(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    step: str
    at: Instant | None
    actor: str
    actor_name: str
    reason: str
    note: str
    result: str
    department_name: Text | None
    grade_name: Text | None
    due: Instant | None
    file: str
    """name of a file that was attached"""


class HazardWhole(msgspec.Struct, frozen=True, kw_only=True):
    hazard: HazardSaid
    steps: list[HazardStep]
    actions: list[str]
    """steps that this account may take now"""
    takers: dict[str, list[Text]]
    """what is waited for (`check`, `rectify`, `sign`) → names of the roles that may do it"""


class HazardPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    division: str = ""
    address: Annotated[str, msgspec.Meta(max_length=200)] = ""


AWAITED = ("check", "rectify", "sign")


def takers(state: Hazard) -> dict[str, list[Text]]:
    """The steps that its stage waits for, each with the roles of persons that may take it."""
    return {
        step: [
            role.name
            for role in ROLES.values()
            if not role.machine and PERMISSIONS[step] in role.permissions
        ]
        for step in AWAITED
        if state.stage in STAGES_OF[step]
    }


def extent(state: Hazard) -> Extent:
    """Where a hazard stands."""
    return Extent(state.place.division, (state.department,))


def said(hub: Hub, state: Hazard) -> HazardSaid:
    city, now = hub.city, hub.clock()
    kind, grade = city.hazards.kinds.get(state.kind), city.hazards.grades.get(state.grade)
    return HazardSaid(
        hazard=state.hazard,
        version=state.version,
        stage=state.stage,
        title=mask_text(state.title),
        kind=state.kind,
        kind_name=kind.name if kind else {},
        grade=state.grade,
        grade_name=grade.name if grade else {},
        place=place_said(state.place),
        division_name=division_name(city, state.place.division),
        department=state.department,
        department_name=department_name(city, state.department),
        measures=[mask_text(one) for one in state.measures],
        due=moment.say(state.due),
        overdue=state.overdue(now),
        check_due=moment.say(state.check_due),
        unlooked=state.unlooked(now),
        checked_at=moment.say(state.checked_at),
        checked_by=state.checked_by,
        result=state.result,
        source=state.source,
        entered_at=moment.say(state.entered_at),
        entered_by=state.entered_by,
        rectified_at=moment.say(state.rectified_at),
        rectified_by=state.rectified_by,
        late_s=state.late // 1_000_000,
        closed_at=moment.say(state.closed_at),
        closed_by=state.closed_by,
        rejected=state.rejected,
        extended=state.extended,
        files=[
            HazardFileSaid(
                digest=one.digest,
                name=one.name,
                media_type=one.media_type,
                role=one.role,
                at=moment.say(one.at),
                actor=one.actor,
                scan=one.scan,
            )
            for one in state.files
        ],
        changed_at=moment.say(state.changed_at),
    )


def step_said(hub: Hub, event: HazardEvent, names: dict[str, str]) -> HazardStep:
    data, city = event.data, hub.city
    grade = city.hazards.grades.get(data.get("grade", ""))
    return HazardStep(
        sequence=event.sequence,
        step=event.step,
        at=moment.say(event.at),
        actor=event.actor,
        actor_name=names.get(event.actor, event.actor),
        reason=mask_text(event.reason),
        note=mask_text(data.get("note", "")),
        result=data.get("result", ""),
        department_name=department_name(city, data.get("department", "")),
        grade_name=grade.name if grade else None,
        due=moment.say(data.get("due", 0)),
        file=data["file"]["name"] if "file" in data else "",
    )
