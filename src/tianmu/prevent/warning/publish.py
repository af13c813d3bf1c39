"""What a draft says once it is published: everything that is needed, from the pack in force."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
import shapely

from tianmu.facts.text import Text, say
from tianmu.facts.warning import Area, Content, Message, Ring
from tianmu.prevent.warning.state import CANCEL, Warning
from tianmu.prevent.warning.step import complete

if TYPE_CHECKING:
    from tianmu.city.city import City

SECOND = 1_000_000
DIGITS = 6
"""of degrees: a tenth of a metre"""


def message(
    city: City, state: Warning, confirmed_by: str, now: int,
    offices: Mapping[str, Text] = MappingProxyType({}), last: int = 0,
) -> Message:  # fmt: skip
    """The next message of ``state``, from what waits there. ``offices``: account → what its
    department or centre is called, for those who drafted and confirm it; ``last``: µs at which the
    last message of any warning was sent."""
    pending = state.pending
    assert pending is not None
    told = city.warnings
    before = state.messages[-1] if state.messages else None
    # never two messages in one second: the time is part of a reference, and all that tells two of
    # the national format apart
    last = max(last, before.sent if before else 0)
    sent = max(now // SECOND * SECOND, last + SECOND if last else 0)
    number = len(state.messages) + 1
    local = city.calendar.local(sent).utcoffset()
    assert local is not None
    new: dict[str, Any] = {
        "number": number,
        "kind": pending.kind,
        "identifier": f"{city.code}-{state.warning}-{number}",
        "sent": sent,
        "references": tuple((one.sender, one.identifier, one.sent) for one in state.messages),
        "offsets": tuple(one.offset for one in state.messages),
        "note": pending.note,
        "drafted_by": pending.by,
        "confirmed_by": confirmed_by,
        "drafted_office": offices.get(pending.by, {}),
        "confirmed_office": offices.get(confirmed_by, {}),
        "offset": round(local.total_seconds() / 60),
    }
    if pending.kind == CANCEL and before is not None:
        # in the words in which it was said: the pack may have left out the event or a division
        # since, and what holds must always be possible to end
        return msgspec.structs.replace(before, responses=("AllClear",), **new)
    content = msgspec.structs.replace(
        pending.content, **complete(city, pending.content), onset=pending.content.onset or sent
    )
    kind = told.events[content.event]
    colour = told.colours[content.colour]
    return Message(
        **new,
        sender=told.sender,
        content=content,
        areas=areas(city, content),
        event_name=kind.name,
        categories=kind.categories,
        responses=kind.responses,
        severity=colour.severity,
        colour_name=colour.name,
        level=colour.level,
        languages=dict(told.tags),
        sender_name=told.name or city.name,
        contact=told.contact,
        web=told.web,
        geocode=told.geocode,
        national_event=kind.national,
        national_sender=told.national,
    )


def areas(city: City, content: Content) -> tuple[Area, ...]:
    """Where a warning holds: its divisions, or within them what a person drew. Then no code stands
    beside it, since a receiver would take all of what is named for warned."""
    names = [city.divisions[code].name for code in content.divisions]
    if content.rings:
        joined = {one: ", ".join(say(name, one) for name in names) for one in city.languages}
        return (Area(name=joined, rings=content.rings),)
    outlines = city.places.areas("towns") | city.places.areas("outline")
    return tuple(
        Area(name=name, code=code, rings=_rings(outlines[code]) if code in outlines else ())
        for name, code in zip(names, content.divisions, strict=True)
    )


def _rings(geometry: shapely.Geometry) -> tuple[Ring, ...]:
    """Outer outlines: CAP knows no holes, so what lies in one is warned, too."""
    return tuple(
        tuple((round(x, DIGITS), round(y, DIGITS)) for x, y in one.exterior.coords)
        for one in getattr(geometry, "geoms", [geometry])
    )
