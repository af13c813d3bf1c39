"""One case with its whole story, as an account may see it."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from tianmu.access.masking import mask_data, mask_text
from tianmu.city.city import City
from tianmu.facts.case import CaseEvent
from tianmu.facts.text import Text
from tianmu.manage import view as case_view
from tianmu.manage.case.contact import CONTACT
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import query as case_query
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.api.cases import aside, due
from tianmu.web.api.cases.cases import CaseSaid, actor, masked_text, one, said
from tianmu.web.api.cases.evidence import EvidenceSaid, evidence_said
from tianmu.web.route.route import Ask, Asking, Reply, Routes
from tianmu.web.sight import exposure

routes = Routes("cases")


class EventSaid(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    step: str
    stage: str
    at: Instant | None
    """when it came"""
    done_at: Instant | None = None
    """when it was done, where that was told apart (without a line) and can be believed"""
    actor: str
    actor_name: str
    reason: str
    data: dict[str, Any]
    text: Text


class MemberSaid(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    id: str
    at: Instant | None
    text: Text
    score: float
    reasons: list[Text]
    joined_at: Instant | None
    returned: bool
    device: str
    channel: str
    priority: int
    from_case: str
    """the case it was in before that was merged into this one, or empty"""


class WarningSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A warning that a plan proposes; nobody is warned until a person publishes it."""

    colour: str
    text: Text
    plan: str
    at: Instant | None


class ActionSaid(msgspec.Struct, frozen=True, kw_only=True):
    step: str
    label: Text
    needs: list[str]
    """names of the data it asks for; a trailing ``?`` says it may be left out; ``reason`` first
    where one is mandatory"""
    orders: list[str]
    """the orders it can be taken on"""


class CaseWhole(CaseSaid, frozen=True, kw_only=True):
    text: str
    events: list[EventSaid]
    members: list[MemberSaid]
    orders: list[due.OrderSaid]
    calls: list[due.CallSaid]
    tasks: list[due.TaskSaid]
    warnings: list[WarningSaid]
    evidence: list[EvidenceSaid]
    acts: list[aside.ActSaid]
    actions: list[ActionSaid]
    """what this account may do now"""
    deadlines: list[due.DeadlineSaid]
    suspended_until: Instant | None
    extension: aside.ExtensionSaid | None
    supervision: aside.SupervisionSaid | None
    appeal: aside.AppealSaid | None
    exempt: bool
    """its overtime does not count in statistics"""
    unpublished: list[int]
    """years of its limits whose calendar of holidays is not published yet"""


def _done_at(event: CaseEvent) -> str | None:
    told = event.data.get("done_at")
    return moment.say(told) if isinstance(told, int) else None


def _event(event: CaseEvent, names: dict[str, str], city: City) -> EventSaid:
    return EventSaid(
        sequence=event.sequence,
        step=event.step,
        stage=event.stage,
        at=moment.say(event.at),
        done_at=_done_at(event),
        actor=event.actor,
        actor_name=names.get(event.actor, event.actor),
        reason=mask_text(event.reason),
        data=mask_data(event.data),
        text=masked_text(case_view.told(event, city)),
    )


def _members(rows: list[dict[str, Any]], city: City) -> list[MemberSaid]:
    found = []
    for row in rows:
        signal = row["told"]
        words = signal.get("title") or dict.fromkeys(city.languages, signal.get("text", ""))
        found.append(
            MemberSaid(
                kind=signal["kind"],
                id=signal["id"],
                at=moment.say(signal["at"]),
                text=masked_text(words),
                device=signal.get("device", ""),
                channel=signal.get("channel", ""),
                priority=signal.get("priority", 0),
                score=round(row["score"], 3),
                reasons=list(row["reasons"]),
                joined_at=moment.say(row["joined_at"]),
                returned=bool(row["returned"]),
                from_case=signal.get("from", ""),
            )
        )
    return found


def whole(ask: Ask, state: CaseState) -> CaseWhole:
    """A case with its whole story, as this account may see it; where it has gone on since
    ``state``, its story up to that."""
    hub, city, now = ask.hub, ask.hub.city, ask.hub.clock()

    def read(
        connection: sa.Connection,
    ) -> tuple[list[CaseEvent], list[dict[str, Any]], list[dict[str, Any]]]:
        return (
            case_query.events_of(connection, hub.manage.journal, state.case),
            case_query.members_of(connection, state.case),
            case_query.evidence_of(connection, state.case),
        )

    events, members, evidence = hub.records.read(read)
    if events[-1].sequence > state.version:
        events = [one for one in events if one.sequence <= state.version]
        members = [one for one in members if one["joined_at"] <= state.changed_at]
        evidence = [one for one in evidence if one["at"] <= state.changed_at]
    names = hub.names_of({event.actor for event in events})
    item = said(hub, state, now)
    return CaseWhole(
        **{name: getattr(item, name) for name in item.__struct_fields__},
        text=mask_text(state.text),
        events=[_event(event, names, city) for event in events],
        members=_members(members, city),
        orders=due.orders(ask, state, now),
        calls=[due.call(city, state, one, now) for one in state.calls],
        tasks=[due.task(city, state, one, now) for one in state.tasks],
        acts=aside.acts_of(city, state),
        warnings=[
            WarningSaid(colour=one.colour, text=one.text, plan=one.plan, at=moment.say(one.at))
            for one in state.warnings
        ],
        evidence=[
            evidence_said(state.case, row, row["at"], str(row.get("actor", ""))) for row in evidence
        ],
        actions=[ActionSaid(**found) for found in case_view.actions(state, city, actor(ask.who))],
        deadlines=[
            due.deadline(city, state, clock, now)
            for clock in state.clocks
            if not clock.name.startswith(CONTACT)
        ],
        suspended_until=moment.say(state.suspended_until),
        extension=aside.extension(state),
        supervision=aside.supervision(state),
        appeal=aside.appeal(state),
        exempt=state.exempt,
        unpublished=city.calendar.unpublished(now, state.due) if state.due else [],
    )


@routes("GET", "/api/cases/{case}", may="case.read", gives=CaseWhole)
def get_case(ask: Asking, case: str) -> Reply:
    """One case: events, members with why they belong to it, orders, evidence, what may be done."""
    state = one(ask, case)
    exposure.viewed(ask, state.case)
    return Reply(whole(ask, state), etag=state.version)
