"""Files of the hazard ledger: a ledger that comes as a table; pictures of single hazards."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from fastapi import Depends
from starlette.responses import Response

from tianmu.manage import hazard_sheet, hazard_step, hazard_table
from tianmu.manage.hazard_state import Hazard
from tianmu.manage.hazard_step import HazardRefused
from tianmu.manage.scanning import NoAnswer
from tianmu.store.records import Transaction
from tianmu.web.api.case_steps import FORM, Upload, uploaded
from tianmu.web.api.hazards import entered, event, held, problem, whole, within
from tianmu.web.hazard_said import HazardWhole
from tianmu.web.problem import Fault, Problem, not_found
from tianmu.web.route import Asking, Reply, Routes, taken

routes = Routes("hazards")
KEPT = ("digest", "name", "media_type", "role", "scan")
"""of what is known of a file"""


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
    """Enter a file of hazards, all or none: 422 names every faulty line. A row that was entered
    before (by its `number`, or by all that it says) is not entered again."""
    hub = ask.hub
    if not hub.city.hazards.kinds:
        raise Problem(409, "no-ledger", "the pack has no hazards.toml", "add it: see docs/pack.md")
    rows, faults = hazard_sheet.read(body.csv, hub.city, hub.clock())
    if faults:
        raise Problem(
            422, "file-faulty", f"the file has {len(faults)} faults: nothing was entered",
            "mend the lines named",
            faults=[Fault(where=f"line {f.line}", what=f"{f.what}: {f.remedy}") for f in faults],
        )  # fmt: skip
    for row in rows:
        within(ask, row.data)

    def write(tx: Transaction) -> HazardsImported:
        done = [entered(ask, tx, row.data, f"import {row.key}".encode()) for row in rows]
        fresh = sum(new for _, new in done)
        return HazardsImported(entered=fresh, again=len(done) - fresh)

    return hub.records.transact(write)


@routes(
    "POST", "/api/hazards/{hazard}/evidence", may="hazard.write", form=FORM, gives=HazardWhole,
    status=201,
)  # fmt: skip
async def attach_hazard_evidence(
    ask: Asking, hazard: str, upload: Annotated[Upload, Depends(uploaded)]
) -> Reply:
    """Attach a picture or paper: `role` `handle_before` shows how it was, `handle_after` how it is
    now. Kept by its SHA-256, once."""

    def keep() -> Reply:
        state = held(ask, hazard)
        try:
            hazard_step.permit(state, "evidence", ask.who.account, "")
            if len(state.files) >= hazard_step.MOST_FILES:
                raise HazardRefused("full", "it has 100 files already", "attach the rest elsewhere")
            kept = ask.hub.manage.evidence.keep(upload.content, upload.evidence)
        except HazardRefused as error:
            raise problem(error) from error
        except NoAnswer as error:
            raise Problem(503, "not-scanned", str(error), "attach it again later") from error
        except ValueError as error:
            raise Problem(422, "bad-file", str(error), "choose another file") from error
        file = {
            key: kept[key]
            for key in ("digest", "name", "media_type", "role", "scan")
            if key in kept
        }

        def write(tx: Transaction) -> Hazard:
            now = hazard_table.get(tx.connection, hazard)
            ask.note(tx, "hazard.evidence", hazard, digest=file["digest"])
            made = event(ask, now, now.version + 1, "evidence", data={"file": file})
            return hazard_table.append(tx, made)

        done = whole(ask, ask.hub.records.transact(write))
        return Reply(done.body, status=201, etag=done.etag)

    return await asyncio.to_thread(keep)


@routes(
    "GET", "/api/hazards/{hazard}/evidence/{digest}", may="hazard.read",
    media="application/octet-stream",
)  # fmt: skip
def get_hazard_evidence(ask: Asking, hazard: str, digest: str) -> Response:
    """A file of a hazard. That it was looked at is kept in the trail."""
    state = held(ask, hazard)
    found = next((one for one in state.files if one.digest == digest), None)
    if found is None:
        raise not_found("evidence", digest)
    if found.scan == "infected" or ask.hub.manage.evidence.quarantined(digest):
        raise Problem(409, "quarantined", "a scanner called this file infected", "attach another")
    content = ask.hub.manage.evidence.read(digest)
    ask.hub.records.transact(lambda tx: ask.note(tx, "evidence.read", digest, hazard=hazard))
    return Response(
        content,
        media_type=found.media_type,
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": "inline",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
