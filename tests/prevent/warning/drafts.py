"""Warnings for tests: of a real pack, one made up for each need."""

from __future__ import annotations

from functools import cache
from typing import Any

from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.facts.warning import Content, Message, WarningEvent
from tianmu.prevent.warning import publish
from tianmu.prevent.warning.state import Warning, fold, of_events

NOW = 1_795_000_000_000_000
HOUR = 3_600_000_000
RING = ((119.3, 31.3), (119.4, 31.3), (119.4, 31.4), (119.3, 31.3))


@cache
def city(name: str = "liyang") -> City:
    return load(name)


def content(**more: Any) -> Content:
    return Content(
        **{
            "event": "gale",
            "colour": "blue",
            "headline": {"zh": "大风蓝色预警", "en": "Blue warning: gale"},
            "expires": NOW + 6 * HOUR,
            "divisions": ("320481000000",),
            **more,
        }
    )


def drafted(told: Content | None = None, by: str = "wang") -> Warning:
    event = WarningEvent(
        warning="w1", sequence=1, step="draft", at=NOW, actor=by, content=told or content()
    )
    return of_events([event])


def then(state: Warning, step: str, at: int, by: str = "li", **more: Any) -> Warning:
    event = WarningEvent(
        warning=state.warning, sequence=state.version + 1, step=step, at=at, actor=by, **more
    )
    return fold(state, event)


def published(state: Warning, at: int = NOW, by: str = "li", of: City | None = None) -> Warning:
    return then(state, "publish", at, by, message=publish.message(of or city(), state, by, at))


def message(told: Content | None = None, of: City | None = None) -> Message:
    return published(drafted(told), of=of).messages[-1]
