"""One signal about a fire, whoever gives it: a detector, a button, a caller, a camera, a person."""

from __future__ import annotations

from dataclasses import dataclass

REAL, FALSE = "real", "false"
SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND


@dataclass(frozen=True)
class Event:
    at: int
    """µs"""
    building: str
    detector: str
    kind: str
    """a code of ``[[settings.evidence.kinds]]``"""
    zone: str = ""
    """of the building; empty: not known"""
    ended: int = 0
    """µs when it went back to normal; 0: it has not, or nobody said"""
    verdict: str = ""
    """``real`` or ``false`` where its case was closed"""
    known: int = 0
    """µs when the verdict was"""
    test: bool = False
    """the panel said that it is a test"""

    @property
    def settled(self) -> int:
        """µs from when on its end counts; an end that was told without a time counts from the next
        day on, for nobody knew it before. 0 where it has none."""
        if not self.verdict:
            return 0
        return self.known or self.at + DAY
