"""Who answers by ruling: what was decided on a case for all later ones of its kind."""

from __future__ import annotations

import msgspec

from tianmu.access.masking import mask_text
from tianmu.facts.text import Text
from tianmu.manage import ruling
from tianmu.web import moment
from tianmu.web.moment import Instant
from tianmu.web.place import department_name, division_name
from tianmu.web.route import Asking, Routes

routes = Routes("cases")


class RulingSaid(msgspec.Struct, frozen=True, kw_only=True):
    case: str
    """it was made on this one, and is withdrawn there (step `withdraw_ruling`)"""
    number: str
    matter: str
    matter_name: Text | None
    division: str
    """it holds here and in the parts of it; empty: everywhere"""
    division_name: Text | None
    lead: str
    lead_name: Text | None
    joint: list[str]
    reason: str
    by: str
    by_name: str
    at: Instant | None


class RulingList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[RulingSaid]


@routes("GET", "/api/rulings", may="organisation.read", gives=RulingList)
def list_rulings(ask: Asking) -> RulingList:
    """The rulings that stand beside the pack's duties, the latest first."""
    city = ask.hub.city
    states = ask.hub.records.read(ruling.cases)
    names = ask.hub.names_of({state.ruling.by for state in states if state.ruling})
    items = []
    for state in states:
        found = state.ruling
        if found is None:
            continue
        matter = city.matters.get(found.matter)
        items.append(
            RulingSaid(
                case=state.case,
                number=state.number,
                matter=found.matter,
                matter_name=dict(matter.name) if matter else None,
                division=found.division,
                division_name=division_name(city, found.division),
                lead=found.lead,
                lead_name=department_name(city, found.lead),
                joint=list(found.joint),
                reason=mask_text(found.reason),
                by=found.by,
                by_name=names.get(found.by, found.by),
                at=moment.say(found.at),
            )
        )
    return RulingList(items=items)
