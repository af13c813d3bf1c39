"""Where data come from: said on the wall beside every source, never hidden."""

from __future__ import annotations

from enum import StrEnum


class Origin(StrEnum):
    """How a source stands to the city it is shown in."""

    REAL = "real"
    """measured in this city, now"""
    REPLAYED = "replayed"
    """measured in this city, played again"""
    TRANSPLANTED = "transplanted"
    """measured elsewhere, shown here"""
    SEEDED = "seeded"
    """made from a seed"""
    PROBE = "probe"
    """made by a probe or a drill: never merged with real cases, never paged, never counted"""
