"""A case is its appended events; its state is what they add up to (GB/T 30428, CJJ/T 106)."""

from __future__ import annotations

from typing import Any

import msgspec


class CaseEvent(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="case/1"
):
    """One step of one case. ``sequence`` counts from 1 within the case, without gaps."""

    case: str
    sequence: int
    step: str
    """``open``, ``join``, ``leave``, ``grade``, ``assign``, ``order``, ``accept``, ``handle``,
    ``check``, ``close``, ``return``, ``void``, ``escalate``, ``note``, …"""
    stage: str
    """stage after the step: ``collect``, ``verify``, ``file``, ``dispatch``, ``handle``,
    ``feed_back``, ``check``, ``close``, ``evaluate``"""
    at: int
    actor: str
    """account name, or ``@system``, which no account can be named"""
    reason: str = ""
    probe: str = ""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    """what the step changed: level, owner, order, deadline, merge score and reasons…"""
