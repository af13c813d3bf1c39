"""Who listens to the live push: what they may and want to hear, and what waits for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from tianmu.access.scope import Scope, covers
from tianmu.web.push.render import News

PENDING = 16 << 20
"""bytes that may wait for one subscriber"""


@dataclass(frozen=True)
class Sort:
    """Subscribers of one sort hear the same: each frame is joined once for all of them."""

    scope: Scope
    permissions: frozenset[str]
    kinds: frozenset[str] = frozenset()
    """what it wants to hear of; empty: of all"""

    def wants(self, kinds: Iterable[str]) -> bool:
        """Whether it wants to hear of any of ``kinds``."""
        return not self.kinds or any(kind in self.kinds for kind in kinds)

    def hears(self, news: News) -> bool:
        return (
            {news.permission, news.besides or news.permission} <= self.permissions
            and (not self.kinds or news.kind in self.kinds)
            and (
                news.extent is None
                or any(covers(self.scope, place) for place in (news.extent, *news.also))
            )
            and (news.unless is None or not covers(self.scope, news.unless))
        )


@dataclass(eq=False)
class Subscriber:
    sort: Sort
    account: str = ""
    waiting: deque[bytes] = field(default_factory=deque)
    size: int = 0
    cut: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def give(self, chunk: bytes) -> None:
        if self.cut:
            return
        self.size += len(chunk)
        if self.size > PENDING:
            self.cut = True
            self.waiting.clear()
        else:
            self.waiting.append(chunk)
        self.woken.set()
