"""How bad it is at the place of a case. Plain data."""

from __future__ import annotations

import msgspec


class Situation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How bad it is, as whoever has seen it said last."""

    dead: int = 0
    injured: int = 0
    """seriously injured"""
    trapped: int = 0
    loss: float = 0.0
    """direct loss in the city's currency"""
    area_ha: float = 0.0
    """burnt, flooded or polluted, in hectares"""
