"""What may be done to a warning, by whom, and what is wrong with what somebody writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import shapely

from tianmu.city.level.warning import CERTAINTIES, URGENCIES
from tianmu.facts.text import Text
from tianmu.facts.warning import Content
from tianmu.prevent.warning.state import Warning

if TYPE_CHECKING:
    from tianmu.city.city import City

STATUSES = ("Actual", "Exercise", "Test")
LONGEST = 31 * 86_400_000_000
"""µs that one message may hold; a danger that lasts is updated"""
WORDS = 4000
RINGS, POINTS = 20, 2000
SLIVER = 0.01
"""share of a drawn outline that may lie in a neighbour: nobody draws a border to the metre"""
DIVISIONS = 100


class Refused(ValueError):
    """It is not done; ``remedy`` says what would be. ``where``: the field at fault, or empty."""

    def __init__(self, code: str, what: str, remedy: str, where: str = "") -> None:
        super().__init__(what)
        self.code, self.remedy, self.where = code, remedy, where


def permit(
    state: Warning, step: str, actor: str, now: int, *,
    alone: bool = False, emergency: bool = False, reason: str = "", release: bool = False,
) -> None:  # fmt: skip
    """``Refused`` unless ``actor`` may take ``step`` now. Nobody confirms what he wrote himself,
    but for an ``emergency`` in which nobody else is there: with a reason, and where ``alone`` (his
    role permits it). What was drafted from a message that is not for the public is published only
    by whoever answers for its ``release``, with a reason."""
    stage = state.stage(now)
    pending = state.pending
    if step in {"revise", "drop", "publish"}:
        if pending is None:
            raise Refused(
                "nothing-pending", "nothing waits for a decision", "draft an update first"
            )
        if step == "publish":
            if pending.by == actor:
                _alone(alone, emergency, reason)
            if pending.kind != "Cancel" and pending.content.restriction:
                _release(pending.content.restriction, release, reason)
            if pending.kind != "Cancel" and pending.content.expires <= now:
                raise Refused(
                    "over", "the time for which it should hold is over", "revise `expires`"
                )
            if pending.kind == "Update" and stage != "in_force":
                raise Refused("ended", f"the warning is {stage}", "drop this, draft a new warning")
        if step == "revise" and pending.kind == "Cancel":
            raise Refused("cancelling", "a cancellation waits", "drop it first")
        return
    if stage != "in_force":
        raise Refused(
            "not-in-force",
            f"the warning is {stage}: only one in force is updated or cancelled",
            "draft a new warning",
        )
    if pending is not None:
        raise Refused(
            "pending", "an update or a cancellation waits already", "revise, confirm or drop it"
        )


def _alone(alone: bool, emergency: bool, reason: str) -> None:
    if not (alone and emergency):
        remedy = "let somebody else with the permission warning.confirm look at it"
        if alone:
            remedy += "; where nobody else is there and it cannot wait: `emergency` with a reason"
        raise Refused("second-person", "whoever wrote a warning does not confirm it", remedy)
    if not reason.strip():
        what = "publishing alone in an emergency needs a reason"
        raise Refused("reason-needed", what, "say why nobody else looks at it", "reason")


def _release(restriction: str, release: bool, reason: str) -> None:
    if not release:
        raise Refused(
            "restricted",
            f"it was drafted from a message that is not for the public: {restriction[:200]}",
            "have its sender's leave, then publish with `release` and a reason; or drop it and "
            "draft one that says nothing of that message",
        )
    if not reason.strip():
        what = "publishing what was not for the public needs a reason"
        raise Refused("reason-needed", what, "say who gave leave, or why none is needed", "reason")


def check(city: City, content: Content, now: int) -> None:
    """``Refused`` at the first thing that cannot be published of what a person wrote."""
    told = city.warnings
    if not told.sender:
        raise Refused("no-warnings", "the pack has no warnings.toml", "add it: see docs/pack.md")
    for where, value, known in (
        ("event", content.event, told.events),
        ("colour", content.colour, told.colours),
        ("status", content.status, STATUSES),
        ("urgency", content.urgency, URGENCIES),
        ("certainty", content.certainty, CERTAINTIES),
    ):
        if value not in known:
            raise Refused("invalid", f"{where} is {value!r}", f"use {', '.join(known)}", where)
    _check_words(city, "headline", content.headline, needed=True)
    _check_words(city, "description", content.description)
    _check_words(city, "instruction", content.instruction)
    start = max(now, content.onset)
    if not start < content.expires <= now + LONGEST:
        raise Refused(
            "invalid",
            "it ends before it begins, is over by now, or holds for more than 31 days",
            "give an end after now and after the onset",
            "expires",
        )
    _check_area(city, content)


def _check_words(city: City, where: str, text: Text, *, needed: bool = False) -> None:
    for language, words in text.items():
        if language not in city.languages:
            raise Refused(
                "invalid",
                f"{where} is in {language!r}, which the city does not speak",
                f"use {', '.join(city.languages)}",
                where,
            )
        if len(words) > WORDS or not _sayable(words):
            raise Refused(
                "invalid",
                f"{where} is longer than {WORDS} characters, or has signs that XML cannot hold",
                "shorten it; leave out control characters",
                where,
            )
    missing = [one for one in city.languages if not text.get(one, "").strip()]
    if needed and missing:
        raise Refused(
            "invalid",
            f"the {where} is not said in {', '.join(missing)}",
            "a warning goes out in every language of the city",
            where,
        )


def _sayable(words: str) -> bool:
    """Whether every character may stand in XML 1.0."""
    return all(
        c in "\t\n\r" or "\x20" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
        for c in words
    )


def _check_area(city: City, content: Content) -> None:
    if not 1 <= len(content.divisions) <= DIVISIONS:
        raise Refused(
            "invalid", f"it names {len(content.divisions)} divisions", "name 1 to 100", "divisions"
        )
    for code in content.divisions:
        if code not in city.divisions:
            raise Refused(
                "invalid", f"no division is {code!r}", "GET /api/city lists them", "divisions"
            )
    if len(content.rings) > RINGS:
        raise Refused("invalid", f"more than {RINGS} polygons", "draw fewer", "rings")
    for ring in content.rings:
        if what := fault_of(ring):
            raise Refused("invalid", what, "draw it anew: a simple closed outline", "rings")
        if what := _strays(city, content.divisions, shapely.Polygon(ring)):
            raise Refused(
                "invalid", what, "draw within the divisions that it names, or name those too",
                "rings",
            )  # fmt: skip


def _strays(city: City, named: tuple[str, ...], drawn: shapely.Polygon) -> str:
    """Where an outline leaves the divisions that are named, whose warning it is; or empty. What has
    no outline of its own counts as the division around it that has one."""
    towns, whole = city.places.areas("towns"), city.places.areas("outline")
    held = {_outlined(city, code, towns.keys() | whole.keys()) for code in named}
    if city.root.code in held:
        return ""
    for code, shape in towns.items():
        if code not in held and drawn.intersection(shape).area > SLIVER * drawn.area:
            return f"an outline reaches into {code}, which the warning does not name"
    if not any(drawn.intersects(towns[code]) for code in held & towns.keys()):
        return "an outline lies outside of the divisions that the warning names"
    return ""


def _outlined(city: City, code: str, known: Collection[str]) -> str:
    while code not in known and city.divisions[code].parent:
        code = city.divisions[code].parent
    return code


def fault_of(ring: tuple[tuple[float, float], ...]) -> str:
    """What is wrong with an outline, or empty."""
    if not 4 <= len(ring) <= POINTS:
        return f"an outline has {len(ring)} points, not 4 to {POINTS}"
    if ring[0] != ring[-1]:
        return "an outline is not closed: its last point is not its first"
    if not all(-180 <= x <= 180 and -90 <= y <= 90 for x, y in ring):
        return "an outline has a point that is no longitude and latitude"
    polygon = shapely.Polygon(ring)
    if not polygon.is_valid or not polygon.area > 0:
        return "an outline crosses itself or has no area"
    return ""


def complete(city: City, content: Content) -> Mapping[str, Text]:
    """Words that the pack has where nobody wrote any: those of ``instruction``."""
    if any(content.instruction.values()):
        return {"instruction": content.instruction}
    return {"instruction": city.warnings.events[content.event].instruction}
