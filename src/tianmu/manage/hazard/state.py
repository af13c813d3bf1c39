"""A hazard as its steps leave it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from tianmu.city.calendar.limit import Limit
from tianmu.facts.hazard import HazardEvent
from tianmu.facts.place import Place

OPEN, RECTIFIED, CLOSED, VOID = "open", "rectified", "closed", "void"
STAGES = (OPEN, RECTIFIED, CLOSED, VOID)
STANDS = (OPEN, RECTIFIED)
"""stages in which it is still there, or nobody has said that it is not"""


class HazardFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A picture or paper, as ``evidence`` keeps it."""

    digest: str
    name: str
    media_type: str
    role: str
    at: int
    actor: str
    scan: str = ""


class Reckoned(msgspec.Struct, frozen=True, kw_only=True):
    """How a limit came about, so that it can be reckoned anew under another calendar."""

    start: int
    """µs"""
    limit: Limit


class Hazard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    hazard: str
    version: int = 0
    stage: str = OPEN
    title: str = ""
    kind: str = ""
    grade: str = ""
    place: Place = msgspec.field(default_factory=Place)
    department: str = ""
    """who answers for putting it right"""
    measures: tuple[str, ...] = ()
    """what is done until it is right, and to make it so"""
    due: int = 0
    """µs: by when it is to be put right"""
    due_by: Reckoned | None = None
    """None: a person set it, and it stays"""
    check_due: int = 0
    """µs: when it is looked at next; 0 once it is closed"""
    check_by: Reckoned | None = None
    checked_at: int = 0
    checked_by: str = ""
    result: str = ""
    """of the last look"""
    source: str = ""
    """``case:<case>``, ``import:<number>``, or empty"""
    entered_at: int = 0
    entered_by: str = ""
    rectified_at: int = 0
    rectified_by: str = ""
    late: int = 0
    """µs after the limit that it was put right; stays, whatever comes after"""
    closed_at: int = 0
    closed_by: str = ""
    rejected: int = 0
    """times that whoever looked found it not put right"""
    extended: int = 0
    files: tuple[HazardFile, ...] = ()
    changed_at: int = 0

    @property
    def next(self) -> int:
        """µs of what is due next, 0: nothing is."""
        if self.stage not in STANDS:
            return 0
        dues = [self.check_due] if self.check_due else []
        return min([*dues, self.due]) if self.stage == OPEN else min(dues, default=self.due)

    def overdue(self, now: int) -> bool:
        """Whether it should have been put right by now."""
        return self.stage == OPEN and self.due < now

    def unlooked(self, now: int) -> bool:
        """Whether it should have been looked at by now."""
        return self.stage in STANDS and 0 < self.check_due < now


FIELDS = frozenset(
    ("title", "kind", "grade", "place", "department", "measures", "due", "check_due", "source")
)
"""what an event's ``data`` may set as it stands"""


def fold(state: Hazard, event: HazardEvent) -> Hazard:
    """The hazard after ``event``."""
    data, step = event.data, event.step
    fields: dict[str, Any] = {key: data[key] for key in data.keys() & FIELDS}
    if "place" in fields:
        fields["place"] = msgspec.convert(fields["place"], Place)
    for key, by in (("due", "due_by"), ("check_due", "check_by")):
        if by in data:
            fields[by] = msgspec.convert(data[by], Reckoned)
        elif key in data:
            fields[by] = None
    if "measures" in fields:
        fields["measures"] = tuple(fields["measures"])
    fields |= {"version": event.sequence, "changed_at": event.at}
    if step == "enter":
        fields |= {"entered_at": event.at, "entered_by": event.actor}
    elif step == "check":
        fields |= {
            "checked_at": event.at,
            "checked_by": event.actor,
            "result": data.get("result", ""),
        }
    elif step == "evidence":
        made = HazardFile(at=event.at, actor=event.actor, **data["file"])
        fields["files"] = (*(f for f in state.files if f.digest != made.digest), made)
    elif step == "rectify":
        fields |= {
            "stage": RECTIFIED,
            "rectified_at": event.at,
            "rectified_by": event.actor,
            "late": max(state.late, event.at - state.due, 0),
        }
    elif step == "sign":
        fields |= {
            "stage": CLOSED, "closed_at": event.at, "closed_by": event.actor, "check_due": 0,
        }  # fmt: skip
    elif step == "reject":
        fields |= {"stage": OPEN, "rejected": state.rejected + 1}
    elif step == "extend":
        fields["extended"] = state.extended + 1
    elif step == "void":
        fields |= {"stage": VOID, "closed_at": event.at, "closed_by": event.actor, "check_due": 0}
    elif step == "reopen":
        fields |= {"stage": OPEN, "closed_at": 0, "closed_by": "", "rectified_by": ""}
    return msgspec.structs.replace(state, **fields)


def of_events(events: Iterable[HazardEvent]) -> Hazard:
    """The hazard that its events make, first to last; there is at least one."""
    state = Hazard(hazard="")
    for event in events:
        if not state.hazard:
            state = Hazard(hazard=event.hazard)
        state = fold(state, event)
    return state
