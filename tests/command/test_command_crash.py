"""Whatever is killed between sending and marking: nothing is lost, and what comes twice has the
same id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from tianmu.access.keys import Keys
from tianmu.access.table import metadata as access
from tianmu.city.pack import load
from tianmu.command import delivery, webhook
from tianmu.command.deliver import Deliverer
from tianmu.facts.place import Place
from tianmu.facts.report import Report
from tianmu.manage.actor import Actor
from tianmu.manage.manage import Manage
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

CHILD = Path(__file__).parent / "hub_child.py"
CASES = 6


def now() -> int:
    return time.time_ns() // 1000


class Door(BaseHTTPRequestHandler):
    came: ClassVar[list[str]] = []
    bodies: ClassVar[dict[str, bytes]] = {}
    child: ClassVar[subprocess.Popen[bytes] | None] = None
    kill_at: ClassVar[set[int]] = set()

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # hub was killed while it sent this one
        name = str(self.headers["webhook-id"])
        assert self.bodies.setdefault(name, body) == body
        self.came.append(name)
        if len(self.came) in self.kill_at and self.child is not None:
            os.kill(self.child.pid, signal.SIGKILL)  # taken, but hub never hears that
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def prepare(data: Path, url: str) -> int:
    """Cases that tell a department something; how many messages there should be."""
    city = load("liyang")
    matter = next(key for key in city.matters if city.owner_of(key, city.root.code))
    with Records(data / "hub.sqlite") as records:
        manage = Manage(records, SqliteJournal(data), city, now, data)
        manage.start()
        keys = Keys(data / "keys")
        deliverer = Deliverer(records, lambda: SqliteJournal(data), lambda: city, keys, now)
        deliverer.bring()
        records.create(access)
        records.transact(
            lambda tx: webhook.set_hosts(tx.connection, ["127.0.0.1"], at=now(), actor="test")
        )
        city_wide = Actor("hot", ("hotline_agent",))
        for n in range(CASES):
            told = Report(
                report=f"r{n}", channel="app", text=f"thing {n}", matter=matter, at=now(),
                place=Place(longitude=119.2 + n * 0.03, latitude=31.4),
            )  # fmt: skip
            manage.submit_report(told, city_wide)
        while manage.step(0.0):
            pass
        cases = [f"c{n}" for n in range(1, CASES + 1)]
        lead = manage.case(cases[0]).lead
        made, _ = records.transact(
            lambda tx: webhook.make(
                tx, keys, name="x", department=lead, url=url, events=["note"], actor="t", at=now()
            )
        )
        records.transact(lambda tx: webhook.approve(tx, made.webhook, url, actor="u", head=0))
        duty = Actor("duty", ("duty_officer",))
        for case in cases:
            for text in ("one", "two", "three"):
                manage.command(case, "note", duty, data={"text": text})
    return CASES * 3


def test_nothing_is_lost_or_made_twice_by_kill_9(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wanted = prepare(tmp_path, f"http://127.0.0.1:{server.server_address[1]}/")
    Door.kill_at = {3, 11}
    ends = time.monotonic() + 60
    kills = 0
    while time.monotonic() < ends:
        child = Door.child = subprocess.Popen([sys.executable, str(CHILD), str(tmp_path)])
        try:
            while child.poll() is None and time.monotonic() < ends:
                time.sleep(0.05)
                with Records(tmp_path / "hub.sqlite", readonly=True) as records:
                    if records.read(_done) >= wanted:
                        break
            else:
                kills += child.returncode == -signal.SIGKILL
                continue
            break
        finally:
            child.kill()
            child.wait(10)
    server.shutdown()
    assert kills == 2
    with Records(tmp_path / "hub.sqlite", readonly=True) as records:
        assert records.read(_done) == wanted
    assert len(Door.came) > len(set(Door.came)) == wanted
    # of each case in order, by the first time that each came
    first: dict[str, list[int]] = {}
    for name in dict.fromkeys(Door.came):
        told = json.loads(Door.bodies[name])["data"]
        first.setdefault(told["case"]["case"], []).append(told["event"]["sequence"])
    assert len(first) == CASES
    assert all(one == sorted(one) and len(one) == 3 for one in first.values())


def _done(connection: Any) -> int:
    counts = delivery.counts(connection)
    assert all(set(one) <= {"done", "waiting"} for one in counts.values())
    return sum(one.get("done", 0) for one in counts.values())
