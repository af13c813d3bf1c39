"""``POST /events`` with the token of a recogniser: answered when what it says is on disk."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from tianmu.facts.batch import GOOD, MAINTENANCE
from tianmu.facts.registry import SourceChanged
from tianmu.sense import hold
from tianmu.sense.contract import Candidate, Readings
from tianmu.sense.http.answer import AHEAD, Answer
from tianmu.sense.http.columns import Refused
from tianmu.sense.intake import Intake
from tianmu.sense.recognition import standing
from tianmu.sense.recognition.codec import LARGEST, Event, Message, Picture, decode, look
from tianmu.sense.recognition.dwell import Thing
from tianmu.sense.recognition.keeping import Keeper
from tianmu.sense.recognition.kind import SIGHTING, Catalogue, Sighted
from tianmu.sense.recognition.writing import Ready, sequence_of, shown, side_of, write
from tianmu.store.records import DiskFull, Records
from tianmu.store.registry import UNKNOWN

log = logging.getLogger("tianmu.gate")

PROTOCOL = "recognition"
PATH = "/events"
SWEEP = 2.0
"""seconds between two looks for what has gone"""

TIDY = 3600.0
"""seconds between two looks for pictures that nobody needs"""

DAY = 86_400_000_000
"""µs"""


class Recognitions:
    """What recognisers tell. ``catalogue`` may be changed while it runs; messages with refused
    events are let go after ``refused_days``, for their pictures too may show people."""

    def __init__(
        self, intake: Intake, keeper: Keeper, catalogue: Catalogue, refused_days: float = 2.0
    ) -> None:
        for records in (intake.main, intake.life):
            records.create(standing.metadata)
        self._intake, self._keeper = intake, keeper
        self.catalogue = catalogue
        self._refused_kept = round(refused_days * DAY)
        self.counts: Counter[str] = Counter()
        # pictures are decoded one after the other, whoever sends them: that bounds memory
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="picture")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._let_go(), name="recognition-gone")

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def state(self) -> dict[str, Any]:
        return {f"{PROTOCOL}_{name}": count for name, count in self.counts.items()}

    # -- one message ---------------------------------------------------------------------------

    async def take(
        self, body: bytes, source: SourceChanged, peer: str
    ) -> tuple[int, dict[str, Any]]:
        """A message to disk; HTTP status and the answer with what became of each event. Raises
        ``Answer``."""
        if len(body) > LARGEST:
            raise Answer(413, "Too large", f"more than {LARGEST} bytes", "send fewer events")
        try:
            message = await asyncio.to_thread(decode, body)
        except Refused as refused:
            await self._quarantine(body, f"{refused.detail}: {refused.remedy}", source, peer)
            raise Answer(400, "Cannot be read", refused.detail, refused.remedy) from refused
        said = await self._put(message, source, peer)
        refused_rows = [one for one in said if one["state"] == "refused"]
        if refused_rows:
            await self._quarantine(body, refused_rows[0]["reason"], source, peer)
        self.counts["messages"] += 1
        self.counts["events"] += len(said) - len(refused_rows)
        if len(refused_rows) == len(said):
            raise Answer(
                422, "No event was taken", f"all {len(said)} events were refused",
                "mend what each event's reason says", events=said,
            )  # fmt: skip
        return 200, {"events": said}

    async def replay(self, body: bytes, source: SourceChanged, peer: str) -> bool:
        """Take a message from the quarantine again: all of it or nothing."""
        try:
            message = await asyncio.to_thread(decode, body)
        except Refused:
            return False
        if message.refused:
            return False
        said = await self._put(message, source, peer)
        return all(one["state"] != "refused" for one in said)

    async def _quarantine(self, body: bytes, reason: str, source: SourceChanged, peer: str) -> None:
        await self._intake.quarantine("http", body, reason=reason, peer=peer, source=source.source)

    async def _put(
        self, message: Message, source: SourceChanged, peer: str
    ) -> list[dict[str, Any]]:
        """What became of each event, in the order of the message."""
        said: dict[int, dict[str, Any]] = {
            row: {"event": message.names.get(row, ""), "state": "refused", "reason": why}
            for row, why in message.refused.items()
        }
        for event in message.events:
            if why := self._refuses(event, source):
                said[event.row] = {"event": event.event, "state": "refused", "reason": why}
        pictures = await self._pictures(message.events, said)
        ready: list[Ready] = []
        for event in message.events:
            if event.row in said:
                continue
            found = self._ready(event, source, pictures)
            if isinstance(found, str):
                said[event.row] = {"event": event.event, "state": "refused", "reason": found}
            elif found is None:
                said[event.row] = await self._hold(event, source, peer, pictures)
            else:
                ready.append(found)
        if ready:
            records, topic = self._intake.lane(source)
            received = self._intake.now()
            job = partial(
                write, ready=ready, source=source.number, topic=topic.name, received=received,
                adds=self._adds, show=self._keeper.show,
            )  # fmt: skip
            said |= await records.write_async(job)
            fresh = sum(1 for one in ready if said[one.event.row]["state"] == "taken")
            self._intake.heard(source, fresh)
        return [{"row": row, **said[row]} for row in sorted(said)]

    async def _pictures(
        self, events: Sequence[Event], said: dict[int, dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        """Event → what is kept of its picture; what cannot be kept is refused in ``said``. A
        picture that only refused events have is not kept."""
        found: dict[str, dict[str, Any]] = {}
        loop = asyncio.get_running_loop()
        needed = {one.picture_of or one.event for one in events if one.row not in said}
        for event in events:
            if event.picture is None or event.event in found or event.event not in needed:
                continue
            try:
                size = await loop.run_in_executor(self._looking, look, event.picture)
                found[event.event] = await asyncio.to_thread(self._kept, event, size)
            except ValueError as error:
                said[event.row] = {
                    "event": event.event, "state": "refused", "reason": str(error),
                }  # fmt: skip
            except OSError as error:
                status = 507 if error.errno == errno.ENOSPC else 503
                raise Answer(
                    status, "Not kept", f"the picture of {event.event} could not be kept: {error}",
                    "keep it and send it again later", wait=30.0,
                ) from error  # fmt: skip
        return found

    def _kept(self, event: Event, size: Picture) -> dict[str, Any]:
        assert event.picture is not None
        kept = self._keeper.keep(event.picture, f"{event.kind}-{event.event}.jpg", event.time)
        if kept.get("scan") == "infected":
            raise ValueError(f"a malware scanner calls the picture infected: {kept.get('found')}")
        return {**kept, "width": size.width, "height": size.height}

    def _refuses(self, event: Event, source: SourceChanged) -> str:
        """Why an event is not taken, whatever its picture shows; empty where it may be."""
        kind = self.catalogue.find(event.kind)
        if kind is None:
            return f"kind {event.kind!r} is not known: there are {self.catalogue.known}"
        if event.time > self._intake.now() + AHEAD:
            return "its time lies ahead of the city's clock: set yours"
        if source.allow and event.camera not in source.allow:
            return f"source {source.source} may not speak for camera {event.camera}: allow it there"
        device = self._intake.device_id(event.camera)
        if not device:
            return ""
        streams = self._intake.resolve([device, device], [SIGHTING, kind.code])
        for stream, name in zip(streams.tolist(), (SIGHTING, kind.code), strict=True):
            if stream == UNKNOWN:
                return (
                    f"device {device} has no property {name}: register it as a kind of camera "
                    "that has it"
                )
        return ""

    def _ready(
        self, event: Event, source: SourceChanged, pictures: Mapping[str, dict[str, Any]]
    ) -> Ready | str | None:
        """An event that can be taken; why it cannot; or None where nobody knows its camera."""
        if why := self._refuses(event, source):  # the registry may have changed meanwhile
            return why
        kind = self.catalogue.find(event.kind)
        assert kind is not None
        picture = pictures.get(event.picture_of or event.event)
        if event.picture_of and picture is None:
            return f"picture_of {event.picture_of}: no event of this message has that picture"
        device = self._intake.device_id(event.camera)
        if not device:
            return None
        streams = self._intake.resolve([device, device], [SIGHTING, kind.code])
        return Ready(
            event=event,
            kind=kind,
            device=device,
            streams=(int(streams[0]), int(streams[1])),
            quality=MAINTENANCE if self._intake.in_maintenance(device) else GOOD,
            picture=shown(picture, event, kind),
            key=hashlib.sha256(f"{PROTOCOL}\0{source.source}\0{event.event}".encode()).digest(),
        )

    async def _hold(
        self,
        event: Event,
        source: SourceChanged,
        peer: str,
        pictures: Mapping[str, dict[str, Any]],
    ) -> dict[str, Any]:
        """An event of a camera that nobody has registered: it waits, and stands for nothing."""
        kind = self.catalogue.find(event.kind)
        assert kind is not None
        picture = pictures.get(event.picture_of or event.event)
        readings = Readings(
            address=[event.camera],
            property=[SIGHTING],
            time=np.array([event.time], dtype=np.int64),
            value=np.array([event.confidence]),
            sequence=np.array([sequence_of(event.event)], dtype=np.uint32),
            side={0: side_of(event, kind, shown(picture, event, kind))},
            candidates={event.camera: Candidate(kind=self.catalogue.device)},
        )
        key = hashlib.sha256(f"{PROTOCOL}\0{source.source}\0{event.event}".encode()).digest()
        await self._intake.place(readings, source=source, key=key, peer=peer)
        self.counts["held"] += 1
        return {"event": event.event, "state": "held"}

    def _adds(self, one: Ready, thing: Thing) -> Mapping[str, Any]:
        """What is known of the place. A fault in it never costs the alarm."""
        try:
            index = self._intake.registry.find(one.device)
            place = None if index is None else self._intake.registry.device(index).place
            return self.catalogue.adds(
                Sighted(
                    device=one.device,
                    kind=one.kind.code,
                    longitude=None if place is None else place.longitude,
                    latitude=None if place is None else place.latitude,
                    box=thing.box,
                )
            )
        except Exception:
            log.exception("what is known of the place of %s could not be added", one.device)
            return {}

    # -- what has gone -------------------------------------------------------------------------

    async def _let_go(self) -> None:
        tidied = -TIDY
        while True:
            try:
                await self.let_go()
                if time.monotonic() - tidied >= TIDY:
                    tidied = time.monotonic()
                    await self.tidy()
            except DiskFull as full:
                log.warning("what has gone cannot be written: %s", full)
            except Exception:
                log.exception("what has gone could not be told: trying again")
            await asyncio.sleep(SWEEP)

    async def tidy(self) -> None:
        """Let go of pictures that nobody needs, and of refused messages, which have some too."""
        await asyncio.to_thread(self._keeper.let_go)
        mine = [one.source for one in self._intake.sources.all() if one.protocol == PROTOCOL]
        old = partial(
            hold.forget_quarantined, sources=mine, before=self._intake.now() - self._refused_kept
        )
        if gone := await self._intake.main.write_async(old):
            log.info("%d refused message(s) of recognisers were old and let go", gone)

    async def let_go(self) -> int:
        """Tell of things that were not seen for long enough; of how many cameras and kinds."""
        count = 0
        for life in (False, True):
            records, topic = self._intake.lane_of(life)
            count += await self._sweep(records, topic.name)
        return count

    async def _sweep(self, records: Records, topic: str) -> int:
        now, kinds = self._intake.now(), self.catalogue.kinds
        # of a kind whose scenario is gone: what stood goes on standing until it is back
        due = partial(standing.due, now=now, kinds=tuple(kinds))
        rows = await asyncio.to_thread(records.read, due)
        count = 0
        for row in rows:
            kind = kinds[row.kind]
            job = partial(
                standing.sweep, device=row.device, kind=row.kind, patience=kind.patience,
                now=now, topic=topic,
            )  # fmt: skip
            count += await records.write_async(job)
        return count
