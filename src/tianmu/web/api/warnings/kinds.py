"""What the pack lets be warned of, for whoever writes a warning."""

from __future__ import annotations

import msgspec

from tianmu.facts.text import Text
from tianmu.web.route.route import Asking, Routes

routes = Routes("warnings")


class WarningColourSaid(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    level: Text
    severity: str
    hours: float
    """for which it is proposed to hold"""


class WarningEventSaid(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    instruction: Text
    national: bool
    """whether the national format can say it"""


class WarningKinds(msgspec.Struct, frozen=True, kw_only=True):
    """What the pack lets be warned of; no events: the city does not warn."""

    sender: str
    sender_name: Text
    languages: list[str]
    colours: list[WarningColourSaid]
    """gravest first"""
    events: list[WarningEventSaid]
    open: bool
    """whether anybody may read the feed"""


@routes("GET", "/api/warnings/kinds", may="warning.read", gives=WarningKinds)
def get_warning_kinds(ask: Asking) -> WarningKinds:
    """Colours and events of the pack, for whoever writes a warning."""
    told = ask.hub.city.warnings
    colours = [told.colours[code] for code in ("red", "orange", "yellow", "blue") if told.colours]
    return WarningKinds(
        sender=told.sender,
        sender_name=told.name,
        languages=list(ask.hub.city.languages),
        colours=[
            WarningColourSaid(
                code=c.code, name=c.name, level=c.level, severity=c.severity, hours=c.hours
            )
            for c in colours
        ],
        events=[
            WarningEventSaid(
                code=e.code,
                name=e.name,
                instruction=e.instruction,
                national=bool(e.national and told.national),
            )
            for e in told.events.values()
        ],
        open=told.open,
    )
