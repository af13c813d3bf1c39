"""A hazard of the ledger (隐患台账), one step at a time."""

from __future__ import annotations

from typing import Any

import msgspec


class HazardEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="hazard/1"):
    """``actor`` took a step on a hazard; ``data`` holds what it changed."""

    hazard: str
    sequence: int
    """1, 2, … within its hazard"""
    step: str
    """``enter``, ``measure``, ``assign``, ``grade``, ``check``, ``evidence``, ``rectify``,
    ``sign``, ``reject``, ``extend``, ``void``, ``reopen``; ``reckon``: another calendar, nobody's
    step"""
    at: int
    actor: str
    reason: str = ""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
