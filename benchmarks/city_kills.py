"""Killing the processes of a whole city at random moments while everything comes in.

Three loads run against the real doors: batches of observations over HTTP with idempotency keys,
fires from panels, citizens' reports with keys. Whatever is not acknowledged is sent again; now and
then something acknowledged is sent again on purpose. Meanwhile SIGKILL hits one process, all of
them with their supervisor, or the supervisor alone (its children must then end by themselves). At
the end everything acknowledged must have taken effect exactly once. One JSON object is printed;
exit 1 where anything was lost or doubled.

    python -m benchmarks.city_kills --kills 200 --json
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.city_load import Fires, Load, Observations, Reports
from tianmu.app.status import look
from tianmu.facts.batch import ObservationBatch
from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City, Started, connect, start_city
from tianmu.rehearse.panel.panel import Panel
from tianmu.rehearse.panel.script import Component
from tianmu.store.journal.sqlite import SqliteJournal

NAMES = ("hub", "gate", "watch", "works")
PANELS = 4
ALONE = 120.0
"""most seconds that processes may go on without their supervisor; one second and their own end
on a machine that is not busy with other things"""


def processes(data: Path) -> dict[str, psutil.Process]:
    """The city's own processes that live now, by name, whoever their parent is."""
    found: dict[str, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            ours = line[-3:-2] == ["run"] and line[-2] in NAMES and line[-1] == str(data)
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found[line[-2]] = process
    return found


class Town:
    """A city, its loads, and the one who kills."""

    def __init__(self, data: Path, seed: int, *, devices: int = 40, fires: int = 60) -> None:
        self.data, self.random = data, random.Random(seed)
        self.started = start_city(data)
        city = connect(data)
        self.places = _places(city, self.random)
        token = equipment.source(city, "kills", "http")
        code, prop = _kind(city)
        self.source = "kills"
        names = [f"kills-{n}" for n in range(devices)]
        for name in names:
            city.post("/api/devices", {"device": name, "kind": code, "properties": [prop]})
        half = [[f"{name}/{prop}" for name in names[n::2]] for n in (0, 1)]
        self.property = prop
        self.observations = [Observations(data, token, half[n], n) for n in (0, 1)]
        self.reports = Reports(data, self.places, seed)
        self.fires = [self._panel(city, number, fires) for number in range(PANELS)]
        self.kills: Counter[str] = Counter()
        self.alone: list[float] = []
        """seconds that the processes went on without their supervisor"""
        self.starts: list[float] = []
        # the doors know all of it before the first kill
        self.observations[0].post("http", "/observations", token, json=[], headers={})

    def _panel(self, city: City, number: int, fires: int) -> Fires:
        address = f"00000000c0{number:02x}"
        components = [Component(40, n, f"detector {n}") for n in range(1, fires + 1)]
        equipment.source(city, f"panel-{number}", "gbt26875", life=True, allow=[address])
        panel = Panel(address, city.host, 0, components=components)
        known = {k["code"]: k["properties"] for k in city.get("/api/city/seeding")["kinds"]}
        kinds = {code: tuple(p["code"] for p in found) for code, found in known.items()}
        for one in panel.devices(kinds):
            city.post(
                "/api/devices",
                {
                    "device": one.device, "kind": one.kind, "labels": dict(one.labels),
                    "source": f"panel-{number}", "place": self.random.choice(self.places),
                },
            )  # fmt: skip
        return Fires(self.data, address, components)

    @property
    def loads(self) -> list[Load]:
        return [*self.observations, self.reports, *self.fires]

    def kill(self) -> None:
        """One kill, of something that lives."""
        living = processes(self.data)
        draw = self.random.random()
        if draw < 0.7 and living:
            name = self.random.choice(sorted(living))
            self.kills[name] += 1
            _kill(living[name])
            return
        self.kills["all" if draw < 0.85 else "up"] += 1
        supervisor = psutil.Process(self.started.process.pid)
        _kill(supervisor)
        self.started.process.wait()
        begin = time.monotonic()
        if draw < 0.85:
            for process in processes(self.data).values():
                _kill(process)
        else:
            while processes(self.data):
                if time.monotonic() - begin > ALONE:
                    raise RuntimeError(f"still there without up: {processes(self.data)}")
                time.sleep(0.05)
            self.alone.append(round(time.monotonic() - begin, 2))
        self.start()

    def start(self) -> Started:
        begin = time.monotonic()
        self.started = start_city(self.data)
        self.starts.append(round(time.monotonic() - begin, 2))
        return self.started

    def settle(self, within: float = 90.0) -> None:
        """Until every process is ready and has read all there is."""
        end = time.monotonic() + within
        found: dict[str, Any] = {}
        while time.monotonic() < end:
            found = look(self.data)
            ready = all(p["state"] == "ready" for p in found["processes"])
            lag = {key: n for key, n in found["lag"].items() if n and not key.startswith("history")}
            if ready and not lag:
                return
            time.sleep(0.5)
        raise RuntimeError(f"not settled within {within:g} s: {found}")


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGKILL)


