"""A Parquet file of history that appeared, with the journal positions it covers."""

from __future__ import annotations

import msgspec


class HistoryWritten(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="hist/1"):
    day: str
    files: tuple[str, ...]
    replaces: tuple[str, ...] = ()
    rows: int
    positions: dict[str, int]
    """topic → last position whose observations are in"""
    at: int
