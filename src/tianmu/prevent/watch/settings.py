"""How watch runs."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, sizes and rates; no figure of the city's is here."""

    sweep_s: float = 1.0
    """between looks at all streams for silence, and at delays that run"""
    commit_s: float = 0.25
    """longest time until read positions without effect are committed"""
    snapshot_s: float = 120.0
    """what came after the last one is judged again by a watch that was killed"""
    silence_per_s: int = 500_000
    """datastreams looked at for silence in a second: a large city's are all looked at less often"""
    gather_s: float = 0.0
    """longest time that ordinary observations wait for more, so that many are judged at once; the
    life-safety lane never waits, nor does what comes alone"""
    ahead_s: float = 3600.0
    """how far a phenomenon may lie after its arrival before it is not believed"""
    entries: int = 1024
    size: int = 4 << 20
    """of ordinary observations, between two looks at the life-safety lane"""
