"""A backup of a city that works; another one made of it that knows the same and goes on."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from tianmu.rehearse.city.city import City, connect, start_city
from tianmu.rehearse.panel.script import Component, fire, normal
from tianmu.rehearse.probe.probe import run as probe
from tianmu.store.digest import digest
from waiting import eventually

from .town import (
    Ingest,
    alarms_of,
    component_device,
    every,
    fresh,
    from_panel,
    kind_of,
    panel_source,
    register,
    spot,
    tianmu,
    value,
)

SAME = ("number", "title", "matter", "level", "owner", "opened_at", "origin", "place")
"""of a case, whatever comes after"""


class Busy:
    """Observations and reports that keep coming while the backup is made."""

    def __init__(self, city: City, datastream: str) -> None:
        self._city, self._datastream, self._ingest = city, datastream, Ingest(city)
        self.rows = 0
        self.reports: list[str] = []
        self.failed: list[Exception] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Busy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        start = int(time.time() * 1000) - 3_600_000
        try:
            while not self._stop.wait(0.05):  # each report is a case, and all are compared
                rows = [
                    {"datastream": self._datastream, "time": start + self.rows + n, "value": n}
                    for n in range(100)
                ]
                answer = self._ingest.send(rows)
                assert answer.status_code == 200, answer.text
                self.rows += 100
                body = {
                    "channel": "hotline",
                    "text": fresh("a dark lamp"),
                    "place": spot(self._city),
                }
                self.reports.append(self._city.post("/api/reports", body)["report"])
        except Exception as error:
            self.failed.append(error)


def case_now(city: City, case: str) -> dict[str, Any]:
    found = city.get(f"/api/cases/{case}")
    return {key: found[key] for key in SAME} | {
        "events": [(e["sequence"], e["step"], e["at"]) for e in found["events"]],
        "members": [(m["kind"], m["id"], m["reasons"]) for m in found["members"]],
        "orders": [(o["order"], o["unit"], o["due"]) for o in found["orders"]],
    }


def test_a_backup_under_load_restores_to_the_same_city(tmp_path: Path) -> None:
    data, archive, restored = tmp_path / "city", tmp_path / "city.tar.zst", tmp_path / "again"
    started = start_city(data)
    try:
        city = connect(data)
        kind, prop = kind_of(city, "main")
        device = register(city, kind)
        detector = Component(40, 1, "detector")
        address, _ = panel_source(city, [detector])
        from_panel(city, address, normal(detector), fire(detector))
        burning = component_device(address, detector)
        eventually(lambda: (found := alarms_of(city, burning)) and found[0]["case"])
        with Busy(city, f"{device}/{prop['code']}") as busy:
            eventually(lambda: len(busy.reports) >= 5, what="it is busy")
            eventually(lambda: len(every(city, "/api/cases")) >= 3, what="there are cases")
            early = list(busy.reports)
            rows = busy.rows
            before = {c["case"]: case_now(city, c["case"]) for c in every(city, "/api/cases")}
            done = tianmu("backup", "--data", str(data), str(archive), "--json")
            assert done.returncode == 0, done.stderr.decode()
            made = json.loads(done.stdout)
            begin = len(busy.reports)
            eventually(lambda: len(busy.reports) > begin + 2, what="it goes on")
        assert not busy.failed
        after = {c["case"]: case_now(city, c["case"]) for c in every(city, "/api/cases")}
        (alarm,) = alarms_of(city, burning)
    finally:
        started.stop()
    assert archive.stat().st_size == made["bytes"]
    assert archive.stat().st_mode & 0o077 == 0, "an archive holds secrets"

    done = tianmu("restore", "--data", str(restored), str(archive), "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["digest"] == made["digest"] == digest(restored)
    assert any(name == "topic case" for name in made["digest"])
    assert tianmu("restore", "--data", str(restored), str(archive)).returncode != 0, "not empty"

    started = start_city(restored)
    try:
        city = connect(restored)
        eventually(
            lambda: not any(city.get("/api/vitals")["lag"].values()), what="it has caught up"
        )
        for report in early:
            eventually(
                lambda report=report: city.get(f"/api/reports/{report}")["case"],
                what=f"report {report}, taken before the backup",
            )
        now = {c["case"]: case_now(city, c["case"]) for c in every(city, "/api/cases")}
        assert set(before) <= set(now)
        for case, was in before.items():
            is_now = now[case]
            assert {key: is_now[key] for key in SAME} == {key: was[key] for key in SAME}
            for story in ("events", "members", "orders"):
                assert is_now[story][: len(was[story])] == was[story]
            # … and no more than the first city had by its end
            assert is_now["members"] == after[case]["members"][: len(is_now["members"])]
        (still,) = alarms_of(city, burning)
        unchanged = ("alarm", "raised_at", "state", "case", "priority")
        assert {key: still[key] for key in unchanged} == {key: alarm[key] for key in unchanged}
        count = value(city, device, prop["code"])["count"]
        assert rows <= count <= busy.rows
        past = city.get(f"/api/devices/{device}/series", property=prop["code"], points=20_000)
        eventually(
            lambda: sum(
                p["count"]
                for p in city.get(
                    f"/api/devices/{device}/series", property=prop["code"], points=20_000
                )["points"]
            ) == count,
            within=60, what=f"its past: {len(past['points'])} of {count}",
        )  # fmt: skip
        assert probe(restored)["ok"], "the restored city works"
    finally:
        started.stop()
