"""Days of the week and times of day, as packs write them."""

from __future__ import annotations

import re

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")


def minute(clock: str) -> int | None:
    """``HH:MM`` (to 24:00) as minutes after midnight; None where it is none."""
    found = _CLOCK.fullmatch(clock)
    if not found:
        return None
    value = int(found[1]) * 60 + int(found[2])
    return value if value <= 1440 else None
