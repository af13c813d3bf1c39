"""Who answers for the place of a thing that stands: told in its alarm, and in the case's words."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tianmu.city.city import City
from tianmu.facts.origin import Origin
from tianmu.scenarios.model_street.fronts import Answers, BadFronts, Fronts, of_city
from tianmu.scenarios.model_street.words import settings
from tianmu.sense.recognition.kind import Adds, Sighted

log = logging.getLogger("tianmu.gate")


def adds(city: City, folder: Path) -> Adds:
    """``front`` and ``description`` for kinds that a shop answers for; nothing for others."""
    told = settings().fronts
    try:
        fronts = of_city(city, folder)
    except BadFronts as error:
        log.warning("%s; nobody's front is named", error)
        fronts = Fronts(())

    def add(sighted: Sighted) -> Mapping[str, Any]:
        if sighted.kind not in told.kinds:
            return {}
        found = fronts.answers(
            sighted.device, sighted.longitude, sighted.latitude, sighted.box, told.within_m
        )
        return {} if found is None else said(found, city.languages)

    return add


def said(found: Answers, languages: tuple[str, ...]) -> dict[str, Any]:
    """The front as data and, in the city's languages, as words."""
    words, front = settings().fronts, found.front
    told: dict[str, Any] = {"code": front.code, "name": dict(front.name)}
    if found.metres is not None:
        told["metres"] = round(found.metres)
    if front.origin is not Origin.REAL:
        told["origin"] = str(front.origin)
    phrase = words.near if found.metres is not None else words.drawn
    parts = []
    for language in languages:
        if language in phrase:
            name = front.name.get(language) or next(iter(front.name.values()))
            parts.append(phrase[language].format(name=name, metres=told.get("metres", 0)))
    return {"front": told, "description": " ".join(parts)}
