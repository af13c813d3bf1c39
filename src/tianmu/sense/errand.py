"""Deeds that a connector does at a device: kept until they are done, so that none is lost.

Which verbs there are is for the connectors to say (``contract.DoesDeeds``); what comes of a deed
is told by the connector as readings of the device, like anything else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from functools import partial

import sqlalchemy as sa

from tianmu.facts.deed import Deed
from tianmu.facts.encoding import decode, encode
from tianmu.sense.contract import Connector, DoesDeeds, Work
from tianmu.sense.intake import Intake
from tianmu.store.records import DiskFull, Transaction

log = logging.getLogger("tianmu.gate")

metadata = sa.MetaData()

errand = sa.Table(
    "errand",
    metadata,
    sa.Column("deed", sa.Text, primary_key=True),
    sa.Column("payload", sa.LargeBinary, nullable=False),
)

RETURN_S = 40.0
"""seconds that devices get after a start to find their way back, before errands that were left
are done again; a default, to be set by the city"""


class Errands:
    """Does deeds at devices, each in a task of its own."""

    def __init__(
        self, intake: Intake, connectors: Iterable[Connector], *, return_s: float = RETURN_S
    ) -> None:
        intake.main.create(metadata)
        self._intake, self._return_s = intake, return_s
        self._works: dict[tuple[str, str], Work] = {}
        for connector in connectors:
            if isinstance(connector, DoesDeeds):
                for verb, work in connector.deeds().items():
                    self._works[connector.protocol, verb] = work
        self.verbs = frozenset(verb for _, verb in self._works)
        self._tasks: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Take up again what an earlier run of the process has left."""
        for payload in self._intake.main.read(_left):
            fact = decode(payload)
            if isinstance(fact, Deed):
                self._start(fact, self._return_s)

    async def take(self, deed: Deed) -> None:
        """Keep the deed and begin with it. When this returns, a restart does not lose it."""
        if deed.deed not in {task.get_name() for task in self._tasks}:
            await self._intake.main.write_async(partial(_keep, deed=deed))
            self._start(deed, 0.0)

    async def stop(self) -> None:
        """End what is under way; it is taken up again at the next start."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, deed: Deed, wait: float) -> None:
        task = asyncio.create_task(self._do(deed, wait), name=deed.deed)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, deed: Deed, wait: float) -> None:
        await asyncio.sleep(wait)
        registry = self._intake.registry
        index = registry.find(deed.object)
        address = "" if index is None else registry.device(index).labels.get("address", "")
        work = self._works.get((address.partition("/")[0], deed.verb))
        if work is None:
            log.warning("%s: no connector does that at %s", deed.verb, deed.object)
        else:
            try:
                await work(address, deed)
            except Exception:
                log.exception("%s at %s has failed", deed.verb, deed.object)
        while True:
            try:
                await self._intake.main.write_async(partial(_done, deed=deed.deed))
                return
            except DiskFull:
                await asyncio.sleep(1)


def _keep(tx: Transaction, deed: Deed) -> None:
    known = sa.select(errand.c.deed).where(errand.c.deed == deed.deed)
    if tx.connection.execute(known).first() is None:
        tx.connection.execute(sa.insert(errand).values(deed=deed.deed, payload=encode(deed)))


def _done(tx: Transaction, deed: str) -> None:
    tx.connection.execute(sa.delete(errand).where(errand.c.deed == deed))


def _left(connection: sa.Connection) -> list[bytes]:
    return list(connection.execute(sa.select(errand.c.payload)).scalars())
