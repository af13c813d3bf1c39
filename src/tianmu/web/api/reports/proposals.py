"""Matters that a report may be about which is only being taken: who takes it chooses."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from fastapi import Depends

from tianmu.manage.signals.proposed import By
from tianmu.web.route.route import Asking, Routes, taken

routes = Routes("reports")


class Spoken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has been told so far."""

    text: Annotated[str, msgspec.Meta(max_length=20_000)]


class MatterProposed(msgspec.Struct, frozen=True, kw_only=True):
    """A matter of the catalogue that the words may speak of."""

    matter: str
    sure: float
    """0 … 1"""
    by: By
    """``words``: words of the matter stand there; ``sound``: what sounds like them; ``likeness``:
    what is worded like them"""


EXAMPLE = {"text": "The street lamp in front of the school is dark."}


@routes(
    "POST",
    "/api/reports/matters",
    may="case.read",
    takes=Spoken,
    gives=list[MatterProposed],
    example=EXAMPLE,
)
async def propose_matters(
    ask: Asking, body: Annotated[Spoken, Depends(taken(Spoken))]
) -> list[MatterProposed]:
    """Up to three matters that what is being told may be about, the likeliest first.

    They come by the words of the city's pack. Nothing is kept of what is sent, and nothing is
    decided by it: a person chooses."""
    found = await asyncio.to_thread(ask.hub.manage.proposed, body.text)
    return [MatterProposed(matter=one.matter, sure=one.sure, by=one.by) for one in found]
