"""``POST /cap`` with the token of a source of protocol ``cap``: answered when what it says is on
disk. Feeds that a source names are asked by ``asking.py`` and come through the same door."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tianmu.facts.batch import ObservationBatch
from tianmu.facts.bulletin import Bulletin
from tianmu.facts.registry import SourceChanged
from tianmu.sense import hold
from tianmu.sense.cap import feed, held, keeping, scope, signature
from tianmu.sense.cap.codec import NotCap, read
from tianmu.sense.cap.meaning import ELSEWHERE, bulletin
from tianmu.sense.cap.settings import settings_of
from tianmu.sense.cap.xml import BadXml
from tianmu.sense.http.answer import AHEAD, Answer
from tianmu.sense.intake import Intake
from tianmu.store.records import DiskFull, Transaction
from tianmu.store.registry import UNKNOWN

if TYPE_CHECKING:
    from tianmu.city.city import City

log = logging.getLogger("tianmu.gate")

PROTOCOL = "cap"
PATH = "/cap"
SWEEP = 2.0
"""seconds between two looks at what begins or is over"""
LET_GO = 3600.0
"""seconds between two looks for what need not be kept"""
SIGNED = ("certificate", "authority", "signer")
"""settings of a source whose messages have to be signed"""
PAST = "it has been over for longer than the city keeps such messages"
KIND = "warnings_in_force"
"""device kind that an unregistered address is offered as"""


class Bulletins:
    """Messages of other bodies: verified, placed in the city, kept once, told while they hold."""

    def __init__(self, intake: Intake, city: City, cited: keeping.Cited | None = None) -> None:
        """``cited``: which must stay; where nobody can say it, all do."""
        intake.main.create(held.metadata, room="bulletin", migrations=held.MIGRATIONS)
        self._intake, self._city, self._cited = intake, city, cited
        self._parents = {one.code: one.parent for one in city.divisions.values()}
        self.counts: Counter[str] = Counter()
        self.faults: dict[str, str] = {}
        """source → why its feed, or what it links to, could not be read the last time"""
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        told = self._again(self.look, SWEEP, "which warnings hold could not be told")
        kept = self._again(self.let_go, LET_GO, "old messages of others could not be let go")
        self._tasks = [
            asyncio.create_task(told, name="bulletins"),
            asyncio.create_task(kept, name="bulletins-kept"),
        ]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def state(self) -> dict[str, Any]:
        counted = {f"{PROTOCOL}_{name}": count for name, count in self.counts.items()}
        at_fault = {f"{PROTOCOL}_feed {source}": why for source, why in self.faults.items()}
        return counted | at_fault

    # -- one message ---------------------------------------------------------------------------

    async def take(
        self, body: bytes, source: SourceChanged, peer: str
    ) -> tuple[int, dict[str, Any]]:
        """One alert, or a feed with alerts in it, to disk; HTTP status and what became of each.
        Raises ``Answer``."""
        try:
            listed = await asyncio.to_thread(feed.read, body, "")
        except BadXml as error:
            remedy = "send one alert of CAP 1.2, or a feed (Atom, RSS) with alerts in it"
            await self.unreadable(body, f"{error}: {remedy}", source, peer)
            raise Answer(400, "Cannot be read", str(error), remedy) from error
        said = [await self.put(one, source, peer) for one in listed.alerts]
        if not said:
            raise Answer(
                422, "No alert in it", "the feed has links alone, which are not followed here",
                "send the alerts, or set the feed's address as `feed` of the source",
            )  # fmt: skip
        if all(one["state"] == "refused" for one in said):
            raise Answer(
                422, "No alert was taken", said[0]["reason"], said[0]["remedy"], alerts=said
            )
        return 200, {"alerts": said}

    async def replay(self, body: bytes, source: SourceChanged, peer: str) -> bool:
        """Take a message from the quarantine again: all of it or nothing."""
        try:
            listed = await asyncio.to_thread(feed.read, body, "")
            for one in listed.alerts:
                await asyncio.to_thread(self._meaning, one, source)
        except (BadXml, NotCap):
            return False
        said = [await self.put(one, source, peer) for one in listed.alerts]
        return bool(said) and all(one["state"] != "refused" for one in said)

    async def put(self, document: bytes, source: SourceChanged, peer: str) -> dict[str, Any]:
        """What became of one alert: ``taken``, ``duplicate``, ``not_for_us`` or ``refused``."""
        try:
            told = await asyncio.to_thread(self._meaning, document, source)
        except NotCap as error:
            await self.unreadable(document, f"{error}: {error.remedy}", source, peer)
            self.counts["refused"] += 1
            return {"state": "refused", "reason": str(error), "remedy": error.remedy}
        if isinstance(told, Bulletin) and (why := self._idle(told)):
            here = partial(held.concerned_here, told=told)
            told = told if await asyncio.to_thread(self._intake.main.read, here) else why
        if isinstance(told, str):
            self.counts["not_for_us"] += 1
            self._intake.heard(source, 0)
            return {"state": "not_for_us", "reason": told}
        made = await self._intake.main.write_async(
            partial(self._write, told=told, source=source, peer=peer, of=self._streams())
        )
        self._intake.heard(source, 0)
        state = "duplicate" if made is None else "taken"
        self.counts[state] += 1
        said: dict[str, Any] = {"identifier": told.identifier, "state": state}
        if made is not None:
            divisions = sorted({code for part in made.parts for code in part.divisions})
            said |= {"bulletin": made.bulletin, "divisions": divisions}
        return said

    async def unreadable(self, body: bytes, reason: str, source: SourceChanged, peer: str) -> None:
        """Keep what could not be read, with the reason; apart unless it is for the public."""
        restricted = not await asyncio.to_thread(scope.public, body)
        await self._intake.quarantine(
            "http", body, reason=reason, peer=peer, source=source.source, restricted=restricted
        )

    def _meaning(self, document: bytes, source: SourceChanged) -> Bulletin | str:
        """Raises ``NotCap``."""
        now, (own, fault) = self._intake.now(), settings_of(source)
        if fault and any(source.settings.get(one) for one in SIGNED):  # the defaults ask for none
            raise NotCap(fault, f"mend the settings of source {source.source}")
        if own.certificate:
            document = signature.verified(document, own.certificate, now)
        elif own.authority:
            document = signature.vouched(document, own.authority, own.signer.strip(), now)
        alert = read(document)
        if source.allow and alert.sender not in source.allow:
            raise NotCap(
                f"alert/sender is {alert.sender[:80]!r}, for whom this source may not speak",
                f"allow it at source {source.source} (/admin, sources)",
            )
        if alert.sent > now + AHEAD:
            raise NotCap("alert/sent lies ahead of the city's clock", "set the sender's clock")
        for info in alert.infos:
            if info.expires and info.expires <= max(info.effective, 0):
                raise NotCap("an info expires before it takes effect", "mend effective or expires")
        return bulletin(self._city, source.source, alert, now, own.hours, own.addresses)

    # -- to disk -------------------------------------------------------------------------------

    def _write(
        self, tx: Transaction, told: Bulletin, source: SourceChanged, peer: str,
        of: dict[tuple[str, str], int],
    ) -> Bulletin | None:  # fmt: skip
        made = held.take(tx, told)
        if made is not None:
            if not of:
                self._offer(tx, source, peer)
            self._tell(tx, of, source.number)
        return made

    def _streams(self) -> dict[tuple[str, str], int]:
        """(division, event) → datastream, of what somebody has registered: devices with the address
        ``cap/<division>`` and a property for each event."""
        registry = self._intake.registry
        there = [c for c in self._parents if registry.find_address(address(c)) is not None]
        wanted = [(code, event) for code in there for event in self._city.warnings.events]
        if not wanted:
            return {}
        index = self._intake.resolve([address(c) for c, _ in wanted], [e for _, e in wanted])
        return {
            key: stream
            for key, stream in zip(wanted, index.tolist(), strict=True)
            if stream != UNKNOWN
        }

    def _offer(self, tx: Transaction, source: SourceChanged, peer: str) -> None:
        """Nobody has registered what warnings of others would be observations of."""
        root = self._city.root.code
        hold.see_unknown(
            tx, address(root), protocol=PROTOCOL, source=source.source, peer=peer,
            at=self._intake.now(), data={"kind": KIND, "name": "", "division": root},
        )  # fmt: skip

    def _tell(self, tx: Transaction, of: dict[tuple[str, str], int], number: int) -> int:
        """Which colour holds where, as observations where that is new; how many."""
        now = self._intake.now()
        rows = held.news(tx.connection, now, of, self._parents)
        if rows:
            batch = ObservationBatch(
                datastream=np.array([stream for stream, _ in rows], dtype=np.uint32),
                phenomenon_time=np.full(len(rows), now, dtype=np.int64),
                value=np.array([level for _, level in rows], dtype=np.float64),
                received=now,
                source=number,
            )
            tx.append(self._intake.lane_of(False)[1].name, batch.encode())
            held.tell(tx.connection, rows, now)
        return len(rows)

    # -- what begins, what is over -------------------------------------------------------------

    async def _again(
        self, work: Callable[[], Coroutine[Any, Any, int]], every: float, failed: str
    ) -> None:
        while True:
            try:
                await work()
            except DiskFull as full:
                log.warning("%s: %s", failed, full)
            except Exception:
                log.exception("%s: trying again", failed)
            await asyncio.sleep(every)

    def _idle(self, told: Bulletin) -> str:
        """Why a message is not for this city unless it ends one that is here; or empty."""
        if told.kind == "Update" and not told.parts:
            return ELSEWHERE
        return PAST if told.over < self._horizon() else ""

    def _horizon(self) -> int:
        """µs: what is over since before then need not be kept; 0: all is."""
        days = self._city.retention.bulletin_days
        return self._intake.now() - round(days * keeping.DAY) if days else 0

    async def let_go(self) -> int:
        """Let go what has long been over and nobody cites; how many."""
        if not self._horizon() or self._cited is None:
            return 0
        cited, gone, devices = set[str](), 0, self._devices()
        async for found in self._over():
            named = await asyncio.to_thread(self._cited, [one.bulletin for one in found], devices)
            # what ended one that stays says how it ended
            cited |= {by for one in found if one.name in named for by in (one.name, *one.ended_by)}
        async for found in self._over():
            names = [one.serial for one in found if one.name not in cited]
            if names:
                gone += await self._intake.main.write_async(partial(keeping.let_go, serials=names))
        if gone:
            self.counts["let_go"] += gone
            log.info("%d message(s) of other bodies that were over were let go", gone)
        return gone

    async def _over(self) -> AsyncIterator[list[keeping.Over]]:
        """What has long been over, some at a time."""
        after, horizon = (0, 0), self._horizon()
        while True:
            look = partial(keeping.over, horizon=horizon, after=after)
            found = await asyncio.to_thread(self._intake.main.read, look)
            if not found:
                return
            after = found[-1].over, found[-1].serial
            yield found

    def _devices(self) -> list[str]:
        """Devices that say which warnings of others hold."""
        registry = self._intake.registry
        found = [registry.find_address(address(code)) for code in self._parents]
        return [registry.device_id(one) for one in found if one is not None]

    async def look(self) -> int:
        """Tell what has begun or ended by itself, or whose device is new; how many observations."""
        mine = [one for one in self._intake.sources.all() if one.protocol == PROTOCOL]
        of = self._streams() if mine else {}
        if not of:
            return 0
        now = self._intake.now()
        news = partial(held.news, now=now, of=of, parents=self._parents)
        if not await asyncio.to_thread(self._intake.main.read, news):
            return 0
        number = mine[0].number
        return await self._intake.main.write_async(lambda tx: self._tell(tx, of, number))


def address(division: str) -> str:
    """Of the device that says which warnings of others hold in a division."""
    return f"{PROTOCOL}/{division}"
