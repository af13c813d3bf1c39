"""Who saw a case, took it out, or handed it on."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends
from sqlalchemy import Connection

from tianmu.access import account as accounts
from tianmu.access.exposure import PASS
from tianmu.access.masking import mask_text
from tianmu.manage.kept import query as case_query
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Page
from tianmu.web.api.cases.cases import one
from tianmu.web.route.route import Asking, Routes, taken
from tianmu.web.sight import exposure

routes = Routes("cases")


class SeenSaid(msgspec.Struct, frozen=True, kw_only=True):
    at: Instant | None
    actor: str
    actor_name: str
    role: str
    deed: str
    """``viewed``, ``revealed`` (personal data in clear), ``exported`` or ``passed_on``"""
    what: str
    reason: str
    to: str


class PassedOn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    to: Annotated[str, msgspec.Meta(min_length=2, max_length=200)]
    """whom it was handed to"""
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=500)]
    what: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """of the case; empty: all of it"""


@routes("GET", "/api/cases/{case}/exposure", may="case.read", gives=Page[SeenSaid])
def list_exposure(ask: Asking, case: str) -> Page[SeenSaid]:
    """Who opened the case, saw personal data of it in clear, took it out or handed it on; newest
    first, the cases merged into it among them."""
    state = one(ask, case)

    def read(connection: Connection) -> tuple[list[exposure.Seen], dict[str, str]]:
        members = case_query.members_of(connection, state.case)
        parts = {str(row["told"].get("from", "")) for row in members} - {""}
        found = exposure.seen_of(connection, [state.case, *sorted(parts)])
        return found, accounts.names(connection, {line.actor for line in found})

    found, names = ask.hub.records.read(read)
    return Page(
        items=[
            SeenSaid(
                at=moment.say(line.at),
                actor=line.actor,
                actor_name=names.get(line.actor, line.actor),
                role=line.role,
                deed=line.deed,
                what=line.what,
                reason=line.reason,
                to=line.to,
            )
            for line in found
        ],
        total=len(found),
    )


@routes(
    "POST",
    "/api/cases/{case}/passed",
    may="case.note",
    takes=PassedOn,
    example={"to": "county hospital, emergency room", "reason": "two persons on their way"},
)
def pass_case_on(
    ask: Asking, case: str, body: Annotated[PassedOn, Depends(taken(PassedOn))]
) -> None:
    """Write down that the case was handed to somebody outside, by phone, on paper or otherwise."""
    state = one(ask, case)
    detail = {"to": mask_text(body.to), "reason": body.reason}
    if body.what:
        detail["what"] = mask_text(body.what)
    ask.hub.records.transact(lambda tx: ask.note(tx, PASS, state.case, **detail))
