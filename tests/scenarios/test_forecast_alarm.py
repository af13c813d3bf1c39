"""Alarms of forecasts: told before a limit is passed, ended, judged once, moved by what came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tianmu.facts.encoding import decode
from tianmu.facts.finding import Foretold
from tianmu.prevent.forecast.outlook import Outlook
from tianmu.scenarios.foresight import alarm as alarms
from tianmu.scenarios.foresight import foresight, settling
from tianmu.scenarios.foresight.table import Kept
from tianmu.scenarios.foresight.wanted import MOST, _sample
from tianmu.store.journal.sqlite import SqliteJournal

from .test_foresight import ASKED, DAY, HOUR, START, Past, wanted

ALARMING = msgspec.structs.replace(ASKED, warn=0.7, false_alarms_per_week=1.0)
LATE = 10 * 60_000_000
LIMIT = 13.0


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    made = Past(tmp_path)
    yield made
    made.history.close()
    made.records.close()


def asked(high: float = LIMIT) -> Any:
    return replace(wanted([3], high=high), forecast=ALARMING)


def make(past: Past, hours: int, one: Any) -> int:
    now = START + hours * HOUR + LATE
    foresight.make(past.records, past.history, one, now, lambda: True)
    return now


def told(past: Past, folder: Path) -> list[Foretold]:
    with SqliteJournal(folder) as journal:
        facts = [decode(entry.payload) for entry in journal.read("finding", 0)]
    return [fact for fact in facts if isinstance(fact, Foretold)]


def policy(past: Past) -> Any:
    return past.records.read(lambda c: alarms.policy_of(c, "trial", "level"))


def test_a_passing_is_told_before_it_comes_and_judged_once(past: Past, tmp_path: Path) -> None:
    past.measure(3, 0, 24 * 20)
    one = asked()
    now = make(past, 24 * 20, one)
    [first] = told(past, tmp_path)
    assert first.holds and (first.datastream, first.limit, first.high) == (3, LIMIT, True)
    assert now < first.passes_at < first.until == START + 20 * DAY + 8 * HOUR
    assert first.chance >= 0.7 and first.value is not None
    make(past, 24 * 20, one)
    assert len(told(past, tmp_path)) == 1, "made again it is not told again"
    assert (policy(past).told, policy(past).strict > 0) == (1, True)
    assert alarms.needed(ALARMING, policy(past)) > 0.7, "it counts as false until it is judged"

    # the next forecasts still say so: the alarm goes on, and is not told again
    past.measure(3, 24 * 20, 2, seed=5)
    make(past, 24 * 20 + 2, one)
    assert len(told(past, tmp_path)) == 1

    # the limit is passed: the warning ends, the rule's own alarm is there
    value = past.measure(3, 24 * 20 + 2, 4, seed=6)
    assert value[-1] > LIMIT
    make(past, 24 * 20 + 6, one)
    [_, ended] = told(past, tmp_path)
    assert (ended.holds, ended.why) == (False, "passed")

    past.measure(3, 24 * 20 + 6, 4, seed=7)
    later = START + 24 * 20 * HOUR + 9 * HOUR
    settling.settle(past.records, past.history, [one], later)
    assert (policy(past).told, policy(past).real, policy(past).false) == (1, 1, 0)
    settling.settle(past.records, past.history, [one], later + HOUR)
    assert policy(past).real == 1, "judged once"
    lead = past.records.read(lambda c: alarms.lead_of(c, "trial", "level", START))
    assert lead is not None and 2 * 3600 < lead < 8 * 3600


def test_a_false_one_ends_when_the_forecast_turns_and_asks_for_more_next_time(
    past: Past, tmp_path: Path
) -> None:
    past.measure(3, 0, 24 * 20)
    one = asked()
    make(past, 24 * 20, one)
    past.position += 1
    quiet(past, 24 * 20, 9, level=8.0)
    make(past, 24 * 20 + 4, one)
    [_, ended] = told(past, tmp_path)
    assert (ended.holds, ended.why) == (False, "turned")
    settling.settle(past.records, past.history, [one], START + 24 * 20 * HOUR + 9 * HOUR)
    held = policy(past)
    assert (held.told, held.real, held.false) == (1, 0, 1)
    assert alarms.needed(ALARMING, held) > 1 - (1 - 0.7) / 2.9, "it asks for more than before"


def test_an_alarm_nobody_renews_ends(past: Past, tmp_path: Path) -> None:
    past.measure(3, 0, 24 * 20)
    make(past, 24 * 20, asked())
    key = [("trial", "level")]
    until = START + 20 * DAY + 8 * HOUR

    def over(asked: list[tuple[str, str]], now: int) -> int:
        return past.records.transact(lambda tx: alarms.over(tx, asked, now))

    assert over(key, until - 1) == 0 and over(key, until) == 1 and over(key, until) == 0
    assert [fact.why for fact in told(past, tmp_path)] == ["", "over"]


def test_what_fails_half_way_tells_nothing(
    past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.measure(3, 0, 24 * 20)

    def fail(*_: Any) -> None:
        raise OSError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(alarms, "_keep", fail)
        with pytest.raises(OSError, match="the power went"):
            make(past, 24 * 20, asked())
    assert not past.rows() and not past.rows(alarms.ALARM) and not told(past, tmp_path)
    make(past, 24 * 20, asked())
    assert len(told(past, tmp_path)) == len(past.rows(alarms.ALARM)) == 1


def test_without_a_tolerable_number_nothing_is_told(past: Past, tmp_path: Path) -> None:
    past.measure(3, 0, 24 * 20)
    make(past, 24 * 20, wanted([3], high=LIMIT))
    assert not told(past, tmp_path)


def test_what_is_told_lies_ahead_and_a_lead_is_never_below_none(past: Past, tmp_path: Path) -> None:
    """Of the step that has begun it is said from now on; what passed in it gives no lead."""
    origin = START + 480 * HOUR
    now = origin + LATE
    kept = said(origin, now, [0.9, 0.6, 0.1])

    def tell(tx: Any) -> None:
        alarms.tell(tx, "trial", ALARMING, kept, 10.0, now)
        alarms.judge(tx, "trial", ALARMING, kept, np.array([14.0, 9.0, 9.0]), now + 3 * HOUR)

    past.records.transact(tell)
    assert [one.passes_at for one in told(past, tmp_path)] == [now]
    assert past.records.read(lambda c: alarms.lead_of(c, "trial", "level", START)) == 0.0


def test_a_limit_that_is_passed_already_is_not_told_ahead(past: Past, tmp_path: Path) -> None:
    """However surely it is passed in the steps to come: the rule's own alarm is there."""
    origin = START + 480 * HOUR
    now = origin + LATE
    kept = said(origin, now, [1.0, 1.0, 1.0])

    def tell(last: float) -> int:
        past.records.transact(lambda tx: alarms.tell(tx, "trial", ALARMING, kept, last, now))
        return len(told(past, tmp_path))

    assert [tell(LIMIT + 1.0), tell(LIMIT), policy(past).told] == [0, 0, 0]
    assert tell(LIMIT - 0.1) == 1, "just below it is"


