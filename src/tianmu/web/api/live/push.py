"""Live push."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import StreamingResponse

from tianmu.web.answer.problem import Problem
from tianmu.web.push.render import KINDS
from tianmu.web.route.route import Asking, Routes

routes = Routes("push")
ALL = frozenset(("vitals", "tiles")).union(*KINDS.values())


@routes("GET", "/api/push", may="push.read", media="text/event-stream")
async def subscribe(
    ask: Asking,
    after: Annotated[str, Query(max_length=200)] = "",
    only: Annotated[str, Query(max_length=200)] = "",
) -> StreamingResponse:
    """Server-sent events: hello, vitals, alarm, case, report, device, source, handover, unit,
    notice, tiles, room; `only` names those that are wanted (`only=case,alarm`).

    Each event's `id` is a cursor; a browser sends it back as `Last-Event-ID` after a break and
    gets what it missed, once. `after` does the same for the first connection of a page. The data
    of an event is the item as the lists give it, in the account's scope, personal data masked.
    410 where the cursor is too old: begin without one and ask for the lists anew.
    """
    last = ask.request.headers.get("last-event-id", "") or after
    kinds = frozenset(filter(None, only.split(",")))
    if unknown := sorted(kinds - ALL):
        what = f"there are no events {', '.join(unknown)}"
        raise Problem(400, "invalid", what, f"use some of {', '.join(sorted(ALL))}")
    stream: StreamingResponse = ask.request.app.state.push.subscribe(ask, last, kinds)
    return stream
