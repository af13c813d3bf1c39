"""Forecasts of a city: made once for each origin, kept, settled once, and read back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa

from tianmu.city.device.property import Property
from tianmu.facts.batch import ObservationBatch
from tianmu.prevent.forecast.season import season_of
from tianmu.prevent.rule.rule import Override, Threshold
from tianmu.scenarios.folder.manifest import Forecast
from tianmu.scenarios.foresight import foresight, settling, table
from tianmu.scenarios.foresight.wanted import Wanted, limit_of
from tianmu.store.history import History
from tianmu.store.records import Records

HOUR, DAY = 3_600_000_000, 86_400_000_000
START = 20_000 * DAY
ASKED = Forecast(
    code="level", name={"zh": "水位", "en": "Level"}, kind="k", property="p", hours=8, rule="r"
)
NAN = float("nan")


def wanted(streams: list[int], high: float = NAN) -> Wanted:
    limits = np.array([[NAN, high]] * len(streams))
    own = Property(code="p", name={"en": "p"}, low=0.0)
    return Wanted("trial", ASKED, own, np.array(streams, np.uint32), 0, limits)


class Past:
    """History with its files, filled hour by hour."""

    def __init__(self, folder: Path) -> None:
        self.records = Records(folder / "works.sqlite")
        self.records.create(table.METADATA)
        self.history = History(folder, self.records)
        self.position = 0

    def measure(self, stream: int, since: int, hours: int, seed: int = 0) -> np.ndarray:
        draw = np.random.default_rng(seed)
        at = START + (since + np.arange(hours)) * HOUR
        hour = (at // HOUR) % 24
        value = 10 + 4 * np.sin(2 * np.pi * hour / 24) + draw.normal(0, 0.3, hours)
        self.position += 1
        batch = ObservationBatch(
            datastream=np.full(hours, stream, np.uint32), phenomenon_time=at + HOUR // 2,
            value=value, received=int(at[-1]) + HOUR, source=1,
        )  # fmt: skip
        self.history.append([batch], {"observation": self.position})
        self.history.flush()
        return value

    def rows(self, of: sa.Table = table.FORECAST) -> list[Any]:
        return self.records.read(lambda c: list(c.execute(sa.select(of))))


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    made = Past(tmp_path)
    yield made
    made.history.close()
    made.records.close()


def test_a_forecast_is_made_once_kept_and_settled_once(past: Past) -> None:
    past.measure(3, 0, 24 * 20)
    now = START + 20 * DAY + 10 * 60_000_000
    one = wanted([3, 4])
    assert foresight.make(past.records, past.history, one, now, lambda: True) == 1
    [run] = past.rows(table.RUN)
    assert (run.streams, run.silent, run.fault) == (1, 1, "")
    kept = past.records.read(lambda c: table.of_stream(c, "trial", "level", 3, 0))
    assert kept[-1].origin == START + 20 * DAY and kept[-1].made_at == now
    assert kept[0].origin < kept[-1].origin - 6 * DAY, "a past is walked through at first"
    said = kept[-1].outlook
    assert said.expected.shape == (8,) and (said.low < said.expected).all()
    hours = np.arange(8)
    assert np.abs(said.expected - (10 + 4 * np.sin(2 * np.pi * hours / 24))).max() < 1.5
    assert np.isnan(said.chance).all(), "no limit, no chance"

    # made again nothing changes, and later values change nothing that was said
    before = past.rows()
    foresight.make(past.records, past.history, one, now, lambda: True)
    past.measure(3, 24 * 20, 8, seed=5)
    later = now + 8 * HOUR
    foresight.make(past.records, past.history, one, later, lambda: True)
    after = past.rows()
    assert len(after) == len(before) + 1, "what was missed between is not made up"
    assert [r.told for r in after[: len(before)]] == [r.told for r in before]

    settled = settling.settle(past.records, past.history, [one], later)
    assert settled == len(before) and settling.settle(past.records, past.history, [one], later) == 0
    kept = past.records.read(lambda c: table.of_stream(c, "trial", "level", 3, 0))
    assert kept[-1].came is None and all(k.came is not None for k in kept[:-1])
    scores = past.records.read(lambda c: table.scores(c, "trial", "level", START))
    assert [s.lead for s in scores] == list(range(1, 9))
    assert sum(s.judged for s in scores) == 8 * len(before)
    assert all(0.8 <= s.hits / s.judged <= 1 for s in scores), scores
    assert all(s.error < 0.6 for s in scores)


def test_what_was_said_of_a_limit_is_judged(past: Past) -> None:
    past.measure(3, 0, 24 * 20)
    now = START + 20 * DAY + 10 * 60_000_000
    one = wanted([3], high=13.0)
    foresight.make(past.records, past.history, one, now, lambda: True)
    [*_, kept] = past.records.read(lambda c: table.newest(c, "trial", "level", 9))
    assert kept.limit_high == 13.0 and kept.limit_low is None
    assert np.nanmax(kept.outlook.chance) > 0.8 and kept.outlook.chance[0] < 0.2
    past.measure(3, 24 * 20, 8)
    settling.settle(past.records, past.history, [one], now + 8 * HOUR)
    right, false, missed = past.records.read(lambda c: table.warned(c, "trial", "level", START))
    assert right > 10 and right > 5 * (false + missed)


def test_a_commit_that_fails_leaves_nothing_half_settled(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.measure(3, 0, 24 * 12)
    now = START + 12 * DAY + 10 * 60_000_000
    one = wanted([3])
    foresight.make(past.records, past.history, one, now, lambda: True)
    past.measure(3, 24 * 12, 8)

    def fail(*_: Any) -> None:
        raise OSError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(settling, "_score", fail)
        with pytest.raises(OSError, match="the power went"):
            settling.settle(past.records, past.history, [one], now + 8 * HOUR)
    assert all(row.came is None for row in past.rows()) and not past.rows(table.SCORE)
    assert settling.settle(past.records, past.history, [one], now + 8 * HOUR)


def test_a_folder_that_asks_for_other_hours_or_steps_holds_nothing_up(past: Past) -> None:
    past.measure(3, 0, 24 * 12)
    now = START + 12 * DAY + 10 * 60_000_000
    old = wanted([3])
    foresight.make(past.records, past.history, old, now, lambda: True)
    past.measure(3, 24 * 12, 24)
    longer = replace(old, forecast=msgspec.structs.replace(ASKED, hours=16))
    foresight.make(past.records, past.history, longer, now + 8 * HOUR, lambda: True)
    [*before, _] = past.rows()
    settled = settling.settle(past.records, past.history, [longer], now + 30 * HOUR)
    assert settled == len(before) + 1 and all(row.came is not None for row in past.rows())
    scores = past.records.read(lambda c: table.scores(c, "trial", "level", START))
    assert [s.lead for s in scores] == list(range(1, 17))
    assert all(s.judged > 100 for s in scores[:8]) and [s.judged for s in scores[8:]] == [1] * 8

    foresight.make(past.records, past.history, longer, now + 24 * HOUR, lambda: True)
    halves = replace(longer, forecast=msgspec.structs.replace(ASKED, hours=16, step_min=30))
    past.measure(3, 24 * 13, 24)
    assert settling.settle(past.records, past.history, [halves], now + 60 * HOUR) == 1
    assert len(past.rows()) == len(before) + 1, "a forecast in steps of before is judged by nothing"


def test_what_is_stopped_is_done_again(past: Past) -> None:
    past.measure(3, 0, 24 * 12)
    now = START + 12 * DAY + 10 * 60_000_000
    one = wanted([3])
    assert foresight.make(past.records, past.history, one, now, lambda: False) == 0
    assert past.rows() == [] and past.rows(table.RUN) == []


def test_old_forecasts_go_and_their_scores_stay(past: Past) -> None:
    past.measure(3, 0, 24 * 12)
    now = START + 12 * DAY + 10 * 60_000_000
    foresight.make(past.records, past.history, wanted([3]), now, lambda: True)
    past.measure(3, 24 * 12, 8)
    settling.settle(past.records, past.history, [wanted([3])], now + 8 * HOUR)
    settling.forget(past.records, now + (settling.KEPT_DAYS + 1) * DAY)
    assert past.rows() == [] and past.rows(table.SCORE)


def test_the_limit_is_that_of_the_device_then_of_its_division() -> None:
    rule = Threshold(
        code="r", name={"en": "r"}, kind="k", property="p", priority=3, direction="high", limit=5,
        overrides=(
            Override(division="town", limit=6), Override(division="city", limit=7),
            Override(device="d", limit=8),
        ),
    )  # fmt: skip
    assert limit_of(rule, "d", ("village", "town", "city"))[1] == 8
    assert limit_of(rule, "e", ("village", "town", "city"))[1] == 6
    assert limit_of(rule, "e", ("elsewhere",))[1] == 5 and np.isnan(limit_of(rule, "e", ())[0])


def test_a_season_is_a_day_or_a_week_of_days() -> None:
    assert season_of(HOUR) == 24 and season_of(4 * HOUR) == 6
    assert season_of(DAY) == 7 and season_of(3 * DAY) == 0
