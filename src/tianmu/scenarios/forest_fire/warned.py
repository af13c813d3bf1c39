"""The warning in force beside the danger by weather: the city has the higher of the two.

What a colour counts for stands in ``weights.toml``, where a city sets it otherwise; with 0 a colour
counts for nothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tianmu.city.brought import id_of
from tianmu.facts.text import Text, fill, say
from tianmu.scenarios.present import Ahead, Present
from tianmu.scenarios.settings import settings_of
from tianmu.scenarios.warned import Warned
from tianmu.scenarios.world import HOUR, World

SCENARIO = id_of(Path(__file__).parent)
_SETTINGS = settings_of(__file__)
EVENT: str = _SETTINGS["warned"]["event"]
WORDS: dict[str, Text] = _SETTINGS["words"]
NAMED = 3
"""divisions of a warning that are named"""


def heeding(world: World, found: Present) -> Present:
    """``found`` by weather, and the highest warning that holds anywhere in the city: which of the
    two decides is said first."""
    holds = [one for one in world.warned(EVENT) if _degree(world, one)]
    if not holds:
        return found
    highest = max(holds, key=lambda one: (_degree(world, one), one.until))
    degree = _degree(world, highest)
    word = "warned_above" if degree > found.degree else "warned_below"
    if not found.degree:
        word = "warned_alone"
    said = fill(
        WORDS[word], colour=_said(highest.colour_name), sender=_said(highest.sender),
        where=_where(world, highest), degree=degree, weather=found.degree,
        until=f"{world.city.calendar.local(highest.until):%m-%d %H:%M}",
    )  # fmt: skip
    ahead = tuple(_ahead(world, one, holds) for one in found.ahead)
    return replace(found, degree=max(degree, found.degree), why=(said, *found.why), ahead=ahead)


def _degree(world: World, one: Warned) -> int:
    return int(world.city.weights.get(SCENARIO, {}).get(f"warned.{one.colour}", 0))


def _ahead(world: World, step: Ahead, holds: list[Warned]) -> Ahead:
    """What still holds then counts then."""
    then = world.now + step.hours * HOUR
    degrees = [_degree(world, one) for one in holds if one.until > then]
    return replace(step, degree=max(step.degree, *degrees, 0))


def _where(world: World, one: Warned) -> Text:
    known = world.city.divisions
    names = [_said(known[code].name) for code in one.divisions if code in known]
    return {
        language: comma.join(name[language] for name in names[:NAMED])
        + ("" if len(names) <= NAMED else " …")
        for language, comma in WORDS["comma"].items()
    }


def _said(text: Text) -> Text:
    """In both languages of the page."""
    return {language: say(text, language) for language in WORDS["comma"]}
