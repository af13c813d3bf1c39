"""What a folder's ``replay.py`` gives: rows of a city's past, with what happened in them."""

from __future__ import annotations

EVENT = "event"
"""the column: above 0 where what the scenario warns of happened"""


class TooLong(ValueError):
    """More readings than are held at once lie in the span that was asked for."""

    def __init__(self, readings: int, most: int, days: int) -> None:
        super().__init__(
            f"{readings:,} readings lie between --from and --to, and at most {most:,} are held at "
            f"once: ask for {days} days or fewer"
        )
