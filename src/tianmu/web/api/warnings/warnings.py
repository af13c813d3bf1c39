"""Warnings: drafted by one person, confirmed by another, published, updated, cancelled."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query

from tianmu.access.scope import Extent, covers
from tianmu.facts.text import Text
from tianmu.facts.warning import Content, Message, WarningEvent
from tianmu.prevent.warning import cap, publish, step, table
from tianmu.prevent.warning.state import CANCEL, Warning
from tianmu.prevent.warning.step import Refused
from tianmu.prevent.warning.table import Changed, NoWarning
from tianmu.store.records import Transaction
from tianmu.web.answer import page
from tianmu.web.answer.page import Cursor, Limit, Page
from tianmu.web.answer.problem import Fault, Problem, changed, not_found
from tianmu.web.api.warnings.said import WarningItemSaid, WarningWritten, content_of, extent, said
from tianmu.web.hub import Hub
from tianmu.web.route.deed import deed_of
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken
from tianmu.web.sight import office
from tianmu.web.sight.restricted import RESTRICTED, restriction_of

routes = Routes("warnings")
KEPT = 2_000
"""characters of a note"""

EXAMPLE = {
    "event": "gale",
    "colour": "blue",
    "headline": {"zh": "大风蓝色预警", "en": "Blue warning: gale"},
    "divisions": ["a-division"],
    "expires": "2026-11-29T00:00:00Z",
}
GIVEN = {
    "items": [
        {
            "warning": "w7",
            "stage": "in_force",
            "version": 2,
            "content": {
                "event": "gale",
                "colour": "blue",
                "headline": {"en": "Blue warning: gale"},
            },
        }
    ],
    "next": None,
    "total": None,
}


class WarningConfirm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(max_length=KEPT)] = ""
    emergency: bool = False
    """publish what one wrote oneself, since nobody else is there and it cannot wait: needs
    `warning.alone` and a reason, which stands in the audit trail"""
    release: bool = False
    """publish what was drafted from a message that is not for the public, and answer for that:
    needs a reason, which stands in the audit trail"""


class WarningNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(max_length=KEPT)] = ""


def bring(hub: Hub) -> None:
    """Make the tables."""
    hub.records.create(table.metadata, room="warning")


@routes("GET", "/api/warnings", may="warning.read", gives=Page[WarningItemSaid], given=GIVEN)
def list_warnings(
    ask: Asking,
    state: Annotated[str, Query(pattern="^(in_force|waiting|all)$")] = "in_force",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[WarningItemSaid]:
    """Warnings that hold, that wait for a second person, or all, the newest first. Drafts are shown
    to accounts that draft and answer for all of where they would hold."""
    hub = ask.hub
    key = page.read(cursor, int)
    if state == "all":
        found = hub.records.read(lambda c: table.listed(c, key[0] if key else 0, limit + 1))
        items = [one for _, one in found[:limit] if one.messages or drafts(ask, one)]
        after = page.write(found[limit - 1][0]) if len(found) > limit else None
        return Page(items=[said(hub, one, drafts=drafts(ask, one)) for one in items], next=after)
    if state == "waiting":
        held = [one for one in hub.records.read(table.waiting) if drafts(ask, one)]
    else:
        held = hub.records.read(lambda c: table.in_force(c, hub.clock()))
    told = [said(hub, one, drafts=drafts(ask, one)) for one in held]
    return Page(items=told, next=None, total=len(told))


@routes("GET", "/api/warnings/{warning}", may="warning.read", gives=WarningItemSaid)
def get_warning(ask: Asking, warning: str) -> Reply:
    """One warning, with all that was published of it."""
    state = held(ask, warning)
    return Reply(said(ask.hub, state, drafts=drafts(ask, state)), etag=state.version)


@routes(
    "GET", "/api/warnings/{warning}/preview.xml", may="warning.draft", media="application/cap+xml"
)
def preview_warning(ask: Asking, warning: str) -> Any:
    """The CAP document that would be published now, for whoever is to confirm it."""
    from starlette.responses import Response

    state = held(ask, warning)
    if state.pending is None or not drafts(ask, state):
        raise _problem(Refused("nothing-pending", "nothing waits for a decision", "draft first"))
    if state.pending.kind != CANCEL:
        _checked(ask, state.pending.content)
    names = office.of_accounts(ask.hub, {state.pending.by, ask.who.account})
    told = publish.message(ask.hub.city, state, ask.who.account, ask.hub.clock(), names)
    return Response(cap.document(told), media_type=cap.MEDIA, headers={"Cache-Control": "no-store"})


@routes(
    "POST", "/api/warnings", may="warning.draft", takes=WarningWritten, gives=WarningItemSaid,
    status=201, example=EXAMPLE,
)  # fmt: skip
def draft_warning(
    ask: Asking, body: Annotated[WarningWritten, Depends(taken(WarningWritten))]
) -> Reply:
    """Draft a warning; nobody is warned before it is confirmed. With an `Idempotency-Key` it is
    drafted once, however often it is sent."""
    content = _content(ask, body)
    key = _key(ask)

    def write(tx: Transaction) -> Warning:
        if key is not None and (before := table.seen(tx, key)) is not None:
            return before
        name = table.next_name(tx.connection)
        ask.note(tx, "warning.draft", name, event=content.event, colour=content.colour)
        return table.append(tx, _event(ask, name, 1, "draft", content=content), key)

    state = ask.hub.records.transact(write)
    return Reply(said(ask.hub, state, drafts=True), status=201, etag=state.version)


@routes(
    "POST", "/api/warnings/{warning}/revise", may="warning.draft", takes=WarningWritten,
    gives=WarningItemSaid, example=EXAMPLE,
)  # fmt: skip
def revise_warning(
    ask: Asking, warning: str, body: Annotated[WarningWritten, Depends(taken(WarningWritten))]
) -> Reply:
    """Write anew what waits for confirmation: then whoever revised it does not confirm it."""
    return _do(ask, warning, "revise", content=_content(ask, body), reason=body.note)


@routes(
    "POST", "/api/warnings/{warning}/update", may="warning.draft", takes=WarningWritten,
    gives=WarningItemSaid, example=EXAMPLE,
)  # fmt: skip
def update_warning(
    ask: Asking, warning: str, body: Annotated[WarningWritten, Depends(taken(WarningWritten))]
) -> Reply:
    """Draft an update of a warning in force: higher, lower, elsewhere, longer."""
    return _do(ask, warning, "update", content=_content(ask, body), reason=body.note)


@routes(
    "POST", "/api/warnings/{warning}/cancel", may="warning.draft", takes=WarningNote,
    gives=WarningItemSaid, example={"reason": "the gale has passed"},
)  # fmt: skip
def cancel_warning(
    ask: Asking, warning: str, body: Annotated[WarningNote, Depends(taken(WarningNote))]
) -> Reply:
    """Propose that a warning in force be cancelled; it holds until that is confirmed."""
    return _do(ask, warning, "cancel", reason=_reason(body))


@routes(
    "POST", "/api/warnings/{warning}/drop", may="warning.draft", takes=WarningNote,
    gives=WarningItemSaid, example={"reason": "drafted twice"},
)  # fmt: skip
def drop_warning(
    ask: Asking, warning: str, body: Annotated[WarningNote, Depends(taken(WarningNote))]
) -> Reply:
    """Give up what waits; what is published stays as it is."""
    return _do(ask, warning, "drop", reason=_reason(body))


@routes(
    "POST", "/api/warnings/{warning}/confirm", may="warning.confirm", takes=WarningConfirm,
    gives=WarningItemSaid, example={},
)  # fmt: skip
def confirm_warning(
    ask: Asking, warning: str, body: Annotated[WarningConfirm, Depends(taken(WarningConfirm))]
) -> Reply:
    """Publish what waits: to the feed, the wall and the departments' systems. Whoever wrote it does
    not confirm it: somebody else looks at it first. Only in an `emergency`, with a reason and the
    permission `warning.alone`, one person does both. What was drafted from a message that is not
    for the public is published with `release` and a reason alone."""
    return _do(
        ask, warning, "publish", reason=body.reason.strip(), emergency=body.emergency,
        release=body.release,
    )  # fmt: skip


def held(ask: Ask, name: str) -> Warning:
    """The warning; 404 where there is none, or none that this account may see."""
    try:
        state = ask.hub.records.read(lambda connection: table.get(connection, name))
    except NoWarning as error:
        raise not_found("warning", name) from error
    if not state.messages and not drafts(ask, state):
        raise not_found("warning", name)
    return state


def drafts(ask: Ask, state: Warning) -> bool:
    """Whether this account sees what waits there, or what was given up before it was published:
    with the words of a message that is not for the public, as that message."""
    content = state.pending.content if state.pending else state.content
    if content.restriction and not ask.may(RESTRICTED):
        return False
    return ask.may("warning.draft", extent(ask.hub, content))


def _do(
    ask: Ask, name: str, what: str, *, content: Content | None = None, reason: str = "",
    emergency: bool = False, release: bool = False,
) -> Reply:  # fmt: skip
    hub, version, key = ask.hub, ask.if_match(), _key(ask)
    before = held(ask, name)
    _within(ask, before.content)
    if before.pending is not None:
        _within(ask, before.pending.content)
        _may_know(ask, before.pending.content)
    now = hub.clock()
    alone = ask.may("warning.alone")
    asked = before.pending.by if before.pending else ""
    names = office.of_accounts(hub, {asked, ask.who.account} - {""}) if what == "publish" else {}

    def offices(state: Warning) -> dict[str, Text]:
        # written anew by somebody else since it was looked at: rare, and the office is the city's
        by = state.pending.by if state.pending else ""
        return names if by in names else {**names, by: office.of(hub, "", "")}

    def write(tx: Transaction) -> Warning:
        if key is not None and (done := table.seen(tx, key)) is not None:
            return done
        state = table.get(tx.connection, name)
        if version is not None and version != state.version:
            raise Changed(state.version)
        step.permit(
            state, what, ask.who.account, now,
            alone=alone, emergency=emergency, reason=reason, release=release,
        )  # fmt: skip
        message, data = (
            _published(ask, tx, state, now, offices(state)) if what == "publish" else (None, {})
        )
        told = _as_before(state, content) if what == "revise" else content
        event = _event(
            ask, name, state.version + 1, what, content=told, message=message, reason=reason,
            data=data,
        )  # fmt: skip
        colour = message.content.colour if message else ""
        ask.note(tx, f"warning.{what}", name, reason=reason, colour=colour, **data)
        return table.append(tx, event, key)

    try:
        state = hub.records.transact(write, urgent=what == "publish")
    except Refused as error:
        raise _problem(error) from error
    except Changed as error:
        raise changed(error.version, version or 0) from error
    if what == "publish":
        hub.deliverer.changed()
    return Reply(said(hub, state, drafts=True), etag=state.version)


def _published(
    ask: Ask, tx: Transaction, state: Warning, now: int, offices: dict[str, Text]
) -> tuple[Message, dict[str, Any]]:
    """What goes out as the pending draft is published, and what of that stands in the trail."""
    pending = state.pending
    assert pending is not None
    data: dict[str, Any] = {"alone": True} if pending.by == ask.who.account else {}
    if pending.kind != CANCEL and pending.content.restriction:
        data["released"] = True
    _within(ask, pending.content)
    if pending.kind != CANCEL:
        step.check(ask.hub.city, pending.content, now)
    last = table.last_sent(tx.connection)
    return publish.message(ask.hub.city, state, ask.who.account, now, offices, last=last), data


def _event(ask: Ask, name: str, sequence: int, what: str, **more: Any) -> WarningEvent:
    return WarningEvent(
        warning=name,
        sequence=sequence,
        step=what,
        at=ask.hub.clock(),
        actor=ask.who.account,
        **more,
    )


def _key(ask: Ask) -> bytes | None:
    """What a deed that is sent again has in common with the first one."""
    key = deed_of(ask).key
    return f"{ask.who.account} {key}".encode() if key else None


def _content(ask: Ask, body: WarningWritten) -> Content:
    try:
        content = content_of(body)
    except (ValueError, OverflowError) as error:
        fault = Fault(where="body.expires", what=str(error))
        raise Problem(422, "invalid", str(error), "give RFC 3339", faults=[fault]) from error
    _checked(ask, content)
    _within(ask, content)
    if ask.may(RESTRICTED) and (known := restriction_of(ask.hub, content.source)):
        content = msgspec.structs.replace(content, restriction=known)
    _may_know(ask, content)
    return content


def _as_before(state: Warning, content: Content | None) -> Content | None:
    """What is written anew stays marked as what was there: its words came from there."""
    before = state.pending.content if state.pending else None
    if content is None or before is None or not before.restriction or content.restriction:
        return content
    return msgspec.structs.replace(
        content, restriction=before.restriction, source=content.source or before.source
    )


def _may_know(ask: Ask, content: Content) -> None:
    """403 where it has words that are not for the public, and the account may not see such."""
    if content.restriction and not ask.may(RESTRICTED):
        raise Problem(
            403,
            "restricted",
            f"it was drafted from what is not for the public, which takes {RESTRICTED} to see",
            "let somebody who has it do this",
        )


def _checked(ask: Ask, content: Content) -> None:
    try:
        step.check(ask.hub.city, content, ask.hub.clock())
    except Refused as error:
        raise _problem(error) from error


def _within(ask: Ask, content: Content) -> None:
    """403 unless all of the warning stands within what the account answers for."""
    for code in content.divisions:
        if not covers(ask.who.scope, Extent(code)):
            raise Problem(
                403,
                "outside",
                f"{code} lies outside of what this account answers for",
                "warn of your own divisions, or let the centre above do it",
            )


def _reason(body: WarningNote) -> str:
    if not body.reason.strip():
        raise Problem(422, "reason-needed", "this needs a reason", "say why in `reason`")
    return body.reason.strip()


def _problem(error: Refused) -> Problem:
    status = {"invalid": 422, "reason-needed": 422, "second-person": 403}.get(error.code, 409)
    faults = [Fault(where=f"body.{error.where}", what=str(error))] if error.where else []
    return Problem(status, error.code, str(error), error.remedy, faults=faults)
