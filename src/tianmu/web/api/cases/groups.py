"""Which signals are one case, said by a person: taking back, and what is possibly the same."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends

from tianmu.access.scope import covers
from tianmu.facts.text import Text
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import query as case_query
from tianmu.manage.merging.grouping import Regroup
from tianmu.manage.signals.judge import Match
from tianmu.prevent.cause.found import Caused
from tianmu.web.answer.problem import Problem
from tianmu.web.api.cases.cases import CaseSaid, cases_of, extent, one, said
from tianmu.web.api.cases.steps import SplitDone, parted, regrouped
from tianmu.web.present.causes import causes
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken
from tianmu.web.sight import exposure

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
    was done to them meanwhile. With an `Idempotency-Key` a repeated undo takes effect once. Without
    `member` it is the last join that is taken back: then a key, or `If-Match` with the version that
    was seen, is needed, for sent again it would take back the one before."""
    one(ask, case)
    headers = ask.request.headers
    if not body.member and not {"idempotency-key", "if-match"} & set(headers.keys()):
        raise Problem(
            428,
            "which-join",
            "nothing says which join is taken back, and sent again another one would be",
            "name the member, or send If-Match or an Idempotency-Key",
        )
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
    found += _of_one_cause(ask, case, {state.case for state, _ in found})
    exposure.listed(ask, [state.case for state, _ in found])
    return [
        AlikeSaid(case=said(ask.hub, state, now), score=match.score, reasons=list(match.reasons))
        for state, match in found
    ]


def _of_one_cause(ask: Ask, case: str, told: set[str]) -> list[tuple[CaseState, Match]]:
    """Open cases not yet ``told`` whose alarms cause one of the case's, or come of one, along a
    network; those whose times fit best first."""
    members = ask.hub.records.read(lambda c: case_query.members_of(c, case))
    mine = {m["told"]["id"] for m in members if m["told"]["kind"] == "alarm"}
    related: dict[str, Caused] = {}
    for sign, caused in causes(ask.hub).of.items():
        ends = (sign, caused.hung.cause)
        for own, other in (ends, ends[::-1]):
            held = related.get(other)
            if own in mine and (held is None or held.hung.worth < caused.hung.worth):
                related[other] = caused
    found: dict[str, Match] = {}
    for alarm, other in cases_of(ask.hub, "alarm", sorted(related)).items():
        worth = related[alarm].hung.worth
        if (
            other != case
            and other not in told
            and (other not in found or found[other].score < worth)
        ):
            found[other] = Match(other, worth, related[alarm].reasons)
    states = ask.hub.records.read(
        lambda c: [case_query.read(c, name, ask.who.scope) for name in sorted(found)]
    )
    seen = [(state, found[state.case]) for state in states if state is not None and state.open]
    return sorted(seen, key=lambda pair: -pair[1].score)
