"""The one writer of topic ``registry``: what the city knows of itself changes here only.

A registration gives the next dense indices, so writers take turns: the fact is made, committed
and applied to hub's own registry before the next one is thought of. Other processes follow by the
journal.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from tianmu.facts.encoding import Fact, encode
from tianmu.facts.registry import PackLoaded, RulesPublished
from tianmu.facts.topic import REGISTRY
from tianmu.store.records import Records, Transaction
from tianmu.store.registry import Registry

F = TypeVar("F", bound=Fact)


class Registrar:
    """Writes facts of topic ``registry`` through hub's ``records`` and applies them."""

    def __init__(self, records: Records, registry: Registry) -> None:
        self._records, self.registry = records, registry
        self._turn = threading.RLock()
        self.rules: RulesPublished | None = None
        """the rule set in force"""
        self.pack: PackLoaded | None = None
        """the pack in force"""

    def write(self, make: Callable[[Transaction], F]) -> F:
        """Commit the fact that ``make`` returns (with whatever else it writes in that
        transaction) and apply it. What ``make`` raises is raised here, and nothing is written."""
        with self._turn:

            def commit(tx: Transaction) -> tuple[F, int]:
                fact = make(tx)
                return fact, tx.append(REGISTRY.name, encode(fact)).position

            fact, position = self._records.transact(commit)
            self.registry.apply(fact)
            self.registry.position = max(self.registry.position, position)
            self.heard(fact)
        return fact

    @contextlib.contextmanager
    def bulk(self) -> Iterator[tuple[int, int]]:
        """Hold the turn while a segment is built for the next indices, which are given."""
        with self._turn:
            yield self.registry.count_devices, self.registry.count_datastreams

    def heard(self, fact: Fact) -> None:
        """Take note of a fact read at start-up (``registry.refresh(journal, registrar.heard)``)."""
        if isinstance(fact, RulesPublished):
            self.rules = fact
        elif isinstance(fact, PackLoaded):
            self.pack = fact
