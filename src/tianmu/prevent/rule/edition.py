"""Editions of the rule set: which is in force, which were before, and how a new one is published.

A published set travels as ``RulesPublished`` in topic ``registry``; rolling back is publishing an
earlier one again. Until the first, the pack's rules are in force (version 0).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tianmu.facts.registry import RulesPublished
from tianmu.prevent.rule.reading import dump, load, read
from tianmu.prevent.rule.rule import AnyRule
from tianmu.prevent.rule.vocabulary import Fault, Vocabulary

if TYPE_CHECKING:
    from tianmu.city.city import City


def judge(city: City) -> list[tuple[str, str, str]]:
    """What is wrong with a pack's rules, for ``city.pack.check``: (rule, what, remedy)."""
    _, faults = read(city.rules, vocabulary(city))
    return [(fault.rule, f"{fault.field} {fault.what}", fault.remedy) for fault in faults]


def vocabulary(city: City) -> Vocabulary:
    """The words of ``city`` that rules may use."""
    return Vocabulary(
        properties={code: frozenset(kind.properties) for code, kind in city.kinds.items()},
        heartbeats=heartbeats(city),
        matters=frozenset(city.matters),
        severities=frozenset(level.name for level in city.profile.levels),
        divisions=frozenset(city.divisions),
    )


def heartbeats(city: City) -> dict[str, float]:
    """Kind → seconds of silence that are too long."""
    return {
        code: kind.heartbeat_s for code, kind in city.kinds.items() if kind.heartbeat_s is not None
    }


def parents(city: City) -> dict[str, str]:
    """Division → the one above it."""
    return {code: division.parent or "" for code, division in city.divisions.items()}


class Editions:
    """All that were published, in order; fold the facts of topic ``registry`` into it."""

    def __init__(self, city_rules: Iterable[Mapping[str, Any]]) -> None:
        first = RulesPublished(
            version=0, rules=tuple(dict(r) for r in city_rules), at=0, actor="pack"
        )
        self.all: list[RulesPublished] = [first]

    @property
    def current(self) -> RulesPublished:
        return self.all[-1]

    def apply(self, fact: object) -> bool:
        """Take in a fact; whether it was a new edition."""
        if not isinstance(fact, RulesPublished):
            return False
        self.all.append(fact)
        return True

    def in_force(self, words: Vocabulary) -> tuple[list[AnyRule], Fault | None]:
        """The rules of the newest edition that has no fault (of the pack's own, those that can be
        read), and the first fault of the newest one if it has any."""
        fault: Fault | None = None
        for edition in reversed(self.all):
            rules, faults = read(edition.rules, words)
            if not faults:
                return rules, fault
            if edition is self.current:
                fault = faults[0]
        broken = {one.rule for one in faults}
        return [rule for rule in rules if rule.code not in broken], fault

    def find(self, version: int) -> RulesPublished:
        """The edition of this version. Raises ``KeyError`` where there is none."""
        for edition in reversed(self.all):
            if edition.version == version:
                return edition
        raise KeyError(f"there is no edition {version}: the newest is {self.current.version}")

    def publication(
        self,
        rules: Sequence[Mapping[str, Any]],
        city: City,
        *,
        actor: str,
        at: int,
        reason: str = "",
    ) -> RulesPublished:
        """The fact that puts ``rules`` in force. Raises ``RuleError`` with every fault."""
        checked = load(rules, vocabulary(city))
        return RulesPublished(
            version=max(edition.version for edition in self.all) + 1,
            rules=tuple(dump(checked)),
            at=at,
            actor=actor,
            reason=reason,
        )

    def rollback(
        self, version: int, city: City, *, actor: str, at: int, reason: str = ""
    ) -> RulesPublished:
        """The fact that puts an earlier edition in force again, as a new version."""
        return self.publication(self.find(version).rules, city, actor=actor, at=at, reason=reason)
