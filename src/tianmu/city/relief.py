"""Which shifts have ended, or end soon, that are to be handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tianmu.city.calendar.limit import HOUR, MINUTE
from tianmu.city.people.roster import Span

if TYPE_CHECKING:
    from tianmu.city.city import City


def ending(city: City, department: str, now: int, began: int = 0) -> list[Span]:
    """Shifts at ``department`` that are to be handed over, from the pack's minutes before their end
    on; not those of who stays on duty, nor those that the city has not seen the last minutes of:
    ``began`` (µs) is when it did."""
    relief = city.contact.relief
    before, last = round(relief.remind_min * MINUTE), round(relief.last_h * HOUR)
    found: list[Span] = []
    for span in city.roster.spans(department, now - last - before, now + before):
        person = span.person
        if person is None or span.planned.post not in relief.posts:
            continue
        if span.end - before < began or not span.end - before <= now < span.end + last:
            continue
        staying = city.roster.on_duty(department, "", span.end)
        if any(one.account == person.account for one in staying):
            continue
        found.append(span)
    return found
