"""Server-sent events are read as the field writes them, and a listener loses none."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.rehearse.city.city import parse_events
from tianmu.rehearse.city.listen import Heard

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
EVENTS = st.lists(
    st.tuples(st.from_regex(r"[0-9a-z.]{1,8}", fullmatch=True), st.sampled_from("abc"), VALUES)
)


@given(EVENTS)
def test_what_was_pushed_is_read(events: list[tuple[str, str, Any]]) -> None:
    lines: list[str] = []
    for cursor, event, data in events:
        text = json.dumps(data, ensure_ascii=True, indent=1)
        lines += [": keep-alive", f"id: {cursor}", f"event: {event}"]
        lines += [f"data: {part}" for part in text.split("\n")] + [""]
    assert list(parse_events(iter(lines))) == events


def test_the_small_print_of_the_standard() -> None:
    lines = [
        "data: 1", "",              # no event: message
        "id: 7", "event:x", "data:2", "",    # no blank after the colon
        "event: lost", "",          # no data: no event, and its name is forgotten
        "data: [3,", "data: 4]", "",         # the id stays, several lines are one
        "retry: 100", "unknown: 5", "data: 6", "",
        "data: 7",                  # broken off: not an event
    ]  # fmt: skip
    assert list(parse_events(iter(lines))) == [
        ("", "message", 1), ("7", "x", 2), ("7", "message", [3, 4]), ("7", "message", 6),
    ]  # fmt: skip


class Pusher:
    """A city that pushes ten numbers, with a break after each third."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.end = threading.Event()

    def events(
        self, cursor: str = "", only: Collection[str] = ()
    ) -> Iterator[tuple[str, str, Any]]:
        self.asked.append(cursor)
        start = int(cursor or 0)
        for number in range(start + 1, min(start + 4, 11)):
            yield str(number), "even" if number % 2 == 0 else "odd", {"n": number}
        if start < 9:
            raise httpx.ReadError("the line broke")
        self.end.wait(5)


def test_a_listener_resumes_where_it_was() -> None:
    pusher: Any = Pusher()
    with Heard(pusher, {"even"}) as heard:
        found = heard.first("even", lambda data: data["n"] == 10, 5)
        assert found is not None and found[0] == pytest.approx(time.time(), abs=5)
        assert [data["n"] for _, _, data in heard.take()] == [2, 4, 6, 8, 10]
        assert heard.take() == [] and heard.first("even", lambda data: True, 0.05) is None
    pusher.end.set()
    assert pusher.asked == ["", "3", "6", "9"] and heard.breaks == 3


def test_a_city_that_says_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute:
        def events(
            self, cursor: str = "", only: Collection[str] = ()
        ) -> Iterator[tuple[str, str, Any]]:
            time.sleep(0.2)
            raise httpx.ConnectError("nobody")
            yield  # pragma: no cover

    monkeypatch.setattr(threading.Event, "wait", lambda self, timeout=None: False)
    mute: Any = Mute()
    with pytest.raises(TimeoutError, match="pushes nothing"), Heard(mute):
        pass
