"""How far a model is, for somebody who waits at a terminal; a pipe gets none of it."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from tianmu.scenarios import run
from tianmu.scenarios.contract import listening, progress, remark
from tianmu.scenarios.gas_pipelines import threshold


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("where", "lines"), [(Screen(), 1), (io.StringIO(), 0)])
def test_progress_is_for_terminals_and_remarks_for_all(
    where: io.StringIO, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", where)
    monkeypatch.setattr(run, "EVERY_S", 0.0)
    told: list[str] = []
    with listening(run.telling(told.append)):
        progress(150, 300, "weeks drawn")
        remark("drawn")
    assert told[-1] == "drawn" and len(told) == lines + 1
    if lines:
        assert told[0].startswith("150 of 300 weeks drawn, 50 %, ")


def test_each_week_that_a_threshold_is_drawn_from_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[Any, ...]] = []
    monkeypatch.setattr(threshold, "progress", lambda *one: told.append(one))
    monkeypatch.setattr(threshold, "_drawn", lambda *_: None)
    monkeypatch.setattr(threshold, "scores", lambda *_: threshold.np.array([1.0, 5.0, 1.0]))
    watch: Any = type("Watch", (), {})()
    watch.own, watch.every_min = threshold.LeakSettings(
        windows=(1,), since=(), noise=0.01, feed_bar=0.0, feed_min=1.0, over_min=5.0, weeks=12,
        rate_sure=0.95, seed=1, near_m=1.0, sure=0.8,
    ), 5.0  # fmt: skip
    assert threshold.threshold(watch, 0.2) > 1.0
    drawn = threshold.weeks(watch.own, 0.2)
    assert told == [(n, drawn, "weeks drawn") for n in range(drawn)]
