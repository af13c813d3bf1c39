"""``[settings]`` of a scenario, for the modules of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tianmu.scenarios.folder.manifest import read


@cache
def settings_of(module: str) -> Mapping[str, Any]:
    """``[settings]`` of the scenario in whose folder a module stands: give it ``__file__``."""
    return read(Path(module).parent / "scenario.toml").settings
