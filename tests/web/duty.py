"""Codes and moments that tests of duty share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

FIRE = "liyang:event:fire_alarm"


CENTRE = "centre-320481000000"


def wait(until: Callable[[], Any], within: float = 10) -> Any:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if found := until():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come")


def today(world: Any) -> tuple[str, list[Any]]:
    """The account of the first duty officer of today, and today's shifts there."""
    spans = world.city.roster.spans(CENTRE, world.hub.clock(), world.hub.clock() + 1)
    return next(s.planned.account for s in spans if s.planned.post == "duty_officer"), spans
