"""Taking turns at what is dear: so many at a time, and whoever waits holds no thread.

Routes that are plain functions share some forty threads; forty that wait for one another in them
would hold up the whole city.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tianmu.web.answer.problem import Problem
from tianmu.web.hub import Hub

PATIENCE = 10.0
"""seconds for which one waits for those before"""


@contextlib.asynccontextmanager
async def turn(hub: Hub, at: str, at_once: int, what: str) -> AsyncIterator[None]:
    """A turn ``at`` something that so many do at a time; ``Problem`` 503 says ``what`` others do
    where none came in time."""
    gate: asyncio.Semaphore = hub.memory.setdefault(f"turn {at}", asyncio.Semaphore(at_once))
    try:
        await asyncio.wait_for(gate.acquire(), PATIENCE)
    except TimeoutError as error:
        raise Problem(
            503, "busy", what, "try again when Retry-After says", headers={"Retry-After": "5"}
        ) from error
    try:
        yield
    finally:
        gate.release()
