"""Who leads: sent by a person, by a signal, or joined in already."""

from __future__ import annotations

import pytest

from tianmu.manage import intake
from tianmu.manage.actor import Actor
from tianmu.manage.case.draft import Draft
from tianmu.manage.signals.judge import Match

from .test_lifecycle import CITY, Story, filed, signal
from .town import FIRE, MONDAY, OFFICER


@pytest.mark.parametrize("accepted", [False, True])
def test_who_joins_in_already_is_put_in_the_lead_with_the_order_it_has(accepted: bool) -> None:
    story = filed()
    story.do("order", OFFICER, department="roads")
    [lead, joint] = story.state.open_orders
    assert (lead.unit, lead.lead, joint.unit, joint.lead) == ("clean", True, "roads", False)
    if accepted:
        worker = Actor("rosa", ("department_worker",), department="roads")
        story.do("accept", worker, order=joint.order)
    state = story.do("transfer", OFFICER, "the road is theirs", department="roads")
    [led] = state.open_orders
    assert (led.order, led.lead, state.lead) == (joint.order, True, "roads")
    assert led.state == ("accepted" if accepted else "sent")
    assert (state.clock(f"accept:{led.order}") is None) == accepted
    assert led.task != joint.task and led.due == joint.due
    assert [one.state for one in state.orders if one.unit == "clean"] == ["cancelled"]


def test_whom_a_person_has_sent_leads_also_when_a_signal_says_what_it_is() -> None:
    story = Story(signal("alarm", "", device="d1"))
    # as a case of older days may stand, that was void and begun again before anybody filed it
    older = Draft("c1", story.state, MONDAY)
    older.add("reopen", {"queue": "returned"}, stage="dispatch")
    story.events += older.events
    story.do("order", OFFICER, department="clean")
    draft = Draft("c1", story.state, MONDAY)
    told = signal("alarm", FIRE, id="s2", device="d2", severity="II")
    intake.join_case(draft, CITY, told, Match("c1", 0.9, ()), intake.Policy())
    state = draft.state
    assert (state.matter, state.level, state.lead) == (FIRE, "II", "clean")
    assert [one.unit for one in state.open_orders if one.lead] == ["clean"]
