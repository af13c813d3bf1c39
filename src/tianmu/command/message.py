"""What a department's own system is told of a case: never more than its people would see in a list,
personal data masked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.access.masking import mask_address, mask_data, mask_text
from tianmu.access.scope import Extent, Scope, below, covers
from tianmu.city.place.naming import upper_names
from tianmu.command.delivery import WITHDRAWN
from tianmu.facts.case import CaseEvent
from tianmu.facts.text import Text
from tianmu.manage.case.parties import LEFT, parties
from tianmu.manage.case.state import CaseState, Order
from tianmu.manage.steps.step import STEPS
from tianmu.manage.view import moment

if TYPE_CHECKING:
    from tianmu.city.city import City

OF_ITSELF = frozenset(
    [
        "advise",
        "answer",
        "begin",
        "contact",
        "conference",
        "evidence",
        "give_back",
        "inherit",
        "join",
        "leave",
        "merged",
        "notice",
        "open",
        "quiet",
        "returned",
        "split",
        "tell",
        "unmerge",
        "warn",
        "worsened",
    ]
)
EVENTS = frozenset(STEPS) | OF_ITSELF | {"lead", "send", "withdrawn", "warning"}
"""what a receiver may ask to be told: the steps of persons, what the city does of itself, what
becomes of an order that is there (``lead``: it is the lead's now, ``send``: a unit goes on it),
``withdrawn``: the case is no longer its department's, and ``warning``: whatever is published"""
ENDS = frozenset(("cancel", "return", "dispute"))
"""steps by which an order ends that was not done"""
_SHOWN = [
    "order",
    "unit",
    "department",
    "due",
    "level",
    "lead",
    "joint",
    "result",
    "text",
    "outcome",
    "task",
    "into",
    "value",
    "name",
    "media_type",
    "digest",
    "reports",
]
"""of an event's data"""


class CaseTold(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it is when the message is made; ``version`` says which of two is newer."""

    case: str
    number: str
    title: Text
    text: str
    matter: str
    matter_name: Text
    level: str
    stage: str
    lead: str
    joint: list[str]
    longitude: float | None
    latitude: float | None
    address: str
    division: str
    opened_at: str | None
    due: str | None
    outcome: str
    origin: str
    version: int


class OrderTold(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    number: str
    """what the department's own system calls it, or empty"""
    case: str
    unit: str
    task: Text
    lead: bool
    state: str
    sent_at: str | None
    due: str | None
    accepted_at: str | None
    done_at: str | None
    result: str


class EventTold(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    """counts within the case, without gaps"""
    step: str
    stage: str
    at: str | None
    actor: str
    reason: str
    data: dict[str, Any]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    case: CaseTold
    event: EventTold
    orders: list[OrderTold]
    """those of the department and of what is below it"""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a webhook (Standard Webhooks 1.0). Where the case is no longer the department's,
    its ``case`` has an id, and all else in it is empty."""

    type: str
    """``case.`` and the step"""
    timestamp: str | None
    data: Told


class Teller:
    """Says cases to departments by one pack."""

    def __init__(self, city: City) -> None:
        self.city = city
        self._departments = {one.code: one.parent for one in city.departments.values()}
        self._scopes: dict[str, Scope] = {}

    @cached_property
    def _upper(self) -> list[str]:
        lowest = max((tier.number for tier in self.city.tiers), default=0)
        return upper_names(self.city.divisions.values(), lowest)

    def scope(self, department: str) -> Scope:
        """What the department sees: it and all below it."""
        found = self._scopes.get(department)
        if found is None:
            found = Scope(departments=below(department, self._departments))
            self._scopes[department] = found
        return found

    def concerns(self, state: CaseState, scope: Scope) -> bool:
        """Whether the case is theirs to see. What a probe makes is nobody's business."""
        extent = Extent(state.division, tuple(parties(state)), state.probe)
        return state.probe == scope.probe and covers(scope, extent)

    def order(self, state: CaseState, order: Order, number: str = "") -> OrderTold:
        return OrderTold(
            order=order.order,
            number=number,
            case=state.case,
            unit=order.unit,
            task=_masked(order.task),
            lead=order.lead,
            state=order.state,
            sent_at=moment(order.sent_at),
            due=moment(order.due),
            accepted_at=moment(order.accepted_at),
            done_at=moment(order.done_at),
            result=mask_text(order.result),
        )

    def case(self, state: CaseState) -> CaseTold:
        matter = self.city.matters.get(state.matter)
        address = state.place.address
        return CaseTold(
            case=state.case,
            number=state.number,
            title=_masked(state.title),
            text=mask_text(state.text),
            matter=state.matter,
            matter_name=dict(matter.name) if matter else {},
            level=state.level,
            stage=state.stage,
            lead=state.lead,
            joint=list(state.joint),
            longitude=state.place.longitude,
            latitude=state.place.latitude,
            address=mask_address(address, self._upper) if state.reports else address,
            division=state.division,
            opened_at=moment(state.opened_at),
            due=moment(state.due),
            outcome=state.outcome,
            origin=str(state.origin),
            version=state.version,
        )

    def message(
        self, event: CaseEvent, state: CaseState, scope: Scope, numbers: Mapping[str, str]
    ) -> Message:
        """What a department with this scope is told of an event."""
        orders = [
            self.order(state, one, numbers.get(one.order, ""))
            for one in state.orders
            if scope.departments is None or one.unit in scope.departments
        ]
        return _message(event, self.case(state), orders)

    def left(self, event: CaseEvent, state: CaseState, scope: Scope) -> Order | None:
        """The order of this scope that the event has returned or taken back, None where there is
        none: its department is told, also where the case concerns it no more."""
        order = state.order(ends(event))
        if order is None or order.state not in LEFT or state.probe != scope.probe:
            return None
        theirs = scope.departments is None or order.unit in scope.departments
        return order if theirs else None

    def lost(self, event: CaseEvent, state: CaseState, scope: Scope) -> bool:
        """Whether the case is gone from this scope by the event, as far as the event says: an order
        of theirs has ended (``left``), or they led or joined it without one."""
        if self.left(event, state, scope) is not None:
            return True
        theirs = scope.departments or frozenset()
        return state.probe == scope.probe and not theirs.isdisjoint(parted(event))

    def parting(
        self, event: CaseEvent, state: CaseState, order: Order, numbers: Mapping[str, str]
    ) -> Message:
        """What a department that a case concerns no more is told of the end of its order."""
        own = self.order(state, order, numbers.get(order.order, ""))
        return _message(event, blank(state.case), [own])


def _message(event: CaseEvent, case: CaseTold, orders: list[OrderTold]) -> Message:
    shown = {key: event.data[key] for key in _SHOWN if key in event.data}
    told = EventTold(
        sequence=event.sequence,
        step=event.step,
        stage=event.stage,
        at=moment(event.at),
        actor=event.actor,
        reason=mask_text(event.reason),
        data=mask_data(shown),
    )
    data = Told(case=case, event=told, orders=orders)
    return Message(type=f"case.{event.step}", timestamp=moment(event.at), data=data)


def ends(event: CaseEvent) -> str:
    """The order that ends by the event and was not done; empty where none does."""
    name = event.data.get("order")
    return name if event.step in ENDS and isinstance(name, str) else ""


def parted(event: CaseEvent) -> list[str]:
    """Departments that the case concerned until the event, and does no more."""
    found = event.data.get("parted", [])
    return found if isinstance(found, list) else []


def withdrawn(event: CaseEvent) -> Message:
    """What a department is told of a case that is no longer its own: only that."""
    told = EventTold(
        sequence=event.sequence, step="withdrawn", stage="", at=None, actor="", reason="", data={}
    )
    data = Told(case=blank(event.case), event=told, orders=[])
    return Message(type=WITHDRAWN, timestamp=moment(event.at), data=data)


def blank(case: str) -> CaseTold:
    """A case of which nothing is told but its id."""
    return CaseTold(
        case=case,
        number="",
        title={},
        text="",
        matter="",
        matter_name={},
        level="",
        stage="",
        lead="",
        joint=[],
        longitude=None,
        latitude=None,
        address="",
        division="",
        opened_at=None,
        due=None,
        outcome="",
        origin="",
        version=0,
    )


def _masked(text: Text) -> Text:
    return {language: mask_text(words) for language, words in text.items()}
