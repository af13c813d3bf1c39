"""Doors beside that of observations at the same port: other kinds of message, each at its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tianmu.facts.registry import SourceChanged
from tianmu.sense.http.answer import Answer
from tianmu.store.records import DiskFull

OBSERVATIONS = "/observations"


class Door(Protocol):
    """Another kind of message at this port, at a path of its own."""

    async def take(
        self, body: bytes, source: SourceChanged, peer: str
    ) -> tuple[int, dict[str, Any]]:
        """HTTP status and answer once it is on disk. Raises ``Answer``, ``DiskFull``."""
        ...

    async def replay(self, body: bytes, source: SourceChanged, peer: str) -> bool:
        """Take a message from the quarantine again."""
        ...

    def state(self) -> Mapping[str, Any]:
        """Counters and faults for the wall, beside those of the port: names begin with its own."""
        ...


@dataclass(frozen=True)
class Doors:
    """``only``: protocol of a source → path → who takes its messages there. A source of such a
    protocol is heard nowhere else."""

    only: Mapping[str, Mapping[str, Door]] = field(default_factory=dict)

    @property
    def paths(self) -> tuple[str, ...]:
        return (OBSERVATIONS, *sorted(path for own in self.only.values() for path in own))

    def state(self) -> dict[str, Any]:
        """What all doors tell of themselves."""
        doors = [one for own in self.only.values() for one in own.values()]
        return {name: told for one in doors for name, told in one.state().items()}

    def of(self, source: SourceChanged, path: str) -> Door | None:
        """Who takes what this source sends to ``path``; None: it is observations. Raises
        ``Answer`` where it may not send there."""
        own = self.only.get(source.protocol)
        if own is None and path == OBSERVATIONS:
            return None
        if own is None or path not in own:
            able = " or ".join(sorted(own)) if own else OBSERVATIONS
            raise Answer(
                403, "Not for this source",
                f"source {source.source} speaks {source.protocol}, which is not taken at {path}",
                f"POST {able}, or use the token of another source (/admin, sources)",
            )  # fmt: skip
        return own[path]


async def through(
    door: Door, body: bytes, source: SourceChanged, peer: str
) -> tuple[int, dict[str, Any]]:
    try:
        return await door.take(body, source, peer)
    except DiskFull as full:
        raise no_room(full) from full


def no_room(full: DiskFull) -> Answer:
    return Answer(
        507, "No room", f"not kept: {full}",
        "keep it and send it again later; the city says when there is room again",
    )  # fmt: skip
