"""What forecasts tell of a limit, as alarms: raised once, in words, ended, and kept by a crash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.encoding import encode
from tianmu.facts.finding import Foretold
from tianmu.store.records import Records

from .town import S, Town

HOUR = 3600 * S
IDENTITY = "forecast.wells.level@g0/level"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


def tell(town: Town, holds: bool, **more: Any) -> None:
    stream = int(town.book.datastream_index(["g0/level"])[0])
    fact = Foretold(
        datastream=stream, scenario="wells", code="level", holds=holds, origin=town.now, **more
    )
    with Records(town.data / "works.sqlite") as works:
        works.transact(lambda tx: tx.append("finding", encode(fact)))
    while town.watch.step(0):
        pass


def likely(town: Town, **more: Any) -> None:
    at = town.now + 5 * HOUR
    tell(town, True, passes_at=at, until=at + HOUR, chance=0.81, value=3.4567, limit=3.0, **more)


def events(town: Town) -> list[Any]:
    return [event for event in town.events() if event.identity == IDENTITY]


def test_a_forecast_alarms_in_words_and_ends(town: Town) -> None:
    likely(town)
    [raised] = events(town)
    assert (raised.transition, raised.rule, raised.priority) == ("raise", "forecast.wells.level", 3)
    assert raised.matter == "" and raised.limit == 3.0
    assert raised.data["chance"] == 0.81 and raised.data["passes_at"] == town.now + 5 * HOUR
    text = raised.text["en"]
    assert text.startswith("Level will exceed 3") and "at about " in text and "p = 0.81" in text
    assert "概率 0.81" in raised.text["zh"]
    tell(town, False, why="turned", value=1.0)
    assert [(e.transition, e.reason) for e in events(town)] == [
        ("return", "the newest forecast says otherwise")
    ]


def test_downwards_and_with_another_priority(town: Town) -> None:
    likely(town, high=False, priority=2)
    [raised] = events(town)
    assert raised.priority == 2 and "will fall below 3" in raised.text["en"]


def test_it_outlives_a_crash_and_new_rules_and_is_raised_once(town: Town) -> None:
    likely(town)
    town.crash()
    while town.watch.step(0):
        pass
    town.watch.conditions.withdraw(town.now)
    assert [e.transition for e in events(town)] == ["raise"]
    tell(town, False, why="passed")
    assert [e.transition for e in events(town)] == ["return"]
