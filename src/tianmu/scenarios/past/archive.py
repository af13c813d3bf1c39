"""A city's files as back-tests look at them, whoever opens them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tianmu.city.city import City
    from tianmu.store.history import History
    from tianmu.store.records import Records
    from tianmu.store.registry import Registry


class Archive(Protocol):
    """A city's files, opened for looking."""

    @property
    def city(self) -> City: ...
    @property
    def records(self) -> Records: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def history(self) -> History: ...
    def close(self) -> None: ...


Open = Callable[[Path], Archive]
"""data folder → the city in it; ``FileNotFoundError``"""
