"""The small city of the web, one for each module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tianmu.city.city import City
from tianmu.city.pack import load

from .heard import Stream
from .world import World, make_world


@pytest.fixture(scope="session")
def liyang() -> City:
    return load("liyang")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, liyang: City) -> Iterator[World]:
    yield from make_world(tmp_path_factory.mktemp("city"), liyang)


@pytest.fixture
def stream() -> type[Stream]:
    return Stream


@pytest.fixture(scope="session")
def build() -> Any:
    return make_world
