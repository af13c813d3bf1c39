"""The one door from connectors to the journal: what ``take`` has returned is on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.facts import clock as city_clock
from tianmu.facts.batch import ObservationBatch, side_of
from tianmu.facts.registry import SourceChanged
from tianmu.facts.topic import OBSERVATION, OBSERVATION_LIFE, Topic
from tianmu.sense import hold, placed
from tianmu.sense.admission import Admission
from tianmu.sense.contract import Candidate, Readings, Taken
from tianmu.sense.source import Sources
from tianmu.store.journal.contract import Appended
from tianmu.store.records import Records, Transaction
from tianmu.store.registry import UNKNOWN, Registry

ROW = 64
"""bytes under way that a reading counts for"""


def clock() -> int:
    """µs since the epoch, by the city's clock."""
    return city_clock.now()


class Intake:
    """Readings to observation batches on the right lane; what is unknown is held, not dropped."""

    def __init__(
        self,
        main: Records,
        life: Records,
        registry: Registry,
        sources: Sources,
        now: Callable[[], int] = clock,
        admission: Admission | None = None,
    ) -> None:
        main.create(hold.metadata)
        self.admission = admission or Admission()
        """who may put how much on its way; one for all doors"""
        self.main, self.life, self.registry, self.sources = main, life, registry, sources
        self.now = now
        self.counts: Counter[str] = Counter()
        self.last_at: dict[str, int] = {}
        """source → µs of its last message"""
        self._unplayable: set[str] = set()
        """registered addresses that say what their devices have no property for"""

    # -- the hot path --

    async def append(
        self, batch: ObservationBatch, source: SourceChanged, key: bytes | None
    ) -> Appended:
        """Put a batch of registered datastreams on disk; a repeated ``key`` takes effect once."""
        records, topic = self.lane(source)
        appended = await records.write_async(
            partial(_append, topic=topic.name, payload=batch.encode(), key=key)
        )
        self._count(source, len(batch), appended.duplicate)
        return appended

    async def append_each(
        self, batch: ObservationBatch, source: SourceChanged, keys: Sequence[bytes | None]
    ) -> list[Appended]:
        """``append`` for rows that came in messages of their own, ``keys[row]`` each: one entry
        holds those whose key is new, and what became of each row is told."""
        records, topic = self.lane(source)
        found = await records.write_async(
            partial(_append_each, topic=topic.name, batch=batch, keys=keys)
        )
        for one in found:
            self._count(source, 1, one.duplicate)
        return found

    def lane(self, source: SourceChanged) -> tuple[Records, Topic]:
        """The file and the topic that a source's observations go to."""
        return self.lane_of(source.life_safety)

    def lane_of(self, life: bool) -> tuple[Records, Topic]:
        return (self.life, OBSERVATION_LIFE) if life else (self.main, OBSERVATION)

    def heard(self, source: SourceChanged, rows: int) -> None:
        """Whoever has written ``rows`` observations of a source itself says so."""
        self.last_at[source.source] = self.now()
        self.counts["observations"] += rows
        self.counts[f"source:{source.source}"] += rows

    def _count(self, source: SourceChanged, rows: int, duplicate: bool) -> None:
        if duplicate:
            self.last_at[source.source] = self.now()
            self.counts["duplicates"] += 1
        else:
            self.heard(source, rows)

    # -- by wire address --

    async def take(
        self, readings: Readings, *, source: SourceChanged, key: bytes | None, peer: str
    ) -> Taken:
        """See ``contract.Intake.take``. Waits for room: who reads nothing more meanwhile lets the
        sender's window close."""
        async with self.admission.turn(source, ROW * len(readings.address)):
            return await self.place(readings, source=source, key=key, peer=peer)

    async def place(
        self, readings: Readings, *, source: SourceChanged, key: bytes | None, peer: str
    ) -> Taken:
        """``take`` for what has been let in already, and for what the city says of itself."""
        received = self.now()
        index = self.resolve(readings.address, readings.property)
        known = index != UNKNOWN
        held = 0
        if not known.all():
            held = await self._hold(readings, ~known, source, key, peer, received)
        duplicate = False
        if known.any():
            batch = placed.batch(readings, known, index, source.number, received)
            duplicate = (await self.append(batch, source, key)).duplicate
        return Taken(known=int(known.sum()), held=held, duplicate=duplicate)

    def resolve(self, addresses: Sequence[str], properties: Sequence[str]) -> NDArray[np.uint32]:
        """Dense datastream indices, shape (n,); ``UNKNOWN`` where nobody has registered one."""
        return self.registry.resolve(addresses, properties)

    def _device(self, address: str) -> int | None:
        """The device with this id, or with this wire address."""
        index = self.registry.find(address)
        return self.registry.find_address(address) if index is None else index

    def device_id(self, address: str) -> str:
        """Id of the registered device behind an address, or empty."""
        index = self._device(address)
        return "" if index is None else self.registry.device_id(index)

    async def _hold(
        self,
        readings: Readings,
        rows: NDArray[np.bool_],
        source: SourceChanged,
        key: bytes | None,
        peer: str,
        received: int,
    ) -> int:
        by_address: dict[str, list[int]] = {}
        for row in np.flatnonzero(rows).tolist():
            by_address.setdefault(readings.address[row], []).append(row)

        devices = {address: self.device_id(address) for address in by_address}
        self._unplayable.update(address for address, device in devices.items() if device)

        def write(tx: Transaction) -> int:
            count = 0
            for address, which in by_address.items():
                candidate = readings.candidates.get(address, Candidate())
                parked = _held(readings, which, source.number, received)
                device = devices[address]
                if not hold.hold(
                    tx, address, parked, life=source.life_safety, key=key, registered=bool(device)
                ):
                    continue
                hold.see_unknown(
                    tx, address, protocol=source.protocol, source=source.source, peer=peer,
                    at=received, data=_offer(candidate, parked, device),
                )  # fmt: skip
                count += len(which)
            return count

        held = await self.main.write_async(write)
        self.last_at[source.source] = received
        self.counts["held"] += held
        return held

    # -- what is not known or not readable --

    async def unknown(
        self, protocol: str, address: str, *, peer: str, payload: bytes, candidate: Candidate
    ) -> None:
        """Hold the input of a source nobody has registered, counted and offered."""
        at = self.now()
        data = {
            "kind": candidate.kind, "name": candidate.name, **candidate.data,
            "last_payload": payload[:512].hex(),
        }  # fmt: skip
        await self.main.write_async(
            lambda tx: hold.see_unknown(
                tx, address, protocol=protocol, source="", peer=peer, at=at, data=data
            )
        )
        self.counts["unknown"] += 1

    async def quarantine(
        self,
        protocol: str,
        payload: bytes,
        *,
        reason: str,
        peer: str,
        source: str = "",
        offset: int = 0,
        restricted: bool | None = False,
    ) -> None:
        """Keep input that could not be read, with its bytes and the reason; ``restricted`` as in
        ``put_in_quarantine``."""
        at = self.now()
        await self.main.write_async(
                lambda tx: hold.put_in_quarantine(
                    tx, protocol, payload, reason=reason, peer=peer, source=source,
                    offset=offset, at=at, restricted=restricted,
                )
        )  # fmt: skip
        self.counts["refused"] += 1

    # -- who speaks --

    def source(self, protocol: str, address: str) -> SourceChanged | None:
        """The active source that may speak with this wire address, or None: then it is unknown.

        A source names its addresses (``allow``), or a registered device with this address names
        its source.
        """
        found = self.sources.by_address(protocol, address)
        if found is not None:
            return found
        index = self.registry.find_address(f"{protocol}/{address}")
        if index is None:
            return None
        named = self.sources.named(self.registry.device(index).source)
        return named if named is not None and named.protocol == protocol else None

    def in_maintenance(self, address: str) -> bool:
        """Whether the device or source is in a maintenance window now."""
        at = self.now()
        if self.sources.in_maintenance(address, at):
            return True
        index = self._device(address)
        return index is not None and self.sources.in_maintenance(self.registry.device_id(index), at)

    # -- once somebody has registered it --

    async def release(self) -> int:
        """Play what was held for addresses that are registered now; returns rows played.

        Each held message goes to its lane under a key of its own and is then forgotten, so a
        crash between the two plays it once all the same.
        """
        played = 0
        for address in self.main.read(hold.waiting):
            if address in self._unplayable or self._device(address) is None:
                continue
            done: list[int] = []
            for row, life, parked in self.main.read(partial(hold.held_for, address=address)):
                index = self.resolve([address] * len(parked.property), parked.property)
                known = index != UNKNOWN
                if known.any():
                    rows = await self._play(row, life, _unpark(parked, index, known))
                    self._released(parked.source, rows)
                    played += rows
                if known.all():
                    done.append(row)
                    continue
                # the device has no such property: that stays, for somebody to see
                self._unplayable.add(address)
                if known.any():
                    rest = hold.pick(parked, np.flatnonzero(~known).tolist())
                    await self.main.write_async(partial(hold.keep_rest, row=row, readings=rest))
            await self.main.write_async(partial(hold.forget, address=address, rows=done))
        return played

    def _released(self, number: int, rows: int) -> None:
        """What a source said before its device was known counts as its own, too."""
        self.counts["observations"] += rows
        if source := self.sources.numbered(number):
            self.counts[f"source:{source}"] += rows

    async def _play(self, row: int, life: bool, batch: ObservationBatch) -> int:
        """Put what was held on its lane under a key of its own; how many observations."""
        records, topic = (self.life, OBSERVATION_LIFE) if life else (self.main, OBSERVATION)
        payload = batch.encode()
        # the number of a row is given again once the row has gone: what it held tells it apart
        key = b"held/%d/" % row + payload
        await records.write_async(partial(_append, topic=topic.name, payload=payload, key=key))
        return len(batch)


