"""Waiting for what nobody tells: a city says over its sockets what has happened to things, not that
it is at rest, has read all or listens by now, so that is asked for again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], within: float, every: float = 0.05) -> T:
    """The first thing ``look`` returns that is true, asked once every so many seconds; after
    ``within`` seconds the last thing it returned."""
    end = time.monotonic() + within
    while not (found := look()) and time.monotonic() < end:
        time.sleep(every)
    return found
