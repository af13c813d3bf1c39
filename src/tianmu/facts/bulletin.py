"""A message by which another body warns (the weather bureau, the province), as it came in."""

from __future__ import annotations

import msgspec

from tianmu.facts.text import Text
from tianmu.facts.warning import Area

Key = tuple[str, str, int]
"""sender, identifier, sent (µs): what tells a message from all others of its source"""


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One danger that a message warns of (an ``info`` of CAP with its translations)."""

    event: str = ""
    """code of an event of the pack, or empty: the pack does not know it"""
    event_name: Text
    colour: str = ""
    """one of the pack's, or empty: it says none that is known"""
    severity: str
    urgency: str
    certainty: str
    sender_name: Text = msgspec.field(default_factory=dict)
    headline: Text = msgspec.field(default_factory=dict)
    description: Text = msgspec.field(default_factory=dict)
    instruction: Text = msgspec.field(default_factory=dict)
    start: int
    """µs from which it holds; the next two too"""
    onset: int = 0
    until: int
    areas: tuple[Area, ...] = ()
    """as it told them"""
    divisions: tuple[str, ...] = ()
    """of the pack, where it holds; empty: nobody knows where"""


class Bulletin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="bulletin/1"):
    bulletin: str = ""
    """``b7``"""
    source: str
    """who brought it"""
    sender: str
    identifier: str
    sent: int
    kind: str
    """``Alert``, ``Update`` or ``Cancel``"""
    status: str
    """``Actual``, ``Exercise`` or ``Test``: only the first is acted on"""
    public: bool = True
    """whether its sender meant it for everybody; if not, nothing that everybody reads follows"""
    restriction: str = ""
    """for whom it is, in its sender's words, where it is not for the public"""
    note: str = ""
    references: tuple[Key, ...] = ()
    """messages that it is about"""
    parts: tuple[Part, ...] = ()
    received: int

    @property
    def key(self) -> Key:
        return self.sender, self.identifier, self.sent

    @property
    def ends(self) -> tuple[Key, ...]:
        """Messages that it takes the place of or ends: an alert may name some and ends none."""
        return () if self.kind == "Alert" else self.references

    @property
    def start(self) -> int:
        """µs from which any of it holds."""
        return min((one.start for one in self.parts), default=0)

    @property
    def until(self) -> int:
        """µs until which any of it holds, by what it says itself; 0: it ends others."""
        if self.kind == "Cancel":
            return 0
        return max((one.until for one in self.parts), default=0)

    @property
    def over(self) -> int:
        """µs since which nothing of it is to come, by what it says itself."""
        return max(self.until, self.sent)
