"""Targets of operator load and the settings of chattering, floods and shelving.

The figures are those told of ANSI/ISA-18.2-2016 and IEC 62682 from recollection, not compared with
the standards: defaults, to be set by the city.
"""

from __future__ import annotations

import msgspec


class Targets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Per operating position."""

    basis: str = (
        "ANSI/ISA-18.2-2016 and IEC 62682 as recollected, unverified; default, to be set by the "
        "city"
    )
    day_acceptable: float = 150.0
    day_most: float = 300.0
    hour_acceptable: float = 6.0
    hour_most: float = 12.0
    ten_minutes_acceptable: float = 1.0
    ten_minutes_most: float = 2.0
    busy_hour: int = 30
    """more alarms than this make an hour count as overloaded"""
    busy_hours_share: float = 0.01
    flood_begins: int = 10
    """above so many alarms in the period a flood begins"""
    flood_ends: int = 5
    """below so many it ends"""
    flood_period_s: float = 600.0
    flood_share: float = 0.01
    flood_priority: int = 3
    """of the flood's own alarm"""
    grouped_from: int = 3
    """alarms of this priority and lower are grouped under the flood"""
    top_ten_share: float = 0.05
    stale_after_s: float = 86_400.0
    stale_most: int = 5
    priority_shares: tuple[float, ...] = (0.05, 0.15, 0.80)
    """highest first; priorities below the third count with it"""
    chatter_rises: int = 3
    """more rises than this within the window make an alarm chattering"""
    chatter_window_s: float = 60.0
    shelve_limit_s: float = 86_400.0
    """longest shelving where the rule has no limit of its own"""
