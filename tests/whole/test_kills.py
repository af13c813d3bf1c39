"""SIGKILL at any moment: nothing acknowledged is lost, nothing takes effect twice."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from benchmarks.city_kills import processes, run

from tianmu.rehearse.city.city import Started, connect, credentials, start_city
from tianmu.rehearse.probe.probe import run as probe
from waiting import eventually

from .town import Sender, kind_of, register, tianmu, value


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Starts cities under the test's folder; those that still run are stopped afterwards."""
    cities: list[Started] = []

    def start(*arguments: str) -> Started:
        cities.append(start_city(tmp_path / "city", *arguments))
        return cities[-1]

    yield start
    for one in cities:
        one.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of one city that runs on, whatever becomes of its processes."""
    city = start_city(tmp_path_factory.mktemp("running") / "city")
    yield city.data
    city.stop()


def ready(data: Path, name: str, not_pid: int) -> psutil.Process | None:
    """The process, once another than ``not_pid`` says that it is ready."""
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError, psutil.NoSuchProcess):
        said = json.loads((data / "run" / f"{name}.json").read_text())
        if said["pid"] != not_pid and said["state"] == "ready":
            return psutil.Process(said["pid"])
    return None


def test_ten_kills_under_load_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1, 1 << 31)
    print(f"seed {seed}: python -m benchmarks.city_kills --kills 10 --seed {seed}")
    found = run(tmp_path / "city", 10, seed, fires=60)
    print(json.dumps(found))
    assert found["ok"], found
    assert found["observations"] > 0 and found["fires"] > 0 and found["reports"] > 0, found


@pytest.mark.parametrize("name", ["hub", "gate"])
def test_what_dies_comes_back_at_its_address_with_its_tokens(running: Path, name: str) -> None:
    """Even where it dies again while it starts: gateways, feed and probe find it where it was."""
    data = running
    before = credentials(data)
    city = connect(data)
    kind, prop = kind_of(city, "main")
    device = register(city, kind)
    sender = Sender(city, f"{device}/{prop['code']}")
    sender.publish(1_790_000_000_000, 1)
    eventually(lambda: value(city, device, prop["code"])["count"] == 1, what="MQTT is heard")
    wall = json.loads((data / "run" / "hub.json").read_text())["link"]
    first = ready(data, name, 0)
    assert first is not None
    first.kill()
    second = eventually(
        lambda: (found := processes(data).get(name)) and found.pid != first.pid and found,
        what=f"{name} is started again",
    )
    said = data / "run" / f"{name}.json"
    eventually(
        lambda: json.loads(said.read_text())["pid"] == second.pid, what="it says that it starts"
    )
    second.kill()
    eventually(lambda: ready(data, name, second.pid), within=60, what=f"{name} is ready")
    assert credentials(data) == before, "nobody else needed to be told anything"
    assert city.get("/api/session")["account"] == "rehearsal"
    status = json.loads(tianmu("status", "--data", str(data), "--json").stdout)
    assert status["ports"] == before["ports"]
    assert connect(data, "probe-command").get("/api/session")["probe"]
    if name == "hub":  # it opens once
        opened = city.http.post("/api/session/link", json={"token": wall})
        assert opened.status_code == 200, "the link that was printed still opens the wall"
    found = probe(data)
    assert found["ok"], found["trouble"]
    sender.publish(1_790_000_000_001, 2)
    eventually(
        lambda: value(city, device, prop["code"])["count"] == 2, within=40, what="MQTT goes on"
    )
    sender.end()


def test_without_its_supervisor_a_city_ends_and_goes_on_where_it_was(
    started: Callable[..., Started],
) -> None:
    city = started("--feed", "replay", "--feed-devices", "1000")
    data = city.data
    feed = eventually(
        lambda: [p for p in psutil.Process(city.process.pid).children() if "feed" in p.cmdline()]
    )[0]
    assert probe(data)["ok"]
    numbers = {
        case["number"]
        for case in connect(data).get("/api/cases", probe="probe", limit=500)["items"]
    }
    assert numbers
    left = processes(data)
    city.process.send_signal(signal.SIGKILL)
    city.process.wait()
    begin = time.monotonic()
    # started again at once, beside those that still end
    again = started()
    print(f"goes on after {time.monotonic() - begin:.1f} s")
    gone, living = psutil.wait_procs([*left.values(), feed], 30)
    assert not living, f"they end by themselves: {living}"
    assert len(gone) == len(left) + 1
    found = connect(again.data)
    assert numbers <= {
        case["number"] for case in found.get("/api/cases", probe="probe", limit=500)["items"]
    }
    assert probe(data)["ok"]


def test_a_second_up_on_the_same_folder_is_refused_and_disturbs_nothing(running: Path) -> None:
    data = running
    before = {path.name: path.read_bytes() for path in (data / "run").glob("*.json")}
    done = tianmu("up", "--data", str(data), "--port", "0")
    assert done.returncode == 1
    assert b"already" in done.stderr and str(data).encode() in done.stderr, done.stderr.decode()
    after: dict[str, Any] = {p.name: p.read_bytes() for p in (data / "run").glob("*.json")}
    assert after == before
    assert probe(data)["ok"]
