"""A signal opens a case or joins one; the events that follow from it. Pure.

Alarms of devices the city knows go straight to dispatch; what people tell is verified first, and
so is whatever has no clear matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.facts.alarm import AlarmEvent, AlarmState
from tianmu.facts.place import Place
from tianmu.facts.text import Text
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import CaseState
from tianmu.manage.clocks import deadline
from tianmu.manage.evidence.shown import show
from tianmu.manage.levels import level, owner, quiet, response
from tianmu.manage.signals.judge import Match
from tianmu.manage.signals.place import sharper, within
from tianmu.manage.signals.signal import Signal
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City

_QUIET = (AlarmState.SHELVED, AlarmState.SUPPRESSED_BY_DESIGN, AlarmState.OUT_OF_SERVICE)
_RISES = ("raise", "unshelve", "unsuppress", "return_to_service")
_ACTIVE = (
    AlarmState.UNACKNOWLEDGED,
    AlarmState.ACKNOWLEDGED,
    AlarmState.LATCHED_UNACKNOWLEDGED,
    AlarmState.LATCHED_ACKNOWLEDGED,
)


@dataclass(frozen=True)
class Policy:
    """What comes in how. Defaults, to be set by the city."""

    priority: int = 2
    """an alarm whose rule names neither matter nor level opens a case from this priority on"""
    untrusted: frozenset[str] = frozenset()
    """sources whose alarms are verified by a person first"""
    certain: float = 0.51
    """how surely the words of a report must speak of a matter for it to count as known: more than
    of all others together"""


def concerns(event: AlarmEvent, policy: Policy) -> bool:
    """Whether this transition tells of a problem that wants a case: it rises (or comes back from
    being shelved, suppressed or out of service while it still holds), it is no test, and its rule
    gives it a matter, a level or enough priority."""
    if event.test or event.transition not in _RISES or event.state in _QUIET:
        return False
    if event.transition != "raise" and event.state not in _ACTIVE:
        return False
    return bool(event.matter or event.severity or event.priority <= policy.priority)


def title(city: City, signal: Signal) -> Text:
    """What the case is called: the alarm's words, the report's beginning, or its matter."""
    if signal.title:
        return dict(signal.title)
    if signal.text:
        words = " ".join(signal.text.split())
        short = words if len(words) <= 40 else words[:39] + "…"
        return dict.fromkeys(city.languages, short)
    matter = city.matters.get(signal.matter)
    return dict(matter.name) if matter else {}


def _known_matter(city: City, signal: Signal, policy: Policy) -> str:
    if not signal.matters:
        return ""
    key, certainty = signal.matters[0]
    return key if key in city.matters and certainty >= policy.certain else ""


def open_case(
    draft: Draft, city: City, signal: Signal, number: str, policy: Policy, **more: Any
) -> None:
    """A new case from its first signal: opened, graded, assigned, and – where nobody needs to
    verify it – sent by the plan. ``more`` goes into the opening event."""
    matter = _known_matter(city, signal, policy)
    straight = signal.kind == "alarm" and bool(matter) and signal.source not in policy.untrusted
    stage = "dispatch" if straight else "verify"
    data: dict[str, Any] = {
        "number": number,
        "kind": signal.kind,
        "title": title(city, signal),
        "text": signal.text[:2000],
        "matter": matter,
        "place": msgspec.to_builtins(signal.place),
        "division": signal.place.division,
        "origin": str(signal.origin),
        "member": signal.told(),
        "new_device": signal.kind == "alarm" and bool(signal.device),
        "score": 1.0,
        "reasons": [phrase("reason.first")],
        **more,
    }
    if said := level.signs_of(city, signal):
        data["signs"] = said
    if not straight:
        data["queue"] = "verify"
        why = "unclear" if not matter else "untrusted"
        data["why"] = [phrase(f"why.{why}")]
    draft.add("open", data, stage=stage)
    show(draft, signal)
    level.grade(draft, city, signal)
    clock = response.stage_clock(city, draft.state, stage, draft.now)
    owner.assign(draft, city, signal.department, more=deadline.data(clock))
    if stage == "dispatch":
        response.respond(draft, city)


def join_case(
    draft: Draft,
    city: City,
    signal: Signal,
    match: Match,
    policy: Policy,
    *,
    new_device: bool = False,
) -> None:
    """A signal joins a case (``new_device``: of a device not heard of in it). Its level may rise,
    what was unclear may become clear, and an alarm that can be trusted files what a person had
    still to verify."""
    before = draft.state
    data: dict[str, Any] = {
        "member": signal.told(),
        "score": match.score,
        "reasons": list(match.reasons),
    }
    data.update(quiet.stirred(before))
    data.update(level.new_signs(city, before, signal))
    if new_device:
        data["new_device"] = True
    if sharper(signal.place, before.place):
        data |= _moved(signal.place)
    matter = _known_matter(city, signal, policy)
    clearer = not before.matter and bool(matter)
    if clearer:
        data["matter"] = matter
    draft.add("join", data)
    show(draft, signal)
    if clearer:
        level.grade(draft, city, signal)
        if not any(one.lead for one in before.open_orders):  # else a person has said who leads
            owner.assign(draft, city, signal.department)
    elif level.may_rise(city, before, draft.state, signal):
        level.reconsider(draft, city, signal)
    swell(draft, city, before.signals)
    if _borne_out(draft.state, signal, policy):
        _file(draft, city)
    elif draft.state.level != before.level and draft.state.stage in ("dispatch", "handle"):
        response.follow(draft, city)


def _borne_out(state: CaseState, signal: Signal, policy: Policy) -> bool:
    """Whether the signal is an alarm to be trusted, of a case that a person has still to verify."""
    return (
        signal.kind == "alarm"
        and state.stage in ("collect", "verify", "file")
        and bool(state.matter)
        and signal.source not in policy.untrusted
        and not state.suspended_at
    )


def _file(draft: Draft, city: City) -> None:
    """Filed by the machine, and sent by the plan; without an owner it waits for dispatch."""
    state = draft.state
    standard = response.standard_of(city, state)
    draft.add(
        "file",
        {
            "standard": standard.number if standard else 0,
            "queue": "",
            "stopped": [state.stage],
            "why": [phrase("why.corroborated")],
        },
        stage="dispatch",
    )
    response.respond(draft, city)
    if draft.state.stage == "dispatch":
        clock = response.stage_clock(city, draft.state, "dispatch", draft.now)
        draft.add("urge", {"why": [phrase("why.no_duty")], **deadline.data(clock)})


def worsen(draft: Draft, city: City, event: AlarmEvent) -> None:
    """An alarm of the case has grown worse."""
    before = draft.state
    told = {"id": event.alarm, "at": event.observed_at, "priority": event.priority}
    data: dict[str, Any] = {**told, "text": event.text, **quiet.stirred(before)}
    data |= level.new_signs(city, before, _of(event))
    if sharper(event.place, before.place):
        data |= _moved(within(city, event.place))
    draft.add("worsened", data)
    level.reconsider(draft, city, _of(event))
    if draft.state.level != before.level and draft.state.stage in ("dispatch", "handle"):
        response.follow(draft, city)


def _of(event: AlarmEvent) -> Signal:
    return Signal(
        kind="alarm", id=event.alarm, at=event.observed_at, severity=event.severity, text=""
    )


def swell(draft: Draft, city: City, before: int | None = None) -> None:
    """The plan of a level may raise it when so many signals have come; where a person has set it,
    the case says so as their number is reached. ``before``: how many there were."""
    state = draft.state
    plan = response.plan_of(city, state)
    if plan is None or plan.rises.signals is None:
        return
    signals = int(state.weighs("signals"))
    if signals < plan.rises.signals:
        return
    why = phrase("why.signals", signals=signals)
    if not state.level_by_hand:
        level.rise(draft, city, why)
    elif before is not None and before < plan.rises.signals and state.level_number > 1:
        level.at_least(draft, city, state.level_number - 1, why)


def _moved(place: Place) -> dict[str, Any]:
    """What an event says that puts the case there."""
    found: dict[str, Any] = {"place": msgspec.to_builtins(place)}
    return {**found, "division": place.division} if place.division else found