def _append(tx: Transaction, topic: str, payload: bytes, key: bytes | None) -> Appended:
    return tx.append(topic, payload, key)


def _append_each(
    tx: Transaction, topic: str, batch: ObservationBatch, keys: Sequence[bytes | None]
) -> list[Appended]:
    told: dict[bytes, int | None] = {}
    """key → position of the entry it was in before; None where it is in this one"""
    fresh: list[int] = []
    for row, key in enumerate(keys):
        if key is None:
            fresh.append(row)
        elif key not in told:
            told[key] = tx.seen(topic, key)
            if told[key] is None:
                fresh.append(row)
    position = 0
    if fresh:
        kept = batch if len(fresh) == len(batch) else batch.rows(fresh)
        position = tx.append(topic, kept.encode()).position
        tx.see(topic, (key for key, before in told.items() if before is None), position)
    new = set(fresh)
    return [
        Appended((told[key] if key is not None else None) or position, row not in new)
        for row, key in enumerate(keys)
    ]


def _held(readings: Readings, rows: list[int], source: int, received: int) -> hold.HeldReadings:
    values = [float(readings.value[row]) for row in rows]
    return hold.HeldReadings(
        property=[readings.property[row] for row in rows],
        time=[int(readings.time[row]) for row in rows],
        value=[None if np.isnan(value) else value for value in values],
        quality=None if readings.quality is None else [int(readings.quality[row]) for row in rows],
        side=side_of(readings.side, rows),
        source=source,
        received=received,
    )


def _unpark(
    parked: hold.HeldReadings, index: NDArray[np.uint32], known: NDArray[np.bool_]
) -> ObservationBatch:
    which = np.flatnonzero(known)
    value = np.array([np.nan if v is None else v for v in parked.value])
    return ObservationBatch(
        datastream=index[which],
        phenomenon_time=np.array(parked.time, dtype=np.int64)[which],
        value=value[which],
        received=parked.received,
        source=parked.source,
        quality=(
            None if parked.quality is None else np.array(parked.quality, dtype=np.uint8)[which]
        ),
        side=side_of(parked.side, which.tolist()),
    )


def _offer(candidate: Candidate, parked: hold.HeldReadings, device: str) -> dict[str, Any]:
    """What the unknown queue shows: what the device may be, and what it said last; ``registered``
    is the device that is there already and has none of these properties."""
    return {
        "kind": candidate.kind,
        "name": candidate.name,
        **candidate.data,
        **({"registered": device} if device else {}),
        "properties": sorted(set(parked.property)),
        "last": dict(zip(parked.property, parked.value, strict=True)),
    }
