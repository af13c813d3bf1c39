"""Contact ladders: who is being called for which case, and answering."""

from __future__ import annotations

from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import Depends

from tianmu.access.masking import mask
from tianmu.access.scope import covers
from tianmu.command import provider
from tianmu.facts.text import Text
from tianmu.manage.case.contact import Contact
from tianmu.manage.case.state import CaseState
from tianmu.manage.contact.ladder import STEP, may_answer
from tianmu.manage.contact.query import waiting
from tianmu.manage.contact.reach import HANDED
from tianmu.manage.kept import query as case_query
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Page
from tianmu.web.answer.place import department_name
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.cases.cases import actor, extent, masked_text, one, states
from tianmu.web.api.cases.steps import carry_out
from tianmu.web.route.route import Ask, Asking, Routes, taken
from tianmu.web.sight import exposure

routes = Routes("contacts")
MOST = 500
"""ladders that wait for an answer, of one answer"""


class TriedSaid(msgspec.Struct, frozen=True, kw_only=True):
    """One rung tried for one person."""

    at: Instant | None
    unit: str
    unit_name: Text | None
    account: str
    name: str
    by: str
    outcome: str
    """``shown`` (to them), ``desk`` (they are not signed in, the desk is), ``nobody_in_app``,
    ``no_account`` (there is none of that name), ``handed_over`` (to the gateway), ``no_provider``,
    ``no_number``: the last two sent nothing"""
    gateway: str
    """what became of what was handed over: ``waiting``, ``done`` (the gateway took it), ``dead``,
    ``discarded``, ``unknown`` (not kept any more); empty for what was not"""


class ContactSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A contact ladder of a case, as its last move left it."""

    case: str
    number: str
    title: Text
    level: str
    contact: str
    ladder: str
    ladder_name: Text | None
    cause: str
    """``level`` or ``alarm``"""
    state: str
    """``running``, ``answered``, ``exhausted``, ``replaced``, ``over``"""
    unit: str
    unit_name: Text | None
    account: str
    """who is being called"""
    name: str
    post: str
    by: str
    """``app``, ``message``, ``call``"""
    since: Instant | None
    due: Instant | None
    """until when an answer is waited for"""
    called: int
    """so many persons so far"""
    answered_by: str
    answered_name: str
    ended_at: Instant | None
    strangers: bool
    """``exhausted`` because nobody on it has an account here, and no gateway is set"""
    mine: bool
    """this account is the one that is called"""
    may: bool
    """this account may answer: it was called, it is of a department that was, or it commands"""
    tries: list[TriedSaid]
    """in the list of one case: all that was tried; else empty"""


class PhonedAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: str = ""
    """who answered the telephone, of those who were called; empty: who is being called now"""


def said(ask: Ask, state: CaseState, held: Contact, names: dict[str, str]) -> ContactSaid:
    city = ask.hub.city
    ladder = city.contact.ladder(held.ladder)
    return ContactSaid(
        case=state.case,
        number=state.number,
        title=masked_text(state.title),
        level=state.level,
        contact=held.contact,
        ladder=held.ladder,
        ladder_name=ladder.name if ladder else None,
        cause=held.cause,
        state=held.state,
        unit=held.unit,
        unit_name=department_name(city, held.unit),
        account=held.account,
        name=_known(ask, held.account),
        post=held.post,
        by=held.by,
        since=moment.say(held.since),
        due=moment.say(held.due),
        called=len(held.tried),
        answered_by=held.answered_by,
        answered_name=names.get(held.answered_by, "")
        or (_known(ask, held.answered_by) if held.answered_by else ""),
        ended_at=moment.say(held.ended_at),
        strangers=held.strangers,
        mine=held.running and held.account == ask.who.account,
        may=held.waits and may_answer(held, actor(ask.who)),
        tries=[],
    )


def _known(ask: Ask, account: str) -> str:
    """What somebody on the roster is called, who need have no account."""
    person = ask.hub.city.roster.person(account)
    name = person.name if person else account
    return name if ask.may("case.note") else mask("name", name)


def _all(ask: Ask, found: list[tuple[CaseState, Contact]]) -> list[ContactSaid]:
    names = ask.hub.names_of({held.answered_by for _, held in found if held.answered_by})
    return [said(ask, state, held, names) for state, held in found]


@routes("GET", "/api/contacts", may="case.read", gives=Page[ContactSaid])
def list_contacts(ask: Asking) -> Page[ContactSaid]:
    """Contact ladders that wait for an answer, in the account's scope: its own first, then those at
    their end, then by when they go on."""
    called = ask.hub.records.read(
        lambda connection: waiting(connection, ask.who.account, ask.who.scope, MOST)
    )
    cases = states(ask.hub, sorted(called))
    found = [
        (state, held)
        for state in cases.values()
        if covers(ask.who.scope, extent(state))
        for held in state.contacts
        if held.waits
    ]
    exposure.listed(ask, [state.case for state, _ in found])
    found.sort(
        key=lambda pair: (
            pair[1].account != ask.who.account, pair[1].running, pair[1].due, pair[0].case,
        )
    )  # fmt: skip
    return Page(items=_all(ask, found))


@routes("GET", "/api/cases/{case}/contacts", may="case.read", gives=Page[ContactSaid])
def list_case_contacts(ask: Asking, case: str) -> Page[ContactSaid]:
    """All contact ladders of a case, the first one first; each move is an event of the case."""
    state = one(ask, case)
    exposure.listed(ask, [state.case])
    tries = ask.hub.records.read(lambda connection: _tries(ask, connection, case))
    found = _all(ask, [(state, held) for held in state.contacts])
    return Page(
        items=[msgspec.structs.replace(one, tries=tries.get(one.contact, [])) for one in found]
    )


def _tries(ask: Ask, connection: sa.Connection, case: str) -> dict[str, list[TriedSaid]]:
    """Ladder → what was tried, as the case's events say."""
    clear, city = ask.may("case.note"), ask.hub.city
    found: dict[str, list[TriedSaid]] = {}
    for event in case_query.events_of(connection, ask.hub.manage.journal, case):
        if event.step != STEP:
            continue
        tried = found.setdefault(event.data["contact"]["contact"], [])
        for told in event.data["tries"]:
            gateway = ""
            if told["outcome"] == HANDED:
                gateway = provider.outcome(connection, told["via"], case, event.sequence)
            tried.append(
                TriedSaid(
                    at=moment.say(event.at),
                    unit=told["unit"],
                    unit_name=department_name(city, told["unit"]),
                    account=told["account"],
                    name=told["name"] if clear else mask("name", told["name"]),
                    by=told["by"],
                    outcome=told["outcome"],
                    gateway=gateway,
                )
            )
    return found


