"""A warning's life (预警), one step at a time; and what a published message of it says.

A message holds all that is said, in words and outlines, so that what was published can be said
again for ever, whatever becomes of the city pack.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.facts.text import Text

Ring = tuple[tuple[float, float], ...]
"""(longitude, latitude) in degrees, the first point once more at the end"""


class Area(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a warning holds: one division, or what a person drew."""

    name: Text
    code: str = ""
    """of the division, or empty"""
    rings: tuple[Ring, ...] = ()
    circles: tuple[tuple[float, float, float], ...] = ()
    """longitude, latitude, radius in km"""


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person writes of a warning."""

    event: str
    """code of an event of the pack's ``warnings.toml``"""
    colour: str
    """``blue``, ``yellow``, ``orange`` or ``red``"""
    status: str = "Actual"
    """``Actual``, ``Exercise`` or ``Test``"""
    urgency: str = "Expected"
    certainty: str = "Likely"
    headline: Text
    description: Text = msgspec.field(default_factory=dict)
    instruction: Text = msgspec.field(default_factory=dict)
    onset: int = 0
    """µs, 0: from when it is published"""
    expires: int
    """µs"""
    divisions: tuple[str, ...]
    """codes; never none: they say whose the warning is"""
    rings: tuple[Ring, ...] = ()
    """drawn besides: then these are where it holds, within the divisions"""
    source: str = ""
    """what it was drafted from: ``scenario:<id>``, ``case:<case>``, sender and identifier of
    another body's message, or empty"""
    restriction: str = ""
    """for whom that was, in its sender's words, where it was not for the public; never published"""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was published, once and for all (CAP ``alert``)."""

    number: int
    """1 … within its warning"""
    kind: str
    """``Alert``, ``Update`` or ``Cancel``"""
    identifier: str
    sender: str
    sent: int
    """µs, whole seconds"""
    references: tuple[tuple[str, str, int], ...] = ()
    """(sender, identifier, sent) of the messages before it"""
    offsets: tuple[int, ...] = ()
    """``offset`` of each of them: they are named as they named themselves; left out: as this one"""
    content: Content
    note: str = ""
    """why it was updated or cancelled"""
    drafted_by: str
    confirmed_by: str
    """accounts: for the journal alone, never published; what is published names offices"""
    drafted_office: Text = msgspec.field(default_factory=dict)
    confirmed_office: Text = msgspec.field(default_factory=dict)
    """what the departments or centres of the two are called; of older messages: not known"""
    offset: int = 0
    """minutes that the city's time is ahead of UTC then"""
    areas: tuple[Area, ...] = ()
    event_name: Text
    categories: tuple[str, ...]
    responses: tuple[str, ...] = ()
    severity: str
    colour_name: Text
    level: Text = msgspec.field(default_factory=dict)
    languages: dict[str, str]
    """language of the pack → tag in the message"""
    sender_name: Text = msgspec.field(default_factory=dict)
    contact: str = ""
    web: str = ""
    geocode: str = ""
    """what the codes of divisions are called"""
    national_event: str = ""
    national_sender: str = ""


class WarningEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="warning/1"):
    """One step of one warning."""

    warning: str
    sequence: int
    """1, 2, … within its warning"""
    step: str
    """``draft``, ``revise``, ``update``, ``cancel``, ``drop``, ``publish``"""
    at: int
    actor: str
    reason: str = ""
    content: Content | None = None
    """of ``draft``, ``revise`` and ``update``"""
    message: Message | None = None
    """of ``publish``"""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    """of ``publish``: ``alone`` where whoever wrote it confirmed it himself, in an emergency;
    ``released`` where it was drafted from what is not for the public"""


class ProposalDismissed(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="warning_dismissed/1"
):
    """Somebody looked at a warning that a scenario or a plan proposes and will not warn."""

    source: str
    """``scenario:<id>`` or ``case:<case>``"""
    event: str
    colour: str
    """it holds for this one and lower ones: a graver danger is proposed anew"""
    until: int
    """µs; 0: for good"""
    at: int
    actor: str
    office: Text = msgspec.field(default_factory=dict)
    reason: str
