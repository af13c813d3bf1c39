"""What a message of another body means in this city: its events, colours, divisions. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tianmu.city.level.plan import COLOURS
from tianmu.facts.bulletin import Bulletin, Part
from tianmu.facts.text import Text
from tianmu.facts.warning import Area
from tianmu.sense.cap import area
from tianmu.sense.cap.codec import CapAlert, CapInfo

if TYPE_CHECKING:
    from tianmu.city.city import City

HOUR = 3_600_000_000
LONGEST = 31 * 24 * HOUR
"""µs that a message holds at most: one that says it holds for years has to be updated"""
UNSAID = 24
"""hours that one holds which does not say when it ends (default, to be set by the city: setting
``hours`` of its source)"""
ELSEWHERE = "it warns of places outside of the city"
PRIVATE = "it is private, and addressed to others: setting `addresses` of its source names our own"
SHOWN = ("Actual", "Exercise", "Test")
_COLOUR = re.compile(r"[a-z]+")


def bulletin(
    city: City, source: str, alert: CapAlert, received: int, hours: float = UNSAID,
    addresses: Collection[str] = (),
) -> Bulletin | str:  # fmt: skip
    """The message as the city keeps it, or why it is not for it (no fault of its sender). An update
    that is about elsewhere by now has no parts: it ends what it refers to. ``addresses``: by which
    a private message is for the city."""
    if alert.status not in SHOWN:
        return f"its status is {alert.status}: no message to people"
    if alert.kind not in {"Alert", "Update", "Cancel"}:
        return f"it is an {alert.kind}: it answers somebody, and warns of nothing"
    if alert.scope == "Private" and not set(alert.addresses) & set(addresses):
        return PRIVATE
    parts = _parts(city, alert, received, hours)
    if alert.kind == "Alert" and all(one is None for one in parts):
        return ELSEWHERE
    return Bulletin(
        source=source,
        sender=alert.sender,
        identifier=alert.identifier,
        sent=alert.sent,
        kind=alert.kind,
        status=alert.status,
        public=alert.scope == "Public",
        restriction=restriction(alert),
        note=alert.note,
        references=alert.references,
        parts=tuple(one for one in parts if one is not None),
        received=received,
    )


def restriction(alert: CapAlert) -> str:
    """For whom a message is, where it is not for the public."""
    told = {"Restricted": alert.restriction, "Private": " ".join(alert.addresses)}
    return told.get(alert.scope, "")


def _parts(city: City, alert: CapAlert, received: int, hours: float) -> list[Part | None]:
    """One for each ``info`` of the first language; the others translate it, in their order. None:
    it is about elsewhere."""
    by_language: dict[str, list[CapInfo]] = {}
    for info in alert.infos:
        by_language.setdefault(info.language.lower(), []).append(info)
    if not by_language:
        return []
    main, *others = by_language.values()
    # a sender's clock may be a little ahead: what says no other time holds from now on
    begins = min(alert.sent, received)
    translated = [infos for infos in others if len(infos) == len(main)]
    return [
        _part(city, [main[n], *(infos[n] for infos in translated)], begins, hours)
        for n in range(len(main))
    ]


def _part(city: City, told: Sequence[CapInfo], begins: int, hours: float) -> Part | None:
    info = told[0]
    places, read = area.divisions(city, info.areas)
    if read and info.areas and not places:
        return None
    start = info.effective or begins
    ends = info.expires or start + round(hours * HOUR)

    def words(field: str) -> Text:
        return _text(city, [(one.language, getattr(one, field)) for one in told])

    return Part(
        event=event(city, info),
        event_name=words("event"),
        colour=colour(city, info),
        severity=info.severity,
        urgency=info.urgency,
        certainty=info.certainty,
        sender_name=words("sender_name"),
        headline=words("headline") or words("event"),
        description=words("description"),
        instruction=words("instruction"),
        start=start,
        onset=info.onset,
        until=min(ends, start + LONGEST),
        areas=tuple(
            Area(
                name=_text(city, [(info.language, one.name)]),
                rings=one.rings,
                circles=one.circles,
            )
            for one in info.areas
        ),
        divisions=places,
    )


def _text(city: City, told: Sequence[tuple[str, str]]) -> Text:
    """Words by the city's languages; what is in none of them stands for the first."""
    found: dict[str, str] = {}
    for tag, words in told:
        language = tag.lower().split("-")[0]
        if words:
            here = language if language in city.languages else city.languages[0]
            found.setdefault(here, words)
    return found


def event(city: City, info: CapInfo) -> str:
    """The pack's code of what an ``info`` warns of, or empty."""
    told = {info.event.casefold(), *(code.casefold() for _, code in info.codes)}
    for one in city.warnings.events.values():
        known = (one.code, one.national, *one.name.values(), *one.others)
        if told & {words.casefold() for words in known if words}:
            return one.code
    return ""


def colour(city: City, info: CapInfo) -> str:
    """The colour that it names itself, in a parameter; else the pack's for its severity."""
    for name, value in info.parameters:
        if re.search("colou?r|awareness_level", name, re.IGNORECASE):
            words = _COLOUR.findall(value.casefold())
            for one in COLOURS:
                if one in words:
                    return one
    for known in city.warnings.colours.values():
        if known.severity == info.severity and info.severity != "Unknown":
            return known.code
    return ""
