"""How many steps of a stream a season has."""

from __future__ import annotations

DAY = 86_400_000_000
"""µs"""


def season_of(step: int) -> int:
    """Steps (µs) of a day; of a week where one is a day, none where it is longer."""
    steps = DAY // step
    return steps if steps > 1 else 7 if steps == 1 else 0
