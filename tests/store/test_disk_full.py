"""A disk that is really full: a small tmpfs, where this machine lets us mount one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tianmu.facts.batch import ObservationBatch
from tianmu.store.disk import is_full
from tianmu.store.history import History
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.live import Live
from tianmu.store.records import DiskFull, Records


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_refuses_reads_on_and_recovers(small: Path) -> None:
    ballast = small / "ballast"
    with Records(small / "gate.sqlite", reserve=0) as gate, SqliteJournal(small) as journal:
        ballast.write_bytes(b"x" * 3_000_000)
        kept: list[int] = []
        refused = 0
        for i in range(400):
            try:
                kept.append(
                    gate.transact(
                        lambda tx, i=i: tx.append("observation", b"%04d" % i * 4000, b"%d" % i)
                    ).position
                )
            except DiskFull as error:
                refused += 1
                assert "disk full" in str(error) and "gate.sqlite" in str(error)
            entries = journal.read("observation", 0, size=1 << 30)
            assert [e.position for e in entries] == kept, "what was acknowledged can be read"
            if refused > 30:
                break
        assert refused > 30 and len(kept) > 20
        ballast.unlink()
        again = gate.transact(lambda tx: tx.append("observation", b"again", b"399"))
        assert not again.duplicate, "a refused key was not remembered"
        assert journal.last("observation") == again.position
    with Records(small / "gate.sqlite", reserve=0) as gate:
        check = gate.read(lambda c: c.exec_driver_sql("PRAGMA integrity_check").scalar())
        assert check == "ok"


def test_history_and_snapshots_wait_for_room(small: Path) -> None:
    ballast = small / "ballast"
    start = 1_700_000_000_000_000
    with Records(small / "works.sqlite", reserve=0) as works:
        history = History(small, works)
        live = Live(small, datastreams=1000, devices=10)
        old = live.freeze({"observation": 1}).write()
        n = 200_000
        history.append(
            [
                ObservationBatch(
                    datastream=np.zeros(n, np.uint32),
                    phenomenon_time=start + np.arange(n),
                    value=np.random.default_rng().random(n),
                    received=start,
                    source=0,
                )
            ],
            {"observation": n},
        )
        free = 6_000_000 - sum(p.stat().st_blocks * 512 for p in small.rglob("*") if p.is_file())
        ballast.write_bytes(b"x" * (free - 400_000))
        with pytest.raises(OSError) as caught:
            history.flush()
        assert is_full(caught.value)
        assert not list(small.glob("history/*/*"))
        live.grow(200_000, 10)
        live.value[:] = np.random.default_rng().random(200_000)
        with pytest.raises(OSError) as caught:
            live.freeze({"observation": 2}).write()
        assert is_full(caught.value)
        assert list(small.glob("snapshot/*")) == [old]
        ballast.unlink()
        history.flush()
        assert len(history.series(0, start, start + n, n)) == n
        live.freeze({"observation": 2}).write()
        live.close()
