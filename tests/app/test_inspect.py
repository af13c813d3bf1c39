"""``tianmu history check``: reports beside a running city, mends in a stopped one."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from tianmu.app.settings import Settings
from tianmu.cli import main
from tianmu.facts.batch import ObservationBatch
from tianmu.store.history import History
from tianmu.store.history.manifest import DAY, RAW
from tianmu.store.records import Records

START = (time.time_ns() // 1000 // DAY - 2) * DAY


def check(data: Path, *more: str) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(main, ["history", "check", "--data", str(data), "--json", *more])
    return done.exit_code, json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}


def test_it_reports_and_mends(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["history", "check", "--data", str(tmp_path)])
    assert done.exit_code == 1 and "there is no history in" in done.stderr
    Settings(pack="port_ellery", data=str(tmp_path)).save()
    gate = Records(tmp_path / "gate.sqlite")
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        batch = ObservationBatch(
            np.arange(50, dtype=np.uint32), START + np.arange(50), np.ones(50), START, 1
        )
        at = gate.transact(lambda tx: tx.append("observation", batch.encode())).position
        history.append([batch], {"observation": at})
        history.flush()
        history.compact(history.days()[0])
        (file,) = [f for f in history.files() if f.kind == RAW]
        code, found = check(tmp_path)
        assert (code, found["ok"], found["damaged"]) == (0, True, [])
        assert found["files"] == len(history.files())
        (tmp_path / "history" / file.name).write_bytes(b"no Parquet")
        code, found = check(tmp_path)
        assert (code, found["ok"], found["mended"]) == (1, False, [])
        (damaged,) = found["damaged"]
        assert (damaged["file"], damaged["kind"]) == (file.name, RAW)
        running = CliRunner().invoke(main, ["history", "check", "--data", str(tmp_path), "--mend"])
        assert running.exit_code == 1 and "stop the city first" in running.stderr
        history.close()
    code, found = check(tmp_path, "--mend")
    assert (code, found["ok"], found["mended"], found["lost"]) == (0, True, [file.name], [])
    code, found = check(tmp_path)
    assert (code, found["ok"], found["damaged"]) == (0, True, [])
    assert History(tmp_path).windows(np.arange(50), START, START + DAY, DAY).count.sum() == 50
    gate.close()


def test_a_loss_is_told_and_ends_with_1(tmp_path: Path) -> None:
    Settings(pack="port_ellery", data=str(tmp_path)).save()
    with Records(tmp_path / "works.sqlite") as records:
        history = History(tmp_path, records)
        batch = ObservationBatch(np.array([7], np.uint32), np.array([START]), np.ones(1), START, 1)
        history.append([batch], {})
        (file,) = history.flush()
        history.close()
    (tmp_path / "history" / file.name).unlink()
    done = CliRunner().invoke(main, ["history", "check", "--data", str(tmp_path), "--mend"])
    assert done.exit_code == 1
    assert f"mended: {file.name}: it is not there" in done.stdout
    assert f"lost: at most 1 rows (raw of {file.day}), datastreams 7 to 7" in done.stdout
    code, found = check(tmp_path)
    assert (code, found["files"]) == (0, 0)
