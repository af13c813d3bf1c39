"""The audit trail: who did what to which, when, from where, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import Query
from starlette.responses import Response, StreamingResponse

from tianmu.access import audit, verify_trail
from tianmu.web.answer import moment, page
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Cursor, Limit, Page
from tianmu.web.answer.problem import Problem
from tianmu.web.route.route import Asking, Routes

routes = Routes("audit")
VERIFIER = Path(verify_trail.__file__)


class AuditSaid(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    at: Instant | None
    actor: str
    role: str
    address: str
    verb: str
    object: str
    outcome: str
    detail: dict[str, Any]
    previous: str
    hash: str


class TrailChecked(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the chain of hashes holds from the first record to the last."""

    ok: bool
    records: int
    head: str
    """hash of the last record: note it elsewhere to notice a cut-off end"""
    key: str
    """public key (Ed25519, hex) that signs the heads of exports: note it elsewhere once"""
    bad: int | None
    """number of the first record that does not hold"""
    what: str


def _time(text: str | None) -> int | None:
    try:
        return moment.read(text) if text else None
    except ValueError as error:
        raise Problem(422, "invalid", str(error), "give RFC 3339 times") from error


@routes("GET", "/api/audit", may="audit.read", gives=Page[AuditSaid])
def list_audit(
    ask: Asking,
    actor: str = "",
    verb: Annotated[str, Query(description="or its beginning: `case.`")] = "",
    object: str = "",
    since: Annotated[str | None, Query(alias="from")] = None,
    until: Annotated[str | None, Query(alias="to")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[AuditSaid]:
    """The trail, newest first."""
    after = page.read(cursor, int)
    start, end = _time(since), _time(until)
    found = ask.hub.records.read(
        lambda connection: audit.query(
            connection,
            before=after[0] if after else None,
            limit=limit + 1,
            actor=actor,
            verb=verb,
            object=object,
            since=start,
            until=end,
        )
    )
    total = None
    if not (actor or verb or object or since or until):
        total = ask.hub.records.read(audit.count)
    return Page(
        items=[
            AuditSaid(
                sequence=one.sequence,
                at=moment.say(one.at),
                actor=one.actor,
                role=one.role,
                address=one.address,
                verb=one.verb,
                object=one.object,
                outcome=one.outcome,
                detail=msgspec.json.decode(one.detail),
                previous=one.previous,
                hash=one.hash,
            )
            for one in found[:limit]
        ],
        next=page.write(found[limit - 1].sequence) if len(found) > limit else None,
        total=total,
    )


@routes("GET", "/api/audit/check", may="audit.read", gives=TrailChecked)
def check_audit(ask: Asking) -> TrailChecked:
    """Follow the chain of hashes from the first record to the last."""
    records = ask.hub.records
    bad = audit.verify(records)
    count, head = audit.head(records)
    return TrailChecked(
        ok=bad is None,
        records=count,
        head=head,
        key=ask.hub.keys.public.hex(),
        bad=bad.sequence if bad else None,
        what=bad.what if bad else "",
    )


@routes("GET", "/api/audit/export", may="audit.export", media="application/x-ndjson")
def export_audit(ask: Asking, after: Annotated[int, Query(ge=0)] = 0) -> StreamingResponse:
    """The trail as NDJSON, oldest first, its signed head last; `GET /api/audit/verifier` checks it
    without us. The export itself is a record of the trail."""
    records, keys, at = ask.hub.records, ask.hub.keys, ask.hub.clock()
    records.transact(lambda tx: ask.note(tx, "audit.export", after=after))

    def lines() -> Iterator[bytes]:
        yield from audit.export(records, at, keys, after)

    return StreamingResponse(
        lines(),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="audit.ndjson"'},
    )


@routes("GET", "/api/audit/verifier", may="audit.export", media="text/x-python")
def get_verifier(ask: Asking) -> Response:
    """The program that checks an export: one file that needs Python and nothing else."""
    return Response(
        VERIFIER.read_bytes(),
        media_type="text/x-python",
        headers={"Content-Disposition": 'attachment; filename="verify_trail.py"'},
    )
