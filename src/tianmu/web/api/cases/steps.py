"""What a person does to a case: steps, merging, splitting, evidence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from tianmu.facts.place import Place
from tianmu.facts.text import say
from tianmu.manage.case.state import CaseState
from tianmu.manage.evidence.kept import LARGEST, BadFile, Evidence
from tianmu.manage.evidence.scanning import NoAnswer
from tianmu.manage.kept import deed_key
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept.deed_key import Done, OtherDeed, Regrouped
from tianmu.manage.manage import ATTACHES, Conflict, NotFound, Refused
from tianmu.manage.merging.grouping import Regroup
from tianmu.manage.steps.lifecycle import fold
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.problem import Fault, Problem, changed, not_found
from tianmu.web.api.cases.cases import CaseSaid, actor, one, said
from tianmu.web.api.cases.evidence import EvidenceSaid, evidence_said
from tianmu.web.api.cases.whole import CaseWhole, whole
from tianmu.web.route.deed import Note, between, deed_of, reused
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken
from tianmu.web.sight import exposure

routes = Routes("cases")
T = TypeVar("T")


class StepTaken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    data: dict[str, Any] = {}
    done_at: Instant | None = None
    """when it was done, where that was without a line; what is kept beside it is when it came"""


class MergeAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    into: str
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=2000)]


class SplitAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    members: Annotated[list[str], msgspec.Meta(min_length=1, max_length=500)]
    """``alarm:<id>``, ``report:<id>``"""
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=2000)]


class SplitDone(msgspec.Struct, frozen=True, kw_only=True):
    case: CaseSaid
    other: CaseSaid
    """the case that holds the signals now"""


STATUS = {"permission": 403, "department": 403, "own_work": 403, "probe": 403, "reason": 422}
STATUS |= {"data": 422, "unknown_step": 404}


def carry_out(ask: Ask, verb: str, name: str, do: Callable[[Note], T], **detail: Any) -> T:
    """Do what ``manage`` does, and write down that it was done or refused. ``do`` gets the note
    that it was done, to be written in the same transaction (cases and trail are one file): what
    was done has its note after a crash, too. A deed that is sent again is not noted again."""
    try:
        return do(lambda tx: ask.note(tx, verb, name, **detail))
    except Refused as error:
        found = error.refusal
        ask.refused(verb, name, why=found.what, **detail)
        language = ask.language
        raise Problem(
            STATUS.get(found.what, 409),
            f"case-{found.what}",
            say(found.why, language),
            say(found.remedy, language),
        ) from error
    except Conflict as error:
        raise changed(error.state.version, error.expected) from error
    except NotFound as error:
        raise not_found("case", name) from error
    except OtherDeed as error:
        raise reused(error) from error


def stepped(ask: Ask, case: str, step: str, body: StepTaken) -> Done:
    """Take a step on a case that the account may see, once for each Idempotency-Key."""
    return carry_out(
        ask,
        f"case.{step}",
        case,
        lambda note: ask.hub.manage.deed(
            case,
            step,
            actor(ask.who),
            deed_of(ask, body.done_at, note),
            ask.if_match(),
            body.reason,
            body.data,
        ),
        reason=body.reason,
    )


@routes(
    "POST",
    "/api/cases/{case}/steps/{step}",
    may="case.read",
    takes=StepTaken,
    gives=CaseWhole,
    example={"reason": "fire is out", "data": {"result": "extinguished, two rooms damaged"}},
)
def take_case_step(
    ask: Asking, case: str, step: str, body: Annotated[StepTaken, Depends(taken(StepTaken))]
) -> Reply:
    """Take a step on a case: which ones, and what they need, stands in its `actions`.

    Each step has a permission of its own (`case.file`, `case.command`, `case.handle`,
    `case.check`, `case.supervise`, `case.note`, `report.write`), which `manage` holds against the
    account together with the case's stage, its orders and who did what before. With an
    `Idempotency-Key` a repeated step takes effect once; `Deed-Before` and `Deed-Version` name the
    versions it stood between. Without a key, and without `If-Match`, a note, an urging or a raising
    that says the same as the account has just sent (`again_s` of the pack's `[desk]`) is taken for
    the same sent again.
    """
    try:
        one(ask, case)
        seen = True
    except Problem:
        # the answer to what took it from the account's scope may have been lost
        if not sent_before(ask, case):
            raise
        seen = False
    done = stepped(ask, case, step, body)
    state = done.state if seen else at(ask, case, done.version)
    exposure.viewed(ask, case)
    return Reply(whole(ask, state), etag=state.version, headers=between(done))


def sent_before(ask: Ask, case: str) -> bool:
    """Whether the account has done a deed of this key on the case: what is sent again under it is
    answered, and does nothing."""
    key, account = deed_of(ask).key, ask.who.account
    return bool(key) and ask.hub.records.read(
        lambda connection: deed_key.sent_before(connection, account, key, case)
    )


def at(ask: Ask, case: str, version: int) -> CaseState:
    """The case as it was at a version: the deed had been done before it was sent again, or somebody
    came between."""
    journal = ask.hub.manage.journal
    events = ask.hub.records.read(lambda c: case_query.events_of(c, journal, case))
    return fold(event for event in events if event.sequence <= version)


@routes(
    "POST",
    "/api/cases/{case}/merge",
    may="case.merge",
    takes=MergeAsked,
    gives=CaseWhole,
    example={"into": "c12", "reason": "the same burst pipe"},
)
def merge_case(
    ask: Asking, case: str, body: Annotated[MergeAsked, Depends(taken(MergeAsked))]
) -> Reply:
    """Put a case into another one by hand; the answer is the other one. With an `Idempotency-Key` a
    repeated merge takes effect once."""
    one(ask, case)
    one(ask, body.into)
    done = regrouped(ask, Regroup("merge", case, body.reason, into=body.into), into=body.into)
    state = done.other
    exposure.viewed(ask, state.case)
    return Reply(whole(ask, state), etag=state.version, headers=between(done))


def regrouped(ask: Ask, asked: Regroup, **detail: Any) -> Regrouped:
    """Merge, split or take back, once for each Idempotency-Key."""
    return carry_out(
        ask,
        f"case.{asked.step}",
        asked.case,
        lambda note: ask.hub.manage.regroup(
            asked, actor(ask.who), deed_of(ask, note=note), ask.if_match()
        ),
        **detail,
        reason=asked.reason,
    )


def parted(ask: Ask, done: Regrouped) -> Reply:
    """The answer where signals were taken out."""
    now = ask.hub.clock()
    both = SplitDone(case=said(ask.hub, done.state, now), other=said(ask.hub, done.other, now))
    return Reply(both, headers=between(done))


@routes(
    "POST",
    "/api/cases/{case}/split",
    may="case.merge",
    takes=SplitAsked,
    gives=SplitDone,
    example={"members": ["report:5f2c"], "reason": "another lamp, two streets on"},
)
def split_case(
    ask: Asking, case: str, body: Annotated[SplitAsked, Depends(taken(SplitAsked))]
) -> Reply:
    """Take signals out of a case; the machine never puts them together again. With an
    `Idempotency-Key` a repeated split takes effect once."""
    one(ask, case)
    asked = Regroup("split", case, body.reason, members=tuple(body.members))
    return parted(ask, regrouped(ask, asked, members=body.members))


@dataclass(frozen=True)
class Upload:
    """A form with a file."""

    content: bytes
    evidence: Evidence


FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "photo, video, voice or document",
        },
        "role": {
            "type": "string",
            "default": "other",
            "description": "near, far, reference, handle_before, …",
        },
        "order": {"type": "string", "default": ""},
        "at": {
            "type": "string",
            "format": "date-time",
            "description": "when it was taken: what the file itself says of it is taken out",
        },
        "longitude": {"type": "number", "description": "where it was taken, CGCS2000 / WGS 84"},
        "latitude": {"type": "number"},
        "precision": {"type": "number", "description": "metres"},
    },
}
BESIDE = 64 << 10
"""bytes that a form may have beside its file"""


def _taken_at(told: Any) -> int:
    if not told:
        return 0
    try:
        return moment.read(str(told))
    except ValueError as error:
        raise Problem(422, "invalid", f"at: {error}", "give RFC 3339, or leave it out") from error


def _taken_where(form: FormData) -> Place:
    told = [str(form.get(name) or "") for name in ("longitude", "latitude", "precision")]
    try:
        longitude, latitude, precision = (float(one) if one else None for one in told)
        return Place(longitude=longitude, latitude=latitude, precision=precision)
    except ValueError as error:
        raise Problem(
            422, "invalid", f"the place of the file is none: {error}", "mend it, or leave it out"
        ) from error


async def uploaded(request: Request) -> Upload:
    """The form of a request whose account was let in: declared as parameters, it would be read
    (and its file kept on disk) before anybody is asked who sends it."""

    async def stream() -> AsyncGenerator[bytes, None]:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > LARGEST + BESIDE:
                raise Problem(
                    413, "too-large", f"more than {LARGEST} bytes", "attach a smaller file"
                )
            yield part

    try:
        parser = MultiPartParser(request.headers, stream(), max_files=1, max_fields=12)
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise Problem(
            400,
            "not-a-form",
            f"the body is no form with a file: {error}",
            "send multipart/form-data",
        ) from error
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Problem(422, "invalid", "the form has no part `file`", "attach a file")
    told = Evidence(
        name=file.filename or "file",
        media_type=(file.content_type or "").partition(";")[0].strip().lower(),
        role=str(form.get("role") or "other"),
        order=str(form.get("order") or ""),
        at=_taken_at(form.get("at")),
        place=_taken_where(form),
    )
    try:
        return Upload(await file.read(), told)
    finally:
        await form.close()


def bad_file(error: BadFile) -> Problem:
    """What of an attached file is not taken; anything else that goes wrong is no fault of it."""
    fault = Fault(where=f"form.{error.where}", what=str(error))
    if error.where == "file":
        return Problem(422, "bad-file", str(error), "choose another file", faults=[fault])
    return Problem(422, "invalid", str(error), "the file itself is not at fault", faults=[fault])


@routes(
    "POST",
    "/api/cases/{case}/evidence",
    may="case.read",
    form=FORM,
    gives=EvidenceSaid,
    status=201,
)
async def attach_evidence(
    ask: Asking, case: str, upload: Annotated[Upload, Depends(uploaded)]
) -> Reply:
    """Attach a file to a case; kept by its SHA-256, once. Needs `case.handle`, `case.check`,
    `case.file`, `case.command` or `report.write`. Where a scanner is set it is scanned first: what
    is infected is kept apart and not given out, and the answer says so (`scan`)."""
    return await attached(ask, case, upload)


async def attached(ask: Ask, case: str, upload: Upload, *, own: bool = False) -> Reply:
    """The answer to a file that was attached to a case. ``own``: it belongs to what the account
    told of itself, whose case need not lie in its scope."""
    if not any(map(ask.may, (*ATTACHES, "report.write"))):
        raise Problem(403, "forbidden", "this account attaches no evidence", "ask who handles it")

    def attach(note: Note) -> tuple[dict[str, Any], Done]:
        deed, told = deed_of(ask, note=note), upload.evidence
        if told.at > ask.hub.clock():  # not believed: it proves nothing of when that was
            told = msgspec.structs.replace(told, at=0)
        return ask.hub.manage.attach(case, told, upload.content, actor(ask.who), deed)

    def keep() -> tuple[dict[str, Any], Done]:
        if not own:
            one(ask, case)
        try:
            return carry_out(ask, "case.evidence", case, attach)
        except BadFile as error:
            raise bad_file(error) from error
        except NoAnswer as error:
            raise Problem(503, "not-scanned", str(error), "attach it again later") from error

    kept, done = await asyncio.to_thread(keep)
    told = evidence_said(case, kept, ask.hub.clock(), ask.who.account)
    return Reply(told, status=201, headers=between(done))
