"""Words with their places filled in."""

from __future__ import annotations

import pytest

from tianmu.facts.text import fill


@pytest.mark.parametrize(
    ("words", "count", "said"),
    [
        ("{count} station(s) told nothing", 1, "1 station told nothing"),
        ("{count} station(s) told nothing", 2, "2 stations told nothing"),
        ("{count} manual call point(s) pressed", 1, "1 manual call point pressed"),
        ("{count} station-day(s)", 0, "0 station-days"),
        ("{count} of 1 station(s)", 3, "3 of 1 station"),
        ("{count} building(s)", "1,001", "1,001 buildings"),
        ("the fault(s) of {count}", 1, "the fault(s) of 1"),
    ],
)
def test_what_is_counted_agrees_with_its_number(words: str, count: object, said: str) -> None:
    assert fill({"en": words}, count=count) == {"en": said}


def test_a_text_in_a_text_is_said_in_its_language() -> None:
    whole = {"zh": "在{where}", "en": "at {where}"}
    assert fill(whole, where={"zh": "桥", "en": "the bridge"}) == {
        "zh": "在桥",
        "en": "at the bridge",
    }
