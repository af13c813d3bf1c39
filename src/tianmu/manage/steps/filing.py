"""From what was told to a filed case: supplement, verify, file, grade, assign."""

from __future__ import annotations

from typing import Any

from tianmu.manage.case.state import CaseState
from tianmu.manage.levels import level, owner, response
from tianmu.manage.steps.step import refuse
from tianmu.manage.steps.turn import Refused, Turn, separate
from tianmu.manage.words import phrase


def supplement(turn: Turn) -> None:
    """Whoever told it says more; what rules wait for counts in it as in what was told first."""
    text = turn.text("text")
    said = [one for one in level.signs(turn.city, text=text) if one not in turn.state.signs]
    turn.take({"text": text, **({"signs": said} if said else {})}, stage="verify")
    if said:
        level.reconsider(turn.draft, turn.city)


def _told(turn: Turn) -> dict[str, Any]:
    """Matter and division as whoever verifies or files corrects them."""
    data: dict[str, Any] = {"queue": "" if turn.state.lead else "dispatch"}
    if turn.command.data.get("matter"):
        data["matter"] = turn.code("matter", turn.city.matters)
    if turn.command.data.get("division"):
        data["division"] = turn.code("division", turn.city.divisions)
    return data


def _settle(turn: Turn, before: CaseState) -> None:
    """Level and owner anew where matter or division have changed."""
    now = turn.state
    if (now.matter, now.division) != (before.matter, before.division):
        if now.level_by_hand:
            level.reconsider(turn.draft, turn.city)
        else:
            level.grade(turn.draft, turn.city)
        owner.assign(turn.draft, turn.city)


def verify(turn: Turn) -> None:
    separate(turn)
    before = turn.state
    turn.take(_told(turn), stage="file")
    _settle(turn, before)


def file(turn: Turn) -> None:
    if turn.state.stage == "verify":
        separate(turn)
    before = turn.state
    data = _told(turn)
    matter = turn.city.matters.get(data.get("matter") or before.matter)
    if matter is None:
        raise Refused(refuse("data", field="matter"))
    data["standard"] = standard(turn, matter)
    turn.take(data, stage="dispatch")
    _settle(turn, before)
    response.respond(turn.draft, turn.city)


def standard(turn: Turn, matter: Any) -> int:
    """The filing standard chosen, else the one in force, else the matter's default."""
    numbers = [standard.number for standard in matter.standards]
    value = turn.command.data.get("standard")
    if value in (None, "", 0):
        if turn.state.standard in numbers:
            return turn.state.standard
        return matter.default.number if matter.default else 0
    if value not in numbers:
        raise Refused(refuse("data", field="standard"))
    return int(value)


_SITUATION = {"dead": True, "injured": True, "trapped": True, "loss": False, "area_ha": False}
"""what may be told of a situation, and whether it is a whole number"""


def assess(turn: Turn) -> None:
    """How bad it is, from whoever sees it: what is given replaces what was said before, and the
    level may rise by it, or – where a person has set it – the rules say that it should. It never
    falls by itself: a person lowers it with a reason."""
    told: dict[str, float] = {}
    for name, whole in _SITUATION.items():
        value = turn.command.data.get(name)
        if value in (None, ""):
            continue
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value < 1e15:
            raise Refused(refuse("data", field=name))
        told[name] = value
    if not told:
        raise Refused(refuse("data", field=", ".join(_SITUATION)))
    turn.take({"situation": told})
    before = turn.state
    level.reconsider(turn.draft, turn.city)
    if turn.state.level != before.level and turn.state.stage in ("dispatch", "handle"):
        response.follow(turn.draft, turn.city)


def grade(turn: Turn) -> None:
    names = [one.name for one in turn.city.profile.levels]
    name = str(turn.command.data.get("level", "")).strip()
    if name not in names:
        form = phrase("form.level", levels=", ".join(names))
        raise Refused(refuse("data", field="level", form=form))
    before = turn.state
    chosen = turn.city.profile.level(name)
    by_hand = turn.command.data.get("rules") is not True  # else the rules may raise it from there
    told = level.data(turn.city, before, chosen, level.by_hand(), by_hand=by_hand)
    asked = level.asked(turn.city, before, turn.draft.now)
    asked = min(asked, before.advised or asked)  # a scenario has asked for it, or an alarm
    if asked < chosen.number:  # the case has said so already, or shows it: known to who decides
        told["advised"] = asked
    if turn.command.back:
        told |= _held(turn, chosen.number)
    turn.take(told)
    if not by_hand:
        level.reconsider(turn.draft, turn.city)
    if turn.state.stage in ("dispatch", "handle"):
        response.follow(turn.draft, turn.city)


def _held(turn: Turn, number: int) -> dict[str, int]:
    """Below which level it does not fall, and from which limits had raised it, as it was."""
    found: dict[str, int] = {}
    for name in ("held", "risen_from"):
        value = turn.command.data.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refused(refuse("data", field=name))
        if value:
            if not number <= value <= len(turn.city.profile.levels):
                raise Refused(refuse("data", field=name))
            found[name] = value
    return found


def assign(turn: Turn) -> None:
    lead = turn.code("department", turn.city.departments)
    joint = turn.command.data.get("joint") or []
    if not isinstance(joint, list) or not all(
        isinstance(one, str) and one in turn.city.departments for one in joint
    ):
        raise Refused(refuse("data", field="joint"))
    turn.take({"lead": lead, "joint": [one for one in joint if one != lead], "queue": ""})
