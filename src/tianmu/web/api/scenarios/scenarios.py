"""Scenarios: what each watches, its danger now, its alarms and cases, what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import Query

from tianmu.facts.finding import foretold_rule
from tianmu.facts.text import Text
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import query as case_query
from tianmu.prevent.alarm import table as alarm_table
from tianmu.scenarios.contract import Model
from tianmu.scenarios.folder.fit import Fit, fit
from tianmu.scenarios.folder.load import Scenario, find
from tianmu.scenarios.past import record as records
from tianmu.store.history.asked import TooCostly
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.alarms.alarms import Within, saids
from tianmu.web.api.cases.cases import CaseSaid
from tianmu.web.api.cases.cases import said as case_said
from tianmu.web.api.cases.evidence import evidence_said
from tianmu.web.api.scenarios import said
from tianmu.web.hub import Hub
from tianmu.web.present import danger
from tianmu.web.route.route import Ask, Asking, Routes
from tianmu.web.sight import exposure

routes = Routes("scenarios")
SHOWN = 50
"""open alarms, and open cases, of one answer"""
PICTURES = 12
"""pictures of one answer"""
WEEK = 7 * 86_400_000_000


EXAMPLE = {
    "items": [
        {
            "id": "forest-fire",
            "name": {"zh": "森林火险", "en": "Forest-fire danger"},
            "what": {"en": "Works out from the weather stations how dry the forest is"},
            "alarms": 1,
            "cases": 2,
            "own_danger": True,
            "complete": True,
        }
    ],
    "broken": [],
}


@routes("GET", "/api/scenarios", may="alarm.read", gives=said.ScenarioList, given=EXAMPLE)
def list_scenarios(ask: Asking) -> said.ScenarioList:
    """Scenarios of this city, and folders that cannot be loaded."""
    found = find(ask.hub.city.folder)
    items = []
    for one in _shown(ask):
        here = fit(one.manifest, ask.hub.city)
        items.append(
            said.ScenarioBrief(
                id=one.id,
                name=one.manifest.name,
                what=one.manifest.what,
                alarms=sum(not alarm.test for alarm in _alarms(ask, one, here)),
                cases=_open_cases(ask, here) if ask.may("case.read") else None,
                own_danger=danger.has_own(one),
                complete=not here.lacks,
            )
        )
    may_read = ask.may("pack.read")
    broken = [
        said.ScenarioBroken(id=one.id, why=one.why if may_read else "") for one in found.broken
    ]
    return said.ScenarioList(items=items, broken=broken)


@routes("GET", "/api/scenarios/{scenario}", may="alarm.read", gives=said.ScenarioSaid)
def get_scenario(ask: Asking, scenario: str) -> said.ScenarioSaid:
    """One scenario as its folder says it, with what of it this city has."""
    one, here = scenario_of(ask, scenario)
    city, told = ask.hub.city, one.manifest
    rules = {str(rule["code"]): rule for rule in city.rules}
    return said.ScenarioSaid(
        id=one.id,
        name=told.name,
        what=told.what,
        notes=list(told.notes),
        kinds=[_kind(ask, code) for code in here.kinds],
        rules=[
            said.ScenarioParty(code=code, name=dict(rules[code]["name"])) for code in here.rules
        ],
        matters=[said.ScenarioParty(code=key, name=city.matters[key].name) for key in here.matters],
        lacks=list(here.lacks),
        roles=[
            said.ScenarioRole(
                code=post.role.code,
                name=post.role.name,
                does=post.role.does,
                parties=[said.ScenarioParty(code=p.code, name=p.name) for p in post.parties],
            )
            for post in here.posts
        ],
        degrees=[
            said.ScenarioDegree(number=number, name=d.name, colour=d.colour, says=d.says)
            for number, d in enumerate(told.degrees, 1)
        ],
        plan=[said.ScenarioStep(at=s.at, role=s.role, task=s.task) for s in told.plan],
        charts=[_chart(ask.hub, chart) for chart in told.charts],
        shapes=told.shapes,
        models=[_model(model, told.models) for model in one.models],
        quality=[said.ScenarioQuality(what=q.what, state=q.state, why=q.why) for q in told.quality],
        own_danger=danger.has_own(one),
    )


@routes("GET", "/api/scenarios/{scenario}/present", may="alarm.read", gives=said.DangerSaid)
async def get_scenario_present(ask: Asking, scenario: str) -> said.DangerSaid:
    """Its danger now, reckoned anew no oftener than its folder says; what failed, after half a
    minute."""
    one, here = await asyncio.to_thread(scenario_of, ask, scenario)
    if not danger.has_own(one):
        raise Problem(
            404, "no-danger", f"{one.id} reckons no danger of its own",
            f"its open alarms are all there is: GET /api/scenarios/{one.id}/watched",
        )  # fmt: skip
    try:
        found = await danger.present(ask.hub, one, here)
    except TooCostly as error:
        raise Problem(422, "too-costly", str(error), "raise rows in the pack's [asking]") from error
    except danger.Failing as error:
        raise Problem(
            500, "scenario-failed", f"{one.id} could not reckon its danger: {error}",
            "the log of hub has the whole of it; tell whoever wrote the scenario",
        ) from error  # fmt: skip
    return said.present(found, ask.who.scope)


@routes("GET", "/api/scenarios/{scenario}/watched", may="alarm.read", gives=said.ScenarioWatched)
def get_scenario_watched(ask: Asking, scenario: str) -> said.ScenarioWatched:
    """Its open alarms and cases, within the account's scope."""
    one, here = scenario_of(ask, scenario)
    alarms = sorted(
        _alarms(ask, one, here),
        key=lambda one: (one.test or bool(one.probe), one.priority, -one.raised_at),
    )[:SHOWN]
    cases: list[CaseSaid] = []
    shown: list[CaseState] = []
    if ask.may("case.read"):
        now = ask.hub.clock()
        for key in here.matters:
            query = case_query.Query(matter=key, open=True, sort="opened", limit=SHOWN)
            asked = partial(case_query.cases, query=query, now=now, scope=ask.who.scope)
            page = ask.hub.records.read(asked)
            cases += [case_said(ask.hub, state, now) for state in page.items]
            shown += [state for state in page.items if state.photos]
    cases.sort(key=lambda one: one.opened_at or "", reverse=True)
    exposure.listed(ask, [one.case for one in cases[:SHOWN]])
    shown.sort(key=lambda one: one.opened_at, reverse=True)
    return said.ScenarioWatched(
        alarms=saids(ask.hub, alarms),
        cases=cases[:SHOWN],
        pictures=_pictures(ask, shown[:PICTURES]),
    )


