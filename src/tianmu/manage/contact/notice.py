"""Whom a plan tells by message or call: each person on duty there is handed to the city's gateway,
once. Where none is set for that, the event ``tell`` says who is to be told how and by when, and a
person does it; nothing is said to have been sent that was not. Who is told of very many cases in
a short time is told of the rest together (``gathering``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tianmu.access.scope import Extent
from tianmu.city.people.roster import Person
from tianmu.facts.case import CaseEvent
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.parties import parties
from tianmu.manage.contact.gathering import Gathered, Gathering
from tianmu.manage.contact.reach import HANDED, Reach, Tried
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City

STEP = "notice"
MEANS = ("message", "call")


def follow(
    happened: Sequence[CaseEvent],
    draft: Draft,
    city: City,
    reach: Callable[[], Reach],
    gathering: Gathering,
) -> None:
    """An event for each person whom a plan has told by a means that has a gateway, and one for all
    who will be told of it later, with other cases. No real person is called for a probe."""
    state = draft.state
    tells = [one for event in happened if event.step == "tell" for one in event.data["tells"]]
    wanted = [one for one in tells if one["by"] in MEANS and one["persons"]]
    if not wanted or state.probe:
        return
    look = reach()
    extent = Extent(state.division, tuple(parties(state)), state.probe)
    for told in wanted:
        if not look.gateway(told["by"]):
            continue
        later: list[Person] = []
        for one in told["persons"]:
            person = city.roster.person(one["account"])
            if person is None:
                continue
            tried = look.attempt(told["by"], person, told["unit"], extent)
            key = (person.account, tried.by)
            if tried.outcome == HANDED and not gathering.admit(
                key, state.case, told["unit"], state.level_number, draft.now, told["due"]
            ):
                later.append(person)
                continue
            _add(draft, told["unit"], person, tried, {"due": told["due"]})
        if later:
            people = [{"account": one.account, "name": one.name} for one in later]
            by = phrase(f"contact.by.{told['by']}")
            data = {"unit": told["unit"], "by": told["by"], "gathered": people}
            draft.add(STEP, {**data, "why": [phrase("contact.tried.gathered", by=by)]})


def tell_gathered(
    draft: Draft, city: City, look: Reach, key: tuple[str, str], told: Gathered
) -> None:
    """On the gravest case that was gathered for somebody: the one message for all of them."""
    person = city.roster.person(key[0])
    if person is None:  # the cases stand in the app for whoever is there now
        nobody = {"unit": told.unit, "by": key[1], "why": [phrase("why.nobody_on_duty")]}
        draft.add(STEP, nobody)
        return
    extent = Extent(draft.state.division, tuple(parties(draft.state)), draft.state.probe)
    tried = look.attempt(key[1], person, told.unit, extent)
    _add(draft, told.unit, person, tried, {"more": told.waiting - 1})


def _add(draft: Draft, unit: str, person: Person, tried: Tried, beside: dict[str, Any]) -> None:
    data: dict[str, Any] = {
        "unit": unit,
        "account": person.account,
        "name": person.name,
        "post": person.post,
        "by": tried.by,
        "outcome": tried.outcome,
        "via": tried.via,
        **beside,
    }
    by = phrase(f"contact.by.{tried.by}")
    why = [phrase(f"contact.tried.{tried.outcome}", by=by)]
    if more := beside.get("more"):
        why.append(phrase("contact.others", more=more))
    draft.add(STEP, {"try": data, "unit": unit, "why": why})