@routes(
    "POST", "/api/cases/{case}/contacts/{contact}/answer", may="contact.answer", gives=ContactSaid
)
def answer_contact(ask: Asking, case: str, contact: str) -> ContactSaid:
    """Answer a contact ladder: it stops, and the case says who answered. For who was called, their
    department, and whoever commands cases. To answer again changes nothing."""
    before = one(ask, case)
    if not any(held.contact == contact for held in before.contacts):
        raise not_found("contact ladder", contact)
    who = actor(ask.who)
    state = carry_out(
        ask,
        "contact.answer",
        case,
        lambda note: ask.hub.manage.answer_contact(case, contact, who, note),
        contact=contact,
    )
    held = next(found for found in state.contacts if found.contact == contact)
    return _all(ask, [(state, held)])[0]


@routes(
    "POST",
    "/api/cases/{case}/contacts/{contact}/phoned",
    may="contact.answer",
    takes=PhonedAsked,
    gives=ContactSaid,
    example={"account": "zhang.wei"},
)
def answered_by_phone(
    ask: Asking,
    case: str,
    contact: str,
    body: Annotated[PhonedAsked, Depends(taken(PhonedAsked))],
) -> ContactSaid:
    """Whoever was called has answered by phone, an operator says: the ladder stops, and the case
    names both. For who may answer it themselves."""
    before = one(ask, case)
    held = next((held for held in before.contacts if held.contact == contact), None)
    if held is None:
        raise not_found("contact ladder", contact)
    reached = body.account or held.account or next(iter(held.tried[-1:]), "")
    if reached not in held.tried:
        raise Problem(
            422, "invalid", f"{reached or 'nobody'} was not called by this ladder",
            "name one of those who were called",
        )  # fmt: skip
    who = actor(ask.who)
    state = carry_out(
        ask,
        "contact.phoned",
        case,
        lambda note: ask.hub.manage.answer_contact(case, contact, who, note, reached),
        contact=contact,
        reached=reached,
    )
    found = next(found for found in state.contacts if found.contact == contact)
    return _all(ask, [(state, found)])[0]
