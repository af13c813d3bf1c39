"""Merging and taking apart by hand: every signal moves with its trace, and it can be undone.

A case that was merged keeps its events; taking all its signals out again brings it back. What a
person has taken apart the machine does not put together again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tianmu.facts.place import Place
from tianmu.facts.text import Text
from tianmu.manage import case_table as table
from tianmu.manage import intake, level, owner, response
from tianmu.manage.actor import SYSTEM, Actor
from tianmu.manage.case_state import CaseState
from tianmu.manage.desk import Work
from tianmu.manage.draft import Draft
from tianmu.manage.ledger import decode_member
from tianmu.manage.open_cases import OpenCases
from tianmu.manage.signal import Signal, again
from tianmu.manage.step import Refusal, refuse
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.pack import City

PERMISSION = "case.merge"
Row = tuple[dict[str, Any], int, int]
"""what was told, whether it has returned, when it joined"""


def guard(state: CaseState, actor: Actor, step: str, reason: str) -> Refusal | None:
    """Why this actor may not merge or split this case; None if he may."""
    label = phrase(f"step.{step}")
    if state.probe != actor.probe:
        return refuse("probe")
    if not state.open:
        return refuse("closed", outcome=state.outcome)
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
    why = phrase("reason.by_hand", what=phrase("step.merge"), reason=reason.strip())
    return _together(work, one, other, [why], 1.0, actor.account, reason.strip())


def bridge(work: Work, pairs: list[tuple[str, str]]) -> None:
    """The machine puts cases together that a signal has shown to be one, the younger into the
    older; not where a person has had a hand in either. ``work`` is new: all signals are written."""
    grown: set[str] = set()
    for one, other in dict.fromkeys(pairs):
        first, second = (work.desk.states.get(case) for case in (one, other))
        if first is None or second is None or first.probe != second.probe:
            continue
        if _touched(first) or _touched(second):
            continue
        if _placed(first) < _placed(second):
            first, second = second, first
        if first.case in grown:
            continue  # what it has been given is not written yet: a later signal will show it again
        match = work.desk.index.alike(first.case, second.case)
        if match is not None:
            grown.add(second.case)
            reasons = list(match.reasons)
            _together(work, first, second, reasons, match.score, SYSTEM.account, "")


def _placed(state: CaseState) -> tuple[bool, int, str]:
    """Which of two cases takes in the other: one with a point, then the older."""
    return state.place.longitude is None, state.opened_at, state.case


def _touched(state: CaseState) -> bool:
    """Whether a person has done anything that merging by machine would undo or mix up."""
    return bool(
        not state.open
        or state.hands
        or state.level_by_hand
        or state.calls
        or state.supervision
        or state.ruling
        or state.extension
        or state.queue == "disputed"
        or any(one.by for one in state.orders)
        or any(one.done_at for one in state.tasks)
        or state.apart
        or state.reopened
        or state.suspended_at
        or state.stage not in ("collect", "verify", "file", "dispatch", "handle")
    )


def _together(
    work: Work,
    one: CaseState,
    other: CaseState,
    reasons: list[Text],
    score: float,
    account: str,
    reason: str,
) -> CaseState:
    case, into = one.case, other.case
    rows = _members(work, case)
    leaving = work.draft(case)
    leaving.add(
        "merge",
        {"into": into, "before": one.stage, "beside": _beside(other)},
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
    joining = work.draft(into)
    anchor = work.desk.index.get(into)
    heard = set(anchor.devices) if anchor else set()
    for told, returned, _ in rows:
        data = _joined(told, returned, reasons, came=_came(told, case), heard=heard)
        more = {"since": one.opened_at, "merged": case, "score": score}
        joining.add("join", {**data, **more}, actor=account)
    if one.level_number and (not other.level_number or one.level_number < other.level_number):
        chosen = work.city.profile.numbered(one.level_number)
        joining.add("grade", level.data(work.city, joining.state, chosen, *reasons))
        if joining.state.stage in ("dispatch", "handle"):
            response.follow(joining, work.city)
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
    rows = {f"{row[0]['kind']}:{row[0]['id']}": row for row in _members(work, case)}
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
    staying = {told.get("device") for told, _, _ in left if told["kind"] == "alarm"}
    for told, returned, _ in out:
        signal = again(told, before.probe)
        data: dict[str, Any] = {
            "member": {**told, "returned": bool(returned)},
            "to": target,
            "worst": _worst(left),
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
    if back:
        _lower(draft, work.city, before, back, why)
    work.take(before, draft)
    for told, _, _ in out:
        work.desk.index.forget(case, again(told, before.probe).identity)
        work.desk.alarms.pop(told["id"], None)
    _narrow(work, case, left)
    made = _bring_back(work, back, out, why, actor, reason) if back else None
    made = made or _found(work, target, case, out, why, before, actor)
    for told, returned, _ in out:
        _moved(work, target, again(told, before.probe), returned)
    return draft.state, made


def undo(
    work: Work, case: str, key: str, actor: Actor, reason: str
) -> tuple[CaseState, CaseState] | Refusal:
    """Take back how a signal came into the case (``key`` empty: the one that came last): one that
    joined is taken out; of one that came with another case, that whole case comes back."""
    rows = _members(work, _existing(work, case).case)
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


def _members(work: Work, case: str) -> list[Row]:
    """(what was told, whether it has returned, when it joined) in the order they came."""
    rows = work.tx.connection.execute(
        select(table.member.c.told, table.member.c.returned, table.member.c.joined_at)
        .where(table.member.c.serial == table.serial_of(case))
        .order_by(table.member.c.sequence)
    )
    return [(decode_member(told)[0], returned, joined) for told, returned, joined in rows]


def _joined(
    told: dict[str, Any],
    returned: int,
    reasons: list[Text],
    *,
    came: tuple[str, ...] = (),
    heard: set[str],
) -> dict[str, Any]:
    """Data of the event by which a signal joins; ``came``: the cases it was in before, the last
    one last; ``heard`` are the devices of its case so far."""
    moved = ("returned", "from", "earlier")
    member = {key: value for key, value in told.items() if key not in moved}
    if returned:
        member["returned"] = True
    if came:
        member["from"] = came[-1]
    if len(came) > 1:
        member["earlier"] = list(came[:-1])
    data: dict[str, Any] = {"member": member, "score": 1.0, "reasons": reasons}
    device = told.get("device", "") if told["kind"] == "alarm" else ""
    if device and device not in heard:
        heard.add(device)
        data["new_device"] = True
    return data


def _came(told: dict[str, Any], *more: str) -> tuple[str, ...]:
    """The merged cases that a signal has come through, and more."""
    last = (told["from"],) if told.get("from") else ()
    return (*told.get("earlier", ()), *last, *more)


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
    out: list[Row],
    why: Text,
    actor: Actor,
    reason: str,
) -> CaseState:
    draft = work.draft(back.case)
    heard: set[str] = set()
    for told, returned, _ in out:
        came = _came(told)[:-1]
        data = _joined(told, returned, [why], came=came, heard=heard)
        draft.add("join", data, actor=actor.account)
    stage = back.kept.stage if back.kept else back.stage_before
    draft.add("unmerge", stage=stage, actor=actor.account, reason=reason.strip())
    work.take(back, draft)
    return draft.state


_BESIDE = (
    "signals", "opened_at", "first_at", "last_at", "pace", "spread_m", "collectors", "worst",
    "level_number",
)  # fmt: skip


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
        return {name: was[name] for name in _BESIDE if name not in ("signals", "level_number")}
    times = [told["at"] for told, _, _ in left]
    found: dict[str, Any] = {"first_at": min(times), "last_at": max(times)}
    if back and back.kept and before.opened_at == back.kept.opened_at:
        found["opened_at"] = was.get("opened_at", before.opened_at)
    return found


def _lower(draft: Draft, city: City, before: CaseState, back: CaseState, why: Text) -> None:
    """The level that the merged case had brought goes with it, unless a person has set it."""
    was = back.beside.get("level_number", 0)
    brought = back.kept.level_number if back.kept else 0
    if was and was > before.level_number == brought and not before.level_by_hand:
        draft.add("grade", level.data(city, draft.state, city.profile.numbered(was), why))


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
    since = min(joined for _, _, joined in out)  # it has waited since then
    more: dict[str, Any] = {
        "since": since,
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
        draft.add("join", _joined(told, returned, [why], heard=heard), actor=actor.account)
    level.grade(draft, work.city, only_up=True)
    if not draft.state.lead and before.lead:
        owner.assign(draft, work.city, before.lead)
    work.take(None, draft)
    return draft.state


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
