"""A signal: one alarm or one report, as merging sees it. Facts go in, nothing is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec

from tianmu.access.masking import mask_text
from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.report import Report
from tianmu.facts.text import Text
from tianmu.manage.case.plain import plain
from tianmu.manage.signals.likeness import pairs

NOWHERE = Place()


class Signal(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Made for each fact that comes in: a struct is made in a tenth of a data class's time."""

    kind: str
    """``alarm`` or ``report``"""
    id: str
    at: int
    """µs: when it happened or was told"""
    identity: str = ""
    """what makes two signals the same: the alarm's condition, the report's number elsewhere"""
    matters: tuple[tuple[str, float], ...] = ()
    """(matter key, certainty 0…1), the likeliest first; empty: not known"""
    place: Place = NOWHERE
    device: str = ""
    panel: str = ""
    """what the device hangs on: panel, station, gateway"""
    ties: tuple[str, ...] = ()
    """``<label>=<name>`` of all that the device hangs on by the labels of its registration"""
    text: str = ""
    title: Text = msgspec.field(default_factory=dict)
    origin: Origin = Origin.REAL
    probe: str = ""
    source: str = ""
    department: str = ""
    priority: int = 0
    severity: str = ""
    urgency: str = ""
    channel: str = ""
    collector: str = ""
    """account of whoever told it on his own account (may not verify it)"""
    test: bool = False
    pictures: tuple[dict[str, Any], ...] = ()
    """that show it, kept as evidence already"""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.id}"

    @cached_property
    def pairs(self) -> frozenset[str]:
        return pairs(self.text)

    @cached_property
    def said(self) -> str:
        """Its address and its text, plain."""
        return f"{plain(self.place.address)} {plain(self.text)}"

    @property
    def matter(self) -> str:
        return self.matters[0][0] if self.matters else ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Everything by which it, or another like it, would be known again."""
        found = [self.key]
        if self.identity:
            found.append(f"identity:{self.identity}")
        return tuple(found)

    def told(self) -> dict[str, Any]:
        """What a case keeps of it: enough to be taken out again as a signal of its own."""
        kept: dict[str, Any] = {"kind": self.kind, "id": self.id, "at": self.at}
        for name in _KEPT:
            if value := getattr(self, name):
                kept[name] = value
        if self.ties:
            kept["ties"] = self.ties
        if self.pictures:
            kept["pictures"] = self.pictures
        if self.matters:
            kept["matters"] = self.matters
        if self.place != NOWHERE:
            kept["place"] = self.place
        if text := self.text[:MEMBER_TEXT]:
            kept["text"] = text
        if self.origin is not Origin.REAL:
            kept["origin"] = str(self.origin)
        return kept


_KEPT = (
    "identity",
    "device",
    "panel",
    "title",
    "source",
    "department",
    "priority",
    "severity",
    "urgency",
    "channel",
    "collector",
)
MEMBER_TEXT = 400
"""signs of a signal's text that a case keeps"""


def pictures_of(data: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The pictures that an alarm's data tell of, as evidence does. What is no picture that was
    kept by its content is left out: anything may stand beside an observation."""
    told = data.get("pictures")
    if not isinstance(told, list | tuple):
        return ()
    return tuple(dict(one) for one in told if isinstance(one, Mapping) and _is_kept(one))


def _is_kept(one: Mapping[str, Any]) -> bool:
    digest = one.get("digest")
    return (
        isinstance(digest, str)
        and len(digest) == 64
        and set(digest) <= set("0123456789abcdef")
        and str(one.get("media_type", "")).startswith("image/")
        and isinstance(one.get("size"), int)
        and one.get("scan") != "infected"
    )


def again(told: Mapping[str, Any], probe: str) -> Signal:
    """The signal that a case has kept."""
    return Signal(
        kind=told["kind"],
        id=told["id"],
        at=told["at"],
        matters=tuple((key, certainty) for key, certainty in told.get("matters", ())),
        place=msgspec.convert(told.get("place", {}), Place),
        ties=tuple(told.get("ties", ())),
        pictures=tuple(told.get("pictures", ())),
        text=told.get("text", ""),
        origin=Origin(told.get("origin", "real")),
        probe=probe,
        **{name: told[name] for name in _KEPT if name in told},
    )


def of_alarm(event: AlarmEvent, ties: tuple[str, ...] = (), place: Place | None = None) -> Signal:
    """The signal of an alarm that rises or worsens; ``ties`` of its device. ``place``: where that
    is known better than the event says."""
    text = " ".join(event.text.values())
    description = event.data.get("description")
    if isinstance(description, str):
        text = f"{text} {description}"
    panel = event.data.get("panel") or event.data.get("source_address") or ""
    return Signal(
        kind="alarm",
        id=event.alarm,
        at=event.observed_at,
        identity=event.identity,
        matters=((event.matter, 1.0),) if event.matter else (),
        place=event.place if place is None else place,
        device=event.device,
        panel=f"{event.source}/{panel}" if panel else "",
        ties=ties,
        text=text.strip(),
        title=dict(event.text),
        origin=event.origin,
        probe=event.probe,
        source=event.source,
        department=event.department,
        priority=event.priority,
        severity=event.severity,
        channel="alarm",
        test=event.test,
        pictures=pictures_of(event.data),
    )


SELF_TOLD = frozenset(("grid", "app", "web", "department", "video", "drone"))
"""channels in which the account is the one that saw it; on ``hotline`` it is the one that wrote"""


def of_report(report: Report, matters: tuple[tuple[str, float], ...]) -> Signal:
    """The signal of a report. ``matters`` are those its text speaks of: beside the one it names
    they stand for what may have been mistaken.
    Numbers that are surely somebody's are masked: a case shows them to nobody."""
    number = str(report.data.get("number", ""))
    account = report.reporter.account if report.channel in SELF_TOLD else ""
    return Signal(
        kind="report",
        id=report.report,
        at=report.at,
        identity=f"{report.source or report.channel}#{number}" if number else "",
        matters=_spoken_of(report.matter, matters),
        place=report.place,
        device=str(report.data.get("device", "")),
        text=mask_text(f"{report.title} {report.text}".strip()[:4000]),
        origin=report.origin,
        probe=report.probe,
        source=report.source,
        urgency=report.urgency,
        channel=report.channel,
        collector=account,
    )


BESIDE = 0.6
"""what the words of a report weigh beside the matter that somebody chose for it, and what that
matter weighs where the words tell of others only: one of the two is mistaken"""


def _spoken_of(named: str, told: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    if not named:
        return told
    others = tuple((key, BESIDE * weight) for key, weight in told if key != named)
    borne_out = len(others) < len(told) or not told
    return ((named, 1.0 if borne_out else BESIDE), *others)
