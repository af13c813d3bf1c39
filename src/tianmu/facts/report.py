"""What a person tells: a call to 12345, a grid worker's find, a department's hand-over."""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.facts.origin import Origin
from tianmu.facts.place import Place


class Reporter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who told. Every field is personal: masked wherever it is shown (``access.masking``)."""

    name: str = ""
    phone: str = ""
    account: str = ""
    confidential: bool = False


class Report(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="report/1"
):
    report: str
    """its identity"""
    at: int
    """µs: when it was told"""
    channel: str
    """``hotline``, ``app``, ``web``, ``grid``, ``department``, ``video``, ``drone``, …"""
    title: str = ""
    text: str
    matter: str = ""
    """matter key chosen by whoever took it, or empty"""
    category: str = ""
    """consultation, request, complaint, accusation, suggestion, praise (§3.3), or empty"""
    urgency: str = ""
    """``ordinary``, ``urgent``, ``critical``, or empty"""
    place: Place = msgspec.field(default_factory=Place)
    reporter: Reporter = msgspec.field(default_factory=Reporter)
    source: str = ""
    origin: Origin = Origin.REAL
    probe: str = ""
    evidence: tuple[str, ...] = ()
    """content digests of attached files"""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
