"""What can be wrong with a rule set, and the words of the city that it is checked against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with a rule set."""

    rule: str
    field: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"rule {self.rule}: {self.field}: {self.what}: {self.remedy}"


class RuleError(ValueError):
    """A rule set that cannot be used, with everything that is wrong in ``faults``."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """What the city knows, for rules to be checked against; ``None``: not checked."""

    properties: Mapping[str, frozenset[str]] | None = None
    """device kind → its properties"""
    heartbeats: Mapping[str, float] = {}
    """device kind → heart-beat in seconds, where it has one"""
    matters: frozenset[str] | None = None
    severities: frozenset[str] | None = None
    divisions: frozenset[str] | None = None
