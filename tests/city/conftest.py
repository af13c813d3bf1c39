"""A copy of the small pack, which may be damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tianmu.city import pack


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(pack.locate("port_ellery"), folder)
    return folder
