"""What a scenario judged in works: a condition holds, is worse than told, or holds no more."""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.facts.place import Place
from tianmu.facts.text import Text


class Verdict(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="verdict/1"
):
    """Of a rule of type ``judged`` on ``datastream`` (dense index); it is told in the topic of
    findings, each beginning, worsening and end once."""

    rule: str
    datastream: int
    holds: bool
    observed_at: int
    """µs: phenomenon time up to which was judged"""
    known: bool = False
    """it was told before and is no worse: of an alarm that stands it says nothing new, where a
    change of the rules ended it it begins again"""
    value: float | None = None
    limit: float | None = None
    text: Text = msgspec.field(default_factory=dict)
    """empty: as the rule has it"""
    place: Place | None = None
    """of what was found, with how sure it is; none: that of the device"""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
