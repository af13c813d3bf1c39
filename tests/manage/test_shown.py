"""Pictures that came with an alarm are evidence of its case, once each."""

from __future__ import annotations

from typing import Any

import pytest

from tianmu.facts.alarm import AlarmEvent, AlarmState
from tianmu.facts.place import Place
from tianmu.manage import intake
from tianmu.manage.case.draft import Draft
from tianmu.manage.signals.judge import Match
from tianmu.manage.signals.signal import again, of_alarm

from .town import LAT, LON, MONDAY, RUBBISH, text, town

KEPT = {
    "digest": "a" * 64, "name": "stall.jpg", "media_type": "image/jpeg", "size": 900,
    "role": "handle_before", "boxes": [{"box": [0, 0, 0.5, 0.5], "confidence": 0.9}],
}  # fmt: skip


def alarm(name: str, **data: Any) -> AlarmEvent:
    return AlarmEvent(
        alarm=name, identity=f"rule@{name}", transition="raise", state=AlarmState.UNACKNOWLEDGED,
        before=AlarmState.NORMAL, at=MONDAY, observed_at=MONDAY, rule="rule", priority=3,
        matter=RUBBISH, device="c0", text=text("rubbish"), data=data,
        place=Place(longitude=LON, latitude=LAT, precision=5.0, division="11"),
    )  # fmt: skip


def opened(event: AlarmEvent) -> Draft:
    draft = Draft("c1", None, MONDAY)
    intake.open_case(draft, town(), of_alarm(event), "1", intake.Policy())
    return draft


def test_a_case_opens_with_the_picture_of_its_alarm() -> None:
    draft = opened(alarm("a1", pictures=[KEPT], description="before the baker's"))
    assert [event.step for event in draft.events[:2]] == ["open", "evidence"]
    assert draft.events[1].data == KEPT and draft.events[1].actor == "@system"
    assert draft.state.photos == ("a" * 64,)
    assert "before the baker's" in draft.state.text


def test_another_picture_joins_and_the_same_does_not_come_twice() -> None:
    draft = opened(alarm("a1", pictures=[KEPT]))
    other = {**KEPT, "digest": "b" * 64}
    signal = of_alarm(alarm("a2", pictures=[KEPT, other]))
    intake.join_case(draft, town(), signal, Match("c1", 1.0, ()), intake.Policy())
    assert draft.state.photos == ("a" * 64, "b" * 64)
    assert sum(event.step == "evidence" for event in draft.events) == 2


def test_a_signal_that_is_taken_out_takes_its_picture_along() -> None:
    signal = of_alarm(alarm("a1", pictures=[KEPT]))
    assert again(signal.told(), "").pictures == (KEPT,)


@pytest.mark.parametrize(
    "told",
    [
        "no list", [1], [{**KEPT, "digest": "../../etc/passwd"}], [{**KEPT, "digest": "A" * 64}],
        [{**KEPT, "media_type": "text/html"}], [{**KEPT, "scan": "infected"}],
        [{**KEPT, "size": "900"}], [{}],
    ],
)  # fmt: skip
def test_what_is_no_kept_picture_is_left_out(told: Any) -> None:
    draft = opened(alarm("a1", pictures=told))
    assert draft.state.photos == () and draft.events[1].step != "evidence"
