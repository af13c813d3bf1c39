"""Warnings that are proposed: by the degree of a scenario's danger, by the plan of a case. Somebody
drafts from one, or dismisses it and says why."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import Depends

from tianmu.access.scope import Extent
from tianmu.city.level.plan import COLOURS
from tianmu.facts.text import Text, say
from tianmu.facts.warning import ProposalDismissed
from tianmu.prevent.warning import table
from tianmu.prevent.warning.state import Warning
from tianmu.prevent.words import phrase
from tianmu.scenarios.folder.fit import fit
from tianmu.scenarios.folder.load import Scenario, find
from tianmu.store.history.asked import TooCostly
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Page
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.cases import cases
from tianmu.web.hub import Hub
from tianmu.web.present import danger
from tianmu.web.route.route import Ask, Asking, Routes, taken
from tianmu.web.sight import office

routes = Routes("warnings")
HOUR = 3_600_000_000


class WarningDismissal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody looked at a proposal and will not warn."""

    reason: str
    office: Text
    at: Instant
    until: Instant | None
    """of a scenario's: as long as a warning of that colour would hold; of a case's: for good"""


class WarningProposal(msgspec.Struct, frozen=True, kw_only=True):
    """A draft that nobody has written yet: to be looked at, changed and drafted by a person."""

    source: str
    """``scenario:<id>`` or ``case:<case>``"""
    source_name: Text
    why: list[Text]
    event: str
    event_name: Text
    colour: str
    colour_name: Text
    headline: Text
    description: Text
    instruction: Text
    divisions: list[str]
    expires: Instant
    replaces: str
    """the warning in force of this event that is lower: to be updated rather; empty: none"""
    dismissed: WarningDismissal | None = None


class WarningDismissed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: Annotated[str, msgspec.Meta(max_length=100)]
    event: Annotated[str, msgspec.Meta(max_length=100)]
    colour: str
    reason: Annotated[str, msgspec.Meta(max_length=500)]


@routes("GET", "/api/warnings/proposals", may="warning.draft", gives=Page[WarningProposal])
async def list_warning_proposals(
    ask: Asking, case: str = "", dismissed: bool = False
) -> Page[WarningProposal]:
    """What scenarios propose by their present danger, less what is in force or drafted already;
    with `case`, what that case's plans propose. Only where the account may draft it. What was
    dismissed is left out, unless `dismissed` asks for it."""
    found = await (asyncio.to_thread(_of_case, ask, case) if case else _of_scenarios(ask))
    hub = ask.hub
    given = await asyncio.to_thread(hub.records.read, lambda c: table.dismissed(c, hub.clock()))
    found = [_with(one, given.get((one.source, one.event))) for one in found if _mine(ask, one)]
    items = [one for one in found if dismissed or one.dismissed is None]
    return Page(items=items, total=len(items))


@routes(
    "POST", "/api/warnings/proposals/dismiss", may="warning.draft", takes=WarningDismissed,
    gives=WarningDismissal,
    example={
        "source": "scenario:forest-fire", "event": "forest_fire_danger", "colour": "yellow",
        "reason": "it has begun to rain, the station on the ridge has not told yet",
    },
)  # fmt: skip
async def dismiss_warning_proposal(
    ask: Asking, body: Annotated[WarningDismissed, Depends(taken(WarningDismissed))]
) -> WarningDismissal:
    """Say why what is proposed is not warned of. A graver colour is proposed all the same, and a
    scenario's danger anew once a warning of this colour would have ended."""
    hub, reason = ask.hub, body.reason.strip()
    if not reason:
        raise Problem(422, "reason-needed", "this needs a reason", "say why in `reason`")
    case = body.source.removeprefix("case:") if body.source.startswith("case:") else ""
    found = await (asyncio.to_thread(_of_case, ask, case) if case else _of_scenarios(ask))
    wanted = (body.source, body.event, body.colour)
    if not any((o.source, o.event, o.colour) == wanted and _mine(ask, o) for o in found):
        raise Problem(
            409, "not-proposed", f"{body.source} does not propose {body.event} {body.colour} now",
            "ask for the proposals anew",
        )  # fmt: skip
    now = hub.clock()
    told = ProposalDismissed(
        source=body.source, event=body.event, colour=body.colour, reason=reason, at=now,
        until=0 if case else now + round(hub.city.warnings.colours[body.colour].hours * HOUR),
        actor=ask.who.account, office=office.mine(hub, ask.who),
    )  # fmt: skip

    def write(tx: Transaction) -> None:
        ask.note(
            tx, "warning.dismiss", body.source, event=body.event, colour=body.colour, reason=reason
        )
        table.dismiss(tx, told)

    await asyncio.to_thread(hub.records.transact, write)
    return _dismissal(told)


