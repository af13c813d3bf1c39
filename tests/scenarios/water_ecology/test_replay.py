"""The city's own past as rows of the algae outlook, and what a back-test of it says."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tianmu.city import pack
from tianmu.cli import main
from tianmu.scenarios.water_ecology import replay
from tianmu.scenarios.world import HOUR, Devices

BLOOM, CALM = "cnemc-xishan", "cnemc-tuoshan"


class Lakes:
    """Two stations that measure every four hours: one blooms on 20 April, the other never."""

    def __init__(self, name: str, zone_day: date) -> None:
        self.city = pack.load(name)
        self.now = self.city.calendar.instant(zone_day, 12 * 60)
        ids = (BLOOM, CALM)
        self.registry: Any = SimpleNamespace(device=lambda at: SimpleNamespace(device=ids[at]))
        self.bloom = self.city.calendar.instant(date(2026, 4, 20), 0)

    def devices(self, kind: str, most: int) -> Devices:
        return Devices(np.arange(2), np.full(2, 119.5), np.full(2, 31.4), ("seeded",), 0)

    def streams(self, devices: Devices, code: str) -> str:
        return code

    def hourly(self, code: str, start: int, hours: int) -> np.ndarray:
        found = np.full((2, hours), np.nan)
        if code != "w01016":
            return found
        at = start + np.arange(hours) * HOUR
        days = (at - self.bloom) / (24 * HOUR)
        found[0] = 0.006 + 0.06 * np.exp(-(((days - 1) / 1.5) ** 2))
        found[1] = 0.006
        found[:, (at // HOUR) % 4 != 0] = np.nan
        return found


def test_rows_are_what_stations_measured_and_where_a_bloom_was(tmp_path: Path) -> None:
    made = replay.rows(Lakes("liyang", date(2026, 4, 24)), date(2026, 4, 10))
    stations, events = made["station"].to_pylist(), made["event"].to_pylist()
    assert {s for s, e in zip(stations, events, strict=True) if e} == {BLOOM}
    assert made["timestamp"].to_pylist()[0].startswith("2026-03-11"), "thirty days before"
    assert stations.count(BLOOM) == stations.count(CALM) == len(made) // 2

    file = tmp_path / "past.csv"
    with file.open("w", newline="") as out:
        write = csv.writer(out)
        write.writerow(made.column_names)
        write.writerows(zip(*(made[name].to_pylist() for name in made.column_names), strict=True))
    done = CliRunner().invoke(
        main, ["backtest", "water-ecology", "--in", str(file), "--from", "2026-04-10"]
    )
    assert done.exit_code == 0, done.output
    told = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.strip())
    assert int(told["events"]) > 5 and int(told["hits"]) == int(told["events"]) - int(
        told["misses"]
    )
    assert int(told["false_alarms"]) == 0, "the calm station gives none"


def test_an_hour_that_comes_twice_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks are put back in Port Ellery on 1 November 2026 at two."""
    lakes = Lakes("port_ellery", date(2026, 11, 3))
    monkeypatch.setattr(lakes, "hourly", lambda code, start, hours: np.full((2, hours), 0.01))
    made = replay.rows(lakes, date(2026, 10, 20))
    both = zip(made["station"].to_pylist(), made["timestamp"].to_pylist(), strict=True)
    times = [at for station, at in both if station == CALM]
    assert times == sorted(set(times))
    assert [at for at in times if at.startswith("2026-11-01 0")][:3] == [
        "2026-11-01 00:00", "2026-11-01 01:00", "2026-11-01 02:00"
    ]  # fmt: skip
