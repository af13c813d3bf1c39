"""Gate: the process that lets facts in. It runs the connectors and keeps house for them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import sqlalchemy as sa

from tianmu.facts.deed import Deed
from tianmu.facts.encoding import Fact, decode
from tianmu.facts.registry import MaintenanceChanged, SourceChanged
from tianmu.facts.topic import DEED, REGISTRY
from tianmu.sense import hold, state
from tianmu.sense.admission import Slowed
from tianmu.sense.behind import Behind
from tianmu.sense.contract import Connector, Readings
from tianmu.sense.errand import Errands
from tianmu.sense.intake import Intake
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.purge import Horizon, let_go
from tianmu.store.records import DiskFull, Transaction

log = logging.getLogger("tianmu.gate")

READER = "gate"
HOUSEKEEPING = 5.0
"""seconds between two looks at the platform itself"""
LOOK = 1.0
"""seconds between two looks at how far the readers are behind"""
PURGE_S = 60.0
"""seconds between two looks for entries that everybody has read and nobody must keep"""
NONE = (0, 0, 0)
REPLAYED, DISCARDED = "replayed", "discarded"


@dataclass(frozen=True)
class Plug:
    """A connector and where it listens."""

    connector: Connector
    host: str
    port: int


PlatformReadings = Callable[[], Sequence[tuple[str, str, float]]]
"""(device, property, value) of the platform as a device of its own city, now"""


class Gate:
    """``start`` replays the registry, then opens the doors; ``stop`` closes them."""

    def __init__(
        self,
        intake: Intake,
        journal: SqliteJournal,
        plugs: Mapping[str, Plug],
        *,
        platform: PlatformReadings,
        platform_source: str,
        on_sources: Callable[[Sequence[SourceChanged]], None] = lambda sources: None,
        horizon: Horizon = Horizon(),  # noqa: B008 - frozen
    ) -> None:
        intake.main.create(state.metadata)
        intake.main.transact(state.end_spells)
        self._intake, self._journal, self._plugs = intake, journal, plugs
        self._platform, self._platform_source = platform, platform_source
        self._on_sources = on_sources
        self._horizon = horizon
        self._errands = Errands(intake, (plug.connector for plug in plugs.values()))
        self._counted: dict[str, tuple[int, int, int]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.ports: dict[str, int] = {}

    async def start(self) -> None:
        self.catch_up()
        await self._intake.release()
        for name, plug in self._plugs.items():
            self.ports[name] = await plug.connector.start(plug.host, plug.port)
        self._errands.resume()
        self._on_sources(self._intake.sources.all())
        self._tasks = [
            asyncio.create_task(self._follow(), name="gate-follow"),
            asyncio.create_task(self._keep_house(), name="gate-house"),
            asyncio.create_task(self._look_behind(), name="gate-behind"),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._errands.stop()
        for plug in self._plugs.values():
            await plug.connector.stop()

    def catch_up(self) -> bool:
        """Take in registry facts that are new; True if there were any."""

        def also(fact: Fact) -> None:
            if isinstance(fact, SourceChanged | MaintenanceChanged):
                self._intake.sources.apply(fact)

        return self._intake.registry.refresh(self._journal, also) > 0

    async def _follow(self) -> None:
        """Registry changes and deeds, as they come."""
        deeds_at = self._intake.main.transact(lambda tx: tx.position(READER, DEED.name))
        while True:
            await self._journal.wait_async(
                {REGISTRY.name: self._intake.registry.position, DEED.name: deeds_at}, timeout=60
            )
            try:
                if self.catch_up():
                    self._on_sources(self._intake.sources.all())
                    await self._intake.release()
                deeds_at = await self._do_deeds(deeds_at)
            except DiskFull as full:
                log.warning("waiting for room: %s", full)
                await asyncio.sleep(1)
            except Exception:
                log.exception("registry and deeds could not be followed: trying again")
                await asyncio.sleep(1)

    async def _do_deeds(self, after: int) -> int:
        for entry in self._journal.read(DEED.name, after):
            deed = decode(entry.payload)
            if isinstance(deed, Deed) and deed.verb.startswith("quarantine."):
                await self._do_quarantine(deed)
            elif isinstance(deed, Deed) and deed.verb == "unknown.discard":
                await self._intake.main.write_async(partial(hold.discard, address=deed.object))
            elif isinstance(deed, Deed) and deed.verb in self._errands.verbs:
                await self._errands.take(deed)
            after = entry.position
            await self._intake.main.write_async(partial(_advance, position=after))
        return after

    async def _do_quarantine(self, deed: Deed) -> None:
        """Play an input again, or put it away for good."""
        table = hold.quarantine
        row = self._intake.main.read(
            lambda connection: connection.execute(
                sa.select(table).where(table.c.quarantine == deed.object)
            ).first()
        )
        if row is None or row.state != "kept":
            return
        now = DISCARDED
        if deed.verb == "quarantine.replay":
            plug = self._plugs.get(row.protocol)
            if plug is None:
                log.warning("no connector takes %s again", row.protocol)
                return
            try:
                read = await plug.connector.replay(row.payload, source=row.source, peer=row.peer)
            except OSError:
                raise  # no room: once more, when there is
            except Exception:
                log.exception("quarantined input %s could not be played", deed.object)
                return
            if not read:
                return
            now = REPLAYED
        await self._intake.main.write_async(
            lambda tx: tx.connection.execute(
                sa.update(table).where(table.c.quarantine == deed.object).values(state=now)
            )
        )

    async def _keep_house(self) -> None:
        purged_at = time.monotonic()
        while True:
            try:
                await self._report_platform()
                await self._write_states()
                if time.monotonic() - purged_at >= PURGE_S:
                    purged_at = time.monotonic()
                    main = self._intake.main
                    await asyncio.to_thread(let_go, main, main.path.parent, self._horizon)
            except DiskFull as full:
                log.warning("no room to keep house: %s", full)
            except Exception:
                log.exception("the house could not be kept: trying again")
            await asyncio.sleep(HOUSEKEEPING)

    async def _look_behind(self) -> None:
        """Tell admission how far the readers are behind."""
        behind = Behind(self._intake.main.path.parent, self._intake.now)
        try:
            while True:
                try:
                    self._intake.admission.look(await asyncio.to_thread(behind.look))
                except Exception:
                    log.exception("how far readers are behind is not known: looking again")
                await asyncio.sleep(LOOK)
        finally:
            behind.close()

    async def _report_platform(self) -> None:
        source = self._intake.sources.named(self._platform_source)
        rows = self._platform() if source is not None else ()
        if source is None or not rows:
            return
        now = self._intake.now()
        readings = Readings(
            address=[device for device, _, _ in rows],
            property=[name for _, name, _ in rows],
            time=np.full(len(rows), now, dtype=np.int64),
            value=np.array([value for _, _, value in rows]),
        )
        await self._intake.place(readings, source=source, key=None, peer="platform")

    def _source_states(self) -> dict[str, state.SourceState]:
        """What there is of each source since the last time."""
        intake, found = self._intake, {}
        slowed = intake.admission.slowed
        for source in intake.last_at.keys() | slowed.keys():
            met = slowed.get(source, Slowed())
            total = intake.counts[f"source:{source}"], met.refused, met.delayed
            rows, refused, delayed = np.subtract(total, self._counted.get(source, NONE)).tolist()
            found[source] = state.SourceState(
                intake.last_at.get(source, 0), rows, refused, delayed, met.since
            )
            self._counted[source] = total
        return found

    async def _write_states(self) -> None:
        rows = self._source_states()
        at = self._intake.now()
        states = [
            (name, plug.connector.name, self.ports[name], plug.connector.state())
            for name, plug in self._plugs.items()
        ]

        def write(tx: Transaction) -> int:
            state.write_sources(tx, rows)
            for name, text, port, how in states:
                state.write_connector(tx, name, text, port, at, how)
            hold.trim_quarantine(tx)
            return hold.trim_unknown(tx)

        gone = await self._intake.main.write_async(write)
        if gone:
            self._intake.counts["unknown_let_go"] += gone
            log.warning("%d unregistered addresses were too many and let go", gone)


def _advance(tx: Transaction, position: int) -> None:
    tx.advance(READER, DEED.name, position)
