"""Which tier does what on a case: one handles, one coordinates, one commands, as the plan says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tianmu.city.level.plan import Acts
from tianmu.manage.actor import Actor
from tianmu.manage.case.state import CaseState
from tianmu.manage.levels.response import plan_of

if TYPE_CHECKING:
    from tianmu.city.city import City

COMMANDS = frozenset(
    ("grade", "transfer", "cancel", "suspend", "extend", "refuse_extension", "void", "reopen")
)
"""steps by which a case is commanded: how grave it is, whose it is, when and whether it ends"""
COORDINATES = frozenset(("assign", "order", "resume", "urge", "call_off"))
"""steps by which those who handle it are brought together. Anybody may raise it and whistle"""


def acts(city: City, state: CaseState) -> Acts:
    """The tiers that act on the case at its present level, none left open."""
    plan = plan_of(city, state)
    lowest = max(tier.number for tier in city.tiers)
    level = city.profile.numbered(state.level_number or len(city.profile.levels))
    return (plan.acts if plan is not None else Acts()).filled(level.tier, lowest)


def tier_of(city: City, actor: Actor) -> int:
    """Of an account; one that belongs to a division acts for no higher tier than that."""
    division = city.divisions.get(actor.division)
    return max(actor.tier, division.tier) if division is not None else actor.tier


def above(city: City, state: CaseState, step: str, actor: Actor) -> int:
    """The tier that takes the step, where the actor's is below it; else 0."""
    if step not in COMMANDS and step not in COORDINATES:
        return 0
    found = acts(city, state)
    needed = found.command if step in COMMANDS else found.coordinate
    return needed if tier_of(city, actor) > needed else 0


def centre(city: City, state: CaseState, tier: int) -> str:
    """The centre that acts for a tier around the case, or the next one above it; empty: none."""
    return city.duties.resolve(f"centre:{tier}", state.division)
