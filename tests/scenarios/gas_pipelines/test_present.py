"""The network of now over a city: no readings, as expected, leaking; digs near it; open alarms."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tianmu.city import pack
from tianmu.facts.place import DEGREE_M
from tianmu.scenarios.gas_pipelines import judge, kept, leak, present, replay, simulate
from tianmu.scenarios.gas_pipelines.feed import Day, fleet, told, write_truth
from tianmu.scenarios.gas_pipelines.held import held
from tianmu.scenarios.gas_pipelines.measured import MINUTE
from tianmu.scenarios.gas_pipelines.model import MODELS
from tianmu.scenarios.gas_pipelines.simulate import Readings
from tianmu.scenarios.judging import Judged, Judgement
from tianmu.scenarios.present import Present
from tianmu.scenarios.replay import TooLong
from tianmu.scenarios.run import parameters_of, run_model
from tianmu.scenarios.world import OpenAlarm

CITY = pack.load("liyang")
TODAY = date(2026, 4, 10)
STEP = 5 * MINUTE


@dataclass
class Town:
    """A city whose gas network reads what a day of the trial's feed reads, up to a minute of it."""

    folder: Path
    share: float = 0.0
    minute: int | None = 0
    """``None``: nothing was ever read"""
    smell: tuple[OpenAlarm, ...] = ()
    lately: int = 1_000
    """readings that there are of late"""
    heard: int = 0
    """µs when a reading of the inflow came in last; 0: never"""
    city: Any = field(default=CITY)
    rows: int = 1_000_000

    @property
    def now(self) -> int:
        return CITY.calendar.instant(TODAY, self.minute or 600) + 1

    def alarms(self) -> tuple[OpenAlarm, ...]:
        return self.smell

    def received(self, streams: Any) -> Any:
        return np.full(len(streams), self.heard)

    @property
    def known(self) -> Any:
        return held(self.folder, *CITY.center)

    @property
    def registry(self) -> Any:
        registered = self.minute is not None
        return SimpleNamespace(
            datastream_index=lambda ids: np.where(
                registered, np.arange(len(ids)), 2**32 - 1
            ).astype(np.uint32),
            device_of=lambda streams: np.zeros(len(streams), np.int64),
            origin=np.zeros(1, np.uint8), origins=["seeded"], find=lambda name: 0,
        )  # fmt: skip

    def judgement(self) -> Judgement:
        """By works, at the end of the last step."""
        world: Any = self
        found: Judgement = judge.judge(world)
        return found

    def judged(self) -> Judged:
        return Judged(self.now // STEP * STEP, self.now, "", self.judgement().said)

    @property
    def history(self) -> Any:
        return SimpleNamespace(windows=self.windows)

    def windows(self, streams: Any, start: int, end: int, step: int, *, groups: Any, asked: Any):
        assert step == STEP and end == self.now // STEP * STEP
        names = list(self.known.devices)
        key, time, mean = [], [], []
        steps = (end - start) // step
        for moment in range(max(steps - self.lately, 0), steps):
            at = CITY.calendar.local(start + moment * step)
            values = told(self.known, DAYS[self.share].until(at, 1))
            for row, name in enumerate(names):
                what = "pressure" if name.startswith("gas-pressure") else "flow"
                key.append(groups[row])
                time.append(start + moment * step)
                mean.append(values[f"{name}/{what}"])
        return SimpleNamespace(key=np.array(key), time=np.array(time), mean=np.array(mean))


KNOWN = held(Path("/nowhere"), *CITY.center)
DAYS = {share: Day(KNOWN, 3, share) for share in (0.0, 0.08)}
LEAK = DAYS[0.08].leak_of(TODAY)


def shapes(found: Present, kind: str) -> list[Any]:
    return [one for one in found.shapes if one.kind == kind]


def test_without_readings_nothing_is_claimed(tmp_path: Path) -> None:
    found = present.present(Town(tmp_path, minute=None))
    assert found.degree == 0 and "cannot be told" in found.why[0]["en"]
    assert shapes(found, "line") and shapes(found, "valve") and not shapes(found, "leak")
    assert not any(one.degree for one in shapes(found, "line")), "nothing says that they are tight"
    said = " ".join(note["en"] for note in found.notes)
    assert "transplanted" in said and "placed by seed" in said and "permits.csv" in said


def test_too_few_readings_are_no_all_clear(tmp_path: Path) -> None:
    found = present.present(Town(tmp_path, 0.0, 5 * LEAK.first, lately=1))
    assert found.degree == 0 and "Too few readings" in found.why[0]["en"]
    inflow = next(one for one in found.figures if one.name["en"].startswith("Inflow"))
    assert inflow.value is not None and inflow.value > 0


def test_a_fresh_city_waits_for_its_first_readings(tmp_path: Path) -> None:
    """It says so, and how many instruments there are now, whenever it was judged last."""

    def page(**more: Any) -> tuple[str, dict[str, float | None], int]:
        town: Any = Town(tmp_path, 0.0, 600, **more)
        before = Judged(
            town.now // STEP * STEP, town.now, "",
            {"registered": 0, "silent": 0, "state": "no_readings", "origins": []},
        )  # fmt: skip
        town.judged = lambda: before
        found = present.present(town)
        figures = {one.name["en"]: one.value for one in found.figures}
        return found.why[0]["en"], figures, found.degree

    there = {"Instruments connected": float(len(KNOWN.devices))}
    waits = "Waiting for the first readings: with 10 minutes of them"
    why, figures, degree = page()
    assert waits in why and figures == there and degree == 0
    judged = CITY.calendar.instant(TODAY, 600)
    why, figures, _ = page(heard=judged + MINUTE // 2)
    assert waits in why and figures == there
    why, figures, _ = page(heard=judged - 60 * MINUTE)
    assert "No inflow was measured lately" in why and figures == there


def test_a_trials_leak_can_be_had_soon() -> None:
    """At the same place as that day's own; other days keep theirs."""
    soon = Day(KNOWN, 3, 0.08, datetime(TODAY.year, TODAY.month, TODAY.day, 22, 31))
    made, own = soon.leak_of(TODAY), LEAK
    assert (made.first, made.last) == (271, 288) and (made.x, made.y) == (own.x, own.y)
    later = date(2026, 4, 11)
    assert soon.leak_of(later) == DAYS[0.08].leak_of(later)


def test_other_silent_meters_do_not_prepare_the_network_anew_each_step() -> None:
    """Only when so many more or others are silent as would matter."""
    layout, meters = KNOWN.layout, len(KNOWN.network.sink)

    def heard(silent: range) -> Any:
        meter = np.ones((meters, 3))
        meter[list(silent)] = np.nan
        return judge._heard(layout, Readings(*np.zeros((3, 0, 3)), meter=meter))

    assert heard(range(10)) is layout
    first = heard(range(60))
    assert first is not layout and not first.metered[:60].any() and first.metered[60:].all()
    assert heard(range(5, 67)) is first
    other = heard(range(100, 160))
    assert other is not first and other.metered[:60].all()


def test_consumers_that_are_not_read_are_told_to_be_estimated(tmp_path: Path) -> None:
    network, meter = KNOWN.network, np.ones((len(KNOWN.network.sink), 20))
    largest = np.argsort(-network.usual)[:150]
    meter[largest[:100], 8:] = np.nan  # silent for an hour
    meter[largest[100:], :19] = np.nan  # it spoke just now
    found = judge.estimated(network, Readings(*np.zeros((3, 0, 20)), meter=meter))
    part = network.usual[largest[:100]].sum() / network.usual.sum()
    assert found == {"count": 100, "of": 1506, "part": round(float(part), 3)} and part > 0.07
    town = Town(tmp_path, 0.0, 5 * LEAK.first)
    was = town.judged()
    assert was.said["estimated"] == {"count": 0, "of": 1506, "part": 0.0}

    def notes(last: Judged) -> list[str]:
        seen: Any = SimpleNamespace(
            judged=partial(lambda one: one, last), city=CITY, now=town.now, folder=tmp_path,
            alarms=tuple, origins=(), registry=town.registry, received=town.received,
        )  # fmt: skip
        return [one["en"] for one in present.present(seen).notes if "estimated" in one["en"]]

    assert notes(was) == []
    assert notes(replace(was, said={**was.said, "estimated": found})) == [
        f"100 of 1,506 consumers ({part:.0%} of the usual take) were not read: what they take "
        "is estimated as the others do, and the score and its threshold allow for how wrong that "
        "may be"
    ]


def test_a_feed_that_says_nothing_leaves_no_figure_that_is_no_number() -> None:
    told = np.array([[np.nan, np.nan], [1.0, 3.0]])
    assert judge.means(told).tolist() == [2.0]
    assert judge.means(told[:1]).tolist() == []


def test_what_is_expected_is_normal_and_a_leak_is_shown_where_it_is(tmp_path: Path) -> None:
    calm = present.present(Town(tmp_path, 0.0, 5 * LEAK.first))
    assert calm.degree == 1 and calm.origins == ("seeded",) and not shapes(calm, "leak")
    found = present.present(Town(tmp_path, 0.08, 5 * (LEAK.first + 14)))
    assert found.degree == 3
    (shape,) = shapes(found, "leak")
    middle = np.mean(shape.ring[:-1], axis=0)
    east = (middle[0] - KNOWN.network.longitude.mean()) * DEGREE_M
    east *= np.cos(np.radians(KNOWN.network.latitude.mean()))
    north = (middle[1] - KNOWN.network.latitude.mean()) * DEGREE_M
    assert np.hypot(east - LEAK.x, north - LEAK.y) < 400
    assert "close V" in found.why[0]["en"] and "households" in found.why[0]["en"]
    values = {one.name["en"]: one.value for one in found.figures}
    assert values["Leak score (1 is the threshold)"] > 1
    assert values["Instruments that say nothing"] == 0


def test_digs_near_pipes_are_shown_on_their_days(tmp_path: Path) -> None:
    lon, lat = float(KNOWN.network.longitude[0]), float(KNOWN.network.latitude[0])
    line = '{},"trench, water",{},{},"POINT({} {})"\n'
    (tmp_path / "permits.csv").write_text(
        "code,what,from,to,area\n"
        + line.format("D1", "2026-04-09", "2026-04-11", lon, lat)
        + line.format("D2", "2026-04-11", "2026-04-12", lon, lat)
        + line.format("D3", "2026-04-09", "2026-04-11", lon + 1, lat)
    )
    found = present.present(Town(tmp_path, minute=None))
    assert found.degree == 2 and len(shapes(found, "dig")) == 1
    assert any("Dig D1 (trench, water) lies in the protected range" in w["en"] for w in found.why)


def test_open_alarms_count_and_bad_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "valves.csv").write_text("pipe,junction\n0,x\n")
    (tmp_path / "network.json").write_text("{}")
    first = OpenAlarm("gas_detector.first", "d-1", 119.4, 31.4, 1)
    second = OpenAlarm("gas_detector.second", "d-2", None, None, 1)
    found = present.present(Town(tmp_path, minute=None, smell=(first,)))
    assert found.degree == 3 and len(shapes(found, "alarm")) == 1
    assert present.present(Town(tmp_path, minute=None, smell=(first, second))).degree == 4
    said = [note["en"] for note in found.notes]
    assert any("network.json cannot be read" in one for one in said)
    assert any("valves.csv cannot be read: row 1, column junction" in one for one in said)


def test_a_leak_is_one_condition_with_a_place_and_what_shuts_it_off(tmp_path: Path) -> None:
    assert Town(tmp_path, 0.0, 5 * LEAK.first).judgement().conditions == ()
    feeds = {name for name, (what, _) in KNOWN.devices.items() if what == "inflow"}
    places = []
    for later in (6, 14):
        (one,) = Town(tmp_path, 0.08, 5 * (LEAK.first + later)).judgement().conditions
        assert one.rule in {rule["code"] for rule in CITY.rules} and one.device in feeds
        assert one.within_m is not None and one.value is not None and one.data["valves"]
        assert 0.04 < one.data["share"] < 0.12 and "close V" in one.text["en"]
        places.append((one.device, one.longitude))
    assert places[0][0] == places[1][0]  # the same condition, wherever it is seen to be


def test_what_was_judged_is_told_old_failed_or_not_there(tmp_path: Path) -> None:
    town = Town(tmp_path, 0.0, 5 * LEAK.first)
    was = town.judged()
    for last, words in (
        (None, "Waiting for the first readings"),
        (replace(was, fault="KeyError: x"), "could not be judged: KeyError: x"),
        (replace(was, until=was.until - 30 * MINUTE), "minutes ago"),
    ):
        seen: Any = SimpleNamespace(
            judged=partial(lambda one: one, last), city=CITY, now=town.now, folder=tmp_path,
            alarms=tuple, origins=(), registry=town.registry, received=town.received,
        )  # fmt: skip
        found = present.present(seen)
        assert found.degree == 0 and words in found.why[0]["en"]


def test_the_threshold_of_a_citys_own_instruments_is_reckoned_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(kept, "threshold", lambda watch, rate: asked.append(watch) or 5.5)
    watch = leak.prepare(KNOWN.network, KNOWN.layout, 5.0)
    assert kept.kept_threshold(watch, tmp_path) == kept.kept_threshold(watch, tmp_path) == 5.5
    assert len(asked) == 1
    (tmp_path / kept.FILE).write_text("{")
    assert kept.kept_threshold(watch, tmp_path) == 5.5 and len(asked) == 2


def test_the_feed_registers_what_it_sends(tmp_path: Path) -> None:
    known, day = KNOWN, DAYS[0.08]
    table = fleet(known)
    streams = {
        f"{device}/{name}"
        for device, names in zip(
            table.column("device").to_pylist(), table.column("properties").to_pylist(), strict=True
        )
        for name in names
    }
    assert len(set(table.column("device").to_pylist())) == len(table)
    at = datetime(2026, 4, 10, *divmod(5 * (LEAK.first + 6), 60))
    assert set(told(known, day.until(at, 24))) == streams
    for _ in range(2):
        write_truth(tmp_path / "leaks.csv", day, TODAY)
    rows = (tmp_path / "leaks.csv").read_text().splitlines()
    assert len(rows) == 2 and rows[1].startswith("2026-04-10T")


@pytest.mark.slow
def test_a_citys_past_is_replayed_with_the_leaks_that_truly_were(tmp_path: Path) -> None:
    town = Town(tmp_path, 0.08, 5 * (LEAK.first + 12))
    start = replay.MINUTE * 5
    world: Any = SimpleNamespace(
        now=town.now // start * start - 1, city=CITY, folder=tmp_path, history=None,
        signals=lambda codes, since: tuple(
            SimpleNamespace(case=verdict, at=CITY.calendar.instant(TODAY, at), verdict=verdict)
            for at, verdict in ((5 * LEAK.first, "real"), (60, "false"))
        ),
    )  # fmt: skip
    read = [DAYS[0.08].until(CITY.calendar.local(world.now + 1 - start), 288)]

    def measured(asked: Any, known: Any, every: float, count: int) -> Any:
        cut = {
            name: getattr(read[0], name)[:, -count:]
            for name in ("inflow", "flow", "pressure", "meter")
        }
        return SimpleNamespace(readings=simulate.Readings(**cut))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "measured", measured)
        patch.setattr(replay, "replace", _replaced)
        rows = replay.rows(world, TODAY)
        event = np.flatnonzero(rows.column("event").to_numpy())
        assert event.tolist() == [LEAK.first + 5] and len(rows) == LEAK.first + 12
        assert rows.column("timestamp").to_pylist()[0] == "2026-04-10 00:05:00"
        patch.setattr(replay, "MOST", 1_000)
        with pytest.raises(TooLong, match="at most 1,000 are held at once: ask for 1 days or"):
            replay.rows(world, TODAY)
        patch.undo()
        patch.setattr(replay, "measured", measured)
        patch.setattr(replay, "replace", _replaced)
        write_truth(tmp_path / "leaks.csv", DAYS[0.08], TODAY)
        world.signals = None
        again = replay.rows(world, TODAY)
        assert again.column("event").to_pylist() == rows.column("event").to_pylist()
        first = LEAK.first + 6
        for one in (read[0].inflow, read[0].flow, read[0].pressure, read[0].meter):
            one[:, : one.shape[1] - len(rows) + first] = np.nan
        young = replay.rows(world, TODAY)
        assert sum(young.column("event").to_pylist()) == 0, "what nobody could find is no miss"
        assert len(young) == len(rows) - first
    leaked = next(one for one in MODELS if one.name == "leak")
    place = f"{CITY.center[0]},{CITY.center[1]}"
    made = run_model(leaked, rows, parameters_of(leaked, [f"place={place}"]))
    assert made.column("alarm").to_pylist()[LEAK.first + 5] == 1


def test_a_young_citys_past_begins_with_the_city() -> None:
    """Not with weeks of nothing, each day of which is asked for."""
    young: Any = SimpleNamespace(history=SimpleNamespace(days=lambda: ["2026-04-09", "2026-04-10"]))
    assert replay._begun(young, date(2026, 1, 16)) == date(2026, 4, 8)
    young.history.days = list
    assert replay._begun(young, date(2026, 1, 16)) == date(2026, 1, 16)


def test_where_clocks_are_put_back_the_hour_counts_once() -> None:
    calendar = pack.load("port_ellery").calendar
    start = calendar.instant(date(2026, 11, 1), 0)
    times = [calendar.local(start + n * 30 * replay.MINUTE) for n in range(8)]
    assert replay._rising(times).tolist() == [True] * 4 + [False] * 2 + [True] * 2
    assert replay._rising([]).tolist() == []


def _replaced(one: Any, **more: Any) -> Any:
    if isinstance(one, simulate.Readings):
        return replace(one, **more)
    return SimpleNamespace(**{**vars(one), **more})
