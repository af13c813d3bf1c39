"""The operators' load of alarms, beside its targets."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Query

from tianmu.prevent.alarm import load
from tianmu.web.answer.problem import Problem
from tianmu.web.route.route import Asking, Routes

routes = Routes("alarms")

DAY = 24 * 3_600_000_000


class AlarmLoad(msgspec.Struct, frozen=True, kw_only=True):
    """Operator load as IEC 62682 and ISA-18.2 reckon it, beside its targets."""

    load: load.Loads | None
    """null as long as watch has not written anything"""


@routes("GET", "/api/alarms/load", may="alarm.read", gives=AlarmLoad)
def get_alarm_load(ask: Asking, days: Annotated[int, Query(ge=1, le=31)] = 1) -> AlarmLoad:
    """The operator-load figures of the last days beside their targets; for the whole city."""
    if not ask.who.scope.whole:
        raise Problem(
            403,
            "forbidden",
            "the load is reckoned for the whole city, of which this account sees a part",
            "ask somebody who sees the whole city",
        )
    until = ask.hub.clock()
    since = until - days * DAY
    found: load.Loads | None = ask.hub.ask(
        "watch", lambda connection: load.figures(connection, since, until), None
    )
    return AlarmLoad(load=found)
