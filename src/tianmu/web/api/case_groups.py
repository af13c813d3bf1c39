"""Which signals are one case, said by a person: taking back, and what is possibly the same."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends

from tianmu.access.scope import covers
from tianmu.facts.text import Text
from tianmu.manage.grouping import Regroup
from tianmu.web import exposure
from tianmu.web.api.case_steps import SplitDone, parted, regrouped
from tianmu.web.api.cases import CaseSaid, extent, one, said
from tianmu.web.route import Asking, Reply, Routes, taken

routes = Routes("cases")


class UndoAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    member: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """``alarm:<id>`` or ``report:<id>``; empty: the one that came last"""
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=2000)]


class AlikeSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A case that is possibly the same."""

    case: CaseSaid
    score: float
    reasons: list[Text]


@routes(
    "POST",
    "/api/cases/{case}/undo",
    may="case.merge",
    takes=UndoAsked,
    gives=SplitDone,
    example={"member": "report:5f2c", "reason": "another lamp, two streets on"},
)
def undo_join(
    ask: Asking, case: str, body: Annotated[UndoAsked, Depends(taken(UndoAsked))]
) -> Reply:
    """Take back how a signal came into the case: one that joined is taken out; of one that came
    with a merged case, that whole case comes back as it was, with its clocks and orders and what
    was done to them meanwhile. With an `Idempotency-Key` a repeated undo takes effect once."""
    one(ask, case)
    members = (body.member,) if body.member else ()
    asked = Regroup("undo", case, body.reason, members=members)
    return parted(ask, regrouped(ask, asked, member=body.member))


@routes("GET", "/api/cases/{case}/alike", may="case.read", gives=list[AlikeSaid])
def list_alike(ask: Asking, case: str) -> list[AlikeSaid]:
    """Open cases in the account's scope that are possibly the same, the likeliest first, and why:
    what the machine was not sure of. Putting them together is `merge`."""
    one(ask, case)
    now = ask.hub.clock()
    found = [
        (state, match)
        for state, match in ask.hub.manage.alike(case)
        if covers(ask.who.scope, extent(state))
    ]
    exposure.listed(ask, [state.case for state, _ in found])
    return [
        AlikeSaid(case=said(ask.hub, state, now), score=match.score, reasons=list(match.reasons))
        for state, match in found
    ]
