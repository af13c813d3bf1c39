"""Stopping and starting again. Times are printed: how long it may take is for measurements."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path

import psutil

from tianmu.rehearse.city.city import connect, start_city
from tianmu.rehearse.probe.probe import run as probe
from waiting import eventually

from .town import Ingest, Sender, kind_of, register, tianmu, value


def test_it_stops_when_told_and_starts_where_it_was(tmp_path: Path) -> None:
    data = tmp_path / "city"
    begin = time.monotonic()
    started = start_city(data)
    print(f"\nfirst start {time.monotonic() - begin:.2f} s")
    city = connect(data)
    kind, prop = kind_of(city, "main")
    device, other = register(city, kind), register(city, kind)
    ingest = Ingest(city)
    rows = [
        {"datastream": f"{device}/{prop['code']}", "time": 1_790_000_000_000 + n, "value": n}
        for n in range(1000)
    ]
    assert ingest.send(rows).json()["accepted"] == 1000
    sender = Sender(city, f"{other}/{prop['code']}")
    sender.publish(1_790_000_000_000, 5)
    eventually(lambda: value(city, device, prop["code"])["count"] == 1000)
    eventually(lambda: value(city, other, prop["code"])["count"] == 1)
    family = psutil.Process(started.process.pid).children(recursive=True)
    with city.http.stream("GET", "/api/push"):  # somebody looks on
        took = started.stop()
    print(f"stopped in {took:.2f} s")
    assert started.process.returncode == 0
    assert not [p for p in family if p.is_running()], "nothing of it is left"
    told = (data / "up.log").read_text()
    assert "Traceback" not in told
    for log in (data / "log").glob("*.log"):
        assert "Traceback" not in log.read_text(errors="replace"), log
    if "was killed" in told:
        print(told.strip().splitlines()[-1])
    status = json.loads(tianmu("status", "--data", str(data), "--json").stdout)
    assert {p["state"] for p in status["processes"]} == {"stopped"} and not status["ports"]
    assert status["observations_total"] >= 1001

    begin = time.monotonic()
    started = start_city(data)
    served = time.monotonic() - begin
    try:
        city = connect(data)
        assert city.get("/api/vitals")["devices"]["total"] >= 2
        print(f"second start serves after {served:.2f} s (load {os.getloadavg()[0]:.1f})")
        assert value(city, device, prop["code"])["count"] == 1000
        span = {"from": "2026-09-21T00:00:00Z", "to": "2026-09-22T23:00:00Z"}
        asked = {"property": prop["code"], "points": 2000, **span}
        eventually(
            lambda: len(city.get(f"/api/devices/{device}/series", **asked)["points"]) == 1000,
            within=60, what="all of it becomes history, before or after",
        )  # fmt: skip
        assert probe(data)["ok"]
        # and Ctrl-C is as good
        started.process.send_signal(signal.SIGINT)
        assert started.process.wait(30) == 0
    finally:
        started.stop()


def test_a_city_that_cannot_start_says_why(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        done = tianmu("up", "--data", str(tmp_path / "second"), "--port", str(port))
        assert done.returncode == 1
        assert str(port).encode() in done.stderr and b"--port" in done.stderr
        assert not [
            p for p in psutil.process_iter(["cmdline"])
            if str(tmp_path / "second") in (p.info["cmdline"] or [])
        ]  # fmt: skip
    done = tianmu("up", "--data", str(tmp_path / "third"), "--pack", "atlantis", "--port", "0")
    assert done.returncode == 1 and b"atlantis" in done.stderr and b"Traceback" not in done.stderr
