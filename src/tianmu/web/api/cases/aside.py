"""What a case's side paths have left on it, as the API says it."""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.access.masking import mask_text
from tianmu.city.city import City
from tianmu.facts.text import Text
from tianmu.manage.case.state import CaseState
from tianmu.manage.levels import acting
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.place import department_name


class ExtensionSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A longer limit that a unit asks for and nobody has decided on."""

    order: str
    value: float
    unit: str
    by: str
    at: Instant | None


class SupervisionSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A higher tier watches over the case."""

    tier: int
    by: str
    at: Instant | None
    due: Instant | None
    reason: str


class ReviewSaid(msgspec.Struct, frozen=True, kw_only=True):
    by: str
    at: Instant | None
    result: str
    reason: str


class AppealSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What a department says against an overtime."""

    unit: str
    by: str
    at: Instant | None
    due: Instant | None
    """by when the review that is waited for is due"""
    reason: str
    orders: list[str]
    state: str
    """``dispatcher`` or ``acceptor`` while that review is waited for, ``approved``, ``refused``"""
    reviews: list[ReviewSaid]


def extension(state: CaseState) -> ExtensionSaid | None:
    asked = state.extension
    if asked is None:
        return None
    told: dict[str, Any] = {**msgspec.structs.asdict(asked), "at": moment.say(asked.at)}
    return ExtensionSaid(**told)


def supervision(state: CaseState) -> SupervisionSaid | None:
    held = state.supervision
    if held is None:
        return None
    return SupervisionSaid(
        tier=held.tier,
        by=held.by,
        at=moment.say(held.at),
        due=moment.say(held.due),
        reason=mask_text(held.reason),
    )


def appeal(state: CaseState) -> AppealSaid | None:
    said = state.appeal
    if said is None:
        return None
    return AppealSaid(
        unit=said.unit,
        by=said.by,
        at=moment.say(said.at),
        due=moment.say(said.due) if said.due else None,
        reason=mask_text(said.reason),
        orders=list(said.orders),
        state=said.state,
        reviews=[
            ReviewSaid(
                by=one.by, at=moment.say(one.at), result=one.result, reason=mask_text(one.reason)
            )
            for one in said.reviews
        ],
    )


class ActSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A tier that acts on the case, as its plan says."""

    part: str
    """``handle``, ``coordinate`` or ``command``"""
    tier: int
    centre: str
    """its centre around the case; empty: none"""
    centre_name: Text | None


def acts_of(city: City, state: CaseState) -> list[ActSaid]:
    """Who acts on the case now."""
    found = []
    for part, tier in msgspec.structs.asdict(acting.acts(city, state)).items():
        code = acting.centre(city, state, tier)
        name = department_name(city, code) if code else None
        found.append(ActSaid(part=part, tier=tier, centre=code, centre_name=name))
    return found
