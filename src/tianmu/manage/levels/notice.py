"""Whom a plan tells by message or call: each person on duty there is handed to the city's gateway,
once. Where none is set for that, the event ``tell`` says who is to be told how and by when, and a
person does it; nothing is said to have been sent that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tianmu.access.scope import Extent
from tianmu.facts.case import CaseEvent
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.ledger import parties
from tianmu.manage.contact.reach import Reach
from tianmu.manage.words import phrase

if TYPE_CHECKING:
    from tianmu.city.city import City

STEP = "notice"
MEANS = ("message", "call")


def follow(
    happened: Sequence[CaseEvent], draft: Draft, city: City, reach: Callable[[], Reach]
) -> None:
    """An event for each person whom a plan has told by a means that has a gateway. No real person
    is called for a probe."""
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
        for one in told["persons"]:
            person = city.roster.person(one["account"])
            if person is None:
                continue
            tried = look.attempt(told["by"], person, told["unit"], extent)
            data: dict[str, Any] = {
                "unit": told["unit"],
                "account": person.account,
                "name": person.name,
                "post": person.post,
                "by": tried.by,
                "outcome": tried.outcome,
                "via": tried.via,
                "due": told["due"],
            }
            by = phrase(f"contact.by.{tried.by}")
            why = [phrase(f"contact.tried.{tried.outcome}", by=by)]
            draft.add(STEP, {"try": data, "unit": told["unit"], "why": why})
