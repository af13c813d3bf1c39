"""Merging and taking apart by hand: every signal moves with its trace, and it can be undone.

A case that was merged keeps its events; taking all its signals out again brings it back. What a
person has taken apart the machine does not put together again.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from tianmu.city.place.distance import metres
from tianmu.facts.place import Place
from tianmu.facts.text import Text
from tianmu.manage import intake
from tianmu.manage.actor import Actor
from tianmu.manage.case import estate
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import CaseState
from tianmu.manage.desk.work import Work
from tianmu.manage.levels import level, owner, response
from tianmu.manage.merging import bequest, raised
from tianmu.manage.merging.member import Row, came_through, joining_as, members
from tianmu.manage.merging.restitution import give_back
from tianmu.manage.merging.run_on import pauses, run_on
from tianmu.manage.signals.open_cases import OpenCases
from tianmu.manage.signals.place import sharper
from tianmu.manage.signals.signal import Signal, again
from tianmu.manage.steps.step import Refusal, refuse
from tianmu.manage.words import phrase

PERMISSION = "case.merge"


def guard(state: CaseState, actor: Actor, step: str, reason: str) -> Refusal | None:
    """Why this actor may not merge or split this case; None if he may."""
    label = phrase(f"step.{step}")
    if state.probe != actor.probe:
        return refuse("probe")
    if not state.open:
        return refuse("closed", outcome=phrase(f"outcome.{state.outcome}"))
    if PERMISSION not in actor.permissions:
        return refuse("permission", step=label)
    if not reason.strip():
        return refuse("reason", step=label)
    return None


def merge(work: Work, case: str, into: str, actor: Actor, reason: str) -> CaseState | Refusal:
    """Put all signals of ``case`` into ``into``; ``case`` ends, ``into`` takes on the older time
    of opening and the higher level. The state of ``into``."""
    one, other = _existing(work, case), _existing(work, into)
    refusal = guard(one, actor, "merge", reason) or guard(other, actor, "merge", reason)
    if refusal is not None:
        return refusal
    if case == into:
        return refuse("same_case")
    if one.extension is not None and other.extension is not None:
        return refuse("extension_asked")  # a case has one that is waited for
    why = phrase("reason.by_hand", what=phrase("step.merge"), reason=reason.strip())
    return together(work, one, other, [why], 1.0, actor.account, reason.strip())


def together(
    work: Work,
    one: CaseState,
    other: CaseState,
    reasons: list[Text],
    score: float,
    account: str,
    reason: str,
) -> CaseState:
    """All signals of ``one`` into ``other``, with its orders, calls and clocks (``bequest``)."""
    case, into = one.case, other.case
    rows = members(work.tx.connection, one)
    joining = work.draft(into)
    signs = [sign for sign in one.signs if sign not in other.signs]
    taken, left = bequest.take_over(work.city, one, other, joining.now)
    anchor = work.desk.index.get(into)
    heard = set(anchor.devices) if anchor else set()
    for told, returned, _ in rows:
        data = joining_as(told, returned, reasons, came=came_through(told, case), heard=heard)
        more: dict[str, Any] = {"since": one.opened_at, "merged": case, "score": score}
        if signs:
            more["signs"], signs = signs, []
        joining.add("join", {**data, **more}, actor=account)
    if taken:
        stage = taken.pop("stage", "")
        data = {"from": case, "fields": estate.plain(taken)}
        joining.add("inherit", data, stage=stage, actor=account)
    sent = raised.rise(joining, work.city, one, reasons, other.signals)
    leaving = work.draft(case)
    made = [joining.state.level_number, joining.state.level_by_hand]
    beside = {**_beside(other), "made_level": made, "left": left, "sent": sent}
    leaving.add(
        "merge",
        {"into": into, "before": one.stage, "beside": beside},
        stage="close",
        actor=account,
        reason=reason,
    )
    gone: set[str] = set()
    for told, returned, _ in rows:
        device = told.get("device", "") if told["kind"] == "alarm" else ""
        moved: dict[str, Any] = {"member": {**told, "returned": bool(returned)}, "to": into}
        if device and device not in gone:
            gone.add(device)
            moved["gone_device"] = True
        leaving.add("leave", moved)
    work.take(one, leaving)
    work.take(other, joining)
    for told, returned, _ in rows:
        _moved(work, into, again(told, one.probe), returned)
    return joining.state


def split(
    work: Work, case: str, keys: list[str], actor: Actor, reason: str
) -> tuple[CaseState, CaseState] | Refusal:
    """Take the signals ``keys`` (``alarm:<id>``, ``report:<id>``) out of ``case``.

    If they are just those of a case that was merged into it, that case comes back; otherwise they
    make a new case. The states of both.
    """
    before = _existing(work, case)
    refusal = guard(before, actor, "split", reason)
    if refusal is not None:
        return refusal
    rows = {f"{row[0]['kind']}:{row[0]['id']}": row for row in members(work.tx.connection, before)}
    wanted = list(dict.fromkeys(keys))
    if not wanted or any(key not in rows for key in wanted):
        return refuse("member")
    if len(wanted) == len(rows):
        return refuse("last_member")
    out = [rows[key] for key in wanted]
    back = _merged_before(work, rows, wanted)
    why = phrase("reason.by_hand", what=phrase("step.split"), reason=reason.strip())
    target = back.case if back else work.new_case()
    left = [row for key, row in rows.items() if key not in set(wanted)]
    draft = work.draft(case)
    signs = _signs(work, before, back, out, left)
    staying = {told.get("device") for told, _, _ in left if told["kind"] == "alarm"}
    for told, returned, _ in out:
        signal = again(told, before.probe)
        data: dict[str, Any] = {
            "member": {**told, "returned": bool(returned)},
            "to": target,
            "worst": _worst(left),
            "signs": signs,
            "apart": list(signal.keys),
        }
        if signal.kind == "alarm" and signal.device and signal.device not in staying:
            staying.add(signal.device)
            data["gone_device"] = True
        if back:
            data["merged"] = back.case
        if (told, returned) == (out[-1][0], out[-1][1]):
            data["restore"] = _restored(before, back, out, left)
        draft.add("leave", data, actor=actor.account, reason=reason.strip())
    given: dict[str, Any] = {}
    if back:
        kept, given = give_back(work.city, back, draft.state, draft.now)
        if kept:
            stage = kept.pop("stage", "")
            told = {"to": target, "fields": estate.plain(kept)}
            draft.add("give_back", told, stage=stage, actor=actor.account)
        raised.fall(draft, work.city, before, back, why, actor.account)
    work.take(before, draft)
    for told, _, _ in out:
        work.desk.index.forget(case, again(told, before.probe).identity)
        work.desk.alarms.pop(told["id"], None)
    _narrow(work, case, left)
    made = _bring_back(work, back, given, out, why, actor, reason) if back else None
    made = made or _found(work, target, case, out, why, before, actor)
    for told, returned, _ in out:
        _moved(work, target, again(told, before.probe), returned)
    return draft.state, made


def undo(
    work: Work, case: str, key: str, actor: Actor, reason: str
) -> tuple[CaseState, CaseState] | Refusal:
    """Take back how a signal came into the case (``key`` empty: the one that came last): one that
    joined is taken out; of one that came with another case, that whole case comes back."""
    rows = members(work.tx.connection, _existing(work, case))
    found = [told for told, _, _ in rows if not key or f"{told['kind']}:{told['id']}" == key]
    if not found:
        return refuse("member")
    came = found[-1].get("from", "")
    other = work.state(came) if came else None
    if other is not None and other.outcome == "merged" and other.merged_into == case:
        keys = [f"{told['kind']}:{told['id']}" for told, _, _ in rows if told.get("from") == came]
    else:
        keys = [f"{found[-1]['kind']}:{found[-1]['id']}"]
    return split(work, case, keys, actor, reason)


def _existing(work: Work, case: str) -> CaseState:
    state = work.state(case)
    if state is None:
        raise LookupError(f"there is no case {case!r}")
    return state


def _merged_before(work: Work, rows: dict[str, Row], wanted: list[str]) -> CaseState | None:
    """The merged case whose signals are exactly ``wanted``, if there is one."""
    came = {rows[key][0].get("from", "") for key in wanted}
    if len(came) != 1 or not (case := came.pop()):
        return None
    if {key for key, row in rows.items() if row[0].get("from") == case} != set(wanted):
        return None
    state = work.state(case)
    return state if state is not None and state.outcome == "merged" else None


def _bring_back(
    work: Work,
    back: CaseState,
    given: dict[str, Any],
    out: list[Row],
    why: Text,
    actor: Actor,
    reason: str,
) -> CaseState:
    """``given``: what has changed of it while it was merged."""
    draft = work.draft(back.case)
    heard: set[str] = set()
    for told, returned, _ in out:
        came = came_through(told)[:-1]
        data = joining_as(told, returned, [why], came=came, heard=heard)
        draft.add("join", data, actor=actor.account)
    stage = given.pop("stage", back.kept.stage if back.kept else back.stage_before)
    data = {"fields": estate.plain(given)} if given else {}
    draft.add("unmerge", data, stage=stage, actor=actor.account, reason=reason.strip())
    state = draft.state
    if back.kept and state.worst != back.kept.worst and not state.level_by_hand:
        level.grade(draft, work.city, only_up=True)  # an alarm of it has worsened meanwhile
        if draft.state.level != state.level and state.stage in ("dispatch", "handle"):
            response.follow(draft, work.city)
    work.take(back, draft)
    return draft.state


_BESIDE = (
    "signals", "opened_at", "first_at", "last_at", "pace", "spread_m", "collectors",
    "signs", "level_number", "level_by_hand", "risen_from",
)  # fmt: skip
_LATER = ("signals", "signs", "level_number", "level_by_hand", "risen_from")
"""of these, what is not simply set back"""


def _beside(state: CaseState) -> dict[str, Any]:
    """What taking another case in changes of a case, as it is before."""
    return {name: getattr(state, name) for name in _BESIDE}


def _restored(
    before: CaseState, back: CaseState | None, out: list[Row], left: list[Row]
) -> dict[str, Any]:
    """What a case is again when signals have been taken out: what it was before it took them in,
    unless others have come since; times then follow from those that are left."""
    was = back.beside if back else {}
    if was and before.signals == was["signals"] + len(out):
        return {name: was[name] for name in _BESIDE if name in was and name not in _LATER}
    times = [told["at"] for told, _, _ in left]
    found: dict[str, Any] = {"first_at": min(times), "last_at": max(times)}
    if back and back.kept and before.opened_at == back.kept.opened_at:
        found["opened_at"] = was.get("opened_at", before.opened_at)
    return found if back else {**found, **_where(before, out, left)}


def _where(before: CaseState, out: list[Row], left: list[Row]) -> dict[str, Any]:
    """Where the case is by the signals that are left, if it had its place from one of those taken
    out (or from what that said later, as it grew worse); how far it extends, in any case."""
    gone, stay = _places(out), _places(left)
    place, found = before.place, dict[str, Any]()
    worse = {alarm for alarm, _ in before.graver}
    later = _named(out) & worse and not _named(left) & worse
    if place not in stay and (place in gone or later):
        place = stay[0]
        for one in stay[1:]:
            place = one if sharper(one, place) else place
        found["place"] = msgspec.to_builtins(place)
        if place.division and before.division == before.place.division:
            found["division"] = place.division
    reach = ((metres(place, one), one.precision or 0.0) for one in stay)
    found["spread_m"] = max(
        (round(far - vague, 1) for far, vague in reach if far is not None and far > vague),
        default=0.0,
    )
    return found


def _places(rows: list[Row]) -> list[Place]:
    return [msgspec.convert(told.get("place", {}), Place) for told, _, _ in rows]


def _named(rows: list[Row]) -> set[str]:
    return {told["id"] for told, _, _ in rows}


def _found(
    work: Work,
    target: str,
    case: str,
    out: list[Row],
    why: Text,
    before: CaseState,
    actor: Actor,
) -> CaseState:
    """A new case of the signals taken out."""
    first = again(out[0][0], before.probe)
    if not first.matters and before.matter:
        first = replace(first, matters=((before.matter, 1.0),))
    if first.place == Place():
        first = replace(first, place=before.place)
    draft = Draft(target, None, work.now, before.probe)
    oldest = min(out, key=lambda row: row[0]["since"])  # it has waited since then
    more: dict[str, Any] = {
        "since": oldest[0]["since"],
        "member": {**first.told(), "since": out[0][0]["since"]},
        "split_from": case,
        "reasons": [why],
        "by": actor.account,
    }
    number = work.new_number(before.probe)
    intake.open_case(draft, work.city, first, number, work.desk.policy, **more)
    if out[0][1]:
        draft.add("returned", {"member": {"kind": "alarm", "id": first.id}, "at": work.now})
    heard = {first.device}
    for told, returned, _ in out[1:]:
        data = joining_as(told, returned, [why], heard=heard)
        data |= level.new_signs(work.city, draft.state, again(told, before.probe))
        draft.add("join", data, actor=actor.account)
    level.grade(draft, work.city, only_up=True)
    if not draft.state.lead and before.lead:
        owner.assign(draft, work.city, before.lead)
    run_on(draft, work.city, before, oldest, pauses(work, before, oldest))
    work.take(None, draft)
    return draft.state


def _signs(
    work: Work, before: CaseState, back: CaseState | None, out: list[Row], left: list[Row]
) -> list[str]:
    """What is still said that grading waits for, once the signals ``out`` have gone; with ``back``
    goes what it had of it, unless that was said here, too."""
    gone, stay = (
        {
            sign
            for told, _, _ in rows
            for sign in level.signs_of(work.city, again(told, before.probe))
        }
        for rows in (out, left)
    )
    if back is not None:
        gone.update(back.kept.signs if back.kept else ())
        stay.update(back.beside.get("signs", ()))
    return [one for one in before.signs if one in stay or one not in gone]


def _worst(rows: list[Row]) -> int:
    found = [told.get("priority", 0) for told, _, _ in rows if told["kind"] == "alarm"]
    return min((priority for priority in found if priority), default=0)


def _narrow(work: Work, case: str, left: list[Row]) -> None:
    """Memory forgets devices and words that only the signals taken out had brought."""
    index: OpenCases = work.desk.index
    state = _existing(work, case)
    index.refresh(state, [again(told, state.probe) for told, _, _ in left])


def _moved(work: Work, case: str, signal: Signal, returned: int) -> None:
    work.told(case, signal)
    if returned:
        work.desk.alarms.pop(signal.id, None)
