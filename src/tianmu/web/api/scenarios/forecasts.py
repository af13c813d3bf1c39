"""Forecasts of a scenario: what is likely ahead, and what became of what was said before."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import Query
from numpy.typing import NDArray
from starlette.responses import Response

from tianmu.access.scope import covers
from tianmu.prevent.anomaly.policy import Policy, eased
from tianmu.prevent.forecast.walk import Course
from tianmu.scenarios.folder.manifest import Forecast
from tianmu.scenarios.foresight import alarm as forecast_alarm
from tianmu.scenarios.foresight import table
from tianmu.store.history.asked import Asked, TooCostly
from tianmu.store.registry import UNKNOWN
from tianmu.web.answer.moment import say, says
from tianmu.web.answer.problem import not_found
from tianmu.web.api.devices.devices import extent
from tianmu.web.api.history.history import kept as kept_history
from tianmu.web.api.scenarios import forecast_said as said
from tianmu.web.api.scenarios.scenarios import scenario_of
from tianmu.web.past import past
from tianmu.web.past.series import SECOND, numbers
from tianmu.web.route.route import Ask, Asking, Routes

routes = Routes("scenarios")
SHOWN = 200
"""devices of one forecast"""
DAYS = 30
"""of settled forecasts that scores are of"""
DAY = 86_400_000_000
LATELY = 2 * DAY
"""so far back it is told since when a limit has been passed"""
MINUTE = 60 * SECOND
NOTHING = np.zeros(0, np.float64)
COVERAGE = Course(season=1).coverage

EXAMPLE = {
    "items": [
        {
            "code": "temperature",
            "name": {"en": "Temperature"},
            "kind": "weather_station",
            "property": "temperature",
            "unit": "℃",
            "known": True,
            "hours": 24,
            "step": 3600.0,
            "of": "mean",
            "coverage": 0.9,
            "rule": "weather_station.heat",
            "rule_name": {"en": "Heat"},
            "warn": 0.5,
            "made_at": "2026-11-23T01:05:00.000Z",
            "origin": "2026-11-23T01:00:00.000Z",
            "fault": "",
            "left_out": 0,
            "silent": 0,
            "devices": [
                {"device": "station-1", "name": "Station 1", "exceeds": None, "alarm": False}
            ],
            "days": 30,
            "scores": [],
            "warned": {"right": 0, "false": 0, "missed": 0},
            "alarms": None,
        }
    ]
}


@routes(
    "GET", "/api/scenarios/{scenario}/forecasts", may="alarm.read", gives=said.ForecastList,
    given=EXAMPLE,
)  # fmt: skip
def list_scenario_forecasts(ask: Asking, scenario: str) -> said.ForecastList:
    """What it forecasts, whose limit is likely to be passed, and how good forecasts were."""
    one, _ = scenario_of(ask, scenario)
    return said.ForecastList(items=[_brief(ask, one.id, asked) for asked in one.manifest.forecasts])


@routes(
    "GET", "/api/scenarios/{scenario}/forecasts/{code}", may="device.read", gives=said.ForecastOf
)
async def get_scenario_forecast(
    ask: Asking,
    scenario: str,
    code: str,
    device: Annotated[str, Query(description="one of the forecast's devices")],
    days: Annotated[int, Query(ge=1, le=60)] = 7,
    lead: Annotated[int, Query(ge=1, le=96, description="steps ahead, at least")] = 1,
) -> said.ForecastOf | Response:
    """One device's: what was measured, what was said of it before, and what is said now."""
    one, _ = scenario_of(ask, scenario)
    asked = next((f for f in one.manifest.forecasts if f.code == code), None)
    if asked is None:
        raise not_found("forecast", code)
    hub, history = ask.hub, kept_history(ask)
    stream = int(hub.registry.datastream_index([f"{device}/{asked.property}"])[0])
    if stream == UNKNOWN or not covers(
        ask.who.scope, extent(hub, int(hub.registry.device_of(stream)))
    ):
        raise not_found("device", device)
    step = asked.step_min * MINUTE
    until = -(-hub.clock() // step) * step
    since = until - days * DAY // step * step
    streams = np.array([stream], np.uint32)

    def question(limit: Asked) -> said.ForecastOf:
        found: list[table.Kept] = hub.ask(
            "works",
            lambda c: table.of_stream(c, one.id, code, stream, since - asked.hours * 60 * MINUTE),
            [],
        )
        rows = history.windows(streams, since, until, step, asked=limit)
        value = np.full((until - since) // step, np.nan)
        figure = {"mean": rows.mean, "low": rows.low, "high": rows.high}[asked.of]
        value[(rows.time - since) // step] = figure
        newest = found[-1] if found else None
        return said.ForecastOf(
            device=device,
            name=hub.registry.device(int(hub.registry.device_of(stream))).name or device,
            unit=_unit(ask, asked),
            step=step / SECOND,
            lead=lead,
            limit_low=newest.limit_low if newest else None,
            limit_high=newest.limit_high if newest else None,
            at=says(since + np.arange(len(value), dtype=np.int64) * step),
            value=numbers(value),
            past=said.past(found, value, since, step, lead),
            ahead=said.ahead(newest),
            exceeds=(
                said.exceeds(newest, asked.warn, hub.clock(), value[-_lately_steps(step) :], until)
                if newest
                else None
            ),
        )

    def price() -> int:
        return history.cost("windows", streams, since, until, step).rows

    found = await past.answer(ask, question, price)
    return found if isinstance(found, Response) else found[0]


def _brief(ask: Ask, scenario: str, asked: Forecast) -> said.ForecastBrief:
    hub = ask.hub
    kind = hub.city.kinds.get(asked.kind)
    rule = next((r for r in hub.city.rules if r["code"] == asked.rule), None)
    since = hub.clock() - DAYS * DAY
    run = hub.ask("works", lambda c: table.run_of(c, scenario, asked.code), None)
    newest = hub.ask("works", lambda c: table.newest(c, scenario, asked.code, SHOWN), [])
    scores = hub.ask("works", lambda c: table.scores(c, scenario, asked.code, since), [])
    right, false, missed = hub.ask(
        "works", lambda c: table.warned(c, scenario, asked.code, since), (0, 0, 0)
    )
    stands = hub.ask("works", lambda c: forecast_alarm.standing(c, scenario, asked.code), set())
    shown = _devices(ask, asked, newest, stands)
    return said.ForecastBrief(
        code=asked.code,
        name=asked.name,
        kind=asked.kind,
        property=asked.property,
        unit=_unit(ask, asked),
        known=kind is not None and asked.property in kind.properties,
        hours=asked.hours,
        step=asked.step_min * 60.0,
        of=asked.of,
        coverage=COVERAGE,
        rule=asked.rule if rule else "",
        rule_name=dict(rule["name"]) if rule else None,
        warn=asked.warn,
        made_at=say(run.made_at) if run else None,
        origin=say(run.origin) if run else None,
        fault=run.fault if run and ask.may("pack.read") else "",
        left_out=run.left_out if run else 0,
        silent=run.silent if run else 0,
        devices=shown,
        days=DAYS,
        scores=said.scores(scores),
        warned=said.ForecastWarned(right=right, false=false, missed=missed),
        alarms=_alarms(ask, scenario, asked, sum(one.alarm for one in shown), since),
    )


def _alarms(
    ask: Ask, scenario: str, asked: Forecast, standing: int, since: int
) -> said.ForecastAlarms | None:
    if not asked.false_alarms_per_week:
        return None
    hub, code = ask.hub, asked.code
    held: Policy = hub.ask(
        "works", lambda c: forecast_alarm.policy_of(c, scenario, code), Policy(kind="")
    )
    policy = eased(held, hub.clock())
    return said.ForecastAlarms(
        false_alarms_per_week=asked.false_alarms_per_week,
        chance=forecast_alarm.needed(asked, policy),
        told=policy.told,
        real=policy.real,
        false=policy.false,
        standing=standing,
        lead=hub.ask("works", lambda c: forecast_alarm.lead_of(c, scenario, code, since), None),
    )


def _devices(
    ask: Ask, asked: Forecast, newest: list[table.Kept], stands: set[int]
) -> list[said.ForecastDevice]:
    registry, now, found = ask.hub.registry, ask.hub.clock(), []
    mine = [
        kept
        for kept in newest
        if covers(ask.who.scope, extent(ask.hub, int(registry.device_of(kept.datastream))))
    ]
    due = [kept for kept in mine if forecast_alarm.likely(kept, asked.warn, now)]
    step = asked.step_min * MINUTE
    until = (now // step + 1) * step
    lately = _lately(ask, asked, [kept.datastream for kept in due], until)
    for kept in mine:
        known = registry.device(int(registry.device_of(kept.datastream)))
        found.append(
            said.ForecastDevice(
                device=known.device,
                name=known.name or known.device,
                exceeds=said.exceeds(
                    kept, asked.warn, now, lately.get(kept.datastream, NOTHING), until
                ),
                alarm=kept.datastream in stands,
            )
        )
    found.sort(key=lambda one: (one.exceeds is None, one.exceeds.at if one.exceeds else ""))
    return found


def _lately_steps(step: int) -> int:
    return -(-LATELY // step)


def _lately(
    ask: Ask, asked: Forecast, streams: list[int], until: int
) -> dict[int, NDArray[np.float64]]:
    """What was measured in the steps of the last two days up to ``until`` (µs); nothing where
    that is more than may be read for one answer: the list is needed most where much is due."""
    step = asked.step_min * MINUTE
    steps = _lately_steps(step)
    since = until - steps * step
    found = {stream: np.full(steps, np.nan) for stream in streams}
    if found and ask.hub.history is not None:
        try:
            rows = ask.hub.history.windows(
                np.array(streams, np.uint32), since, until, step,
                asked=Asked(rows=ask.hub.allowance.rows),
            )  # fmt: skip
        except TooCostly:
            return {}
        figure = {"mean": rows.mean, "low": rows.low, "high": rows.high}[asked.of]
        for stream, at, value in zip(rows.key, (rows.time - since) // step, figure, strict=True):
            found[int(stream)][at] = value
    return found


def _unit(ask: Ask, asked: Forecast) -> str:
    kind = ask.hub.city.kinds.get(asked.kind)
    own = kind.properties.get(asked.property) if kind else None
    return own.unit if own else ""