def _kind(city: City) -> tuple[str, str]:
    for kind in city.get("/api/city/seeding")["kinds"]:
        if kind["lane"] == "main" and len(kind["properties"]) == 1:
            return kind["code"], kind["properties"][0]["code"]
    raise RuntimeError("the pack has no kind of one property on the main lane")


def _places(city: City, draw: random.Random) -> list[dict[str, float]]:
    west, south, east, north = city.get("/api/city")["bbox"]
    return [
        {
            "longitude": west + (east - west) * draw.uniform(0.35, 0.65),
            "latitude": south + (north - south) * draw.uniform(0.35, 0.65),
            "precision": 5,
        }
        for _ in range(25)
    ]


# -- the count --


def in_journal(data: Path, source: int) -> tuple[int, Counter[tuple[int, int]]]:
    """Rows of all observations in the journal, and how often each identity of a source is there."""
    rows, found = 0, Counter[tuple[int, int]]()
    with SqliteJournal(data) as journal:
        for topic in ("observation", "observation.life"):
            after = 0
            while entries := journal.read(topic, after, entries=2_000):
                after = entries[-1].position
                for entry in entries:
                    batch = ObservationBatch.decode(entry.payload)
                    rows += len(batch)
                    if batch.source == source:
                        found.update(
                            zip(
                                batch.datastream.tolist(), batch.phenomenon_time.tolist(),
                                strict=True,
                            )
                        )  # fmt: skip
    return rows, found


def count(town: Town) -> dict[str, Any]:
    """What was acknowledged against what there is, asked of the running city."""
    city = connect(town.data)
    sent = set().union(*(one.acknowledged for one in town.observations))
    number = next(s["number"] for s in city.get("/api/sources")["items"] if s["source"] == "kills")
    total, kept = in_journal(town.data, number)
    judged = look(town.data)["observations_total"]
    by_stream = Counter(name for name, _ in sent)
    live = {name: _live_count(city, name) for name in by_stream}
    rung = defaultdict[str, list[str]](list)
    for item in _every(city, "/api/alarms", state="all", priority=1):
        rung[item["device"]].append(item["alarm"])
    alarms = {
        (load.address, one.address): rung[_device(load.address, one)]
        for load in town.fires
        for one in load.acknowledged
    }
    ours = {f"report:{one}" for one in town.reports.acknowledged}
    ours |= {f"alarm:{one}" for found in alarms.values() for one in found}
    memberships: Counter[str] = Counter()
    cases = 0
    for case in _every(city, "/api/cases"):
        members = city.get(f"/api/cases/{case['case']}")["members"]
        names = {f"{member['kind']}:{member['id']}" for member in members}
        memberships.update(names)
        # the platform's own alarms (a door that slows somebody down) may open more at any time
        cases += bool(names & ours)
    wrong_reports = [r for r in town.reports.acknowledged if memberships[f"report:{r}"] != 1]
    wrong_alarms = [
        where for where, found in alarms.items()
        if len(found) != 1 or memberships[f"alarm:{found[0]}"] != 1
    ]  # fmt: skip
    return {
        "observations": len(sent),
        "observations_lost": len(sent) - len(kept),
        "observations_twice": sum(1 for n in kept.values() if n > 1),
        "not_judged": total - judged,
        "live_differs": sum(1 for name, n in by_stream.items() if live[name] != n),
        "fires": len(alarms),
        "fires_without_alarm": sum(1 for found in alarms.values() if not found),
        "fires_wrong": len(wrong_alarms),
        "reports": len(town.reports.acknowledged),
        "reports_wrong": len(wrong_reports),
        "memberships_twice": sum(1 for n in memberships.values() if n > 1),
        "cases": cases,
        "trouble": [told for load in town.loads for told in load.trouble],
    }


