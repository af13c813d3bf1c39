"""A value that is unusual for its own datastream: learnt, told, shown, judged, over a kill -9."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City, Started, connect, fresh_city
from waiting import eventually

from .town import alarms_of, fresh, register, value

STEP = 300
LEARNT = 500


@pytest.fixture(scope="module")
def started() -> Iterator[Started]:
    with fresh_city() as city:
        yield city


def watched(city: City) -> tuple[str, str]:
    """(kind, property) of the pack that is learnt, whatever it is called."""
    one = city.get("/api/anomalies")["items"][0]
    return one["kind"], one["properties"][0]


class Sensor:
    """Sends values five minutes apart, of the last days."""

    def __init__(self, city: City, stream: str) -> None:
        self._stream, self._draw = stream, np.random.default_rng(11)
        token = equipment.source(city, fresh("sensor"), "http")
        self._http = httpx.Client(
            base_url=city.gate_url, headers={"Authorization": f"Bearer {token}"}, timeout=20
        )
        at = int(time.time()) - (LEARNT + 100) * STEP
        self._at = at - at % 86_400  # from midnight on: noise that alarms nobody, on any day

    def send(self, n: int, level: float) -> None:
        rows = []
        for noise in self._draw.normal(0, 0.02, n):
            self._at += STEP
            one = {"datastream": self._stream, "time": self._at * 1000, "value": level + noise}
            rows.append(one)
        eventually(lambda: self._accepted(rows), what="gate has heard of the source")

    def _accepted(self, rows: list[dict[str, Any]]) -> bool:
        answer = self._http.post("/observations", content=json.dumps(rows))
        return answer.status_code == 200 and answer.json()["accepted"] == len(rows)


def test_from_a_value_to_an_alarm_to_a_stricter_threshold(started: Started) -> None:
    city = connect(started.data)
    kind, prop = watched(city)
    device = register(city, kind, "gauge")
    sensor = Sensor(city, f"{device}/{prop}")

    def policy() -> dict[str, Any]:
        items = city.get("/api/anomalies")["items"]
        return next(one for one in items if one["kind"] == kind)

    def alarm() -> dict[str, Any]:
        found = [one for one in alarms_of(city, device) if one["rule"] == "anomaly"]
        assert len(found) <= 1
        return found[0] if found else {}

    sensor.send(LEARNT, 0.3)
    learnt = eventually(
        lambda: (u := value(city, device, prop)["usual"]) and not u["learning"] and u, within=180
    )
    assert learnt["low"] < 0.3 < learnt["high"] and learnt["since"] is None
    assert not alarm()
    sensor.send(2, 0.9)
    told = eventually(alarm, what="the shift alarms")
    assert told["identity"] == f"anomaly@{device}/{prop}" and told["case"] is None
    assert told["priority"] == 4 and "expected" in told["text"]["en"]
    why = city.get(f"/api/alarms/{told['alarm']}/anomaly")
    assert why["why"] == "above" and why["low"] < why["expected"] < why["high"] < why["value"]
    assert why["real"] is None and 0 <= why["chance"] < 1e-3
    assert value(city, device, prop)["usual"]["since"] == why["since"]

    works = json.loads((started.data / "run" / "works.json").read_text())["pid"]
    psutil.Process(works).kill()
    city.post(f"/api/alarms/{told['alarm']}/found", {"real": False, "reason": "being cleaned"})
    moved = eventually(lambda: (p := policy()) and p["false"] and p, within=180)
    assert moved["stricter"] > 1 and moved["changed_by"] == "false" and moved["told"] == 1
    assert city.get(f"/api/alarms/{told['alarm']}/anomaly")["real"] is False
    sensor.send(40, 0.3)
    over = eventually(lambda: (a := alarm()) and not a["state"].startswith("un") and a, within=180)
    assert over["alarm"] == told["alarm"] and over["returned_at"]
    totals = eventually(
        lambda: (t := city.get("/api/anomalies")["totals"]) and t["learnt"] >= LEARNT + 42 and t
    )
    assert totals["learnt"] == LEARNT + 42
    city.post(f"/api/devices/{device}/missed", {"property": prop})
    assert eventually(lambda: policy()["missed"] == 1)
    assert policy()["stricter"] < moved["stricter"]
