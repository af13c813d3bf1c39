"""A case as its events leave it: its stage, level, owner, clocks and orders. Plain data.

None of it can hold itself, so that Python's search for such circles need not walk over it
(``gc=False``): there is very much of it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.text import Text
from tianmu.manage.case.aside import Appeal, Extension, Supervision
from tianmu.manage.case.contact import CONTACT, Contact
from tianmu.manage.case.situation import Situation

STAGES = (
    "collect",
    "verify",
    "file",
    "dispatch",
    "handle",
    "feed_back",
    "check",
    "close",
    "evaluate",
)
"""The stages in order (GB/T 30428.8 and CJJ/T 106, with *verify* before filing and *check* before
closing). A case *is in* the stage: ``verify`` waits to be verified, ``file`` to be filed,
``dispatch`` to be sent; ``handle`` is with its units; ``feed_back`` has their result and waits for
somebody else to check it; ``check`` has passed the check and waits to be closed."""

OPEN_ORDER = ("sent", "accepted", "handling")
"""States of an order that still asks something of its unit."""


DISPUTED = "disputed"
"""the queue of cases that wait for a ruling"""
QUEUES = ("verify", "dispatch", DISPUTED, "returned", "appeal")
"""why a person must look"""
FALL = "fall"
"""the clock at whose end a quiet case's level falls: no limit of anybody's work"""


class Mark(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A moment of a clock at which the plan does something: ``urge``, ``escalate`` or ``warn``."""

    share: float
    """share of the limit, 1.0 = the limit itself"""
    at: int
    step: str


class Clock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A running limit: of a stage (``verify``), or of an order (``accept:<order>``)."""

    name: str
    started_at: int
    due: int
    value: float
    unit: str
    """unit of the limit as the standard names it: ``urgent_hour``, ``work_hour``, ``work_day``…"""
    basis: str = ""
    marks: tuple[Mark, ...] = ()
    passed: int = 0
    """how many marks have been acted on"""
    used: float = 0.0
    """share of the limit that was gone when it started: it goes on after a pause"""

    @property
    def limits(self) -> bool:
        """Whether something has to be done by it: not where it waits for quiet or for an answer."""
        return self.name != FALL and not self.name.startswith(CONTACT)

    @property
    def soon_at(self) -> int:
        """From when on it is due soon: its warning, the first mark before its end. What runs on
        after that share was gone has none before it any more."""
        first = self.marks[0] if self.marks else None
        if first is not None and first.share < 1.0:
            return first.at
        return self.started_at if self.used else self.due

    @property
    def next_mark(self) -> Mark | None:
        return self.marks[self.passed] if self.passed < len(self.marks) else None


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A task of a case given to one unit, with its deadline."""

    order: str
    unit: str
    """code of the department or unit it is given to"""
    task: Text
    due: int
    sent_at: int
    lead: bool = False
    state: str = "sent"
    """``sent``, ``accepted``, ``handling``, ``done``, ``returned``, ``cancelled``"""
    persons: tuple[dict[str, str], ...] = ()
    """who was on duty there as it was sent (``account``, ``name``, ``post``); empty: nobody"""
    accepted_at: int = 0
    done_at: int = 0
    accepted_by: str = ""
    done_by: str = ""
    result: str = ""
    by: str = ""
    """account of whoever called this unit in by hand, empty where the plan did"""
    force: str = ""
    """code of the crew, vehicle or drone that goes; empty where its department chooses"""
    basis: str = ""
    late: float = 0.0
    """by how much it was done after its limit, in ``late_unit``: kept whatever comes after"""
    late_unit: str = ""
    extensions: int = 0
    """longer limits it was given"""


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A department called to the place (网格吹哨、部门报到): its arrival is clocked."""

    unit: str
    """code of the department"""
    called_at: int
    due: int
    """by when somebody of it should be there"""
    by: str
    """account of whoever called"""
    arrived_at: int = 0
    arrived_by: str = ""
    """account of whoever said that they are there"""
    ended_at: int = 0
    ended_by: str = ""
    """account of whoever called them off: they need not come"""

    @property
    def waits(self) -> bool:
        """Whether somebody of it is still to come."""
        return not self.arrived_at and not self.ended_at


class Ruling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who answers for a matter, ruled on a case and in force for those that come after it."""

    matter: str
    lead: str
    joint: tuple[str, ...] = ()
    division: str = ""
    """for this division and its parts; empty: everywhere"""
    reason: str = ""
    by: str = ""
    at: int = 0
    withdrawn_by: str = ""
    withdrawn_at: int = 0


