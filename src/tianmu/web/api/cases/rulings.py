"""Who answers by ruling: what was decided on a case for all later ones of its kind."""

from __future__ import annotations

import msgspec

from tianmu.access.masking import mask_text
from tianmu.access.scope import Extent, covers
from tianmu.facts.text import Text
from tianmu.manage.case.parties import parties
from tianmu.manage.kept import ruling
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.place import department_name, division_name
from tianmu.web.route.route import Asking, Routes

routes = Routes("cases")


class RulingSaid(msgspec.Struct, frozen=True, kw_only=True):
    case: str
    """it was made on this one, and is withdrawn there (step `withdraw_ruling`); empty, as number
    and reason are, for an account that may not see the case"""
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
        extent = Extent(state.division, tuple(parties(state)))
        seen = ask.may("case.read") and covers(ask.who.scope, extent)
        items.append(
            RulingSaid(
                case=state.case if seen else "",
                number=state.number if seen else "",
                matter=found.matter,
                matter_name=dict(matter.name) if matter else None,
                division=found.division,
                division_name=division_name(city, found.division),
                lead=found.lead,
                lead_name=department_name(city, found.lead),
                joint=list(found.joint),
                reason=mask_text(found.reason) if seen else "",
                by=found.by,
                by_name=names.get(found.by, found.by),
                at=moment.say(found.at),
            )
        )
    return RulingList(items=items)
