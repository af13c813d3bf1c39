"""Which shifts have ended, or end soon, that are to be handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tianmu.city.limit import HOUR, MINUTE
from tianmu.city.roster import Span

if TYPE_CHECKING:
    from tianmu.city.pack import City

LONGEST = 12 * HOUR
"""µs after the end of a shift for which its hand-over is asked for"""


def ending(city: City, department: str, now: int) -> list[Span]:
    """Shifts at ``department`` that are to be handed over, from the pack's minutes before their end
    on; not those of who stays on duty."""
    relief = city.contact.relief
    before = round(relief.remind_min * MINUTE)
    found: list[Span] = []
    for span in city.roster.spans(department, now - LONGEST - before, now + before):
        person = span.person
        if person is None or span.planned.post not in relief.posts:
            continue
        if not span.end - before <= now < span.end + LONGEST:
            continue
        staying = city.roster.on_duty(department, "", span.end)
        if any(one.account == person.account for one in staying):
            continue
        found.append(span)
    return found
