"""Live columns: seen by readers, growing under them, and back after a crash."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tianmu.store.live import Live, NotRunning
from tianmu.store.live import block as blocks


def test_readers_see_what_is_written_and_follow_growth(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="has not started"):
        Live.open_readonly(tmp_path)
    live = Live(tmp_path, datastreams=10, devices=4)
    reader = Live.open_readonly(tmp_path)
    live.value[3], live.count[3], live.alarm[2] = 1.5, 7, 1
    assert (reader.value[3], reader.count[3], reader.alarm[2]) == (1.5, 7, 1)
    assert (len(reader.time), len(reader.alarm)) == (10, 4)
    live.grow(20, 5)
    assert (reader.count_datastreams, reader.count_devices) == (20, 5)
    live.grow(500_000, 300_000)
    live.value[499_999] = 2.5
    assert len(reader.value) == 500_000
    assert (reader.value[3], reader.value[499_999], reader.alarm[2]) == (1.5, 2.5, 1)
    with pytest.raises(ValueError, match="read-only"):
        reader.value[0] = 1
    live.close()
    assert reader.value[3] == 1.5, "the last known values while the writer is away"
    live = Live(tmp_path, datastreams=6, devices=6)
    assert len(reader.value) == 6
    live.close()
    assert blocks.current(tmp_path) is None


def test_a_snapshot_brings_everything_back(tmp_path: Path) -> None:
    live = Live(tmp_path, datastreams=1000, devices=500)
    assert live.restore() is None
    rng = np.random.default_rng()
    live.value[:] = rng.random(1000)
    live.time[:] = rng.integers(0, 1 << 60, 1000)
    live.alarm[7] = 2
    state = rng.integers(0, 255, (30, 4)).astype(np.uint32)
    frozen = live.freeze({"observation": 12}, {"slots": state}, {"rules": 3})
    value = live.value.copy()
    live.value[:] = -1
    frozen.write()
    live.close()
    again = Live(tmp_path)
    restored = again.restore()
    assert restored is not None
    assert restored.positions == {"observation": 12} and restored.meta == {"rules": 3}
    np.testing.assert_array_equal(restored.extra["slots"], state)
    np.testing.assert_array_equal(again.value, value)
    assert again.alarm[7] == 2 and len(again.alarm) == 500
    again.close()


@pytest.mark.parametrize("damage", ["cut", "flip", "head", "empty"])
def test_a_damaged_snapshot_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    live = Live(tmp_path, datastreams=5000, devices=1)
    paths = []
    for i in range(4):
        live.value[:] = np.random.default_rng(i).random(5000)
        paths.append(live.freeze({"observation": i}).write())
    assert [p.exists() for p in paths] == [False, False, True, True]
    content = bytearray(paths[3].read_bytes())
    if damage == "cut":
        content = content[:-20]
    elif damage == "flip":
        content[len(content) // 2] ^= 1
    elif damage == "head":
        content[12] ^= 255
    else:
        content = bytearray()
    paths[3].write_bytes(content)
    restored = live.restore()
    assert restored is not None and restored.positions == {"observation": 2}
    np.testing.assert_array_equal(live.value, np.random.default_rng(2).random(5000))
    live.close()


def test_memory_of_removed_cities_is_given_back(tmp_path: Path) -> None:
    code = (
        "import sys, os, signal\nfrom pathlib import Path\nfrom tianmu.store.live import Live\n"
        "Live(Path(sys.argv[1]), datastreams=5)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    gone = tmp_path / "gone"
    gone.mkdir()
    run = subprocess.run([sys.executable, "-c", code, gone], check=False)
    assert run.returncode == -signal.SIGKILL
    left = blocks.current(gone)
    assert left is not None and left.exists()
    if left.parent != blocks.SHM:
        pytest.skip("no room in shared memory here")
    reader = Live.open_readonly(gone)
    (gone / "run" / "live").unlink()
    (gone / "run").rmdir()
    gone.rmdir()
    Live(tmp_path / "other").close()
    assert not left.exists()
    assert len(reader.value) == 5
