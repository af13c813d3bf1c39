"""What is known of one thing that a scenario watches: a building with its alarms, people, water.

Names and phone numbers are masked; in clear only with the permission and a reason, which are
written down first.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

import msgspec
from fastapi import Depends
from starlette.responses import FileResponse, Response

from tianmu.access.masking import mask
from tianmu.access.scope import Extent, covers
from tianmu.facts.text import Text
from tianmu.scenarios.folder.load import part
from tianmu.scenarios.picture import Picture, Reach
from tianmu.store.history.asked import TooCostly
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.scenarios import said
from tianmu.web.api.scenarios.scenarios import scenario_of
from tianmu.web.present import danger
from tianmu.web.route.route import Ask, Asking, Routes, taken
from tianmu.web.route.turn import turn

routes = Routes("scenarios")
log = logging.getLogger(__name__)
AT_ONCE = 2
"""pictures that are made at a time"""


class FactSaid(msgspec.Struct, frozen=True, kw_only=True):
    name: Text
    value: Text


class ReachSaid(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can be called about it."""

    post: Text
    name: str
    """masked, but where it was revealed"""
    phone: str


class ThingSaid(msgspec.Struct, frozen=True, kw_only=True):
    thing: str
    title: Text
    longitude: float | None
    latitude: float | None
    division: str
    degree: int
    """of danger; 0: none"""
    facts: list[FactSaid]
    reaches: list[ReachSaid]
    tables: list[said.DangerTable]
    image: str
    """address of a plan or photograph; empty where the pack has none"""
    asks: str
    """device that `POST /api/devices/{device}/duty-check` can be asked at; empty: none"""
    notes: list[Text]


class RevealAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=2000)]


class RevealSaid(msgspec.Struct, frozen=True, kw_only=True):
    reaches: list[ReachSaid]
    """in clear"""


async def _picture(ask: Ask, name: str, thing: str) -> Picture:
    """Within the account's scope. Problems 404, 422, 500, 503."""
    scenario, here = await asyncio.to_thread(scenario_of, ask, name)
    if not (scenario.folder / "picture.py").exists():
        raise Problem(
            404, "no-picture", f"{name} has pictures of nothing",
            "its map and tables are all there is: GET /api/scenarios/{scenario}/present",
        )  # fmt: skip

    def make() -> Picture | None:  # in a thread: the first import of it takes a while
        world = danger.world_of(ask.hub, scenario, here)
        made: Picture | None = part(scenario, "picture").picture(world, thing)
        return made

    async with turn(ask.hub, "picture", AT_ONCE, "pictures of other things are being made"):
        try:
            found = await asyncio.to_thread(make)
        except TooCostly as error:
            raise Problem(
                422, "too-costly", str(error), "raise rows in the pack's [asking]"
            ) from error
        except Exception as error:  # an outsider's code
            log.exception("scenario %s, %s", name, thing)
            raise Problem(
                500, "scenario-failed", f"{name} could not make a picture of {thing}: {error}",
                "the log of hub has the whole of it; tell whoever wrote the scenario",
            ) from error  # fmt: skip
    if found is None or not covers(ask.who.scope, Extent(found.division, (found.department,))):
        raise not_found("thing", thing)
    return found


@routes("GET", "/api/scenarios/{scenario}/things/{thing}", may="alarm.read", gives=ThingSaid)
async def get_scenario_thing(ask: Asking, scenario: str, thing: str) -> ThingSaid:
    """All that is known of one thing that the map or a table of the scenario names."""
    found = await _picture(ask, scenario, thing)
    at = f"/api/scenarios/{scenario}/things/{thing}"
    return ThingSaid(
        thing=found.thing,
        title=found.title,
        longitude=found.longitude,
        latitude=found.latitude,
        division=found.division,
        degree=found.degree,
        facts=[FactSaid(name=one.name, value=one.value) for one in found.facts],
        reaches=[_reach(one, clear=False) for one in found.reaches],
        # its lines are of the thing, whose extent was held against the scope
        tables=[said.table(one, None) for one in found.tables],
        image=f"{at}/image" if found.image is not None else "",
        asks=found.asks if ask.may("device.ask") else "",
        notes=list(found.notes),
    )


@routes(
    "GET", "/api/scenarios/{scenario}/things/{thing}/image", may="alarm.read",
    media="application/octet-stream",
)  # fmt: skip
async def get_scenario_thing_image(ask: Asking, scenario: str, thing: str) -> Response:
    """Its plan or photograph, as the city's pack has it."""
    found = await _picture(ask, scenario, thing)
    if found.image is None or not found.image.is_file():
        raise not_found("picture of", thing)
    headers = {"Cache-Control": "private, max-age=300", "X-Content-Type-Options": "nosniff"}
    return FileResponse(found.image, headers=headers)


@routes(
    "POST",
    "/api/scenarios/{scenario}/things/{thing}/reveal",
    may="report.reveal",
    takes=RevealAsked,
    gives=RevealSaid,
    example={"reason": "its panel tells of fire: the control room is called"},
)
async def reveal_scenario_thing(
    ask: Asking,
    scenario: str,
    thing: str,
    body: Annotated[RevealAsked, Depends(taken(RevealAsked))],
) -> RevealSaid:
    """Who can be called about it, in clear. Needs a reason; who looked is kept."""
    found = await _picture(ask, scenario, thing)
    # the trail first: nobody sees what is not written down
    await asyncio.to_thread(
        ask.hub.records.transact,
        lambda tx: ask.note(tx, "thing.reveal", f"{scenario}:{thing}", reason=body.reason),
    )
    return RevealSaid(reaches=[_reach(one, clear=True) for one in found.reaches])


def _reach(one: Reach, *, clear: bool) -> ReachSaid:
    if clear:
        return ReachSaid(post=one.post, name=one.name, phone=one.phone)
    return ReachSaid(post=one.post, name=mask("name", one.name), phone=mask("phone", one.phone))
