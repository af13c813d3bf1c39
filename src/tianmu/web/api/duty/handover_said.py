"""A hand-over of a shift as this account may see it, with what is in it."""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.access.masking import mask_text
from tianmu.facts.text import Text
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.api.cases.cases import masked_text
from tianmu.web.route.route import Ask


class HandedSaid(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is handed over."""

    item: str
    kind: str
    """``note``, ``case``, ``alarm``, ``contact``; ``more``: those that are not named"""
    id: str
    """of the case or alarm, to look at it"""
    number: str
    title: Text
    level: str
    state: str
    """stage of the case, state of the alarm or ladder"""
    due: Instant | None
    confirmed_at: Instant | None


class HandoverSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A shift handed from one to another; both signed, in a log chained by hash."""

    handover: str
    at: Instant | None
    post: str
    from_: str = msgspec.field(name="from")
    from_name: str
    to: str
    to_name: str
    text: str
    """shown, as what was open, to both and to the persons who see the whole city; else empty"""
    responsible: str
    """account: whoever hands over, until the other has taken over"""
    signed_at: Instant | None
    """when it was taken over; null: not yet"""
    signed_by: str | None
    withdrawn_at: Instant | None
    """when whoever handed it over has withdrawn it; null: it stands"""
    digest: str
    taken_digest: str
    open_cases: int
    active_alarms: int
    cases: list[dict[str, Any]]
    items: list[HandedSaid]
    """to confirm; shown to both, and to who sees the whole city"""
    confirmed: int


def handed(one: dict[str, Any], confirmed: dict[str, int]) -> HandedSaid:
    kind = one["kind"]
    title = one.get("title", {})
    if kind == "note":
        title = dict.fromkeys(("zh", "en"), one.get("text", ""))
    return HandedSaid(
        item=one["item"],
        kind=kind,
        id=one.get("alarm", "") or one.get("case", ""),
        number=one.get("number", ""),
        title=masked_text(title),
        level=one.get("level", ""),
        state=one.get("state", "") or one.get("stage", ""),
        due=moment.say(one.get("due")),
        confirmed_at=moment.say(confirmed.get(one["item"], 0)),
    )


def said(
    ask: Ask, row: dict[str, Any], *, whole: bool, names: dict[str, str] | None = None
) -> HandoverSaid:
    """``whole``: with all that is handed over, for who has to do with it. ``names``: of both, where
    they are known."""
    both = {row["from_account"], row["to_account"]}
    names = ask.hub.names_of(both) if names is None else names
    held, confirmed = row["open"], dict(row.get("confirmed", {}))
    if row["taken_at"]:  # with the rest of it, that is: all at once
        for one in held.get("items", ()):
            confirmed.setdefault(one["item"], row["taken_at"])
    wall = ask.who.kind == "kiosk" or "kiosk" in ask.who.roles
    sees_all = ask.who.scope.whole and not wall
    may = sees_all or ask.who.account in both
    items = [handed(one, confirmed) for one in held.get("items", ())] if whole and may else []
    return HandoverSaid(
        handover=str(row["number"]),
        at=moment.say(row["at"]),
        post=row["post"],
        from_=row["from_account"],
        from_name=names.get(row["from_account"], row["from_account"]),
        to=row["to_account"],
        to_name=names.get(row["to_account"], row["to_account"]),
        text=mask_text(row["text"]) if may else "",
        responsible=row["to_account"] if row["taken_at"] else row["from_account"],
        signed_at=moment.say(row["taken_at"]),
        signed_by=row["to_account"] if row["taken_at"] else None,
        withdrawn_at=moment.say(row["withdrawn_at"]),
        digest=row["digest"],
        taken_digest=row["taken_digest"],
        open_cases=int(held.get("count", 0)),
        active_alarms=int(held.get("alarms", 0)),
        cases=[{**one, "due": moment.say(one.get("due"))} for one in held.get("cases", [])]
        if may
        else [],
        items=items,
        confirmed=len(confirmed),
    )
