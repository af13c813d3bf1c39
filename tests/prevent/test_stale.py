"""Compiled kernels do not outlive what they were compiled from."""

from __future__ import annotations

import os
from pathlib import Path

from tianmu.store.compiled import forget_stale


def test_kernels_older_than_a_source_go(tmp_path: Path) -> None:
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    for name, age in (
        ("a.py", 50),
        ("b.py", 20),
        ("__pycache__/a.run-1.py311.nbi", 30),
        ("__pycache__/b.run-1.py311.nbi", 10),
        ("__pycache__/other.run-1.py311.nbi", 90),
    ):
        path = tmp_path / name
        path.touch()
        os.utime(path, (1e9 - age, 1e9 - age))
    assert forget_stale(tmp_path, ("a.py", "b.py")) == 1
    assert sorted(p.name[0] for p in cache.iterdir()) == ["b", "o"]
    assert forget_stale(tmp_path, ("a.py", "b.py")) == 0
