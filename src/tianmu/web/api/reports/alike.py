"""Open cases that a report may be about which is only being taken: who takes it asks by them."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from fastapi import Depends

from tianmu.access.scope import covers
from tianmu.facts.report import Report
from tianmu.web.api.cases.cases import extent, said
from tianmu.web.api.cases.groups import AlikeSaid
from tianmu.web.api.reports.taking import NewPlace, checked_place
from tianmu.web.route.route import Ask, Asking, Routes, taken
from tianmu.web.sight import exposure

routes = Routes("reports")

MOST = 5
"""cases that are offered"""
LOOKED = 20
"""that are looked at: some may lie beyond the account's scope"""


class Telling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has been told so far; any of it may be empty."""

    text: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    matter: str = ""
    place: NewPlace = msgspec.field(default_factory=NewPlace)


EXAMPLE = {
    "text": "The street lamp in front of the school is dark.",
    "place": {"longitude": 119.48, "latitude": 31.43, "address": "Pingling West Road 1"},
}


def _look(ask: Ask, told: Telling) -> list[AlikeSaid]:
    hub, now = ask.hub, ask.hub.clock()
    report = Report(
        report="",
        at=now,
        channel="hotline",
        text=told.text,
        matter=told.matter,
        place=checked_place(hub, told.matter, told.place, told.text),
        probe=ask.who.probe,
    )
    found = [
        (state, match)
        for state, match in hub.manage.like(report, LOOKED)
        if covers(ask.who.scope, extent(state))
    ][:MOST]
    exposure.listed(ask, [state.case for state, _ in found])
    return [
        AlikeSaid(case=said(hub, state, now), score=match.score, reasons=list(match.reasons))
        for state, match in found
    ]


@routes(
    "POST",
    "/api/reports/alike",
    may="case.read",
    takes=Telling,
    gives=list[AlikeSaid],
    example=EXAMPLE,
)
async def find_alike(
    ask: Asking, body: Annotated[Telling, Depends(taken(Telling))]
) -> list[AlikeSaid]:
    """Open cases in the account's scope that what is being told may be about, the likeliest first,
    and why: among all that are open, by place, matter and words. Nothing is kept of what is sent;
    whether a report joins is decided as it is taken."""
    return await asyncio.to_thread(_look, ask, body)
