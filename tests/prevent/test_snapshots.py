"""Snapshots beside the judging: room first, then the copy, then the writing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tianmu.prevent.watch.snapshots import Snapshots
from tianmu.store.live import Live
from tianmu.store.live.snapshot import SPARE, load


def _state(rows: int) -> dict[str, np.ndarray]:
    return {"state": np.arange(rows, dtype=np.uint8), "ticks": np.zeros((rows, 2), np.int64)}


def test_room_is_made_before_a_copy_and_kept_for_the_next(tmp_path: Path) -> None:
    live = Live(tmp_path, datastreams=3, devices=2)
    snapshots, state = Snapshots(live), _state(5)
    assert not snapshots.ready(state)
    snapshots.finish()
    assert snapshots.ready(state)
    snapshots.write({"observation": 7}, state, {})
    snapshots.finish()
    assert snapshots.ready(state)

    live.grow(3 + SPARE, 2)
    assert snapshots.ready(state), "there is room for what is registered meanwhile"
    live.grow(4 + SPARE, 2)
    assert not snapshots.ready(state), "and then more is made"
    snapshots.finish()
    assert snapshots.ready(state)


def test_what_changes_after_the_copy_is_not_in_it(tmp_path: Path) -> None:
    live = Live(tmp_path, datastreams=3, devices=2)
    snapshots, state = Snapshots(live), _state(5)
    for _ in range(2):  # without room, and into the room of the first
        snapshots.ready(state)
        snapshots.finish()
        state["state"][:] = 4
        live.value[:] = 1.5
        snapshots.write({"observation": 7}, state, {"rules": 1})
        state["state"][:] = 9
        live.value[:] = 2.5
        snapshots.finish()
        found = load(tmp_path)
        assert found is not None and found.positions == {"observation": 7}
        assert found.columns["extra.state"].tolist() == [4] * 5
        assert found.columns["live.value"].tolist() == [1.5] * 3