@routes("GET", "/api/scenarios/{scenario}/record", may="case.read", gives=said.ScenarioRecord)
def get_scenario_record(
    ask: Asking, scenario: str, weeks: Annotated[int, Query(ge=1, le=104)] = 12
) -> said.ScenarioRecord:
    """What became of its alarms in the last weeks: hits, misses, false alarms, how long before."""
    _, here = scenario_of(ask, scenario)
    until = ask.hub.clock()
    found = ask.hub.records.read(
        lambda c: records.record(
            c, here.matters, here.rules, until - weeks * WEEK, until, ask.who.scope
        )
    )
    exposure.listed(ask, [one.case for one in found.latest])
    return said.record(found)


def _pictures(ask: Ask, shown: list[CaseState]) -> list[said.CasePicture]:
    """Of each case the newest picture; who opens one is written down as with any evidence."""

    def look(connection: Any) -> list[said.CasePicture]:
        found = []
        for state in shown:
            for row in reversed(case_query.evidence_of(connection, state.case)):
                if row["digest"] in state.photos:
                    file = evidence_said(state.case, row, row["at"], str(row.get("actor", "")))
                    found.append(said.CasePicture(case=state.case, file=file))
                    break
        return found

    found: list[said.CasePicture] = ask.hub.records.read(look)
    return found


def _shown(ask: Ask) -> list[Scenario]:
    """Those with a page."""
    found = find(ask.hub.city.folder).scenarios
    return [one for one in found.values() if one.manifest.kind == "scenario"]


def scenario_of(ask: Ask, name: str) -> tuple[Scenario, Fit]:
    """A scenario with a page, and what of it this city has; a 404 problem for any other name."""
    for one in _shown(ask):
        if one.id == name:
            return one, fit(one.manifest, ask.hub.city)
    raise not_found("scenario", name)


def _alarms(ask: Ask, one: Scenario, here: Fit) -> list[Any]:
    """Of its rules, and those that its forecasts told ahead."""
    none = alarm_table.Page([], None)
    found: list[Any] = []
    ahead = [
        foretold_rule(one.id, asked.code)
        for asked in one.manifest.forecasts
        if asked.false_alarms_per_week
    ]
    for rule in (*here.rules, *ahead):
        question = Within(within=ask.who.scope, rule=rule, probe=bool(ask.who.scope.probe))
        asked = partial(alarm_table.active, scope=question, limit=SHOWN)
        page: alarm_table.Page = ask.hub.ask("watch", asked, none)
        found += page.items
    return found


def _open_cases(ask: Ask, here: Fit) -> int:
    now = ask.hub.clock()

    def counted(connection: Any) -> int:
        asked = [case_query.Query(matter=key, open=True) for key in here.matters]
        return sum(case_query.count(connection, one, now, ask.who.scope) or 0 for one in asked)

    found: int = ask.hub.records.read(counted)
    return found


def _kind(ask: Ask, code: str) -> said.KindWatched:
    registry = ask.hub.registry
    count = None
    if ask.who.scope.whole:
        kinds = list(registry.kinds)
        count = int(np.count_nonzero(registry.kind == kinds.index(code))) if code in kinds else 0
    return said.KindWatched(code=code, name=ask.hub.city.kinds[code].name, devices=count)


def _chart(hub: Hub, chart: Any) -> said.ScenarioChart:
    kind = hub.city.kinds.get(chart.kind)
    known = kind.properties.get(chart.property) if kind else None
    return said.ScenarioChart(
        code=chart.code,
        name=chart.name,
        kind=chart.kind,
        property=chart.property,
        unit=known.unit if known else "",
        hours=chart.hours,
        known=known is not None,
    )


def _model(model: Model, words: Mapping[str, Text]) -> said.ScenarioModel:
    return said.ScenarioModel(name=model.name, what=words.get(model.name) or {"en": model.what})
