"""What the events of a case add up to. Pure: no clock, no store, no city is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import msgspec

from tianmu.city.place.distance import metres
from tianmu.facts.case import CaseEvent
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.manage.case import fold_aside, fold_merge, fold_order
from tianmu.manage.case import fold_beside as beside
from tianmu.manage.case.state import CaseState, Clock

Data: TypeAlias = dict[str, Any]
_replace = msgspec.structs.replace

BESIDE = frozenset({"contact", "notice", "warn"})
"""steps that change nothing a person decides on: who is called, that a limit draws near"""
HALF = 30 * 60_000_000
"""µs after which a signal counts half in a case's pace. Events are folded again at any time, under
any pack, and have to come to the same case: so it is in none."""


def fold(events: Iterable[CaseEvent], state: CaseState | None = None) -> CaseState:
    """The state after ``events``, from ``state`` or from nothing.

    Raises ``ValueError`` where a sequence number is missing or the first event opens nothing.
    """
    for event in events:
        state = evolve(state, event)
    if state is None:
        raise ValueError("a case needs at least the event that opens it")
    return state


def evolve(state: CaseState | None, event: CaseEvent) -> CaseState:
    """``state`` with one more event. The event's stage is the state's stage afterwards."""
    expected = 1 if state is None else state.version + 1
    if event.sequence != expected:
        raise ValueError(
            f"case {event.case}: event {event.sequence} ({event.step}) comes where "
            f"{expected} is due; read its events again from the first"
        )
    data = event.data
    if state is None:
        state = _opened(event)
    else:
        change = _CHANGES.get(event.step)
        fields = change(state, event) if change else {}
        if "clocks" in data or "stopped" in data or "marks" in data:
            fields["clocks"] = _clocks(fields.get("clocks", state.clocks), data)
        if paused := fields.get("paused", state.paused):
            left = {clock.name for clock in fields.get("clocks", state.clocks)}
            if not left.issuperset(name for name, _ in paused):
                fields["paused"] = tuple(one for one in paused if one[0] in left)
        fields["edited"] = state.edited if event.step in BESIDE else event.sequence
        return _replace(
            state, version=event.sequence, stage=event.stage, changed_at=event.at, **fields
        )
    if "clocks" in data or "stopped" in data or "marks" in data:
        state = _replace(state, clocks=_clocks(state.clocks, data))
    return state


def _clocks(clocks: tuple[Clock, ...], data: Data) -> tuple[Clock, ...]:
    started = [msgspec.convert(one, Clock) for one in data.get("clocks", ())]
    gone = {*data.get("stopped", ()), *(clock.name for clock in started)}
    kept = [clock for clock in clocks if clock.name not in gone]
    for name, passed in data.get("marks", ()):
        kept = [_replace(one, passed=passed) if one.name == name else one for one in kept]
    return (*kept, *started)


def _opened(event: CaseEvent) -> CaseState:
    if event.step != "open":
        raise ValueError(f"case {event.case}: its first event is {event.step!r}, not 'open'")
    data = event.data
    return CaseState(
        case=event.case,
        edited=event.sequence,
        number=data["number"],
        version=1,
        stage=event.stage,
        kind=data.get("kind", ""),
        title=data.get("title", {}),
        text=data.get("text", ""),
        matter=data.get("matter", ""),
        place=msgspec.convert(data.get("place", {}), Place),
        division=data.get("division", ""),
        queue=data.get("queue", ""),
        origin=Origin(data.get("origin", "real")),
        probe=event.probe,
        opened_at=data.get("since", event.at),
        changed_at=event.at,
        **_signal_fields(None, data),
    )


def _signal_fields(state: CaseState | None, data: Data) -> Data:
    """What a signal that comes in changes."""
    member = data.get("member")
    if not member:
        return {}
    alarm = member["kind"] == "alarm"
    at = member["at"]
    priority = member.get("priority", 0)
    fields: Data = {
        "signals": 1 + (state.signals if state else 0),
        "pace": pace(state, at) + 1.0 if state else 1.0,
        "first_at": min(at, state.first_at) if state and state.first_at else at,
        "last_at": max(at, state.last_at) if state else at,
    }
    if alarm:
        fields["alarms"] = 1 + (state.alarms if state else 0)
        fields["active"] = (0 if member.get("returned") else 1) + (state.active if state else 0)
        worst = state.worst if state else 0
        if priority and (not worst or priority < worst):
            fields["worst"] = priority
        if state is not None and state.calmed:
            fields["worst_since"] = _graver(state.worst_since, priority)
    else:
        fields["reports"] = 1 + (state.reports if state else 0)
    if state is not None and (told := member.get("place")):
        place = msgspec.convert(told, Place)
        far = metres(state.place, place)
        if far is not None and far - (place.precision or 0.0) > state.spread_m:
            fields["spread_m"] = round(far - (place.precision or 0.0), 1)
    if "signs" in data:
        fields["signs"] = (*(state.signs if state else ()), *data["signs"])
    if data.get("new_device"):
        fields["devices"] = 1 + (state.devices if state else 0)
    collector = member.get("collector", "")
    known = state.collectors if state else ()
    if collector and collector not in known:
        fields["collectors"] = (*known, collector)
    return fields


def _graver(one: int, other: int) -> int:
    """The higher of two priorities, 0: none."""
    return min(one or other, other or one)


def pace(state: CaseState, now: int) -> float:
    """Signals of late, each counting half after ``HALF``; one that comes late changes nothing of
    what the others count."""
    return state.pace * float(0.5 ** (max(0, now - state.last_at) / HALF))


def _join(state: CaseState, event: CaseEvent) -> Data:
    fields = _signal_fields(state, event.data)
    if "place" in event.data:
        fields["place"] = msgspec.convert(event.data["place"], Place)
    if "merged" in event.data and event.data["merged"] not in state.merged:
        fields["merged"] = (*state.merged, event.data["merged"])
    for name in ("title", "matter", "division", "queue"):
        if name in event.data:
            fields[name] = event.data[name]
    if since := event.data.get("since"):
        fields["opened_at"] = min(state.opened_at, since)
    return fields


def _leave(state: CaseState, event: CaseEvent) -> Data:
    member = event.data["member"]
    alarm = member["kind"] == "alarm"
    fields: Data = {"signals": state.signals - 1}
    if alarm:
        fields["alarms"] = state.alarms - 1
        fields["active"] = max(0, state.active - (0 if member.get("returned") else 1))
        fields["worst"] = event.data.get("worst", state.worst)
        if state.calmed and member.get("returned") and "merged" not in event.data:
            fields["calmed"] = state.calmed - 1  # those of a merged case go with what it gave
    else:
        fields["reports"] = state.reports - 1
    if alarm and any(one == member["id"] for one, _ in state.graver):
        fields["graver"] = tuple(one for one in state.graver if one[0] != member["id"])
    if "signs" in event.data:
        fields["signs"] = tuple(event.data["signs"])
    if event.data.get("gone_device"):
        fields["devices"] = state.devices - 1
    if event.data.get("apart"):
        new = [key for key in event.data["apart"] if key not in state.apart]
        fields["apart"] = (*state.apart, *new)
    for name, value in event.data.get("restore", {}).items():
        fields[name] = tuple(value) if name in ("collectors", "signs") else value
    if "place" in fields:
        fields["place"] = msgspec.convert(fields["place"], Place)
    if event.data.get("merged"):
        fields["merged"] = tuple(one for one in state.merged if one != event.data["merged"])
    return fields


def _fields(*names: str) -> Callable[[CaseState, CaseEvent], Data]:
    """A step that sets these fields to what its data says."""

    def change(state: CaseState, event: CaseEvent) -> Data:
        return {name: event.data[name] for name in names if name in event.data}

    return change


def _supplement(state: CaseState, event: CaseEvent) -> Data:
    fields: Data = {"queue": event.data["queue"]} if "queue" in event.data else {}
    if "signs" in event.data:
        fields["signs"] = (*state.signs, *event.data["signs"])
    return fields


def _grade(state: CaseState, event: CaseEvent) -> Data:
    data = event.data
    fields: Data = {"level": data["level"], "level_number": data["number"]}
    if state.advised or "advised" in data:
        fields["advised"] = data.get("advised", 0)
    if "tier" in data:
        fields["tier"] = data["tier"]
    if "by_hand" in data:
        fields["level_by_hand"] = data["by_hand"]
        fields["held"] = 0  # what a person has set counts from now on
    if "held" in data:
        fields["held"] = data["held"]
    if "signs" in data:
        fields["signs"] = tuple(data["signs"])
    if "calmed" in data:
        fields["calmed"], fields["worst_since"] = data["calmed"], 0
    risen_from = data.get("risen_from", 0)
    if state.risen_from or risen_from:
        fields["risen_from"] = risen_from
    return fields


def _escalate(state: CaseState, event: CaseEvent) -> Data:
    late = len(event.data.get("clocks_due", ()))  # by hand none has run out
    return {"escalations": state.escalations + 1, "failed": state.failed + late}


def _evidence(state: CaseState, event: CaseEvent) -> Data:
    data = event.data
    if data.get("scan") == "infected" or not data["media_type"].startswith("image/"):
        return {}
    return {"photos": (*state.photos, data["digest"])}


def _returned_alarm(state: CaseState, event: CaseEvent) -> Data:
    return {"active": max(0, state.active - 1)}


def _risen_alarm(state: CaseState, event: CaseEvent) -> Data:
    fields: Data = {"last_at": max(state.last_at, event.data.get("at", event.at))}
    if "place" in event.data:
        fields["place"] = msgspec.convert(event.data["place"], Place)
    if "division" in event.data:
        fields["division"] = event.data["division"]
    if "signs" in event.data:
        fields["signs"] = (*state.signs, *event.data["signs"])
    priority = event.data.get("priority", 0)
    if priority and (not state.worst or priority < state.worst):
        fields["worst"] = priority
    if state.calmed:
        fields["worst_since"] = _graver(state.worst_since, priority)
    if priority and (alarm := event.data.get("id")):
        known = dict(state.graver)
        known[alarm] = min(priority, known.get(alarm, priority))
        fields["graver"] = tuple(known.items())
    return fields


_CHANGES: dict[str, Callable[[CaseState, CaseEvent], Data]] = {
    **beside.CHANGES,
    **fold_order.CHANGES,
    **fold_aside.CHANGES,
    **fold_merge.CHANGES,
    "join": _join,
    "leave": _leave,
    "verify": _fields("matter", "division", "queue"),
    "file": _fields("standard", "matter", "division", "queue"),
    "supplement": _supplement,
    "grade": _grade,
    "advise": lambda state, event: {"advised": event.data["number"]},
    "urge": lambda state, event: {"urges": state.urges + 1},
    "escalate": _escalate,
    "evidence": _evidence,
    "returned": _returned_alarm,
    "worsened": _risen_alarm,
}
