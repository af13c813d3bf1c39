"""Alarms judged together along rivers and streets: which one is the cause, what hangs under it."""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.access.scope import covers
from tianmu.facts.text import Text
from tianmu.prevent.alarm import table as alarm_table
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.cause.found import Caused
from tianmu.web.answer.problem import not_found
from tianmu.web.api.alarms.alarms import AlarmSaid, extent, saids
from tianmu.web.present.causes import Causes, causes
from tianmu.web.route.route import Ask, Asking, Routes

routes = Routes("alarms")


class CauseSaid(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm at the other end of a relation of cause, and why they belong together."""

    alarm: AlarmSaid
    network: Text
    via: str
    """the nearest alarm on the way from the cause, or the cause itself"""
    metres: float
    """along the network"""
    usual: float
    """seconds that it usually takes"""
    delay: float
    """seconds by which the one that hangs under the cause rose later"""
    worth: float
    """0–1: how near the delay is to what is usual"""
    reasons: list[Text]


class AlarmCause(msgspec.Struct, frozen=True, kw_only=True):
    """Within the account's scope."""

    caused_by: CauseSaid | None
    causes: list[CauseSaid]
    """what hangs under it, the earliest first"""


class CauseGroup(msgspec.Struct, frozen=True, kw_only=True):
    cause: AlarmSaid
    under: list[CauseSaid]


class CauseList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[CauseGroup]


EXAMPLE: dict[str, Any] = {"caused_by": None, "causes": []}


@routes("GET", "/api/alarms/causes", may="alarm.read", gives=CauseList, given={"items": []})
def list_causes(ask: Asking) -> CauseList:
    """Alarms that are the cause of others, with those that hang under them; newest cause first."""
    found = causes(ask.hub)
    roots = {one.hung.cause for one in found.of.values()}
    alarms = [one for one in found.alarms.values() if one.alarm in roots and _seen(ask, one)]
    alarms.sort(key=lambda one: (-one.raised_at, one.alarm))
    said = saids(ask.hub, alarms)
    groups = [
        CauseGroup(cause=told, under=_others(ask, found, found.under(one.alarm)))
        for one, told in zip(alarms, said, strict=True)
    ]
    return CauseList(items=[one for one in groups if one.under])


@routes("GET", "/api/alarms/{alarm}/cause", may="alarm.read", gives=AlarmCause, given=EXAMPLE)
def get_alarm_cause(ask: Asking, alarm: str) -> AlarmCause:
    """What the alarm hangs under, and what hangs under it."""
    own: Alarm | None = ask.hub.ask("watch", lambda c: alarm_table.one(c, alarm), None)
    if own is None or not _seen(ask, own):
        raise not_found("alarm", alarm)
    found = causes(ask.hub)
    above = found.of.get(alarm)
    caused_by = None
    if above is not None and _seen(ask, found.alarms[above.hung.cause]):
        [told] = saids(ask.hub, [found.alarms[above.hung.cause]])
        caused_by = _said(above, told)
    return AlarmCause(caused_by=caused_by, causes=_others(ask, found, found.under(alarm)))


def _others(ask: Ask, found: Causes, under: list[Caused]) -> list[CauseSaid]:
    seen = [one for one in under if _seen(ask, found.alarms[one.hung.sign])]
    told = saids(ask.hub, [found.alarms[one.hung.sign] for one in seen])
    return [_said(one, alarm) for one, alarm in zip(seen, told, strict=True)]


def _seen(ask: Ask, alarm: Alarm) -> bool:
    return covers(ask.who.scope, extent(alarm))


def _said(one: Caused, alarm: AlarmSaid) -> CauseSaid:
    return CauseSaid(
        alarm=alarm,
        network=one.network.name,
        via=one.hung.via,
        metres=one.hung.metres,
        usual=one.hung.usual_s,
        delay=one.hung.delay_s,
        worth=one.hung.worth,
        reasons=list(one.reasons),
    )
