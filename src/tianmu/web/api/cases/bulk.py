"""One deed on many cases: first what would happen to each, then what did."""

from __future__ import annotations

from functools import reduce
from typing import Annotated, Any

import msgspec
from fastapi import Depends

from tianmu.facts.text import Text
from tianmu.manage.case.state import CaseState
from tianmu.manage.desk.refused import fresh
from tianmu.manage.kept.deed_key import Done
from tianmu.manage.steps.lifecycle import evolve
from tianmu.manage.steps.step import Command, Refusal
from tianmu.manage.steps.taking_back import UNDO, Back, back, decide
from tianmu.manage.words import phrase
from tianmu.web.answer.language import asked_for, translated
from tianmu.web.answer.problem import Problem
from tianmu.web.api.cases.cases import actor, masked_text, one
from tianmu.web.api.cases.steps import STATUS, at, carry_out
from tianmu.web.route.deed import deed_of
from tianmu.web.route.route import Ask, Asking, Routes, taken

routes = Routes("cases")
STEPS = (
    "accept", "note", "urge", "assign", "file", "order", "transfer", "grade", "escalate", "suspend",
    "resume", "supervise", "check", "void", UNDO,
)  # fmt: skip
"""what may be done to many at once"""


class OneOfMany(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    case: str
    version: int | None = None
    """the one that was seen: where it has moved on, this case is left as it is"""
    data: dict[str, Any] = {}
    """what the step needs for this case alone, over what all are given; of `undo`: `steps`, what
    the answer to the deed has as `undo`"""


class ManyAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    step: str
    cases: Annotated[list[OneOfMany], msgspec.Meta(min_length=1, max_length=500)]
    reason: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    data: dict[str, Any] = {}
    rehearse: bool = False
    """only say what would happen"""


class OneDone(msgspec.Struct, frozen=True, kw_only=True):
    case: str
    number: str
    title: Text
    done: bool
    """whether it was done, or would be"""
    version: int
    status: int
    """200, or as the step alone would have been answered"""
    why: str
    """why not, and what to do"""
    undo: list[Back] | None
    """the steps that take it back, as `steps` in the data of the step `undo`; null: it cannot be
    taken back, or not by this account"""


class ManyDone(msgspec.Struct, frozen=True, kw_only=True):
    step: str
    label: Text
    done: int
    refused: int
    cases: list[OneDone]


def _undo(ask: Ask, step: str, seen: CaseState, done: Done) -> list[Back] | None:
    """How this account would take it back as it stands after it. ``seen``: the case as it was read
    before."""
    before = seen if seen.version == done.before else at(ask, seen.case, done.before)
    after = done.state if done.state.version == done.version else at(ask, seen.case, done.version)
    return back(before, step, after, actor(ask.who), ask.hub.clock(), ask.hub.city)


def _one(ask: Ask, body: ManyAsked, given: OneOfMany) -> OneDone:
    number, title, version, undo = "", {}, 0, None
    try:
        state = one(ask, given.case)
        number, title, version = state.number, masked_text(state.title), state.version
        data = {**body.data, **given.data}
        if body.rehearse:
            if given.version is not None and not fresh(state, given.version):
                raise Problem(412, "changed", f"it is in version {version} now", "look at it again")
            command = Command(body.step, body.reason, data)
            found = decide(state, command, actor(ask.who), ask.hub.clock(), ask.hub.city)
            if isinstance(found, Refusal):
                language = ask.language
                why, remedy = (
                    text.get(language) or next(iter(text.values()), "")
                    for text in (found.why, found.remedy)
                )
                raise Problem(STATUS.get(found.what, 409), found.what, why, remedy)
            after = reduce(evolve, found, state)
            undo = _undo(ask, body.step, state, Done(after, version, after.version))
        else:
            done = carry_out(
                ask,
                f"case.{body.step}",
                given.case,
                lambda note: ask.hub.manage.deed(
                    given.case,
                    body.step,
                    actor(ask.who),
                    deed_of(ask, note=note, part=given.case),
                    given.version,
                    body.reason,
                    data,
                ),
                reason=body.reason,
                together=len(body.cases),
            )
            version, undo = done.version, _undo(ask, body.step, state, done)
    except Problem as problem:
        spoken = asked_for(ask.request.headers)
        said = (translated(part, spoken) for part in (problem.detail, problem.remedy) if part)
        why = " – ".join(said)
        return OneDone(
            case=given.case, number=number, title=title, done=False, version=version,
            status=problem.status, why=why, undo=None,
        )  # fmt: skip
    return OneDone(
        case=given.case, number=number, title=title, done=True, version=version,
        status=200, why="", undo=undo,
    )  # fmt: skip


@routes(
    "POST",
    "/api/case-deeds",
    may="case.read",
    takes=ManyAsked,
    gives=ManyDone,
    example={
        "step": "urge",
        "cases": [{"case": "c17", "version": 6}, {"case": "c18", "version": 3}],
        "reason": "before the shift ends",
        "rehearse": True,
    },
)
def do_to_many(ask: Asking, body: Annotated[ManyAsked, Depends(taken(ManyAsked))]) -> ManyDone:
    """Do one step (`accept`, `note`, `urge`, `assign`, `file`, `order`, `transfer`, `grade`,
    `escalate`, `suspend`, `resume`, `supervise`, `check`, `void`) to many cases, each for itself:
    the permissions of the step are held against the account for each, one that is refused or was
    changed meanwhile stays as it is, and the answer says so of each. `rehearse` only tells, also of
    each whether it can be taken back. The step `undo` takes a deed back by the `steps` that its
    answer named as `undo` for each case: with its `version`, a case that somebody has changed since
    is named and left. With an `Idempotency-Key` what is sent again is done once to each case."""
    if body.step not in STEPS:
        raise Problem(
            422, "invalid", f"{body.step!r} is not done to many", f"use one of {', '.join(STEPS)}"
        )
    most = ask.hub.city.desk.bulk_most
    if len(body.cases) > most:
        raise Problem(
            422,
            "too-many",
            f"{len(body.cases)} cases at once: the city allows {most}",
            "choose fewer, or raise bulk_most in [desk] of city.toml",
        )
    deed_of(ask)  # a key that is none is said once, not of each
    names = [given.case for given in body.cases]
    if len(set(names)) != len(names):
        raise Problem(422, "invalid", "a case is named twice", "name each once")
    found = [_one(ask, body, given) for given in body.cases]
    done = sum(one.done for one in found)
    return ManyDone(
        step=body.step,
        label=phrase(f"step.{body.step}"),
        done=done,
        refused=len(found) - done,
        cases=found,
    )
