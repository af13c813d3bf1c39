"""The live push of a running city, its status, and a second city beside it."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tianmu.city import pack
from tianmu.facts.encoding import decode
from tianmu.manage.actor import SYSTEM
from tianmu.rehearse.city.city import City, connect, fresh_city, parse_events
from tianmu.rehearse.probe.probe import run as probe
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.web.push.render import POURS
from waiting import eventually

from .told import case_of_report
from .town import (
    every,
    fresh,
    kind_of,
    register,
    spot,
    tianmu,
)


@pytest.fixture(scope="module")
def city(running_city: Any) -> City:
    return running_city.city()


class Line:
    """A subscriber whose line can be cut."""

    def __init__(self, city: City) -> None:
        self._city, self._cut = city, threading.Event()
        self.got: list[tuple[str, str, Any]] = []
        self.cursor = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        headers = {"Last-Event-ID": self.cursor} if self.cursor else {}
        with self._city.http.stream("GET", "/api/push", headers=headers) as response:
            assert response.status_code == 200
            for cursor, event, data in parse_events(response.iter_lines()):
                self.got.append((cursor, event, data))
                self.cursor = cursor
                if self._cut.is_set():
                    return

    def cut(self) -> None:
        """It hears the next event (the vital signs come each second) and hangs up in the middle
        of whatever comes then."""
        self._cut.set()
        self._thread.join(15)
        assert not self._thread.is_alive()

    def again(self) -> None:
        self._cut.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def epoch(self) -> int | None:
        """Of the map, up to which it was told."""
        return max((data["epoch"] for _, event, data in self.got if event == "tiles"), default=None)

    def told(self) -> dict[str, list[Any]]:
        """What was told once and for all (not the vital signs, not the map's changes, not hello),
        by event, in order. Topics may come interleaved in another way after a break."""
        found: dict[str, list[Any]] = {}
        for _, event, data in self.got:
            if event == "case":
                found.setdefault(event, []).append((data["case"], data["sequence"]))
            elif event == "alarm":
                found.setdefault(event, []).append((data["alarm"], data["transition"]))
            elif event == "report":
                found.setdefault(event, []).append(data["report"])
            elif event not in {"vitals", "tiles", "hello"}:
                found.setdefault(event, []).append(data)
        return found


def asked_for(city: City, line: Line) -> tuple[int, dict[str, Any]]:
    """How the map changed since the line's last word of it, as a page asks when it is back."""
    epoch = line.epoch
    after = {} if epoch is None else {"after": epoch}
    told: dict[str, Any] = city.get("/api/tiles/devices/changes", **after)
    return epoch or 0, told


def test_push_resumes_without_loss_or_repeat(running_city: Any, city: City) -> None:
    kind, _ = kind_of(city, "main")
    topics = ("report", "case", "alarm")
    with SqliteJournal(running_city.data) as journal:
        begin = {topic: journal.last(topic) for topic in topics}
    whole, broken = Line(city.as_account(city.token)), Line(city.as_account(city.token))
    eventually(lambda: whole.got and broken.got, what="both have said hello")
    rng = random.Random()
    reports: list[str] = []
    caught_up: list[tuple[int, dict[str, Any]]] = []
    for turn in range(5):
        if turn:
            caught_up.append(asked_for(city, broken))
            broken.again()
        for _ in range(rng.randint(1, 6)):
            body = {"channel": "hotline", "text": fresh("a hole in the road"), "place": spot(city)}
            reports.append(city.post("/api/reports", body)["report"])
        broken.cut()
        for _ in range(rng.randint(0, 4)):
            body = {"channel": "hotline", "text": fresh("a dark lamp"), "place": spot(city)}
            reports.append(city.post("/api/reports", body)["report"])
        register(city, kind)
    caught_up.append(asked_for(city, broken))
    broken.again()
    for report in reports:
        case_of_report(city, report)
    for line in (whole, broken):
        eventually(lambda line=line: set(line.told().get("report", ())) >= set(reports))
    time.sleep(1)  # in which what came twice would come
    whole.cut()
    broken.cut()
    first, second = whole.told(), broken.told()
    assert Counter(second["report"]) == Counter(reports), "each report once"
    assert len(second["case"]) >= len(reports)
    for event in first.keys() | second.keys() - {"case"}:
        # one of the two was cut a moment later than the other
        one, other = first.get(event, []), second.get(event, [])
        shared = min(len(one), len(other))
        assert one[:shared] == other[:shared] and abs(len(one) - len(other)) <= 2, event

    # the map is not told again, but who asks has every change that the other was told meanwhile
    changes = [data for _, event, data in whole.got if event == "tiles"]
    for epoch, asked in caught_up:
        for missed in changes:
            if not asked["whole"] and epoch < missed["epoch"] <= asked["epoch"]:
                assert not missed["whole"]
                assert all(square in asked["alarms"] for square in missed["alarms"])
                assert all(
                    square in asked["alarms"] + asked["states"] for square in missed["states"]
                )

    # … and it is what the journal holds
    with SqliteJournal(running_city.data) as journal:
        for topic in topics:
            told = second.get(topic, [])
            entries = journal.read(topic, begin[topic], entries=10_000, size=1 << 30)
            kept = [decode(entry.payload) for entry in entries]
            if topic == "case":
                for line in (first, second):
                    assert_cases_told(kept, line["case"])
                continue
            kept = kept[: len(told)]
            if topic == "alarm":
                assert [(k.alarm, k.transition) for k in kept] == told
            else:
                assert [k.report for k in kept] == told


def assert_cases_told(kept: list[Any], told: list[tuple[str, int]]) -> None:
    """Steps in their order, none twice; what is not told by itself the machine or signals did, and
    a later step of the case tells it as well."""
    steps = {(one.case, one.sequence): place for place, one in enumerate(kept)}
    places = [steps[one] for one in told]
    assert places == sorted(set(places)), "in order, none twice"
    last = dict(told)
    for one in kept[: places[-1]]:
        if (one.case, one.sequence) not in set(told):
            assert one.actor == SYSTEM.account or one.step in POURS, one.step
            assert last.get(one.case, 0) > one.sequence, "a later one tells it"


def status(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tianmu("status", "--data", str(data), "--json").stdout)
    return found


def test_status_says_what_the_contract_says(running_city: Any, city: City) -> None:
    done = tianmu("status", "--data", str(running_city.data), "--json")
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(done.stdout.splitlines()) == 1
    assert {"processes", "ports", "lag", "devices", "observations_total", "cases_open"} <= set(
        found
    )
    assert [p["name"] for p in found["processes"]] == ["hub", "gate", "watch", "works"]
    for process in found["processes"]:
        assert process["state"] == "ready" and process["pid"] > 0
        assert process["memory_bytes"] > 1 << 20
    assert set(found["ports"]) == {"web", "http", "gbt26875", "hj212", "mqtt"}
    assert found["ports"] == city.ports
    assert found["devices"] >= 1 and found["observations_total"] >= 1
    real = [c for c in every(city, "/api/cases", open="true") if not c["probe"]]
    assert found["cases_open"] == len(real)
    nowhere = tianmu("status", "--data", str(running_city.data / "nowhere"), "--json")
    assert nowhere.returncode != 0 and b"tianmu up" in nowhere.stderr


def test_a_second_city_runs_beside_the_first(running_city: Any, city: City) -> None:
    before = {case["case"] for case in every(city, "/api/cases")}
    with fresh_city("--pack", "port_ellery") as started:
        other = connect(started.data)
        assert not set(other.ports.values()) & set(city.ports.values())
        assert other.get("/api/city")["name"] != city.get("/api/city")["name"]
        found = probe(started.data)
        about = pack.load("port_ellery")
        if "fire_component" in about.kinds:
            assert found["ok"], found["trouble"]
        assert found["complaint_ms"], found["trouble"]
        assert found["complaint_ms"]["closed"] > 0
        assert city.get("/api/vitals")["at"], "the first goes on"
        took = started.stop()
        print(f"the second city stopped in {took:.2f} s")
    assert {case["case"] for case in every(city, "/api/cases")} == before
