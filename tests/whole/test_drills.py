"""The drills that come with the program, each in a fresh city whose clock it moves; a wrong one
fails, and a clock that can be moved is kept away from what is real."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.clock import DrillClock, machine
from tianmu.rehearse.drill.ground import Ground, Unplayable, fresh, running
from tianmu.rehearse.drill.play import Player
from tianmu.rehearse.drill.read import read, shipped
from tianmu.rehearse.drill.script import Drill
from tianmu.rehearse.probe import probe

DAY = 86_400_000_000
BY_START = sorted(shipped(), key=lambda name: (read(name).pack, read(name).start))
"""one city of a pack plays them one after the other: its clock only goes forward"""


class Grounds:
    """A city for each pack, started when first asked for."""

    def __init__(self, folder: Path, cities: ExitStack) -> None:
        self._folder, self._cities = folder, cities
        self._known: dict[str, Ground] = {}

    def of(self, drill: Drill) -> Ground:
        if drill.pack not in self._known:
            folder = self._folder / drill.pack
            folder.mkdir()
            self._known[drill.pack] = self._cities.enter_context(fresh(drill, folder))
        return self._known[drill.pack]


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    with ExitStack() as cities:
        yield Grounds(tmp_path_factory.mktemp("drills"), cities)


@pytest.mark.parametrize("name", BY_START)
def test_what_becomes_of_each_case_is_what_was_expected(grounds: Grounds, name: str) -> None:
    drill = read(name)
    result = Player(drill, grounds.of(drill)).run()
    wrong = [one for one in result["cases"] if not one["passed"]]
    assert not wrong, json.dumps(wrong, ensure_ascii=False, indent=1)
    assert result["passed"] >= 2


WRONG = """\
name = "wrong"
pack = "port_ellery"
start = 2027-02-01T09:00:00

[place]
quay = [-61.35, 43.705]

[[play]]
at = "1m"
case = "bin"
times = 2
report = { channel = "hotline", text = "Bin overflowing", place = "quay" }

[[expect]]
case = "bin"
cases = 2
signals = 2
"""


def test_a_wrong_expectation_fails(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "tianmu", "drill", str(file), "--json"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and done.stdout, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["passed"], told["failed"]) == (0, 1)
    (one,) = told["cases"]
    assert one["wrong"] == ["cases"]
    assert (one["expected"]["cases"], one["got"]["cases"]) == (2, 1)
    assert one["got"]["signals"] == 2


def test_a_drill_that_needs_a_clock_is_refused_on_a_running_city(
    running_city: Any,
) -> None:
    with pytest.raises(Unplayable, match="fresh city"):
        running(read("half_days"), running_city.city().url, running_city.data)


def open_cases(ground: Ground) -> list[str]:
    items = ground.own.get("/api/cases", open="true", limit=500)["items"]
    return [f"{one['number']} {one['matter']} {one['opened_at']}" for one in items]


def left_behind(ground: Ground) -> None:
    """Cases as a drill that was killed leaves them, of reports alone."""
    told = {"channel": "hotline", "text": "垃圾桶满了", "matter": "gbt30428.2-2013:event:0110"}
    spot = {"longitude": 119.48, "latitude": 31.42, "precision": 20}
    places = [spot | {"latitude": 31.3 + number / 1000} for number in range(0, 120, 5)]
    ground.own.post("/api/reports/batch", [told | {"place": place} for place in places])
    ground.follow()
    assert len(open_cases(ground)) >= len(places)


def test_what_hangs_on_a_clock_is_played_again_where_the_drill_moves_it(grounds: Grounds) -> None:
    """On a city that runs and goes by a drill's clock: whole, and as often as one likes."""
    fresh_one = grounds.of(read("appeal"))
    left_behind(fresh_one)
    for name in ("appeal", "gas_leak"):
        drill = read(name)
        ground = running(drill, fresh_one.own.url, fresh_one.data)
        assert not ground.marked
        result = Player(drill, ground).run()
        assert (result["failed"], result["unseen"]) == (0, []), result
        assert open_cases(fresh_one) == [], "what was there before it has ended, and its own has"
    with pytest.raises(Unplayable, match="of the pack port_ellery"):
        running(read("half_days"), fresh_one.own.url, fresh_one.data)


def test_the_probe_goes_by_the_clock_of_its_city(grounds: Grounds) -> None:
    found = probe.run(grounds.of(read("appeal")).data)
    assert found["ok"], found
    for part in ("fire_ms", "complaint_ms"):
        assert all(0 <= one < 60_000 for one in found[part].values()), found


