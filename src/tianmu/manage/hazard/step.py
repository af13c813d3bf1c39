"""What may be done to a hazard, by whom, and by when it is due. Nobody signs off his own work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.access.masking import mask_text
from tianmu.city.calendar.limit import Limit
from tianmu.city.matter.hazard import GRADES
from tianmu.facts.place import Place
from tianmu.manage.hazard.state import CLOSED, OPEN, RECTIFIED, STANDS, VOID, Hazard, Reckoned

if TYPE_CHECKING:
    from tianmu.city.city import City

PERMISSIONS = {
    "measure": "hazard.write",
    "evidence": "hazard.write",
    "check": "hazard.handle",
    "rectify": "hazard.handle",
    "assign": "hazard.check",
    "grade": "hazard.check",
    "sign": "hazard.check",
    "reject": "hazard.check",
    "extend": "hazard.check",
    "void": "hazard.check",
    "reopen": "hazard.check",
}
"""step → what it needs"""
STAGES_OF = {
    "measure": STANDS,
    "evidence": STANDS,
    "check": STANDS,
    "rectify": (OPEN,),
    "assign": STANDS,
    "grade": (OPEN,),
    "sign": (RECTIFIED,),
    "reject": (RECTIFIED,),
    "extend": (OPEN,),
    "void": STANDS,
    "reopen": (CLOSED, VOID),
}
REASONED = frozenset(("assign", "grade", "reject", "extend", "void", "reopen"))
RESULTS = ("unchanged", "better", "worse", "gone")
"""of a look at it"""
AFTER, BEFORE = "handle_after", "handle_before"
"""roles of pictures, as ``evidence`` has them"""
MOST_FILES = 100
MOST_MEASURES = 50
LONGEST = 3 * 366 * 86_400_000_000
"""µs ahead that a limit may be set by hand"""


class HazardRefused(ValueError):
    """It is not done; ``remedy`` says what would be."""

    def __init__(self, code: str, what: str, remedy: str, where: str = "") -> None:
        super().__init__(what)
        self.code, self.remedy, self.where = code, remedy, where


def actions(state: Hazard, actor: str) -> list[str]:
    """Steps that its stage allows to ``actor``; permissions decide besides."""
    found = [step for step, stages in STAGES_OF.items() if state.stage in stages]
    if state.rectified_by == actor:
        found = [step for step in found if step not in {"sign", "reject"}]
    return found


def enter(
    city: City, *, title: str, kind: str, grade: str, place: Place, department: str,
    measures: tuple[str, ...], due: int, source: str, now: int,
) -> dict[str, Any]:  # fmt: skip
    """What the event of a new hazard holds. Raises ``HazardRefused``."""
    told = city.hazards
    if not told.kinds:
        raise HazardRefused("no-ledger", "the pack has no hazards.toml", "add it: see docs/pack.md")
    if not 2 <= len(title.strip()) <= 200:
        raise HazardRefused(
            "invalid", "title has not 2 to 200 characters", "say what it is", "title"
        )
    if kind not in told.kinds:
        what, remedy = f"no kind is {kind!r}", f"use {', '.join(told.kinds)}"
        raise HazardRefused("invalid", what, remedy, "kind")
    _grade(grade)
    division = place.division
    if not division and place.longitude is not None and place.latitude is not None:
        division = city.places.division_at(place.longitude, place.latitude)
    if division not in city.divisions:
        what = f"the place lies in no division: {division or 'none is named'}"
        raise HazardRefused("invalid", what, "name the division, or a point in the city", "place")
    return {
        "title": title.strip(),
        "kind": kind,
        "grade": grade,
        "place": msgspec.to_builtins(msgspec.structs.replace(place, division=division)),
        "department": _department(city, department, kind, division),
        "measures": list(_measures(measures)),
        **limit(city, grade, due, now),
        **look(city, grade, now),
        "source": source,
    }


def _grade(grade: str) -> None:
    if grade not in GRADES:
        raise HazardRefused(
            "invalid", f"no grade is {grade!r}", f"use {', '.join(GRADES)}", "grade"
        )


def _department(city: City, department: str, kind: str, division: str) -> str:
    if department:
        if department not in city.departments:
            what = f"no department is {department!r}"
            raise HazardRefused("invalid", what, "GET /api/organisation lists them", "department")
        return department
    matter = city.hazards.kinds[kind].matter
    duty = city.owner_of(matter, division) if matter else None
    if duty is None:
        raise HazardRefused(
            "invalid", f"nobody answers for kind {kind} by the pack's duties", "name who does",
            "department",
        )  # fmt: skip
    return city.duties.resolve(duty.department, division)


def _measures(measures: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(one.strip() for one in measures if one.strip())
    if len(found) > MOST_MEASURES or any(len(one) > 500 for one in found):
        what = f"more than {MOST_MEASURES} measures, or one of more than 500 characters"
        raise HazardRefused("invalid", what, "say it shorter", "measures")
    return found


def limit(city: City, grade: str, due: int, now: int) -> dict[str, Any]:
    """By when a hazard is to be put right: as was said, else by its grade over working time."""
    if not due:
        return reckoned(city, "due", "due_by", city.hazards.grades[grade].within, now)
    if not now < due <= now + LONGEST:
        what = "the limit has passed, or lies more than three years ahead"
        raise HazardRefused("invalid", what, "give a time after now", "due")
    return {"due": due}


def look(city: City, grade: str, now: int) -> dict[str, Any]:
    """When a hazard is looked at next."""
    return reckoned(city, "check_due", "check_by", city.hazards.grades[grade].check, now)


def reckoned(city: City, key: str, by: str, within: Limit, start: int) -> dict[str, Any]:
    """A limit over the calendar in force, and how it came about."""
    told = Reckoned(start=start, limit=within)
    return {key: city.calendar.add(start, within), by: msgspec.to_builtins(told)}


def permit(state: Hazard, step: str, actor: str, reason: str) -> None:
    """``HazardRefused`` unless ``actor`` may take ``step`` in this stage."""
    if step not in STAGES_OF:
        raise HazardRefused("unknown-step", f"no step is {step!r}", f"use {', '.join(STAGES_OF)}")
    if state.stage not in STAGES_OF[step]:
        allowed = ", ".join(actions(state, actor)) or "nothing"
        raise HazardRefused(
            "not-permitted", f"{step} is not possible while it is {state.stage}",
            f"possible now: {allowed}",
        )  # fmt: skip
    if step in REASONED and not reason.strip():
        raise HazardRefused(
            "reason-needed", f"{step} needs a reason", "say why in `reason`", "reason"
        )
    if step in {"sign", "reject"} and state.rectified_by == actor:
        raise HazardRefused(
            "second-person", "whoever put it right does not sign it off",
            "let somebody else with the permission hazard.check look at it",
        )  # fmt: skip


def decide(
    city: City, state: Hazard, step: str, now: int, *, result: str = "", grade: str = "",
    department: str = "", measures: tuple[str, ...] = (), due: int = 0, note: str = "",
) -> dict[str, Any]:  # fmt: skip
    """What the event of a step holds, beside its reason. Raises ``HazardRefused``."""
    data: dict[str, Any] = {"note": note} if note else {}
    if step == "check":
        if result not in RESULTS:
            what = f"no result is {result!r}"
            raise HazardRefused("invalid", what, f"use {', '.join(RESULTS)}", "result")
        return {**data, "result": result, **look(city, state.grade, now)}
    if step == "measure":
        # whoever changes one sends the others back as they were shown: they stay what they are
        held = {mask_text(one): one for one in state.measures}
        return {**data, "measures": [held.get(one, one) for one in _measures(measures)]}
    if step == "assign":
        answers = _department(city, department, state.kind, state.place.division)
        return {**data, "department": answers}
    if step == "grade":
        _grade(grade)
        looks = look(city, grade, now)
        # a look that comes sooner by the grade before stays where it was
        sooner = 0 < state.check_due < looks["check_due"]
        again = {} if sooner else looks
        return {**data, "grade": grade, **limit(city, grade, due, now), **again}
    if step == "rectify":
        if not any(one.role == AFTER and one.at >= state.entered_at for one in _newer(state)):
            raise HazardRefused(
                "no-picture", "no picture shows how it is now",
                f"attach one with role {AFTER} first, then say that it is put right",
            )  # fmt: skip
        return data
    if step == "extend":
        if due <= state.due:
            raise HazardRefused("invalid", "the new limit is not later", "give a later one", "due")
        return {**data, **limit(city, state.grade, due, now)}
    if step in {"reject", "reopen"}:
        again = limit(city, state.grade, due, now) if due or step == "reopen" else {}
        looks = {} if state.check_due else look(city, state.grade, now)
        return {**data, **again, **looks}
    return data


def attached(state: Hazard, digest: str, role: str) -> bool:
    """Whether this very file is there already. ``HazardRefused`` where it shows something else: a
    picture of how it was is none of how it is, and one that was found wanting is none either."""
    held = next((one for one in state.files if one.digest == digest), None)
    if held is not None and held.role != role:
        raise HazardRefused(
            "same-file", f"this very file is attached as {held.role}", "attach another picture"
        )
    return held is not None


def _newer(state: Hazard) -> list[Any]:
    """Files since it was last said to be put right: what was found wanting proves nothing twice."""
    return [one for one in state.files if one.at > state.rectified_at]
