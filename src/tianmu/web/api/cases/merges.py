"""Several cases put into the one that a person has chosen, and taken out again: all or none."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from fastapi import Depends

from tianmu.facts.text import say
from tianmu.manage.desk.refused import Conflict, NotFound
from tianmu.manage.kept.deed_key import Done, OtherDeed
from tianmu.manage.merging.many import Seen, Stopped, Together
from tianmu.store.records import Transaction
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.cases.cases import CaseSaid, actor, one, said
from tianmu.web.api.cases.steps import STATUS
from tianmu.web.route.deed import between, deed_of, reused
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

routes = Routes("cases")


class SeenCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    case: str
    version: int | None = None
    """the one that was seen: where it has moved on, nothing is done"""


class MergesAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    into: SeenCase
    cases: Annotated[list[SeenCase], msgspec.Meta(min_length=1, max_length=499)]
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=2000)]


EXAMPLE = {
    "into": {"case": "c12", "version": 9},
    "cases": [{"case": "c17", "version": 6}, {"case": "c18", "version": 3}],
    "reason": "the same burst pipe",
}


@routes(
    "POST", "/api/case-merges", may="case.merge", takes=MergesAsked, gives=CaseSaid,
    example=EXAMPLE,
)  # fmt: skip
def merge_cases(ask: Asking, body: Annotated[MergesAsked, Depends(taken(MergesAsked))]) -> Reply:
    """Put several cases into the chosen one: all of them in one commit, or none, where one of them
    has changed since it was seen or is refused; the answer names that one and why. With an
    `Idempotency-Key` what is sent again is done once."""
    return _together(ask, body, "merge")


@routes(
    "POST", "/api/case-merges/undo", may="case.merge", takes=MergesAsked, gives=CaseSaid,
    example=EXAMPLE,
)  # fmt: skip
def unmerge_cases(ask: Asking, body: Annotated[MergesAsked, Depends(taken(MergesAsked))]) -> Reply:
    """Take cases out of the one they were put into: each comes back as it was, with its clocks and
    orders and what was done to them meanwhile; all of them in one commit, or none."""
    return _together(ask, body, "undo")


def _together(ask: Ask, body: MergesAsked, step: Literal["merge", "undo"]) -> Reply:
    most = ask.hub.city.desk.bulk_most
    if len(body.cases) >= most:
        raise Problem(
            422,
            "too-many",
            f"{len(body.cases) + 1} cases at once: the city allows {most}",
            "choose fewer, or raise bulk_most in [desk] of city.toml",
        )
    for given in (body.into, *body.cases):
        one(ask, given.case)
    names = [given.case for given in body.cases]
    into, cases = Seen(body.into.case, body.into.version), [_seen(given) for given in body.cases]
    done = _do(ask, Together(step, into, tuple(cases), body.reason), names)
    reply = said(ask.hub, done.state, ask.hub.clock())
    return Reply(reply, etag=done.state.version, headers=between(done))


def _seen(given: SeenCase) -> Seen:
    return Seen(given.case, given.version)


def _do(ask: Ask, asked: Together, names: list[str]) -> Done:
    """Done, and each case noted in the trail in the same commit; or refused, with the case that
    stands against it."""
    verb, into = f"case.{asked.step}", asked.into.case

    def note(tx: Transaction) -> None:
        for name in names:
            ask.note(tx, verb, name, into=into, together=len(names), reason=asked.reason)

    try:
        return ask.hub.manage.together(asked, actor(ask.who), deed_of(ask, note=note))
    except Stopped as stopped:
        number, cause = stopped.state.number, stopped.cause
        if isinstance(cause, Conflict):
            raise Problem(
                412,
                "changed",
                f"nothing was done: {number} was changed by somebody else",
                "look at it again",
            ) from stopped
        found = cause.refusal
        ask.refused(verb, stopped.state.case, why=found.what, into=into, reason=asked.reason)
        why, remedy = say(found.why, ask.language), say(found.remedy, ask.language)
        raise Problem(
            STATUS.get(found.what, 409),
            f"case-{found.what}",
            f"nothing was done: {number}: {why}",
            remedy,
        ) from stopped
    except NotFound as error:
        raise not_found("case", error.case) from error
    except OtherDeed as error:
        raise reused(error) from error
