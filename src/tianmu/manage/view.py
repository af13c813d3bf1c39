"""Cases as the API gives them: plain data, times in RFC 3339, names beside codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.facts.case import CaseEvent
from tianmu.facts.text import Text
from tianmu.manage.actor import Actor
from tianmu.manage.case.contact import CONTACT
from tianmu.manage.case.state import Call, CaseState, Order
from tianmu.manage.kept.counts import Counts
from tianmu.manage.merging import regroup
from tianmu.manage.steps import lifecycle
from tianmu.manage.steps.step import needs_of
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at: int) -> str | None:
    """µs as RFC 3339 in UTC to the millisecond; None for 0."""
    if not at:
        return None
    when = _EPOCH + timedelta(microseconds=at)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def department_name(city: City, code: str) -> Text:
    department = city.departments.get(code)
    return dict(department.name) if department else dict.fromkeys(city.languages, code)


def item(state: CaseState, city: City, now: int) -> dict[str, Any]:
    """A case as lists and pushes show it."""
    matter = city.matters.get(state.matter)
    division = city.divisions.get(state.division)
    due = state.due
    return {
        "case": state.case,
        "number": state.number,
        "title": state.title,
        "kind": state.kind,
        "matter": state.matter,
        "matter_name": dict(matter.name) if matter else {},
        "level": state.level,
        "level_number": state.level_number,
        "tier": state.tier,
        "stage": state.stage,
        "stage_name": phrase(f"stage.{state.stage}"),
        "open": state.open,
        "outcome": state.outcome,
        "queue": state.queue,
        "owner": state.lead,
        "owner_name": department_name(city, state.lead) if state.lead else {},
        "joint": list(state.joint),
        "place": msgspec.to_builtins(state.place),
        "division": state.division,
        "division_name": dict(division.name) if division else {},
        "opened_at": moment(state.opened_at),
        "changed_at": moment(state.changed_at),
        "closed_at": moment(state.closed_at),
        "due": moment(due),
        "overdue": bool(due) and due < now,
        "suspended_at": moment(state.suspended_at),
        "signals": state.signals,
        "alarms": state.alarms,
        "reports": state.reports,
        "active_alarms": state.active,
        "worst_priority": state.worst,
        "origin": str(state.origin),
        "probe": state.probe,
        "version": state.version,
    }


def view(
    state: CaseState,
    city: City,
    now: int,
    *,
    events: list[CaseEvent],
    members: list[dict[str, Any]],
    evidence: list[dict[str, Any]],
    actor: Actor | None,
) -> dict[str, Any]:
    """One case with its timeline, signals, orders, clocks, evidence and, for ``actor``, the steps
    that may be taken now."""
    return {
        **item(state, city, now),
        "text": state.text,
        "standard": state.standard,
        "level_by_hand": state.level_by_hand,
        "returns": state.returns,
        "reworks": state.reworks,
        "urges": state.urges,
        "escalations": state.escalations,
        "merged_into": state.merged_into,
        "merged": list(state.merged),
        "checked_by": state.checked_by,
        "clocks": [
            {
                "name": clock.name,
                "text": phrase(f"clock.{clock.name.split(':')[0]}"),
                "started_at": moment(clock.started_at),
                "due": moment(clock.due),
                "limit": {"value": clock.value, "unit": clock.unit},
                "overdue": not state.suspended_at and clock.due < now,
                "basis": clock.basis,
            }
            for clock in state.clocks
            if not clock.name.startswith(CONTACT)
        ],
        "events": [_event(event, city) for event in events],
        "members": [_member(row, city) for row in members],
        "orders": [_order(order, city, now) for order in state.orders],
        "calls": [_call(call, city, now) for call in state.calls],
        "evidence": [{**one, "at": moment(one["at"])} for one in evidence],
        "actions": actions(state, city, actor) if actor else [],
    }


def actions(state: CaseState, city: City, actor: Actor) -> list[dict[str, Any]]:
    """What this account may do now, with the names of the data each step needs."""
    found = [
        {
            "step": step.name,
            "label": phrase(f"step.{step.name}"),
            "needs": [*(["reason"] if step.reason else []), *needs_of(state, step, actor)],
            "orders": [
                order.order
                for order in lifecycle.orders_for(state, step, actor, lifecycle.parents(city))
            ],
        }
        for step in lifecycle.actions(state, actor, city)
    ]
    for name, needs in (("merge", ["into"]), ("split", ["members"])):
        few = name == "split" and state.signals < 2
        if not few and regroup.guard(state, actor, name, "?") is None:
            found.append(
                {
                    "step": name,
                    "label": phrase(f"step.{name}"),
                    "needs": ["reason", *needs],
                    "orders": [],
                }
            )
    return found


_TIMES = ("due", "at", "called_at", "since", "sent_at", "accepted_at", "done_at", "started_at")


def _plain_times(value: Any) -> Any:
    """Data of an event with its µs written as RFC 3339."""
    if isinstance(value, dict):
        return {
            key: moment(one) if key in _TIMES and isinstance(one, int) else _plain_times(one)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_plain_times(one) for one in value]
    return value


def _event(event: CaseEvent, city: City) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "step": event.step,
        "step_name": phrase(f"step.{event.step}"),
        "stage": event.stage,
        "stage_name": phrase(f"stage.{event.stage}"),
        "at": moment(event.at),
        "actor": event.actor,
        "reason": event.reason,
        "data": _plain_times(event.data),
        "text": told(event, city),
    }


def told(event: CaseEvent, city: City) -> Text:
    """The event in one line: its step, and what it did in a few words."""
    parts: list[Text] = [phrase(f"step.{event.step}")]
    data = event.data
    if event.step == "grade":
        parts.append(dict.fromkeys(city.languages, data["level"]))
    elif event.step in ("assign", "transfer", "rule") and data.get("lead"):
        parts.append(department_name(city, data["lead"]))
    elif event.step == "order":
        parts.append(department_name(city, data["order"]["unit"]))
    elif event.step == "answer":
        parts.append(dict.fromkeys(city.languages, data["text"]))
    elif event.step == "begin":
        parts.append(dict(data["name"]))
    elif event.step == "dispute" and data.get("whose"):
        parts.append(department_name(city, data["whose"]))
    elif event.step == "whistle":
        parts += [department_name(city, one["unit"]) for one in data["calls"]]
    elif event.step in ("arrive", "call_off", "notice"):
        parts.append(department_name(city, data["unit"]))
    elif event.step == "check":
        parts.append(phrase(f"result.{data['result']}"))
    elif event.step == "tell":
        parts += [department_name(city, one["unit"]) for one in data["tells"]]
    parts += [why for why in data.get("why", ()) if isinstance(why, dict)]
    if "nobody" in data:
        parts.append(data["nobody"])
    if event.reason:
        parts.append(dict.fromkeys(city.languages, event.reason))
    languages = dict.fromkeys(language for part in parts for language in part)
    return {
        language: " · ".join(words for part in parts if (words := part.get(language)))
        for language in languages
    }


def _member(row: dict[str, Any], city: City) -> dict[str, Any]:
    signal = row["told"]
    text = signal.get("title") or dict.fromkeys(city.languages, signal.get("text", ""))
    return {
        "kind": signal["kind"],
        "id": signal["id"],
        "at": moment(signal["at"]),
        "text": text,
        "device": signal.get("device", ""),
        "channel": signal.get("channel", ""),
        "priority": signal.get("priority", 0),
        "place": signal.get("place", {}),
        "returned": bool(row["returned"]),
        "score": row["score"],
        "reasons": row["reasons"],
        "joined_at": moment(row["joined_at"]),
        "from": signal.get("from", ""),
    }


def _order(order: Order, city: City, now: int) -> dict[str, Any]:
    return {
        "order": order.order,
        "unit": order.unit,
        "unit_name": department_name(city, order.unit),
        "task": order.task,
        "lead": order.lead,
        "state": order.state,
        "persons": list(order.persons),
        "nobody_on_duty": not order.persons,
        "sent_at": moment(order.sent_at),
        "accepted_at": moment(order.accepted_at),
        "done_at": moment(order.done_at),
        "due": moment(order.due),
        "overdue": order.state in ("sent", "accepted", "handling") and order.due < now,
        "result": order.result,
        "basis": order.basis,
    }


def _call(call: Call, city: City, now: int) -> dict[str, Any]:
    return {
        "unit": call.unit,
        "unit_name": department_name(city, call.unit),
        "called_at": moment(call.called_at),
        "due": moment(call.due),
        "by": call.by,
        "arrived_at": moment(call.arrived_at),
        "arrived_by": call.arrived_by,
        "ended_at": moment(call.ended_at),
        "ended_by": call.ended_by,
        "overdue": (call.arrived_at or call.ended_at or now) > call.due,
    }


def vitals(counts: Counts, city: City) -> dict[str, Any]:
    """``cases`` and ``departments`` of ``GET /api/vitals``."""
    return {
        "cases": {
            "open": counts.open,
            "today_opened": counts.today_opened,
            "today_closed": counts.today_closed,
            "overdue": counts.overdue,
            "by_level": {
                level.name: counts.by_level.get(level.name, 0) for level in city.profile.levels
            },
            "by_stage": dict(counts.by_stage),
            "signals_total": counts.signals_total,
        },
        "departments": [
            {
                "code": code,
                "name": department_name(city, code),
                "open": opened,
                "overdue": late,
                "due_soon": soon,
            }
            for code, (opened, late, soon) in sorted(
                counts.departments.items(), key=lambda one: (-one[1][0], one[0])
            )
        ],
    }