def test_disputes_and_appeals_pass_whole_on_a_real_city_and_count_nowhere(
    running_city: Any,
) -> None:
    city = running_city.city()
    before = city.get("/api/vitals")["cases"]
    rulings = city.get("/api/rulings")
    for name in ("dispute", "appeal"):
        drill = read(name)
        result = Player(drill, running(drill, city.url, running_city.data)).run()
        assert (result["failed"], result["unseen"]) == (0, []), result
    assert city.get("/api/vitals")["cases"]["today_opened"] == before["today_opened"]
    assert city.get("/api/rulings") == rulings


def test_what_a_real_city_cannot_show_is_said_and_neither_passed_nor_failed(
    running_city: Any,
) -> None:
    city, drill = running_city.city(), read("gas_leak")
    result = Player(drill, running(drill, city.url, running_city.data)).run()
    assert (result["passed"], result["failed"]) == (2, 0), result
    [unseen] = result["unseen"]
    assert unseen["case"] == "leak" and "alarms" in unseen["keys"] and "level" in unseen["keys"]


MARKED = """\
name = "marked"
pack = "liyang"
start = 2026-09-21T19:30:00

[place]
spot = [119.48, 31.42]

[[device]]
device = "smoke"
door = "panel"
place = "spot"

[[device]]
device = "left"
door = "panel"
place = "spot"

[[play]]
at = "0s"
case = "fire"
fire = "smoke"

[[play]]
at = "1s"
case = "fire"
normal = "smoke"

[[play]]
at = "2s"
case = "fire"
by = "commander"
step = "void"
reason = "a drill"

[[play]]
at = "3s"
case = "bin"
times = 3

[play.report]
channel = "hotline"
text = "垃圾桶满了"
matter = "gbt30428.2-2013:event:0110"
place = "spot"

[[play]]
at = "4s"
case = "left"
fire = "left"

[[expect]]
case = "fire"
cases = 1
alarms = 1
outcome = "void"

[[expect]]
case = "bin"
cases = 1
signals = 3

[[expect]]
case = "left"
cases = 1
alarms = 1
"""
"""two things are left open, and one burns"""


def test_on_a_running_city_everything_is_marked(running_city: Any, tmp_path: Path) -> None:
    from tianmu.rehearse.drill.read import parse

    city = running_city.city()
    before = city.get("/api/vitals")["cases"]
    drill = parse("marked.toml", MARKED)
    for _ in range(2):  # as often as one likes: no run meets what one before it left
        player = Player(drill, running(drill, city.url, running_city.data))
        result = player.run()
        assert result["failed"] == 0, result
    assert city.get("/api/vitals")["cases"]["today_opened"] == before["today_opened"]


def test_what_is_told_on_a_running_city_is_told_of_the_detectors_that_burn_there(
    running_city: Any,
) -> None:
    city, drill = running_city.city(), read("fire")
    result = Player(drill, running(drill, city.url, running_city.data)).run()
    assert (result["failed"], result["signals"]) == (0, 42), result


def up(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tianmu", "up", "--port", "0", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_neither_is_a_real_city_given_a_drills_clock_nor_a_drills_city_a_real_one(
    tmp_path: Path,
) -> None:
    clock = DrillClock.make(tmp_path / "clock", machine() + DAY)
    real = tmp_path / "real"
    real.mkdir()
    (real / "hub.sqlite").touch()
    refused = up("--data", str(real), "--clock-file", str(clock.path))
    assert refused.returncode == 1
    assert "has data of a real one" in refused.stdout + refused.stderr
    drilled = tmp_path / "drilled"
    drilled.mkdir()
    (drilled / "drill").touch()
    refused = up("--data", str(drilled))
    assert refused.returncode == 1
    assert "is the city of a drill" in refused.stdout + refused.stderr
    (tmp_path / "no clock").write_text("noon")
    refused = up("--data", str(tmp_path / "new"), "--clock-file", str(tmp_path / "no clock"))
    assert refused.returncode == 1
    assert "is no clock of a drill" in refused.stdout + refused.stderr


def test_a_city_of_a_drill_says_so(grounds: Grounds) -> None:
    ground = grounds.of(read("half_days"))
    assert "drill clock" in ground.own.get("/api/city")["name"]["en"]
    told = subprocess.run(
        [sys.executable, "-m", "tianmu", "status", "--data", str(ground.data), "--json"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(told.stdout)["drill_clock_ahead_s"] is not None
