"""A file of a case, as the API says it."""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.facts.text import Text
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant


class BoxSaid(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was recognised on a picture."""

    box: tuple[float, float, float, float]
    """left, top, right, bottom as shares of the picture"""
    text: Text = {}
    confidence: float | None = None


class EvidenceSaid(msgspec.Struct, frozen=True, kw_only=True):
    evidence: str
    """SHA-256 of the file"""
    name: str = ""
    media_type: str = ""
    size: int = 0
    role: str = "other"
    """``near``, ``far``, ``reference``, ``handle_before``, ``handle_after``, ``other``"""
    order: str = ""
    taken_at: Instant | None = None
    place: dict[str, Any] = {}
    """where it was taken"""
    scan: str = "none"
    """``clean``, ``infected`` (kept apart, not given out), ``none``: no scanner was set"""
    found: str = ""
    """what the scanner calls it"""
    at: Instant | None = None
    actor: str = ""
    url: str = ""
    width: int = 0
    height: int = 0
    """pixels, 0 where nobody measured"""
    boxes: list[BoxSaid] = []
    """to be drawn over it"""


def evidence_said(case: str, kept: dict[str, Any], at: int, actor: str) -> EvidenceSaid:
    """``kept`` is what the case's event says of the file."""
    infected = kept.get("scan") == "infected"
    digest = str(kept.get("digest", ""))
    return EvidenceSaid(
        evidence=digest,
        name=str(kept.get("name", "")),
        media_type=str(kept.get("media_type", "")),
        size=int(kept.get("size", 0)),
        role=str(kept.get("role", "other")),
        order=str(kept.get("order", "")),
        taken_at=moment.say(kept.get("taken_at", 0)),
        place=dict(kept.get("place", {})),
        scan=str(kept.get("scan", "none")),
        found=str(kept.get("found", "")),
        at=moment.say(at),
        actor=actor,
        url="" if infected else f"/api/cases/{case}/evidence/{digest}",
        width=int(kept.get("width", 0)),
        height=int(kept.get("height", 0)),
        boxes=_boxes(kept.get("boxes", ())),
    )


def _boxes(told: Any) -> list[BoxSaid]:
    """What can be drawn; what a source told in another form is left out."""
    try:
        return msgspec.convert(told, list[BoxSaid])
    except msgspec.ValidationError:
        return []
