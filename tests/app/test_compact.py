"""The process that merges: it writes, works commits; either may die at any moment."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tianmu.app import belonging, compact
from tianmu.app.process import heard
from tianmu.app.settings import Settings
from tianmu.city.pack import load
from tianmu.facts.batch import ObservationBatch
from tianmu.facts.encoding import encode
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device
from tianmu.store.history import History
from tianmu.store.history.job import Job, compaction
from tianmu.store.history.keep import tend
from tianmu.store.history.manifest import DAY, HOUR, RAW, File
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import Registry
from waiting import eventually

START = (time.time_ns() // 1000 // DAY - 2) * DAY
ROWS = 400_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    settings = Settings(pack="port_ellery", data=str(tmp_path))
    settings.save()
    return tmp_path


def fill(history: History, flushes: int = 3) -> None:
    rng = np.random.default_rng()
    for _ in range(flushes):
        history.append(
            [
                ObservationBatch(
                    datastream=rng.integers(0, 5000, ROWS).astype(np.uint32),
                    phenomenon_time=START + rng.integers(0, DAY, ROWS),
                    value=rng.normal(size=ROWS).round(1),
                    received=START,
                    source=1,
                )
            ],
            {},
        )
        history.flush()


@pytest.fixture
def history(data: Path) -> Iterator[History]:
    with Records(data / "works.sqlite") as records:
        found = History(data, records)
        fill(found)
        yield found
        found.close()


def settings_of(data: Path) -> Settings:
    return Settings(pack="port_ellery", data=str(data))


def whole(history: History) -> int:
    return int(history.windows(np.arange(5000), START, START + DAY, 3_600_000_000).count.sum())


def nothing_else(history: History) -> None:
    """On disk is what the manifest says, and nothing besides."""
    known = {f.name for f in history.files()}
    with Records(history.folder.parent / "works.sqlite", readonly=True) as r:
        rows = r.read(lambda c: c.exec_driver_sql("SELECT name FROM history_garbage").fetchall())
    known |= {row[0] for row in rows}
    folder = history.folder
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert found - known <= {".merge.lock", "membership.arrow"}


def test_a_child_merges_and_works_commits(data: Path, history: History) -> None:
    stop = threading.Event()
    told: list[Exception] = []
    before = whole(history)
    merger = compact.Merger(settings_of(data), stop)
    seen: list[int] = []

    def merge(job: Job) -> list[File]:
        def look() -> None:
            while not done.wait(0.02):
                said = heard(data / "run", compact.NAME)
                if said is not None:
                    seen.append(psutil.Process(said.pid).nice())

        done = threading.Event()
        looking = threading.Thread(target=look)
        looking.start()
        try:
            return merger(job)
        finally:
            done.set()
            looking.join()

    worker = threading.Thread(
        target=tend, args=(history, stop),
        kwargs={"merge": merge, "trouble": told.append, "every": 0.05},
    )  # fmt: skip
    worker.start()
    eventually(lambda: any(f.kind == HOUR for f in history.files()), 60)
    stop.set()
    worker.join()
    assert not told and whole(history) == before
    assert [f.level for f in history.files() if f.kind == RAW] == [3]
    assert set(seen) == {19} and heard(data / "run", compact.NAME) is None
    nothing_else(history)


@pytest.mark.slow
def test_killed_at_any_moment_it_loses_nothing_and_leaves_nothing(
    data: Path, history: History
) -> None:
    before = whole(history)
    seed = int(os.environ.get("TIANMU_CRASH_SEED") or random.randrange(1 << 30))
    print("seed", seed)
    chance = random.Random(seed)
    kills = 0
    for _ in range(4):
        job = compaction(history.files(history.days()[0]))
        assert job is not None
        over = threading.Event()

        def kill(after: float = chance.uniform(0.0, 0.5), over: threading.Event = over) -> None:
            said = None
            while said is None and not over.wait(0.002):
                said = heard(data / "run", compact.NAME)
            if said is not None and not over.wait(after):
                with contextlib.suppress(ProcessLookupError):  # it ends at this moment
                    os.kill(said.pid, signal.SIGKILL)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        try:
            files = compact.Merger(settings_of(data), threading.Event())(job)
        except compact.Unmerged as error:
            kills += 1
            assert "its process ended with -9" in str(error)
        else:
            for file in files:  # it was quicker: as if works had died before the commit
                (history.folder / file.name).unlink()
        over.set()
        killer.join()
        nothing_else(history)
        assert whole(history) == before
        fill(history, 1)  # flushing goes on
        before = whole(history)
    assert kills > 0
    history.commit(job := _job(history), compact.Merger(settings_of(data), threading.Event())(job))
    assert whole(history) == before
    nothing_else(history)


def _job(history: History) -> Job:
    job = compaction(history.files(history.days()[0]))
    assert job is not None
    return job


def test_told_to_stop_it_ends_at_once(data: Path, history: History) -> None:
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    fill(history, 8)
    before = time.monotonic()
    with pytest.raises(compact.Unmerged, match="works is stopping"):
        while time.monotonic() < before + 30:
            compact.Merger(settings_of(data), stop)(_job(history))
    nothing_else(history)


WORKS = """
import sys, threading
from pathlib import Path
from tianmu.app.compact import Merger
from tianmu.app.settings import Settings
from tianmu.store.history import History
from tianmu.store.history.job import compaction
from tianmu.store.records import Records
data = Path(sys.argv[1])
history = History(data, Records(data / "works.sqlite"))
job = compaction(history.files(history.days()[0]))
while True:
    Merger(Settings(pack="port_ellery", data=str(data)), threading.Event())(job)