def test_a_step_that_is_over_is_not_foretold() -> None:
    kept = said(START, START, [0.9, 0.6, 0.1])
    first = alarms.likely(kept, 0.5, START + HOUR - 1)
    assert first is not None and (first.lead, first.chance) == (1, 0.9)
    second = alarms.likely(kept, 0.5, START + HOUR)
    assert second is not None and (second.lead, second.chance) == (2, 0.6)
    assert alarms.likely(kept, 0.5, START + 2 * HOUR) is None
    assert alarms.likely(kept, 0.5, START + 99 * HOUR) is None


def said(origin: int, now: int, chance: list[float]) -> Kept:
    flat = np.full(len(chance), 12.0)
    outlook = Outlook(
        expected=flat, low=flat - 1, high=flat + 1, naive=flat, chance=np.array(chance)
    )
    return Kept(3, origin, now, HOUR, outlook, None, LIMIT, None)


def test_new_devices_do_not_push_out_those_that_are_forecast() -> None:
    few = np.arange(MOST, dtype=np.uint32)
    assert _sample(few, ()).tolist() == few.tolist()
    many = np.arange(3 * MOST, dtype=np.uint32)
    first = _sample(many, ())
    assert len(first) == len(set(first.tolist())) == MOST
    more = np.arange(5 * MOST + 7, dtype=np.uint32)
    assert _sample(more, set(first.tolist())).tolist() == first.tolist()
    silent = set(first[:50].tolist())
    again = set(_sample(more, set(first.tolist()) - silent).tolist())
    assert len(again) == MOST and set(first.tolist()) - silent <= again


def quiet(past: Past, since: int, hours: int, level: float) -> None:
    from tianmu.facts.batch import ObservationBatch

    at = START + (since + np.arange(hours)) * HOUR
    batch = ObservationBatch(
        datastream=np.full(hours, 3, np.uint32), phenomenon_time=at + HOUR // 2,
        value=np.full(hours, level), received=int(at[-1]) + HOUR, source=1,
    )  # fmt: skip
    past.history.append([batch], {"observation": past.position})
    past.history.flush()
