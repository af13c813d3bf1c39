"""The city's past as rows: what its page would have seen, and what it is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from tianmu.city import pack
from tianmu.scenarios.fire_alarms import ranking, replay
from tianmu.scenarios.fire_alarms.estate import Spot
from tianmu.scenarios.signals import Signal

CITY = pack.load("liyang")
MINUTE = 60_000_000
AT = CITY.calendar.instant(date(2026, 4, 5), 8 * 60)


def signal(name: str, minutes: float, rule: str = "", east: float = 119.48, **more: Any) -> Signal:
    told: dict[str, Any] = {"verdict": "real", "closed_at": AT + 90 * MINUTE, "device": name}
    return Signal(
        id=name, report=not rule, at=AT + round(minutes * MINUTE), returned=False, rule=rule,
        longitude=east, latitude=31.43, case="c1", number="1", division="320481",
        **(told | more),
    )  # fmt: skip


def rows(monkeypatch: pytest.MonkeyPatch, told: Sequence[Signal]) -> list[dict[str, Any]]:
    spot = Spot("mill", "3", "smoke", "s1")
    monkeypatch.setattr(replay, "Estate", lambda world: SimpleNamespace(spot=lambda name: spot))
    world: Any = SimpleNamespace(city=CITY, signals=lambda codes, since: tuple(told))
    found: list[dict[str, Any]] = replay.rows(world, date(2026, 4, 1)).to_pylist()
    return found


def test_signs_of_a_fire_are_no_fires_that_nobody_was_warned_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = ranking.settings().watched.rules
    fault = next(rule for rule, kind in watched.items() if kind == "fault")
    fire = next(rule for rule, kind in watched.items() if kind == "component")
    found = rows(monkeypatch, [signal("s1", 0, fire), signal("s1", 1, fault)])
    assert [(one["kind"], one["event"]) for one in found] == [("smoke", 1), ("fault", 0)]


def test_calls_near_a_building_are_seen_as_its_page_sees_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fire = next(rule for rule, kind in ranking.settings().watched.rules.items()
                if kind == "component")  # fmt: skip
    told = [signal("far", -2, east=120.9), signal("r1", 2, device=""), signal("s1", 0, fire)]
    found = rows(monkeypatch, told)
    assert [(one["kind"], one["building"], one["detector"], one["event"]) for one in found] == [
        ("smoke", "mill", "s1", 1), ("call", "mill", "report r1", 0),
    ]  # fmt: skip