"""


def test_when_works_is_killed_its_child_ends_and_nothing_stays(data: Path) -> None:
    with Records(data / "works.sqlite") as records:
        history = History(data, records)
        fill(history)
        before = whole(history)
        history.close()
    works = subprocess.Popen([sys.executable, "-c", WORKS, str(data)])
    said = eventually(lambda: heard(data / "run", compact.NAME))
    assert said is not None
    time.sleep(random.uniform(0, 0.4))
    works.kill()
    works.wait()
    compact.still(data)
    assert not psutil.pid_exists(said.pid) or psutil.Process(said.pid).status() == "zombie"
    with Records(data / "works.sqlite") as records:
        history = History(data, records)
        assert whole(history) == before
        nothing_else(history)
        history.close()


def test_belonging_follows_registry_and_pack(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(belonging, "AGAIN_S", 0.0)
    city = load("port_ellery")
    ward = next(d for d in city.divisions.values() if d.tier == 2)
    kind = next(k for k in city.kinds.values() if any(
        r["type"] == "threshold" and r["direction"] == "high" for r in k.rules))  # fmt: skip
    rule = next(r for r in kind.rules if r["type"] == "threshold" and r["direction"] == "high")
    registry = Registry(data)
    with Records(data / "hub.sqlite") as hub, SqliteJournal(data) as journal:
        found = belonging.Belonging(data, city)
        assert len(found()) == 0
        for number in range(2):
            fact = registry.registration(
                [
                    Device(
                        device=f"d{number}", kind=kind.code, properties=(rule["property"],),
                        place=Place(division=ward.code if number else city.root.code),
                        department="water",
                        source="s", origin=Origin.SEEDED, name="d",
                    )
                ],
                at=1, actor="test",
            )  # fmt: skip
            hub.transact(lambda tx, f=fact: tx.append("registry", encode(f)))
            registry.refresh(journal)
            one = found()
            assert len(one) == number + 1
        assert [one.towns[c] for c in one.town] == ["", ward.code]
        assert [one.villages[c] for c in one.village] == ["", ""]
        assert one.kinds[one.kind[1]] == kind.code
        assert one.properties[one.property[1]] == rule["property"]
        assert one.departments[one.department[1]] == "water"
        limits = [
            r["limit"] for r in kind.rules
            if r["type"] == "threshold" and r["direction"] == "high"
            and r["property"] == rule["property"]
        ]  # fmt: skip
        assert one.high[0] == min(limits)
        assert belonging.membership_file(data).exists()
        found.close()