def _dismissal(told: ProposalDismissed) -> WarningDismissal:
    return WarningDismissal(
        reason=told.reason, office=told.office, at=moment.say(told.at), until=moment.say(told.until)
    )


def _with(one: WarningProposal, told: ProposalDismissed | None) -> WarningProposal:
    """A proposal with what became of it: who dismissed a lower colour did not speak of this one."""
    if told is None or COLOURS.index(told.colour) < COLOURS.index(one.colour):
        return one
    return msgspec.structs.replace(one, dismissed=_dismissal(told))


def _mine(ask: Ask, one: WarningProposal) -> bool:
    """Whether this account may draft it: it answers for all of where it would hold."""
    return all(ask.may("warning.draft", Extent(code)) for code in one.divisions)


async def _of_scenarios(ask: Ask) -> list[WarningProposal]:
    hub, items = ask.hub, []
    open_now = await asyncio.to_thread(hub.records.read, lambda c: _open(hub, c))
    for one in find(hub.city.folder).scenarios.values():
        if any(step.warning for step in one.manifest.plan) and danger.has_own(one):
            try:
                present = await danger.present(hub, one, fit(one.manifest, hub.city))
            except (danger.Failing, TooCostly, Problem):
                continue  # its own page says what is wrong
            found = _of_scenario(hub, one, present.degree, list(present.why), open_now)
            items += [found] if found else []
    return items


def _open(hub: Hub, connection: Any) -> list[Warning]:
    return [*table.in_force(connection, hub.clock()), *table.waiting(connection)]


def _of_scenario(
    hub: Hub, one: Scenario, degree: int, why: list[Text], open_now: list[Warning]
) -> WarningProposal | None:
    told = hub.city.warnings
    steps = [s for s in one.manifest.plan if s.warning in told.events and s.at <= degree]
    if not steps:
        return None
    step = max(steps, key=lambda s: s.at)
    lower = ""
    for state in open_now:
        content = state.pending.content if state.pending else state.content
        if content.event == step.warning and content.status == "Actual":
            if COLOURS.index(content.colour) >= COLOURS.index(step.colour):
                return None
            lower = state.warning
    source = f"scenario:{one.id}"
    here = [hub.city.root.code]
    name = one.manifest.name
    return _proposal(hub, source, name, why, step.warning, step.colour, here, lower)


def _of_case(ask: Ask, case: str) -> list[WarningProposal]:
    hub = ask.hub
    state = cases.states(hub, [case]).get(case)
    if state is None or not ask.may("case.read", cases.extent(state)):
        raise not_found("case", case)
    told = hub.city.warnings
    kind = told.of_matter(state.matter) or next(reversed(list(told.events.values())), None)
    if kind is None:
        return []
    return [
        _proposal(
            hub, f"case:{case}", state.title, [one.text], kind.code, one.colour,
            [state.place.division or hub.city.root.code], "", one.text,
        )
        for one in state.warnings
    ]  # fmt: skip


def _proposal(
    hub: Hub, source: str, name: Text, why: list[Text], event: str, colour: str,
    divisions: list[str], replaces: str, said: Text | None = None,
) -> WarningProposal:  # fmt: skip
    city, told = hub.city, hub.city.warnings
    kind, shade = told.events[event], told.colours[colour]
    return WarningProposal(
        source=source,
        source_name=name,
        why=why,
        event=event,
        event_name=kind.name,
        colour=colour,
        colour_name=shade.name,
        headline={language: _headline(hub, language, event, colour) for language in city.languages},
        description=said
        or {
            language: " ".join(say(one, language) for one in why if say(one, language))
            for language in city.languages
        },
        instruction=kind.instruction,
        divisions=divisions,
        expires=moment.say(hub.clock() + round(shade.hours * HOUR)),
        replaces=replaces,
    )


def _headline(hub: Hub, language: str, event: str, colour: str) -> str:
    told = hub.city.warnings
    kind, shade = told.events[event], told.colours[colour]
    words = phrase(
        "warning_headline",
        sender=say(told.name or hub.city.name, language),
        event=say(kind.name, language),
        colour=say(shade.name, language),
    )
    if not shade.level:
        return say(words, language)
    level = phrase("warning_level", level=say(shade.level, language))
    return say(words, language) + say(level, language)
