"""Programs that play a scenario's trial devices are started with the feed, for any folder."""

from __future__ import annotations

import importlib
from pathlib import Path

from tianmu.app.settings import Settings
from tianmu.app.start import _scenario_feeds
from tianmu.city import pack


def test_every_folder_with_a_feed_is_played(tmp_path: Path) -> None:
    found = dict(_scenario_feeds(Settings(pack="liyang", data=str(tmp_path)), pack.load("liyang")))
    assert "feed-gas-pipelines" in found
    for command in found.values():
        module = importlib.import_module(command[command.index("-m") + 1])
        assert callable(module.main) and command[-2:] == ["--data", str(tmp_path)]
