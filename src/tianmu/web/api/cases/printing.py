"""Case files on paper: made for who may print, each printing kept with what it was."""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tianmu.manage.case.state import CaseState
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Page
from tianmu.web.answer.problem import Problem
from tianmu.web.api.cases.cases import one
from tianmu.web.api.cases.rooms import on_paper
from tianmu.web.api.cases.whole import whole
from tianmu.web.hub import Hub
from tianmu.web.route.route import Ask, Asking, Routes
from tianmu.web.route.turn import turn
from tianmu.web.sight.outgoing import Leaving

routes = Routes("cases")
metadata = sa.MetaData()
printed = sa.Table(
    "case_print",
    metadata,
    sa.Column("mark", sa.String, primary_key=True),
    sa.Column("case", sa.String, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("language", sa.String, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("digest", sa.String, nullable=False),  # SHA-256 of the file that was given out
)
SHOWN = 200
"""printings that are listed of one case, the newest"""
AT_ONCE = 1
"""files that are made at a time: pictures take memory, and hub has others to serve"""


class PrintSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was printed of a case."""

    mark: str
    """stands at the foot of every page"""
    at: Instant | None
    actor: str
    actor_name: str
    version: int
    """of the case then"""
    language: str
    size: int
    digest: str
    """SHA-256 of the PDF: ``sha256sum`` of a file says whether it is this one, unchanged"""


def bring(hub: Hub) -> None:
    """The table, when hub starts."""
    hub.records.create(metadata)


@routes("GET", "/api/cases/{case}/file.pdf", may="case.print", media="application/pdf")
async def print_case(
    ask: Asking, case: str, language: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """The case file as PDF with the city's letterhead, masked as this account may see it. Each
    printing is in the audit trail and on the case before the file is given out."""
    state = await run_in_threadpool(one, ask, case)
    hub = ask.hub
    spoken = language or (
        ask.who.language if ask.who.language in hub.city.languages else hub.city.languages[0]
    )
    if spoken not in hub.city.languages:
        raise Problem(
            422,
            "invalid",
            f"the city does not speak {spoken!r}",
            f"use one of {', '.join(hub.city.languages)}",
        )
    async with turn(hub, "press", AT_ONCE, "other case files are being printed"):
        return await run_in_threadpool(_printed, ask, state, spoken)


def _printed(ask: Ask, state: CaseState, spoken: str) -> Response:
    # the press is large, and hub starts sooner without it
    from tianmu.web.api.cases.case_file import Print, case_file, room_words

    hub, case = ask.hub, state.case
    told = Print(
        case=whole(ask, state),
        mark=secrets.token_hex(4),
        who=ask.who.name or ask.who.account,
        at=hub.clock(),
        language=spoken,
        room=on_paper(ask, case, room_words(spoken)) if ask.may("room.use") else (),
        model=hub.blurrer.name if hub.blurrer else "",
    )
    leaving = Leaving(hub, {one.evidence: one.media_type for one in told.case.evidence})
    content = case_file(hub.city, told, leaving, hub.ui)
    digest = hashlib.sha256(content).hexdigest()

    def write(tx: Transaction) -> None:
        tx.connection.execute(
            sa.insert(printed).values(
                mark=told.mark,
                case=case,
                version=state.version,
                at=told.at,
                actor=ask.who.account,
                language=spoken,
                size=len(content),
                digest=digest,
            )
        )
        ask.note(
            tx, "case.print", case,
            mark=told.mark, version=state.version, digest=digest,
            blurred=leaving.places, model=told.model,
        )  # fmt: skip

    hub.records.transact(write)
    return Response(
        content,
        media_type="application/pdf",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'inline; filename="{state.number}-{told.mark}.pdf"',
        },
    )


@routes("GET", "/api/cases/{case}/prints", may="case.read", gives=Page[PrintSaid])
def list_prints(ask: Asking, case: str) -> Page[PrintSaid]:
    """What was printed of a case, by whom and when, the newest first."""
    one(ask, case)
    rows = ask.hub.records.read(
        lambda connection: connection.execute(
            sa.select(printed)
            .where(printed.c.case == case)
            .order_by(sa.desc(printed.c.at))
            .limit(SHOWN)
        ).all()
    )
    names = ask.hub.names_of({row.actor for row in rows})
    return Page(
        items=[
            PrintSaid(
                mark=row.mark,
                at=moment.say(row.at),
                actor=row.actor,
                actor_name=names.get(row.actor, row.actor),
                version=row.version,
                language=row.language,
                size=row.size,
                digest=row.digest,
            )
            for row in rows
        ],
    )