def not_in_history(town: Town, within: float = 60.0) -> int:
    """Acknowledged observations that are not among the past of their datastream, or are there
    twice; what was collected last becomes a file within some seconds."""
    city = connect(town.data)
    sent: dict[str, set[int]] = {}
    for load in town.observations:
        for name, at in load.acknowledged:
            sent.setdefault(name, set()).add(at)
    end = time.monotonic() + within
    while True:
        wrong = sum(_differ(city, name, times) for name, times in sent.items())
        if not wrong or time.monotonic() > end:
            return wrong
        time.sleep(2)


def _differ(city: City, name: str, times: set[int]) -> int:
    device, _, prop = name.rpartition("/")
    first, last = (
        datetime.fromtimestamp(at / 1000 + more, UTC).isoformat()
        for at, more in ((min(times), -1), (max(times), 1))
    )
    told = city.get(
        f"/api/devices/{device}/series", property=prop, points=20_000,
        **{"from": first, "to": last},
    )  # fmt: skip
    if not told["raw"]:  # more than fit: they are counted
        there: int = sum(point["count"] for point in told["points"])
        return abs(there - len(times))
    found = Counter(
        round(datetime.fromisoformat(point["at"]).timestamp() * 1000) for point in told["points"]
    )
    return (found - Counter(times)).total() + (Counter(times) - found).total()


FAULTS = (
    "observations_lost", "observations_twice", "not_judged", "live_differs", "fires_without_alarm",
    "fires_wrong", "reports_wrong", "memberships_twice", "trouble",
)  # fmt: skip


def _live_count(city: City, name: str) -> int:
    device, _, prop = name.rpartition("/")
    values = city.get(f"/api/devices/{device}")["values"]
    return next(int(one["count"]) for one in values if one["property"] == prop)


def _device(address: str, one: Component) -> str:
    return f"gbt26875-{address}-{one.system_type}-{one.system_address}-{one.type}-{one.address}"


def _every(city: City, path: str, **asked: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = city.get(path, limit=500, **asked, **cursor)
        items += page["items"]
        if not page["next"]:
            return items
        cursor = {"cursor": page["next"]}


def run(data: Path, kills: int, seed: int, *, gap: float = 3.0, **size: int) -> dict[str, Any]:
    """Kill ``kills`` times, then count; the city is stopped at the end."""
    town = Town(data, seed, **size)
    begin = time.monotonic()
    try:
        for load in town.loads:
            load.start()
        for _ in range(kills):
            time.sleep(town.random.uniform(0.1, gap))
            town.kill()
        for load in town.loads:
            load.join()
        town.settle()
        found = count(town)
        lasted = round(time.monotonic() - begin, 1)
    finally:
        town.started.stop()
    town.start()
    try:
        town.settle()
        again = count(town)
        forgotten = not_in_history(town)
    finally:
        stopped = town.started.stop()
    changed = {k: again[k] for k in again if again[k] != found[k]}
    return {
        "seed": seed,
        "kills": sum(town.kills.values()),
        "killed": dict(town.kills),
        "seconds": lasted,
        **found,
        "not_in_history": forgotten,
        "changed_by_a_restart": changed,
        "retries": sum(load.retries for load in town.loads),
        "sent_again_on_purpose": sum(one.again for one in town.observations),
        "children_alone_s": town.alone,
        "starts_s": town.starts,
        "stop_s": round(stopped, 2),
        "ok": not changed and not forgotten and not any(found[name] for name in FAULTS),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--seed", type=int, default=0, help="0: one is drawn and printed")
    asked.add_argument("--gap", type=float, default=3.0, help="most seconds between two kills")
    asked.add_argument("--folder", type=Path, default=None, help="where the city's folder is made")
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    seed = given.seed or random.SystemRandom().randrange(1, 1 << 31)
    print(f"seed {seed}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="tianmu-kills-", dir=given.folder) as name:
        # a long run burns more
        found = run(
            Path(name), given.kills, seed, gap=given.gap, fires=min(500, 20 + given.kills * 3)
        )
    if given.json:
        print(json.dumps(found))
    else:
        for key, told in found.items():
            print(f"  {key:<24} {told}")
    sys.exit(0 if found["ok"] else 1)


if __name__ == "__main__":
    main()
