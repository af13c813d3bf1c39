"""A file of a case: looked at in the city, or taken out of it."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tianmu.facts.text import say
from tianmu.manage.evidence.kept import served_as
from tianmu.manage.kept import query as case_query
from tianmu.manage.steps.step import refuse
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.cases.cases import one
from tianmu.web.route.route import Ask, Asking, Routes
from tianmu.web.route.turn import turn
from tianmu.web.sight import exposure
from tianmu.web.sight.exposure import SYSTEMS
from tianmu.web.sight.outgoing import AT_ONCE, BUSY, leaves, outgoing

routes = Routes("cases")


@routes(
    "GET",
    "/api/cases/{case}/evidence/{digest}",
    may="case.read",
    media="application/octet-stream",
)
async def get_evidence(ask: Asking, case: str, digest: str, export: bool = False) -> Response:
    """A file of a case. It may show persons: that it was looked at is kept in the trail. With
    `export`, and for another system always, it is taken out: that stands on the case, and where a
    model is set faces and plates on it are blurred. `Tianmu-Blurred` says what was."""
    if not leaves(ask, export):
        return await run_in_threadpool(_given, ask, case, digest, False)
    async with turn(ask.hub, "blur", AT_ONCE, BUSY):
        return await run_in_threadpool(_given, ask, case, digest, True)


def _given(ask: Ask, case: str, digest: str, out: bool) -> Response:
    state = one(ask, case)
    known = ask.hub.records.read(lambda c: case_query.evidence_of(c, state.case))
    found = next((told for told in known if told.get("digest") == digest), None)
    if found is None:
        raise not_found("evidence", digest)
    if found.get("scan") == "infected" or ask.hub.manage.evidence.quarantined(digest):
        words = refuse("quarantined")
        language = ask.language
        raise Problem(409, "quarantined", say(words.why, language), say(words.remedy, language))
    content = ask.hub.manage.evidence.read(digest)
    headers: dict[str, str] = {}
    noted: dict[str, Any] = {}
    if out:
        made = outgoing(ask.hub, content, found["media_type"])
        content, noted, headers = made.content, made.noted, made.headers
    ask.hub.records.transact(lambda tx: ask.note(tx, "evidence.read", digest, case=case, **noted))
    what = found["name"] or digest
    if out and SYSTEMS.isdisjoint(ask.who.roles):
        exposure.exported(ask, state.case, what)
    else:
        exposure.viewed(ask, state.case, what)
    return Response(
        content,
        media_type=served_as(content, found["media_type"]),
        headers={
            # who looks is asked, and written down, every time
            "Cache-Control": "no-store",
            "Content-Disposition": "inline",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            **headers,
        },
    )
