"""A city's files opened for looking, whether it runs or not."""

from __future__ import annotations

from pathlib import Path

from tianmu.app.settings import load
from tianmu.city import pack
from tianmu.city.pack import City
from tianmu.store.records import Records


def open_archive(data: Path) -> tuple[City, Records]:
    """The pack of a city and hub's file, read-only; ``FileNotFoundError`` where no city was
    started under ``data``."""
    settings = load(data)
    return pack.load(settings.pack), Records(data / "hub.sqlite", readonly=True)
