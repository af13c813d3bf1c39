"""Networks that scenarios lay: the gas net, on which alarms hang together; a faulty one is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tianmu.city.pack import load
from tianmu.prevent.cause.judge import SECOND, Sign, judge
from tianmu.scenarios.folder import laid


@pytest.mark.parametrize("pack", ["liyang", "port_ellery"])
def test_a_fall_of_pressure_hangs_under_the_first_one_along_the_pipes(
    pack: str, tmp_path: Path
) -> None:
    [net] = laid.lines(load(pack), tmp_path)
    assert net.along.code == "gas-pipelines" and net.along.matters
    assert len(net.network.start) == 2559 and len(net.nodes) == 2559
    one = int(net.network.start[100])
    seconds, _ = net.network.between(
        [spot for node in (one, *range(0, 2559, 100)) if (spot := net.spot((), *net.nodes[node]))]
    )
    other = int(np.argmax(np.where(np.isfinite(seconds[0]), seconds[0], -1)))
    here, there = net.spot((), *net.nodes[one]), net.spot((), *net.nodes[(other - 1) * 100])
    assert here is not None and there is not None
    late = round(seconds[0, other] * SECOND)
    signs = [Sign("far", there, 10**12 + late), Sign("near", here, 10**12)]
    [hung] = judge(net.network, signs, net.fit)
    assert (hung.sign, hung.cause) == ("far", "near") and hung.metres > 500
    assert (
        judge(net.network, [signs[0], Sign("old", here, 10**12 - 86_400 * SECOND)], net.fit) == []
    )


def test_what_stands_far_from_the_pipes_is_on_none_of_them(tmp_path: Path) -> None:
    [net] = laid.lines(load("liyang"), tmp_path)
    longitude, latitude = net.nodes.max(0) + 0.05
    assert net.spot((), longitude, latitude) is None and net.spot(("x",), None, None) is None


def test_one_that_cannot_be_laid_does_not_stop_the_city(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tianmu.scenarios.gas_pipelines import along

    def fail(*_: object) -> None:
        raise RuntimeError("no pipes")

    monkeypatch.setattr(along, "lay", fail)
    assert laid.lines(load("liyang"), tmp_path) == []
    assert "gas-pipelines cannot be laid" in caplog.text
