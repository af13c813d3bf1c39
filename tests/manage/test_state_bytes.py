"""A state in two rows is the same bytes as one encoded whole."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tianmu.manage.case.state import CaseState, Clock, Order, Task
from tianmu.manage.kept.ledger import decode_state
from tianmu.manage.kept.state_bytes import BULK, bulk, encode_state, head, same_bulk

BARE = CaseState(case="c1", number="2026030200001", version=1, stage="handle")
CHANGES: list[dict[str, Any]] = [
    {"version": 2, "signals": 200, "pace": 1.5},
    {"clocks": (Clock(name="verify", started_at=1, due=70_000, value=2.0, unit="hour"),)},
    {"clocks": ()},
    {"orders": (Order(order="c1-1", unit="fire", task={"en": "go"}, due=9, sent_at=1),)},
    {"tasks": (Task(code="p/heads", text={"en": "Count heads"}), Task(code="p/x", text={}))},
    {"text": "x" * 300, "told": ("fire", "police"), "level": "I", "level_number": 1, "tier": 2},
    {"matter": "a:b:c", "lead": "fire", "joint": ("x",), "queue": "verify", "division": "11"},
    {"open": False, "outcome": "void"},
    {"open": True, "outcome": ""},
]  # fmt: skip


def test_the_bulk_stands_last() -> None:
    names = [field.name for field in msgspec.structs.fields(CaseState)]
    assert tuple(names[-len(BULK) :]) == BULK


@given(st.lists(st.sampled_from(CHANGES), max_size=30))
def test_the_bytes_are_the_same(walk: list[dict[str, Any]]) -> None:
    state = BARE
    kept = bulk(state)
    for change in walk:
        before, state = state, msgspec.structs.replace(state, **change)
        if not same_bulk(before, state):
            kept = bulk(state)
        data = head(state) + kept
        assert data == encode_state(state)
        assert decode_state(data) == state
        assert state.open or not kept
