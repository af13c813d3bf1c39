"""Split packets (PNUM, PNO): each is read and answered by itself, and they share their time.

HJ 212-2017 C.49 and C.50: each packet has a QN of its own and is acknowledged singly. A packet
without ``DataTime`` takes that of another packet of its message; it waits for it a while, and its
answer waits with it, since what is not on disk is not acknowledged.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from tianmu.sense.hj212.segment import Message

FAMILIES = 20_000
"""messages under way that are remembered"""

KEPT_S = 120.0
"""s for which packets belong to one message: three resends of ten seconds and then some"""

Key = tuple[str, str, int]


@dataclass
class _Family:
    began: float
    time: str = ""
    parts: set[int] = field(default_factory=set)
    told: asyncio.Event = field(default_factory=asyncio.Event)


class Parts:
    """The messages whose packets are coming in, by (MN, CN, PNUM)."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._families: OrderedDict[Key, _Family] = OrderedDict()

    async def time_of(self, message: Message, patience: float) -> str:
        """The ``DataTime`` (as sent) another packet gives this one, or empty: it has its own,
        is no split packet, or none came within ``patience`` seconds."""
        total, number = message.number("PNUM"), message.number("PNO")
        if total is None or number is None or total < 2:
            return ""
        family = self._family((message.field("MN"), message.field("CN"), total), number)
        own = message.value("DataTime")
        if own:
            family.time = own
            family.told.set()
        self._note(family, number, total)
        if own or family.time:
            return family.time
        try:
            async with asyncio.timeout(patience):
                await family.told.wait()
        except TimeoutError:
            self._counts["parts_without_time"] += 1
        return family.time

    def _family(self, key: Key, number: int) -> _Family:
        now = asyncio.get_running_loop().time()
        while self._families:
            oldest = next(iter(self._families))
            began = self._families[oldest].began
            if now - began < KEPT_S and len(self._families) < FAMILIES:
                break
            gone = self._families.pop(oldest)
            self._counts["messages_incomplete"] += len(gone.parts) < oldest[2]
        family = self._families.get(key)
        whole = family is not None and len(family.parts) == key[2]
        if family is None or (whole and (number == 1 or number not in family.parts)):
            # the next message, or all of the last one once more
            self._families.pop(key, None)
            family = self._families[key] = _Family(now)
        return family

    def _note(self, family: _Family, number: int, total: int) -> None:
        if number in family.parts:
            self._counts["parts_again"] += 1
            return
        family.parts.add(number)
        if len(family.parts) == total:
            self._counts["messages_whole"] += 1
