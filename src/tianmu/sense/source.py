"""Sources of facts as gate knows them: who may send, by which protocol."""

from __future__ import annotations

import hashlib

from tianmu.facts.registry import MaintenanceChanged, SourceChanged


def digest(token: str) -> str:
    """SHA-256 of a bearer token, hex: what is kept of it."""
    return hashlib.sha256(token.encode()).hexdigest()


class Sources:
    """The active sources, by name, number, token and wire address; changed by registry facts."""

    def __init__(self) -> None:
        self._by_name: dict[str, SourceChanged] = {}
        self._by_token: dict[str, SourceChanged] = {}
        self._by_address: dict[tuple[str, str], SourceChanged] = {}
        self._windows: dict[str, list[MaintenanceChanged]] = {}

    def apply(self, fact: SourceChanged | MaintenanceChanged) -> None:
        """Take in a change. An inactive source keeps its name and number, but may not speak."""
        if isinstance(fact, MaintenanceChanged):
            windows = self._windows.setdefault(fact.object, [])
            windows[:] = [w for w in windows if w.end > fact.at and w.start != fact.start]
            windows.append(fact)
            return
        old = self._by_name.get(fact.source)
        if old is not None:
            self._by_token.pop(old.token_digest, None)
            for address in old.allow:
                self._by_address.pop((old.protocol, address), None)
        self._by_name[fact.source] = fact
        if fact.active:
            if fact.token_digest:
                self._by_token[fact.token_digest] = fact
            for address in fact.allow:
                self._by_address[fact.protocol, address] = fact

    def all(self) -> list[SourceChanged]:
        return list(self._by_name.values())

    def named(self, name: str) -> SourceChanged | None:
        """The source of this name if it is active."""
        found = self._by_name.get(name)
        return found if found is not None and found.active else None

    def numbered(self, number: int) -> str:
        """Name of the source with this number, a closed one too; empty if there is none."""
        return next((one.source for one in self._by_name.values() if one.number == number), "")

    def by_token(self, token: str) -> SourceChanged | None:
        return self._by_token.get(digest(token))

    def by_address(self, protocol: str, address: str) -> SourceChanged | None:
        return self._by_address.get((protocol, address))

    def in_maintenance(self, name: str, at: int) -> bool:
        """Whether the device or source is in a maintenance window at ``at`` (µs)."""
        return any(w.start <= at < w.end for w in self._windows.get(name, ()))
