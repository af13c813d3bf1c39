"""Tables in shared memory: they grow, readers follow, nothing is left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tianmu.store import shared
from tianmu.store.shared import BLOCK, NotThere, Shared

TABLES = {"wide": ("<f4", 3), "row": ("<u4", 1)}


def test_a_reader_follows_growth_and_a_new_writer(tmp_path: Path) -> None:
    with pytest.raises(NotThere):
        Shared.open_readonly(tmp_path, "test", TABLES)
    ours = Shared(tmp_path, "test", TABLES)
    theirs = Shared.open_readonly(tmp_path, "test", TABLES)
    assert theirs["wide"].shape == (0, 3)
    ours.grow("wide", 5)
    ours["wide"][4] = [1, 2, 3]
    assert theirs["wide"].shape == (BLOCK, 3) and theirs["wide"][4].tolist() == [1, 2, 3]
    assert not theirs["wide"].flags.writeable
    before = ours["wide"]
    ours.grow("wide", BLOCK + 1)
    ours["wide"][4, 0] = 9
    assert len(ours["wide"]) == 2 * BLOCK and before[4, 0] == 9  # the same memory
    ours.grow("wide", 7)
    assert len(ours["wide"]) == 2 * BLOCK
    folder = ours.folder
    other = Shared(tmp_path, "test", TABLES)  # the first was killed
    assert not folder.exists() and folder != other.folder
    assert theirs["wide"].shape == (0, 3)
    other.grow("row", 1)
    other["row"][0] = 4
    assert theirs["row"][0, 0] == 4
    theirs.close()
    other.close()
    assert not other.folder.exists() and shared.current(tmp_path, "test") is None


def test_no_room_is_an_error_and_what_there_is_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Shared(tmp_path, "test", TABLES)
    ours.grow("wide", 1)
    ours["wide"][0] = 7
    monkeypatch.setattr(shared, "SPARE", 1 << 60)
    with pytest.raises(OSError, match="no room for"):
        ours.grow("wide", BLOCK + 1)
    assert np.all(ours["wide"][0] == 7)
    ours.close()


def test_what_a_removed_city_left_in_memory_goes(tmp_path: Path) -> None:
    gone, here = tmp_path / "gone", tmp_path / "here"
    gone.mkdir()
    here.mkdir()
    left = Shared(gone, "test", TABLES).folder
    if left.parent != shared.SHM:
        pytest.skip("no shared memory here")
    shutil.rmtree(gone)
    ours = Shared(here, "test", TABLES)
    assert not left.exists()
    ours.close()
