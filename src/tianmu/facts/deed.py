"""What a person did to a fact: itself a fact, read by whoever it concerns."""

from __future__ import annotations

from typing import Any

import msgspec


class Deed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="deed/1"):
    """``actor`` did ``verb`` to ``object`` ``at`` a time, for a ``reason``.

    Verbs are ``noun.verb``: ``alarm.acknowledge``, ``alarm.shelve``, ``quarantine.replay``,
    ``unknown.register``, ``rule.publish``, ``case.merge``, …
    """

    deed: str
    verb: str
    object: str
    actor: str
    at: int
    reason: str = ""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
