"""No sequence of commands, signals and passing time breaks a case."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import decode, encode
from tianmu.facts.place import Place
from tianmu.facts.text import Text
from tianmu.manage import intake
from tianmu.manage.actor import SYSTEM, Actor
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.fold import evolve, fold
from tianmu.manage.case.state import STAGES, CaseState
from tianmu.manage.signals.judge import Match
from tianmu.manage.signals.signal import Signal
from tianmu.manage.steps import overdue
from tianmu.manage.steps.lifecycle import Command, Refusal, actions, decide
from tianmu.manage.steps.step import STEPS

from .town import (
    CHECKER,
    CLEANER,
    COMMANDER,
    FIRE,
    FIREMAN,
    GRID,
    LAT,
    LON,
    MINUTE,
    MONDAY,
    OFFICER,
    POTHOLE,
    RUBBISH,
    SMOKE,
    town,
)

CITY = town()
JACK = Actor(
    "jack", ("department_worker", "commander", "grid_worker"), department="fire", division="1"
)
ACTORS = (OFFICER, CHECKER, COMMANDER, FIREMAN, CLEANER, GRID, JACK, SYSTEM)
MATTERS = (FIRE, SMOKE, RUBBISH, POTHOLE, "")

datas = st.fixed_dictionaries(
    {},
    optional={
        "matter": st.sampled_from((*MATTERS, "nonsense", 7)),
        "division": st.sampled_from(("11", "12", "99")),
        "standard": st.sampled_from((0, 1, 2, 9)),
        "level": st.sampled_from(("I", "III", "V", "none")),
        "department": st.sampled_from(("fire", "clean", "roads", "centre", "nobody")),
        "joint": st.sampled_from(([], ["roads"], ["nobody"], "roads")),
        "order": st.sampled_from(("c1-1", "c1-2", "c1-3", "c1-9")),
        "result": st.sampled_from(("pass", "fail", "done", "")),
        "text": st.sampled_from(("some words", "")),
        "limit": st.sampled_from(
            ({"value": 2, "unit": "work_day"}, {"value": 0, "unit": "work_hour"}, "soon")
        ),
        "score": st.sampled_from((0, 3, "3")),
    },
)
PARAMETERS: dict[str, dict[str, Any]] = {
    "feed_back": {"result": "done"},
    "check": {"result": "pass"},
    "note": {"text": "x"},
    "supplement": {"text": "x"},
    "grade": {"level": "III"},
    "assign": {"department": "roads"},
    "assess": {"dead": 1},
    "rule": {"department": "roads", "standing": "city"},
    "ask_extension": {"limit": {"value": 9, "unit": "work_day"}},
    "review": {"result": "pass"},
    "whistle": {"departments": ["roads"]},
    "transfer": {"department": "roads"},
    "extend": {"limit": {"value": 9, "unit": "work_day"}},
    "evaluate": {"score": 4},
    "file": {"matter": RUBBISH},
    "order": {"department": "roads"},
}


class Case(RuleBasedStateMachine):
    @initialize(
        matter=st.sampled_from(MATTERS),
        kind=st.sampled_from(("alarm", "report")),
        collector=st.sampled_from(("", "greg", "jack")),
    )
    def begin(self, matter: str, kind: str, collector: str) -> None:
        self.now = MONDAY
        self.count = 1
        draft = Draft("c1", None, self.now)
        signal = self._signal(kind, matter, collector=collector)
        intake.open_case(draft, CITY, signal, "N1", intake.Policy())
        self.events: list[CaseEvent] = []
        self.states: list[CaseState] = []
        self.state: CaseState = draft.state
        self._keep(draft.events)

    def _signal(self, kind: str, matter: str, **more: Any) -> Signal:
        return Signal(
            kind=kind,
            id=f"s{self.count}",
            at=self.now,
            matters=((matter, 1.0),) if matter else (),
            place=Place(longitude=LON, latitude=LAT, division="11"),
            device=f"d{self.count % 3}" if kind == "alarm" else "",
            text="people are trapped" if self.count % 7 == 0 else "words",
            **more,
        )

    def _keep(self, events: list[CaseEvent]) -> None:
        for event in events:
            again = decode(encode(event))
            assert isinstance(again, CaseEvent)
            before = self.states[-1] if self.states else None
            self._legal(before, again)
            self.events.append(again)
            self.states.append(evolve(before, again))
        self.state = self.states[-1]

    @staticmethod
    def _legal(before: CaseState | None, event: CaseEvent) -> None:
        """What holds of every step, looked at from outside."""
        assert event.stage in STAGES
        if before is None:
            return
        if event.step == "check":
            assert event.actor not in (*before.hands, "@system")
            assert not before.open_orders
        if event.step == "close":
            assert before.stage == "check" and event.actor not in before.hands
            assert before.checked_by
        if event.step in ("extend", "refuse_extension") and before.extension:
            assert event.actor not in (before.extension.by, "@system")
        if event.step == "appeal":
            assert before.outcome == "closed" and before.late and before.appeal is None
        if event.step == "review":
            assert before.appeal and before.appeal.due
            reviewed = [one.by for one in before.appeal.reviews]
            assert event.actor not in (before.appeal.by, *before.hands, *reviewed, "@system")
        if event.step == "evaluate":
            assert event.actor not in before.hands
        if event.step == "verify" or (event.step == "file" and before.stage == "verify"):
            assert event.actor not in before.collectors
        step = STEPS.get(event.step)
        if step and step.reason and event.actor != "@system":
            assert event.reason or event.data.get("why")

    @rule(
        step=st.sampled_from((*STEPS, "fly")),
        actor=st.sampled_from(ACTORS),
        reason=st.sampled_from(("", "because")),
        data=datas,
    )
    def anything(self, step: str, actor: Actor, reason: str, data: dict[str, Any]) -> None:
        self._do(step, actor, reason, data)

    @rule(
        step=st.sampled_from(tuple(STEPS)),
        actor=st.sampled_from(ACTORS),
        reason=st.sampled_from(("", "because")),
    )
    def nearly_right(self, step: str, actor: Actor, reason: str) -> None:
        self._do(step, actor, reason, PARAMETERS.get(step, {}))

    @rule(actor=st.sampled_from(ACTORS), choice=st.integers(0, 40))
    def something_offered(self, actor: Actor, choice: int) -> None:
        """What is offered can be done, once it is given what it needs."""
        offered = actions(self.state, actor, CITY)
        if not offered:
            return
        step = offered[choice % len(offered)].name
        refusal = self._do(step, actor, "because", PARAMETERS.get(step, {}))
        allowed = ("data", "order", "too_late", "extensions", "returns", "nobody_to_call")
        allowed += ("leads_already",)
        assert refusal is None or refusal.what in allowed, (step, refusal)

    def _do(self, step: str, actor: Actor, reason: str, data: dict[str, Any]) -> Refusal | None:
        found = decide(self.state, Command(step, reason, data), actor, self.now, CITY)
        if isinstance(found, Refusal):
            words: tuple[Text, ...] = (found.why, found.remedy)
            assert all(text["zh"] and text["en"] for text in words)
            return found
        assert found
        self._keep(found)
        return None

    @rule(passes=st.booleans(), which=st.integers(0, 3))
    def onward(self, passes: bool, which: int) -> None:
        """The ordinary next step, by somebody who may."""
        state = self.state
        if state.suspended_at:
            self._do("resume", OFFICER, "it is over", {})
            return
        if state.stage == "handle":
            order = state.open_orders[which % len(state.open_orders)]
            worker = Actor(f"w-{order.unit}", ("department_worker",), department=order.unit)
            step = "accept" if order.state == "sent" else "feed_back"
            refusal = self._do(step, worker, "", {"order": order.order, "result": "done"})
            assert refusal is None
            return
        step, actor, data = {
            "collect": ("supplement", GRID, {"text": "more"}),
            "verify": ("verify", OFFICER, {}),
            "file": ("file", OFFICER, {} if state.matter else {"matter": SMOKE}),
            "dispatch": ("order", OFFICER, {"department": "clean"}),
            "feed_back": ("check", CHECKER, {"result": "pass" if passes else "fail"}),
            "check": ("close", COMMANDER, {}),
            "close": ("evaluate", CHECKER, {"score": 5}),
            "evaluate": ("reopen", OFFICER, {}),
        }[state.stage]
        refusal = self._do(step, actor, "because", dict(data))
        assert refusal is None, refusal

    @rule(
        kind=st.sampled_from(("alarm", "report")),
        matter=st.sampled_from(MATTERS),
        severity=st.sampled_from(("", "II", "nonsense")),
    )
    def signal(self, kind: str, matter: str, severity: str) -> None:
        if not self.state.open:
            return
        self.count += 1
        draft = Draft("c1", self.state, self.now)
        signal = self._signal(kind, matter, severity=severity)
        intake.join_case(draft, CITY, signal, Match("c1", 0.9, ()), intake.Policy())
        self._keep(draft.events)

    @rule(minutes=st.integers(1, 3000))
    def time(self, minutes: int) -> None:
        until = self.now + minutes * MINUTE
        rounds = 0
        while 0 < (due := self.state.next_mark_at) <= until:
            self.now = max(self.now, due)
            draft = Draft("c1", self.state, self.now)
            overdue.attend(draft, CITY)
            assert draft.events, "a mark that came must be attended to"
            self._keep(draft.events)
            rounds += 1
            assert rounds < 200, "clocks that run forever"
        self.now = until

    def teardown(self) -> None:
        if getattr(self, "events", None):
            assert fold(self.events) == self.state

    @invariant()
    def holds(self) -> None:
        state = getattr(self, "state", None)
        if state is None:
            return
        assert state.version == len(self.events) == self.events[-1].sequence
        assert all(a.at <= b.at for a, b in pairwise(self.events[-10:]))
        for order in state.open_orders:
            clock = state.clock(f"handle:{order.order}")
            assert order.due > 0 and clock is not None and clock.due == order.due
        leads = [one for one in state.open_orders if one.lead]
        assert len(leads) <= 1 and all(one.unit == state.lead for one in leads)
        for name in (clock.name for clock in state.clocks):
            what, _, which = name.partition(":")
            if what in ("accept", "handle", "extension"):
                assert which in {one.order for one in state.open_orders}, name
            if what == "extension":
                assert state.extension and state.extension.order == which
            if what == "supervise":
                assert state.supervision
            if what in STAGES and not which:
                assert what == state.stage, name
        if state.extension:
            assert state.clock(f"extension:{state.extension.order}")
        if state.suspended_at:
            assert state.suspended_until > state.suspended_at
            assert {name for name, _ in state.paused} <= {one.name for one in state.clocks}
        else:
            assert not state.paused and not state.suspended_until
        assert state.exempt <= state.late
        if not state.open:
            assert (
                not state.clocks
                and not state.open_orders
                and state.stage
                in (
                    "close",
                    "evaluate",
                )
            )
            assert state.outcome in ("closed", "void")
            return
        assert state.stage not in ("close", "evaluate")
        assert (state.stage == "handle") == bool(state.open_orders)
        assert state.signals == state.alarms + state.reports >= 1
        assert state.level and 1 <= state.level_number <= 5
        if state.stage in ("verify", "file", "dispatch", "feed_back", "check"):
            assert state.clock(state.stage), "somebody must be waited for with a clock"
        assert len({clock.name for clock in state.clocks}) == len(state.clocks)


TestCase = Case.TestCase
TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
