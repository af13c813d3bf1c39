"""Warnings of other bodies, as they came in over CAP: what holds, and all that came."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import sqlalchemy as sa
from fastapi import Query

from tianmu.sense.cap import held
from tianmu.web.answer import page
from tianmu.web.answer.page import Cursor, Limit, Page
from tianmu.web.answer.problem import not_found
from tianmu.web.api.warnings.bulletin_said import BulletinSaid, said
from tianmu.web.route.route import Asking, Routes
from tianmu.web.sight.restricted import RESTRICTED

routes = Routes("warnings")
GIVEN = {
    "items": [
        {
            "bulletin": "b3", "sender": "weather@province.example", "stage": "in_force",
            "parts": [{"event": "gale", "colour": "blue", "divisions": ["a-division"]}],
        }
    ],
    "next": None,
    "total": 1,
}  # fmt: skip


@routes("GET", "/api/bulletins", may="warning.read", gives=Page[BulletinSaid], given=GIVEN)
def list_bulletins(
    ask: Asking,
    state: Annotated[str, Query(pattern="^(in_force|all)$")] = "in_force",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[BulletinSaid]:
    """Warnings of other bodies that hold or will, or all that came, the newest first; `total`
    counts all of them that the account sees. What its sender did not mean for the public needs
    `restricted.read`; without it nothing of that ends what is public either."""
    hub = ask.hub
    key = page.read(cursor, int)
    now = hub.clock() if state == "in_force" else 0
    public = not ask.may(RESTRICTED)

    def read(connection: sa.Connection) -> tuple[list[held.Standing], int]:
        before = key[0] if key else 0
        found = held.listed(connection, before, limit + 1, now=now, public=public)
        return found, held.count(connection, now=now, public=public)

    found, total = hub.ask("gate", read, ([], 0))
    after = None
    if len(found) > limit:
        after = page.write(int(found[limit - 1].bulletin.bulletin.removeprefix("b")))
    return Page(items=[said(hub, one) for one in found[:limit]], next=after, total=total)


@routes("GET", "/api/bulletins/{bulletin}", may="warning.read", gives=BulletinSaid)
def get_bulletin(ask: Asking, bulletin: str) -> BulletinSaid:
    """One message of another body, and whether another one ended it: to whom it takes
    `restricted.read` to see that one, this one holds on."""
    read = partial(held.get, bulletin=bulletin, public=not ask.may(RESTRICTED))
    found = ask.hub.ask("gate", read, None)
    if found is None:
        raise not_found("bulletin", bulletin)
    return said(ask.hub, found)
