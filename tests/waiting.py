"""Tests wait for what is to happen, not for a time. The limits are generous: they only end a test
whose event never comes, however busy the machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], within: float = 30.0, what: str = "") -> T:
    """The first thing ``look`` returns that is true; fails after ``within`` seconds, saying what
    was seen last."""
    end = time.monotonic() + within
    while not (found := look()):
        _in_time(end, within, what or look, found)
        time.sleep(0.02)
    return found


async def until(look: Callable[[], T], within: float = 15.0, what: str = "") -> T:
    """The same in an event loop, which goes on meanwhile."""
    end = time.monotonic() + within
    while not (found := look()):
        _in_time(end, within, what or look, found)
        await asyncio.sleep(0.01)
    return found


def _in_time(end: float, within: float, what: object, found: object) -> None:
    if time.monotonic() > end:
        raise AssertionError(f"not within {within:g} s: {what}; last seen: {found!r}")
