"""How far somebody has heard: the position in each topic, as an event's id."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tianmu.web.answer.problem import Problem
from tianmu.web.push.render import TOPICS

Positions = dict[str, int]


def cursor(positions: Mapping[str, int]) -> str:
    """Positions as an event id."""
    return ".".join(str(positions[topic]) for topic in TOPICS)


def along(positions: Mapping[str, int], topic: str) -> Callable[[int], str]:
    """``cursor`` as the position of one topic goes on and the others stand."""
    place = TOPICS.index(topic)
    before = "".join(f"{positions[one]}." for one in TOPICS[:place])
    behind = "".join(f".{positions[one]}" for one in TOPICS[place + 1 :])
    return lambda position: f"{before}{position}{behind}"


def positions_of(text: str) -> Positions:
    """The positions of an event id; a 400 problem for what is none."""
    parts = text.split(".")
    if len(parts) != len(TOPICS) or not all(p.isdecimal() and len(p) < 19 for p in parts):
        raise Problem(400, "bad-cursor", "Last-Event-ID is none of ours", "begin without one")
    return dict(zip(TOPICS, map(int, parts), strict=True))


def frame(kind: str, data: bytes, after: str) -> bytes:
    """One event as it goes over the wire. JSON has no line ends in it."""
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (after.encode(), kind.encode(), data)
