"""The MQTT door of gate: a client of any broker, that acknowledges after fsync.

Messages are gathered for a few milliseconds, decoded together, put on disk as one batch for each
source, and only then acknowledged to the broker (QoS 1); until then the broker keeps them and
hands them out again if we die. What arrives twice that way has the same observation identity
(datastream, time, sequence), by which it takes effect once.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import msgspec
import numpy as np

from tianmu.facts.registry import SourceChanged
from tianmu.facts.text import Text
from tianmu.sense.http.answer import Answer
from tianmu.sense.http.codec import ARROW, JSON, NDJSON, decode
from tianmu.sense.http.columns import Columns, Refused
from tianmu.sense.http.connector import ON_LOOP, HttpConnector
from tianmu.sense.http.plain import LINES, read_objects
from tianmu.sense.http.together import read_each
from tianmu.sense.intake import Intake
from tianmu.sense.mqtt.client import Client, Server, Topics
from tianmu.sense.mqtt.codec import Publish
from tianmu.store.records import DiskFull
from tianmu.store.registry.index import Query

log = logging.getLogger("tianmu.mqtt")

TOPIC = "tianmu/+/observations"
DROPPED = b"$SYS/broker/publish/messages/dropped"
"""where mosquitto says how many messages it has let go since it was started"""
GATHER = 0.004
"""seconds that messages are gathered before they are put on disk together"""
ROWS_KEPT_TOGETHER = 1_000
"""refused rows that make one input of the quarantine"""
LARGEST_GROUP = 4_000
"""messages decoded together"""
MOST = 4 * LARGEST_GROUP
"""messages under way, from which on nothing more is read"""
MOST_BYTES = 64 << 20
"""bytes of messages under way, from which on nothing more is read"""


class Message(NamedTuple):
    mid: int
    qos: int
    source: str
    payload: bytes
    connection: int = 0
    """by which it came"""


class MqttConnector:
    protocol = "mqtt"
    name: ClassVar[Text] = {"zh": "MQTT 接入", "en": "MQTT ingest"}
    client_id: ClassVar[str] = "tianmu-gate"

    def __init__(
        self,
        intake: Intake,
        http: HttpConnector,
        server: Server,
        apart: MqttConnector | None = None,
    ) -> None:
        """``apart``: a second connection, which is started and stopped with this one."""
        self._intake, self._http, self._server = intake, http, server
        self._apart = apart
        self._waiting: deque[Message] = deque()
        self._under_way = self._bytes = 0
        """messages that came and are not settled, and their bytes"""
        self._some = asyncio.Event()
        self._counts: Counter[str] = Counter()
        self._last_at = 0
        self._told_dropped = 0
        self._held: dict[str, list[Message]] = {}
        """source → what waits for room, in order"""
        self._holding: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._client = Client(server, self.client_id, self._topics, self._hear, self._counts)

    async def start(self, host: str, port: int) -> int:
        """Connect to the broker (``host`` and ``port`` are the broker's own, already known)."""
        self._client.start()
        if self._apart is not None:
            await self._apart.start(host, port)
        self._task = asyncio.create_task(self._run())
        return self._server.port

    async def stop(self) -> None:
        if self._apart is not None:
            await self._apart.stop()
        await self._client.stop()
        for task in (self._task, *self._holding):
            if task is not None:
                task.cancel()

    def state(self) -> Mapping[str, Any]:
        return {**self._counts, "connected": self._client.connected, "last_at": self._last_at}

    async def replay(self, payload: bytes, *, source: str, peer: str) -> bool:
        return await self._http.replay(payload, source=source, peer=peer)

    def _topics(self) -> Topics:
        return [(TOPIC, 1), (DROPPED.decode(), 0)]

    def _hear(self, publishes: Sequence[Publish]) -> None:
        connection = self._client.connection
        for qos, mid, topic, payload in publishes:
            if topic == DROPPED:
                self._note_dropped(payload)
                continue
            source = topic.split(b"/", 2)[1].decode(errors="replace")
            self._waiting.append(Message(mid, qos, source, payload, connection))
            self._under_way += 1
            self._bytes += len(payload)
        if self._under_way >= MOST or self._bytes >= MOST_BYTES:
            self._client.pause()
        self._some.set()

    def _note_dropped(self, payload: bytes) -> None:
        """Count what the broker has let go; its own count begins anew when it does."""
        if not payload.isdigit():
            return
        told, before = int(payload), self._told_dropped
        more = told - before if told >= before else told
        self._told_dropped = told
        if more:
            self._counts["dropped_by_broker"] += more
            log.warning("the broker let go of %d messages that it had no room for", more)

    def _leave(self, messages: Sequence[Message]) -> None:
        """They are settled: there is room for as many others."""
        self._under_way -= len(messages)
        self._bytes -= sum(len(message.payload) for message in messages)
        if self._under_way < MOST and self._bytes < MOST_BYTES:
            self._client.resume()

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            await asyncio.sleep(GATHER)
            while self._waiting:
                some = min(len(self._waiting), LARGEST_GROUP)
                await self._take([self._waiting.popleft() for _ in range(some)])

    async def _take(self, group: Sequence[Message]) -> None:
        by_source: dict[str, list[Message]] = {}
        for message in group:
            by_source.setdefault(message.source, []).append(message)
        admission = self._intake.admission
        for name, messages in by_source.items():
            source = self._intake.sources.named(name)
            size = sum(len(message.payload) for message in messages)
            if name in self._held:
                self._held[name] += messages
            elif source is None:
                await self._settle(name, None, messages)
            elif admission.enter(source, size):
                # not acknowledged meanwhile, so that the broker's window closes; others go on
                self._held[name] = messages
                task = asyncio.create_task(self._when_there_is_room(source))
                self._holding.add(task)
                task.add_done_callback(self._holding.discard)
            else:
                try:
                    await self._settle(name, source, messages)
                finally:
                    admission.leave(source, size)
        self._last_at = self._intake.now()

    async def _when_there_is_room(self, source: SourceChanged) -> None:
        """Take what is held of a source, and what has come to it meanwhile, in order."""
        name = source.source
        while messages := self._held[name][:LARGEST_GROUP]:
            size = sum(len(message.payload) for message in messages)
            async with self._intake.admission.turn(source, size):
                await self._settle(name, source, messages)
            del self._held[name][: len(messages)]
        del self._held[name]

    async def _settle(
        self, name: str, source: SourceChanged | None, messages: Sequence[Message]
    ) -> None:
        """Messages of one source to disk, then acknowledged."""
        try:
            await self._take_source(name, source, messages)
        except DiskFull:
            # not acknowledged: the broker keeps them and hands them out again
            self._counts["disk_full"] += len(messages)
            self._leave(messages)
            await asyncio.sleep(1)
            self._client.reconnect()
            return
        except Exception as error:
            # one source's messages must not stop the others': kept with their bytes, so that
            # they can be played again when the fault is mended
            log.exception("%d messages of %s could not be taken", len(messages), name)
            for message in messages:
                await self._refuse(message, f"{type(error).__name__}: {error}", name)
        now = self._client.connection
        # what came by an earlier connection comes again by this one, perhaps as another number
        self._client.acknowledge([m.mid for m in messages if m.qos and m.connection == now])
        self._leave(messages)

    async def _take_source(
        self, name: str, source: SourceChanged | None, messages: Sequence[Message]
    ) -> None:
        self._counts["messages"] += len(messages)
        if source is None:
            for message in messages:
                await self._refuse(message, "no active source has this name", name)
            return
        # life safety comes by two connections: the same bytes are the same observations, by key
        parts = [[message] for message in messages] if source.life_safety else [messages]
        for part in parts:
            key = _key(part[0]) if source.life_safety else None
            await self._put(name, source, part, key)

    async def _put(
        self, name: str, source: SourceChanged, messages: Sequence[Message], key: bytes | None
    ) -> None:
        bad: list[tuple[Message, str]] = []
        if sum(len(message.payload) for message in messages) <= ON_LOOP:
            decoded = _decode(messages, bad)
        else:
            decoded = await asyncio.to_thread(_decode, messages, bad)
        for columns in decoded:
            try:
                _, answer = await self._http.put(columns, source, key, f"mqtt:{name}")
            except Answer as problem:
                answer = problem.body
            for rows, reason in _refusals(answer["refused"]):
                self._counts["rows_refused"] += len(rows)
                await self._intake.quarantine(
                    self.protocol, _rows_bytes(columns, rows), reason=reason,
                    peer=f"mqtt:{name}", source=name,
                )  # fmt: skip
        for message, reason in bad:
            await self._refuse(message, reason, name)

    async def _refuse(self, message: Message, reason: str, name: str) -> None:
        self._counts["refused"] += 1
        await self._intake.quarantine(
            self.protocol, message.payload, reason=reason, peer=f"mqtt:{name}", source=name
        )


def _key(message: Message) -> bytes:
    told = message.source.encode() + b"\0" + message.payload
    return hashlib.blake2b(told, digest_size=32).digest()


def _refusals(refused: Sequence[Mapping[str, Any]]) -> Iterator[tuple[list[int], str]]:
    """Refused rows, those of one reason together, in pieces that can be looked at."""
    by_reason: dict[str, list[int]] = {}
    for one in refused:
        by_reason.setdefault(one["reason"], []).append(one["row"])
    for reason, rows in by_reason.items():
        for start in range(0, len(rows), ROWS_KEPT_TOGETHER):
            yield rows[start : start + ROWS_KEPT_TOGETHER], reason


def _rows_bytes(columns: Columns, rows: Sequence[int]) -> bytes:
    """Rows of a message as a message of their own, which can be played again."""
    at = rows if columns.row is None else np.searchsorted(columns.row, rows).tolist()
    return msgspec.json.encode([columns.told(i) for i in at])


def content_type(payload: bytes) -> str:
    """MQTT 3.1.1 tells no content type: told by the first bytes."""
    if payload[:4] == b"\xff\xff\xff\xff":
        return ARROW
    if payload[:1] == b"{" and b"}\n{" in payload:
        return NDJSON
    return JSON


def _decode(messages: Sequence[Message], bad: list[tuple[Message, str]]) -> list[Columns]:
    """Columns of many messages, as few as can be; what cannot be read goes to ``bad``."""
    singles: list[Message] = []
    rest: list[Message] = []
    for message in messages:
        payload = message.payload
        one = payload[:1] == b"{" and b"[" not in payload and content_type(payload) == JSON
        (singles if one else rest).append(message)
    found: list[Columns] = []
    together = _together([message.payload for message in singles])
    if together is not None:
        found.append(together)
        singles = []
    arrays: list[Columns] = []
    for message in (*singles, *rest):
        try:
            columns = decode(message.payload, content_type(message.payload))
        except Refused as refused:
            bad.append((message, f"{refused.detail}: {refused.remedy}"))
            continue
        bad.extend((message, f"row {row}: {reason}") for row, reason in columns.refused)
        columns.refused = []
        (arrays if _joinable(columns) else found).append(columns)
    if arrays:
        found.append(_join(arrays))
    return found


def _together(payloads: Sequence[bytes]) -> Columns | None:
    """Messages of one observation each, read as one; None where they are not all such: then they
    are gone through one by one."""
    if len(payloads) < 2:
        return None
    whole = read_objects(b"\n".join(payloads), LINES)
    if whole is None:
        return read_each(payloads)
    return whole if len(whole) == len(payloads) else None


def _joinable(columns: Columns) -> bool:
    return (
        columns.result_time is None
        and columns.sequence is None
        and columns.quality is None
        and not columns.side
    )


def _join(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    return Columns(
        datastream=Query.join([Query.of(part.datastream) for part in parts]),
        time=np.concatenate([part.time for part in parts]),
        value=np.concatenate([part.value for part in parts]),
    )
