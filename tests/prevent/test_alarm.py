"""The state machine against the transitions of IEC 62682 / ISA-18.2, written out one by one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tianmu.facts.alarm import AlarmState as S
from tianmu.prevent.alarm import alarm as machine
from tianmu.prevent.alarm.alarm import NotPermitted, follow, permitted

# state, transition, condition after it, latching → state; whatever is not listed is refused
# (raise and return, which are no deeds, then leave the state as it is)
BOTH = (False, True)
TABLE: dict[tuple[S, str, bool, bool], S] = {}


def row(state: S, transition: str, after: S, condition: bool | None = None, latching=None):
    for c, latch in itertools.product(BOTH, BOTH):
        if condition in (None, c) and latching in (None, latch):
            TABLE[state, transition, c, latch] = after


row(S.NORMAL, "raise", S.UNACKNOWLEDGED)
row(S.UNACKNOWLEDGED, "acknowledge", S.ACKNOWLEDGED)
row(S.UNACKNOWLEDGED, "return", S.RETURNED_UNACKNOWLEDGED, latching=False)
row(S.UNACKNOWLEDGED, "return", S.LATCHED_UNACKNOWLEDGED, latching=True)
row(S.ACKNOWLEDGED, "return", S.NORMAL, latching=False)
row(S.ACKNOWLEDGED, "return", S.LATCHED_ACKNOWLEDGED, latching=True)
row(S.RETURNED_UNACKNOWLEDGED, "acknowledge", S.NORMAL)
row(S.RETURNED_UNACKNOWLEDGED, "raise", S.UNACKNOWLEDGED)
row(S.LATCHED_UNACKNOWLEDGED, "acknowledge", S.LATCHED_ACKNOWLEDGED)
row(S.LATCHED_UNACKNOWLEDGED, "reset", S.RETURNED_UNACKNOWLEDGED)
row(S.LATCHED_UNACKNOWLEDGED, "raise", S.UNACKNOWLEDGED)
row(S.LATCHED_ACKNOWLEDGED, "reset", S.NORMAL)
row(S.LATCHED_ACKNOWLEDGED, "raise", S.UNACKNOWLEDGED)
for visible in (
    S.NORMAL,
    S.UNACKNOWLEDGED,
    S.ACKNOWLEDGED,
    S.RETURNED_UNACKNOWLEDGED,
    S.LATCHED_UNACKNOWLEDGED,
    S.LATCHED_ACKNOWLEDGED,
):
    row(visible, "shelve", S.SHELVED)
    row(visible, "suppress", S.SUPPRESSED_BY_DESIGN)
    row(visible, "remove_from_service", S.OUT_OF_SERVICE)
for withheld, leave in (
    (S.SHELVED, "unshelve"),
    (S.SUPPRESSED_BY_DESIGN, "unsuppress"),
    (S.OUT_OF_SERVICE, "return_to_service"),
):
    row(withheld, leave, S.UNACKNOWLEDGED, condition=True)
    row(withheld, leave, S.NORMAL, condition=False)
row(S.SHELVED, "remove_from_service", S.OUT_OF_SERVICE)
row(S.SUPPRESSED_BY_DESIGN, "remove_from_service", S.OUT_OF_SERVICE)


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("transition", machine.TRANSITIONS)
def test_every_transition_of_every_state(state: S, transition: str) -> None:
    for condition, latching in itertools.product(BOTH, BOTH):
        expected = TABLE.get((state, transition, condition, latching))
        if expected is None and transition in ("raise", "return"):
            expected = state
        if expected is None:
            with pytest.raises(NotPermitted, match="is not possible"):
                follow(state, transition, condition=condition, latching=latching)
        else:
            got = follow(state, transition, condition=condition, latching=latching)
            assert got is expected


def test_permitted_is_what_the_table_has() -> None:
    for state in S:
        listed = {t for (s, t, _, _) in TABLE if s is state and t not in ("raise", "return")}
        assert set(permitted(state)) == listed
    assert "shelve" not in permitted(S.UNACKNOWLEDGED, shelvable=False)


def test_unknown_transition_is_refused() -> None:
    with pytest.raises(NotPermitted, match="no such transition"):
        follow(S.NORMAL, "explode", condition=True)


class AlarmLife(RuleBasedStateMachine):
    """Any sequence of conditions and deeds keeps what an operator relies on."""

    @initialize(latching=st.booleans())
    def start(self, latching: bool) -> None:
        self.latching = latching
        self.state = S.NORMAL
        self.condition = False
        self.seen = True  # whether the present rise was acknowledged, withheld or never was

    @rule(holds=st.booleans())
    def condition_changes(self, holds: bool) -> None:
        rises = holds and not self.condition
        self.condition = holds
        self.state = follow(
            self.state,
            "raise" if holds else "return",
            condition=holds,
            latching=self.latching,
        )
        if rises:
            self.seen = self.state in machine.WITHHELD

    @rule(deed=st.sampled_from(machine.DEEDS))
    def person_acts(self, deed: str) -> None:
        before = self.state
        try:
            self.state = follow(self.state, deed, condition=self.condition, latching=self.latching)
        except NotPermitted:
            assert deed not in permitted(before)
            return
        assert deed in permitted(before)
        if deed == "acknowledge" or self.state in machine.WITHHELD:
            self.seen = True
        if before in machine.WITHHELD and self.state not in machine.WITHHELD:
            self.seen = not self.condition

    @invariant()
    def a_condition_that_holds_is_on_the_list_or_withheld(self) -> None:
        if getattr(self, "condition", False):
            assert self.state is not S.NORMAL

    @invariant()
    def nothing_goes_unseen(self) -> None:
        if not getattr(self, "seen", True):
            assert self.state in machine.WAITING

    @invariant()
    def only_latching_alarms_latch(self) -> None:
        if self.state in (S.LATCHED_ACKNOWLEDGED, S.LATCHED_UNACKNOWLEDGED):
            assert self.latching and not self.condition


TestAlarmLife = AlarmLife.TestCase