class Task(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A point of a checklist, or a conference, that a plan has opened on the case."""

    code: str
    """``<plan>/<point>``"""
    text: Text
    units: tuple[str, ...] = ()
    """whose it is; for a conference, who takes part"""
    opened_at: int = 0
    due: int = 0
    done_at: int = 0
    done_by: str = ""


class Warned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A warning that a plan proposes."""

    colour: str
    text: Text
    plan: str
    at: int


class CaseState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A case as its events leave it. Times are µs; an empty string or 0 says "not yet"."""

    case: str
    number: str
    version: int
    """sequence of the last event"""
    edited: int = 0
    """of the last one that changed what a person decides on: ``refused.expect``; 0: not known"""
    stage: str
    open: bool = True
    outcome: str = ""
    """``closed``, ``void`` or ``merged`` once it is no longer open"""
    kind: str = ""
    """what it began with: ``alarm`` or ``report``"""
    title: Text = msgspec.field(default_factory=dict)
    text: str = ""
    """what was told first, for search and likeness"""
    matter: str = ""
    standard: int = 0
    """number of the filing standard (立结案标准) chosen, 0 none yet"""
    level: str = ""
    level_number: int = 0
    level_by_hand: bool = False
    held: int = 0
    """level number that a person or a limit has raised it to: it does not fall below"""
    risen_from: int = 0
    """level number from which limits that ran out have raised it; 0: none has since it was set"""
    advised: int = 0
    """level number, graver than what a person has set, that the rules were known to ask for"""
    tier: int = 0
    lead: str = ""
    joint: tuple[str, ...] = ()
    queue: str = ""
    """why a person must look, one of ``QUEUES``; ``appeal`` of a closed case; empty: nobody must"""
    place: Place = msgspec.field(default_factory=Place)
    division: str = ""
    origin: Origin = Origin.REAL
    probe: str = ""
    opened_at: int = 0
    changed_at: int = 0
    closed_at: int = 0
    first_at: int = 0
    last_at: int = 0
    """time of its first and last signal"""
    signals: int = 0
    alarms: int = 0
    reports: int = 0
    active: int = 0
    """alarms of it that have not returned to normal"""
    devices: int = 0
    """different devices among its alarms"""
    worst: int = 0
    """highest priority among its alarms, 1 highest … 4; 0 none"""
    calmed: int = 0
    """how many of its alarms had returned as its level fell: they make it no graver any more"""
    worst_since: int = 0
    """highest priority among the alarms that came or worsened after those; 0 none"""
    graver: tuple[tuple[str, int], ...] = ()
    """alarm → priority that it has worsened to, of those that have since they joined"""
    signs: tuple[str, ...] = ()
    """what single signals of it said that grading waits for, as ``level.signs`` names it"""
    situation: Situation = Situation()
    pace: float = 0.0
    """signals of late, each counting half after ``fold.HALF``, as of ``last_at``: the trend"""
    spread_m: float = 0.0
    """metres from the case's place to its farthest signal, less its imprecision"""
    failed: int = 0
    """limits at whose end the case had to rise"""
    ruling: Ruling | None = None
    """what was ruled on it for all later cases of its kind"""
    calls: tuple[Call, ...] = ()
    """departments called to the place"""
    hands: tuple[str, ...] = ()
    """accounts that accepted, handled or fed back: none of them may check"""
    collectors: tuple[str, ...] = ()
    """accounts that told of it on their own account: none of them may verify it"""
    checked_by: str = ""
    suspended_at: int = 0
    paused: tuple[tuple[str, float], ...] = ()
    """clock → share of its limit that was used when the case was suspended; others run on"""
    suspended_until: int = 0
    """when it goes on by itself"""
    suspensions: int = 0
    extension: Extension | None = None
    """a longer limit that is asked for and not decided on"""
    supervision: Supervision | None = None
    appeal: Appeal | None = None
    photos: tuple[str, ...] = ()
    """digests of the pictures among its evidence"""
    returns: int = 0
    reworks: int = 0
    urges: int = 0
    escalations: int = 0
    reopened: int = 0
    plans: tuple[str, ...] = ()
    """codes of the plans that have opened something on it"""
    reopened_at: int = 0
    told: tuple[str, ...] = ()
    """departments told by the plan"""
    means: tuple[tuple[str, str], ...] = ()
    """(department, means) of those told by ``message`` or ``call``"""
    apart: tuple[str, ...] = ()
    """signals taken out by hand: never put in again by the machine"""
    merged_into: str = ""
    stage_before: str = ""
    """where it stood when it was merged, or made void"""
    kept: CaseState | None = None
    """of a merged or a void case: all as it was, to come back to"""
    beside: dict[str, Any] = msgspec.field(default_factory=dict)
    """what the case was that took it in, before it did, and what it was left: see ``bequest``"""
    merged: tuple[str, ...] = ()
    # what makes up most of it stands last: see ``state_bytes``
    clocks: tuple[Clock, ...] = ()
    orders: tuple[Order, ...] = ()
    tasks: tuple[Task, ...] = ()
    """points of checklists and conferences"""
    warnings: tuple[Warned, ...] = ()
    contacts: tuple[Contact, ...] = ()
    """its contact ladders, the first one first"""

    @property
    def alarming(self) -> int:
        """The highest priority that still says something: as ``worst``, but for what has calmed."""
        return self.worst_since if self.calmed else self.worst

    def weighs(self, counted: str) -> float:
        """How much there is of what grading counts (``signals``, ``devices``, ``pace``,
        ``spread_m``), but for alarms that have calmed. Of devices at most as many as alarms since:
        which of them they were is not known."""
        known: float = getattr(self, counted)
        if not self.calmed or counted not in ("signals", "devices"):
            return known
        calmed = min(self.calmed, self.alarms)
        return known - calmed if counted == "signals" else min(known, self.alarms - calmed)

    @property
    def due(self) -> int:
        """The nearest limit that is running, 0 where none is."""
        nearest = self.nearest
        return nearest.due if nearest else 0

    @property
    def nearest(self) -> Clock | None:
        """The clock whose limit is the nearest, None where none is running."""
        found: Clock | None = None
        for one in self.running:  # asked for each push: a grave case has twenty
            if (found is None or one.due < found.due) and one.limits:
                found = one
        return found

    @property
    def running(self) -> tuple[Clock, ...]:
        """The clocks that run now: a suspension stops those in ``paused``."""
        if not self.suspended_at:
            return self.clocks
        still = {name for name, _ in self.paused}
        return tuple(clock for clock in self.clocks if clock.name not in still)

    def runs_as(self, other: CaseState) -> bool:
        """Whether it surely has the same limits running, and the same marks ahead."""
        return (
            self.clocks is other.clocks
            and self.paused is other.paused
            and self.suspended_at == other.suspended_at
            and self.suspended_until == other.suspended_until
        )

    @property
    def late(self) -> bool:
        """Whether some order of it was done after its limit: the raw overtime."""
        return any(order.late > 0 for order in self.orders)

    @property
    def exempt(self) -> bool:
        """Whether its overtime does not count in statistics: an approved appeal is about it all."""
        late = [one.order for one in self.orders if one.late > 0]
        return bool(late) and set(late) <= set(self.exempted)

    @property
    def exempted(self) -> tuple[str, ...]:
        """Orders whose overtime does not count, by an appeal that was approved."""
        said = self.appeal
        return said.orders if said is not None and said.state == "approved" else ()

    @property
    def next_mark_at(self) -> int:
        """When a clock (or the end of a suspension) next asks for something, 0 where none does."""
        marks = [mark.at for clock in self.running if (mark := clock.next_mark)]
        if self.suspended_at and self.suspended_until:
            marks.append(self.suspended_until)
        return min(marks, default=0)

    def clock(self, name: str) -> Clock | None:
        for one in self.clocks:  # asked for each signal: no generator
            if one.name == name:
                return one
        return None

    def order(self, order: str) -> Order | None:
        return next((one for one in self.orders if one.order == order), None)

    def waiting_for(self, unit: str) -> Call | None:
        """The call of ``unit`` to the place that was not followed yet."""
        return next((one for one in self.calls if one.unit == unit and one.waits), None)

    @property
    def open_orders(self) -> tuple[Order, ...]:
        return tuple(order for order in self.orders if order.state in OPEN_ORDER)
