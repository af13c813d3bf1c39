"""Killed while it works: no signal is lost, none takes effect twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from tianmu.facts.alarm import AlarmEvent, AlarmState
from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import decode, encode
from tianmu.facts.place import Place
from tianmu.manage.case.fold import fold
from tianmu.manage.kept.query import Query
from tianmu.manage.manage import Manage
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

from .town import FIRE, LAT, LON, METRE, RUBBISH, town

WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from manage.town import town
from tianmu.manage import manage, reader
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
reader.BATCH = 7  # many commits, so that a kill falls between some of them
data = Path(sys.argv[1])
room = manage.Manage(Records(data / "hub.sqlite"), SqliteJournal(data), town(), data=data)
room.start()
print("ready", flush=True)
while True:
    room.step(1.0)
"""
SIGNALS = 900
PLACES = 60


def _alarm(number: int, random: Random) -> bytes:
    spot = number % PLACES
    return encode(
        AlarmEvent(
            alarm=f"a{number}",
            identity=f"rule@d{number}",
            transition="raise",
            state=AlarmState.UNACKNOWLEDGED,
            before=AlarmState.NORMAL,
            at=time.time_ns() // 1000,
            observed_at=time.time_ns() // 1000,
            rule="rule",
            priority=2,
            matter=FIRE if spot % 2 else RUBBISH,
            device=f"d{number}",
            text={"en": "alarm"},
            place=Place(
                longitude=LON + (spot * 900 + random.gauss(0, 5)) * METRE * 1.5557,
                latitude=LAT + random.gauss(0, 5) * METRE,
                division="11",
            ),
        )
    )


def test_kill_at_any_moment(tmp_path: Path) -> None:
    random = Random()
    watch = Records(tmp_path / "watch.sqlite")
    tests = str(Path(__file__).parent.parent)
    sent = 0
    kills = 0
    while sent < SIGNALS:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), tests], stdout=subprocess.PIPE
        )
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        until = min(SIGNALS, sent + SIGNALS // 5)
        while sent < until:
            some = [_alarm(number, random) for number in range(sent, min(sent + 30, until))]
            watch.transact(lambda tx, some=some: [tx.append("alarm", one) for one in some])
            sent += len(some)
        time.sleep(random.uniform(0.0, 0.25))
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
        kills += 1
    hub, journal = Records(tmp_path / "hub.sqlite"), SqliteJournal(tmp_path)
    manage = Manage(hub, journal, town(), data=tmp_path)
    manage.start()
    while manage.step(0.0):
        pass
    items = manage.cases(Query(sort="opened", limit=500))["items"]
    assert len(items) == PLACES
    assert sum(item["signals"] for item in items) == SIGNALS
    assert manage.vitals()["cases"]["signals_total"] == SIGNALS
    assert len(manage.case_of([f"a{number}" for number in range(SIGNALS)])) == SIGNALS
    by_case: dict[str, list[CaseEvent]] = {}
    after = 0
    while entries := journal.read("case", after):
        for entry in entries:
            event = decode(entry.payload)
            assert isinstance(event, CaseEvent)
            by_case.setdefault(event.case, []).append(event)
        after = entries[-1].position
    for item in items:
        assert fold(by_case[item["case"]]) == manage.case(item["case"])
    assert kills >= 5
    journal.close()
    hub.close()
    watch.close()
