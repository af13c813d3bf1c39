"""A city's files opened for looking, whether it runs or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tianmu.app.settings import load
from tianmu.city import pack
from tianmu.city.city import City
from tianmu.store.history import History
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import Registry


@dataclass(frozen=True)
class Archive:
    city: City
    records: Records
    """hub's file, read-only"""
    registry: Registry
    history: History

    def close(self) -> None:
        self.history.close()
        self.records.close()


def open_archive(data: Path) -> Archive:
    """The city under ``data``; ``FileNotFoundError`` where none was started there."""
    settings = load(data)
    registry = Registry(data)
    journal = SqliteJournal(data)
    try:
        registry.refresh(journal)
    finally:
        journal.close()
    records = Records(data / "hub.sqlite", readonly=True)
    return Archive(pack.load(settings.pack), records, registry, History(data))
