"""Walks of people in the field show where somebody was: they go after the pack's ``patrol_days``,
also where nobody tells of a new one any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from tianmu.manage.units import patrol
from tianmu.web.hub import Hub

log = logging.getLogger("tianmu.hub")

EVERY_S = 3600.0
"""seconds between two looks"""


async def tidy(hub: Hub, stop: asyncio.Event) -> None:
    """In hub, which keeps them: until ``stop``."""
    while not stop.is_set():
        try:
            await asyncio.to_thread(let_go, hub)
        except Exception:
            log.exception("walks that are old: trying again in %.0f s", EVERY_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_S)


def let_go(hub: Hub) -> int:
    """Remove walks that came ``patrol_days`` ago or before; how many."""
    days = hub.city.retention.patrol_days
    return hub.records.transact(
        lambda tx: patrol.let_go(tx.connection, hub.clock(), days), urgent=True
    )
