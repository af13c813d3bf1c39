"""Codes and moments that tests of duty share."""

from __future__ import annotations

from typing import Any

FIRE = "liyang:event:fire_alarm"


CENTRE = "centre-320481000000"


def today(world: Any) -> tuple[str, list[Any]]:
    """The account of the first duty officer of today, and today's shifts there."""
    spans = world.city.roster.spans(CENTRE, world.hub.clock(), world.hub.clock() + 1)
    return next(s.planned.account for s in spans if s.planned.post == "duty_officer"), spans
