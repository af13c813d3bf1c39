"""Files of the hazard ledger: a ledger that comes as a table; pictures of single hazards."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from tianmu.manage.evidence.kept import BadFile, served_as
from tianmu.manage.evidence.scanning import NoAnswer
from tianmu.manage.hazard import sheet as hazard_sheet
from tianmu.manage.hazard import step as hazard_step
from tianmu.manage.hazard import table as hazard_table
from tianmu.manage.hazard.sheet import SheetFault, SheetRow
from tianmu.manage.hazard.state import Hazard
from tianmu.manage.hazard.step import HazardRefused
from tianmu.manage.hazard.table import HazardChanged
from tianmu.store.records import Transaction
from tianmu.web.answer.problem import Fault, Problem, changed, not_found
from tianmu.web.api.cases.steps import FORM, Upload, bad_file, uploaded
from tianmu.web.api.hazards.hazards import entered, event, held, problem, whole, within
from tianmu.web.api.hazards.said import HazardWhole
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken
from tianmu.web.route.turn import turn
from tianmu.web.sight.outgoing import AT_ONCE, BUSY, leaves, outgoing

routes = Routes("hazards")
TOGETHER = 100
"""rows of a file that are entered in one commit"""


class HazardFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    csv: Annotated[str, msgspec.Meta(max_length=3_000_000)]


class HazardsImported(msgspec.Struct, frozen=True, kw_only=True):
    entered: int
    again: int
    """that were there already, by their number or all they say"""


@routes(
    "POST", "/api/hazards/import", may="hazard.write", takes=HazardFile, gives=HazardsImported,
    example={"csv": "title,kind,grade,division\nFire door blocked,fire,general,a-town\n"},
)  # fmt: skip
def import_hazards(
    ask: Asking, body: Annotated[HazardFile, Depends(taken(HazardFile))]
) -> HazardsImported:
    """Enter a file of hazards, nothing of it where a line is faulty: 422 names every such line. A
    row that was entered before (by its `number` in its division, or by all that it says) is not
    entered again, so what was cut off half way is sent again; 422 where that number is another
    hazard's."""
    hub = ask.hub
    if not hub.city.hazards.kinds:
        raise Problem(409, "no-ledger", "the pack has no hazards.toml", "add it: see docs/pack.md")
    rows, faults = hazard_sheet.read(body.csv, hub.city, hub.clock())
    if faults:
        raise _faulty(faults)
    for row in rows:
        within(ask, row.data)

    def look(tx: Transaction, part: list[SheetRow]) -> list[SheetFault]:
        found = [(row, hazard_table.seen(tx, _key(row))) for row in part]
        return [
            SheetFault(row.line, f"its number is that of {held.hazard}", "give it another number")
            for row, held in found
            if held is not None and (held.title, held.kind) != (row.data["title"], row.data["kind"])
        ]

    def enter(tx: Transaction, part: list[SheetRow]) -> int:
        return sum(entered(ask, tx, row.data, _key(row))[1] for row in part)

    # in pieces: cases of fires are written by the same thread in between
    parts = [rows[first : first + TOGETHER] for first in range(0, len(rows), TOGETHER)]
    others = [f for part in parts for f in hub.records.transact(partial(look, part=part))]
    if others:
        raise _faulty(others)
    new = sum(hub.records.transact(partial(enter, part=part)) for part in parts)
    return HazardsImported(entered=new, again=len(rows) - new)


def _key(row: SheetRow) -> bytes:
    return f"import {row.key}".encode()


def _faulty(faults: list[SheetFault]) -> Problem:
    return Problem(
        422, "file-faulty", f"the file has {len(faults)} faults: nothing was entered",
        "mend the lines named",
        faults=[Fault(where=f"line {f.line}", what=f"{f.what}: {f.remedy}") for f in faults],
    )  # fmt: skip


@routes(
    "POST", "/api/hazards/{hazard}/evidence", may="hazard.write", form=FORM, gives=HazardWhole,
    status=201,
)  # fmt: skip
async def attach_hazard_evidence(
    ask: Asking, hazard: str, upload: Annotated[Upload, Depends(uploaded)]
) -> Reply:
    """Attach a picture or paper: `role` `handle_before` shows how it was, `handle_after` how it is
    now. Kept by its SHA-256, once: what is attached again is there already."""

    def keep() -> Reply:
        manage = ask.hub.manage
        try:
            state = held(ask, hazard)
            hazard_step.permit(state, "evidence", ask.who.account, "")
            if len(state.files) >= hazard_step.MOST_FILES:
                raise HazardRefused("full", "it has 100 files already", "attach the rest elsewhere")
            with manage.evidence.taking(upload.content, upload.evidence, manage.held) as kept:
                done = whole(ask, ask.hub.records.transact(lambda tx: write(tx, kept)))
        except HazardRefused as error:
            raise problem(error) from error
        except NoAnswer as error:
            raise Problem(503, "not-scanned", str(error), "attach it again later") from error
        except BadFile as error:
            raise bad_file(error) from error
        except HazardChanged as error:
            raise changed(error.version, ask.if_match() or 0) from error
        return Reply(done.body, status=201, etag=done.etag)

    def write(tx: Transaction, kept: dict[str, Any]) -> Hazard:
        said = ("digest", "name", "media_type", "role", "scan")
        file = {key: kept[key] for key in said if key in kept}
        now = hazard_table.get(tx.connection, hazard)
        hazard_step.permit(now, "evidence", ask.who.account, "")
        if hazard_step.attached(now, file["digest"], file["role"]):
            return now
        ask.note(tx, "hazard.evidence", hazard, digest=file["digest"])
        made = event(ask, now, now.version + 1, "evidence", data={"file": file})
        return hazard_table.append(tx, made)

    return await asyncio.to_thread(keep)


@routes(
    "GET", "/api/hazards/{hazard}/evidence/{digest}", may="hazard.read",
    media="application/octet-stream",
)  # fmt: skip
async def get_hazard_evidence(
    ask: Asking, hazard: str, digest: str, export: bool = False
) -> Response:
    """A file of a hazard. That it was looked at is kept in the trail. With `export`, and for
    another system always, faces and plates on it are blurred where a model is set."""
    if not leaves(ask, export):
        return await run_in_threadpool(_given, ask, hazard, digest, False)
    async with turn(ask.hub, "blur", AT_ONCE, BUSY):
        return await run_in_threadpool(_given, ask, hazard, digest, True)


def _given(ask: Ask, hazard: str, digest: str, out: bool) -> Response:
    state = held(ask, hazard)
    found = next((one for one in state.files if one.digest == digest), None)
    if found is None:
        raise not_found("evidence", digest)
    if found.scan == "infected" or ask.hub.manage.evidence.quarantined(digest):
        raise Problem(409, "quarantined", "a scanner called this file infected", "attach another")
    content = ask.hub.manage.evidence.read(digest)
    headers: dict[str, str] = {}
    noted: dict[str, Any] = {}
    if out:
        made = outgoing(ask.hub, content, found.media_type)
        content, noted, headers = made.content, made.noted, made.headers
    ask.hub.records.transact(
        lambda tx: ask.note(tx, "evidence.read", digest, hazard=hazard, **noted)
    )
    return Response(
        content,
        media_type=served_as(content, found.media_type),
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": "inline",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            **headers,
        },
    )
