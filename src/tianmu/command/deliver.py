"""Tells departments' own systems what becomes of their cases.

Reads topics ``case`` and ``warning`` from its own positions. The messages of a batch and how far
was read are one commit, so each event makes each message once, whatever is killed; a message is
sent until it is taken, at least once, by the same id. As long as no receiver is on, nothing is
read.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from sqlalchemy import Connection

from tianmu.access.keys import Keys
from tianmu.city.city import City
from tianmu.command import delivery, telling, warned, webhook
from tianmu.command.lane import Lane
from tianmu.command.message import Teller
from tianmu.command.table import READER, metadata
from tianmu.command.webhook import Webhook
from tianmu.facts.topic import CASE, WARNING
from tianmu.store.journal.contract import Entry, Journal
from tianmu.store.records import Records, Transaction

log = logging.getLogger("tianmu.command")
BATCH = 256
DAY = 86_400_000_000


class Deliverer:
    """The room's own loop, in the event loop of hub. ``city`` gives the pack in force."""

    def __init__(
        self,
        records: Records,
        journal: Callable[[], Journal],
        city: Callable[[], City],
        keys: Keys,
        clock: Callable[[], int],
    ) -> None:
        self.records, self.keys, self.clock = records, keys, clock
        self._city, self._open = city, journal
        self._teller: Teller | None = None
        self._lanes: dict[str, tuple[Lane, asyncio.Task[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._swept_at = 0

    def bring(self) -> None:
        """Make the tables."""
        self.records.create(metadata, room="command")

    @property
    def teller(self) -> Teller:
        """Says cases by the pack in force."""
        city = self._city()
        if self._teller is None or self._teller.city is not city:
            self._teller = Teller(city)
        return self._teller

    def changed(self) -> None:
        """Receivers, or what waits for them, were changed; from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._changed.set)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read and send as long as the context lasts."""
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._loop = None

    async def _run(self) -> None:
        journal = self._open()
        try:
            while True:
                try:
                    await self._turn(journal)
                except Exception:
                    log.exception("webhooks: topic case could not be read; tried again")
                    await asyncio.sleep(1)
        finally:
            for _, task in self._lanes.values():
                task.cancel()
            await asyncio.gather(
                *(task for _, task in self._lanes.values()), return_exceptions=True
            )
            self._lanes.clear()
            if (close := getattr(journal, "close", None)) is not None:
                close()

    async def _turn(self, journal: Journal) -> None:
        """Look who is on, read until somebody changes that."""
        self._changed.clear()
        on = await asyncio.to_thread(self.records.read, _on)
        self._staff(on)
        if not on:
            await self._changed.wait()
            return
        while not self._changed.is_set():
            if await asyncio.to_thread(self._read_all, journal):
                self._wake()
                continue
            await self._sleep(journal)

    async def _sleep(self, journal: Journal) -> None:
        positions = {topic: self._position(topic) for topic in (CASE.name, WARNING.name)}
        wait = getattr(journal, "wait_async", None)
        news = asyncio.ensure_future(
            wait(positions, 300.0)
            if wait is not None
            else asyncio.to_thread(journal.wait, positions, 5.0)
        )
        called = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((news, called), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (news, called):
                one.cancel()
            await asyncio.gather(news, called, return_exceptions=True)

    def _position(self, topic: str) -> int:
        return self.records.positions().get((READER, topic), 0)

    def _read_all(self, journal: Journal) -> bool:
        """Make the messages of the next batches; False where there is none. Warnings go first."""
        warnings = self._read_warnings(journal)
        return self._read(journal) or warnings

    def _read_warnings(self, journal: Journal) -> bool:
        topic = WARNING.name
        after = self._position(topic)
        entries = journal.read(topic, after, entries=BATCH)
        if not entries:
            return False
        now, on = self.clock(), self.records.read(_on)
        made = warned.make(on, entries, now)

        def write(tx: Transaction) -> None:
            c = tx.connection
            if tx.position(READER, topic) != after or webhook.listed(c, on=True) != on:
                return  # somebody was changed meanwhile: make them anew
            delivery.keep(c, made)
            tx.advance(READER, topic, entries[-1].position)

        self.records.transact(write)
        return True

    def _read(self, journal: Journal) -> bool:
        """Make the messages of the next batch of cases; False where there is none."""
        after = self._position(CASE.name)
        entries = journal.read(CASE.name, after, entries=BATCH)
        if not entries:
            return False
        last = entries[-1].position
        now, teller = self.clock(), self.teller
        on, found, before = self.records.read(lambda c: _known(c, entries, journal))
        made = telling.make(teller, on, found, before, now)

        def write(tx: Transaction) -> None:
            c = tx.connection
            if tx.position(READER, CASE.name) != after or webhook.listed(c, on=True) != on:
                return  # somebody was changed meanwhile: make them anew
            telling.keep(c, made, now)
            tx.advance(READER, CASE.name, last)
            if now - self._swept_at > DAY:
                self._swept_at = now
                delivery.expire(c, now)  # of receivers that are off, too
                delivery.forget(c, now - round(self._city().outbound.keep_days * DAY))

        self.records.transact(write)
        return True

    def _staff(self, on: list[Webhook]) -> None:
        """A lane for each receiver that is on, and for no other."""
        names = {one.webhook for one in on}
        for name in self._lanes.keys() - names:
            self._lanes.pop(name)[1].cancel()
        for name in names - self._lanes.keys():
            lane = Lane(name, self.records, self.keys, self.clock, lambda: self._city().outbound)
            self._lanes[name] = lane, asyncio.create_task(lane.run())
        self._wake()

    def _wake(self) -> None:
        for lane, _ in self._lanes.values():
            lane.woken.set()


def _known(
    connection: Connection, entries: Sequence[Entry], journal: Journal
) -> tuple[list[Webhook], telling.Read, set[tuple[str, int]]]:
    on = _on(connection)
    found = telling.read(connection, entries, journal)
    return on, found, telling.known(connection, on, found)


def _on(connection: Connection) -> list[Webhook]:
    return webhook.listed(connection, on=True)
