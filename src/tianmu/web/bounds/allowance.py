"""How much one may ask of the past."""

from __future__ import annotations

from dataclasses import dataclass, fields

from tianmu.city.charter.bounds import Asking


@dataclass(frozen=True)
class Allowance:
    """What one question may cost: the pack's ``[asking]``."""

    datastreams: int = 200
    """asked for by name"""
    points: int = 100_000
    """of all series of one answer, or rows of one table"""
    days: int = 3 * 366
    """span"""
    rows: int = 50_000_000
    """read from files for one answer"""
    light: int = 300_000
    """rows read up to which a question needs no turn"""
    apart: int = 2_000_000
    """rows read up to which observations that count in no stretch are looked for"""
    each: int = 3
    """heavy questions and exports of one account under way"""
    all: int = 6
    """of all accounts"""
    seconds: float = 15.0
    """until an answer that has not come is given up"""
    export_rows: int = 20_000_000
    """of one file"""
    export_read: int = 500_000_000
    """rows read from files for it"""
    stall_seconds: float = 60.0
    """until an export that its reader does not take is given up"""

    @classmethod
    def of(cls, asking: Asking) -> Allowance:
        """As the pack says."""
        return cls(**{one.name: getattr(asking, one.name) for one in fields(cls)})
