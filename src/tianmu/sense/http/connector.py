"""The HTTP door of gate: ``POST /observations`` with a source's bearer token."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from tianmu.facts.batch import side_of
from tianmu.facts.registry import SourceChanged
from tianmu.facts.text import Text
from tianmu.sense import placed
from tianmu.sense.http.answer import AHEAD, Answer
from tianmu.sense.http.codec import (
    ARROW,
    JSON,
    LARGEST,
    NDJSON,
    decode,
    decompress,
)
from tianmu.sense.http.columns import Columns, Refused
from tianmu.sense.http.door import Doors, no_room, through
from tianmu.sense.http.server import Server
from tianmu.sense.http.together import SMALL, Together, may_be_single
from tianmu.sense.intake import Intake
from tianmu.store.records import DiskFull
from tianmu.store.registry import UNKNOWN

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

ON_LOOP = 512 << 10
"""bytes of a body that is read in a few milliseconds"""
UNPACKS = 16
"""times that a compressed body may be as large when unpacked, for that"""
TOLD = 1_000
"""refused rows named in an answer that took none"""

_BESIDE = ThreadPoolExecutor(1, thread_name_prefix="decode")
"""large bodies are read one after the other: the loop waits for the interpreter behind at most one
of them"""


class HttpConnector:
    """Answers when what it took is on disk; says for each refused row why."""

    protocol = "http"
    name: ClassVar[Text] = {"zh": "HTTP 接入", "en": "HTTP ingest"}

    def __init__(
        self,
        intake: Intake,
        *,
        tls: tuple[str, str] | None = None,
        doors: Doors = Doors(),  # noqa: B008 - frozen
    ) -> None:
        self._intake = intake
        self._doors = doors
        self._tls = tls
        self._counts: Counter[str] = Counter()
        self._last_at = 0
        self._server: Server | None = None
        self._together = Together(self._put_each, self._connected)

    async def start(self, host: str, port: int) -> int:
        self._server = Server(
            self,
            certificate=self._tls,
            lifespan="off",
            timeout_graceful_shutdown=3,
            proxy_headers=False,
        )
        return await self._server.start(host, port)

    def renew(self) -> None:
        """Serve new connections with the certificate as its files are now."""
        if self._server is not None:
            self._server.renew()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()

    def state(self) -> Mapping[str, Any]:
        return {
            **self._counts,
            **self._doors.state(),
            "last_at": self._last_at,
            "in_flight": self._intake.admission.under_way,
        }

    async def replay(self, payload: bytes, *, source: str, peer: str) -> bool:
        """Try each content type and encoding again, since a wrong header is the usual fault."""
        named = self._intake.sources.named(source)
        if named is None:
            return False
        for door in self._doors.only.get(named.protocol, {}).values():
            return await door.replay(payload, named, peer)
        for encoding in ("", "gzip", "zstd"):
            for kind in (JSON, NDJSON, ARROW):
                try:
                    columns = await _columns(payload, encoding, kind)
                except Refused:
                    continue
                if columns.refused or (columns.time > self._intake.now() + AHEAD).any():
                    return False  # all of it or nothing, since it is played under one key
                await self.put(columns, named, hashlib.sha256(payload).digest(), peer)
                return True
        return False

    # -- ASGI --

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        more: dict[str, str] = {}
        try:
            status, body = await self._answer(scope, receive)
            kind = b"application/json"
        except Answer as problem:
            status, body, kind = problem.status, problem.body, b"application/problem+json"
            if status in {429, 503, 507}:
                more["retry-after"] = str(math.ceil(problem.wait))
            self._counts[f"answered_{status}"] += 1
        payload = msgspec.json.encode(body)
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(payload)).encode()),
            *((k.encode(), v.encode()) for k, v in more.items()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": payload})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any]]:
        path, method = scope["path"], scope["method"]
        if path == "/health" and method == "GET":
            return 200, {"ok": True}
        if path not in self._doors.paths:
            able = " or ".join(self._doors.paths)
            raise Answer(404, "Not found", f"there is no {path} here", f"POST {able}")
        if method != "POST":
            raise Answer(405, "Method not allowed", f"{method} is not answered", "use POST")
        headers = dict(scope["headers"])
        source = self._source(headers)
        door = self._doors.of(source, path)
        size = _told_length(headers)
        admission = self._intake.admission
        wait = admission.enter(source, size)
        if wait:
            await admission.refused(source)
            raise Answer(
                429, "Too much at once",
                "earlier messages are still being written, or read by the rules and by history",
                "send again after the seconds in Retry-After", wait=wait,
            )  # fmt: skip
        try:
            body = await _read(receive)
            if door is not None:
                body = await self._unpacked(body, headers, source, _peer(scope))
                return await through(door, body, source, _peer(scope))
            return await self._take(body, headers, source, _peer(scope))
        finally:
            admission.leave(source, size)

    def _source(self, headers: Mapping[bytes, bytes]) -> SourceChanged:
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        source = self._intake.sources.by_token(token) if scheme.lower() == "bearer" else None
        if source is None:
            raise Answer(
                401, "Not signed in", "no source has this token",
                "send Authorization: Bearer with the token of a source (/admin, sources)",
            )  # fmt: skip
        return source

    async def _take(
        self, body: bytes, headers: Mapping[bytes, bytes], source: SourceChanged, peer: str
    ) -> tuple[int, dict[str, Any]]:
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        encoding = headers.get(b"content-encoding", b"").decode("latin-1")
        key = _key(source, headers.get(b"idempotency-key", b""))
        try:
            if source.life_safety:
                pass  # waits for nobody
            elif may_be_single(body, encoding, content_type):
                alone = partial(self._take_alone, body, encoding, content_type, source, key, peer)
                return await self._together.single(body, source, key, alone)
            elif len(body) <= SMALL:
                await self._together.turn()
            return await self._take_alone(body, encoding, content_type, source, key, peer)
        except DiskFull as full:
            raise no_room(full) from full

    async def _take_alone(
        self,
        body: bytes,
        encoding: str,
        content_type: str,
        source: SourceChanged,
        key: bytes | None,
        peer: str,
    ) -> tuple[int, dict[str, Any]]:
        try:
            columns = await _columns(body, encoding, content_type)
        except Refused as refused:
            raise await self._unreadable(body, refused, source, peer) from refused
        self._counts["messages"] += 1
        self._last_at = self._intake.now()
        try:
            return await self.put(columns, source, key, peer)
        except Answer as none_taken:
            none_taken.body["refused"] = none_taken.body["refused"][:TOLD]
            raise

    async def _unpacked(
        self, body: bytes, headers: Mapping[bytes, bytes], source: SourceChanged, peer: str
    ) -> bytes:
        """The body without its encoding, which is taken off beside the loop."""
        encoding = headers.get(b"content-encoding", b"").decode("latin-1")
        if not encoding:
            return body
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(_BESIDE, decompress, body, encoding)
        except Refused as refused:
            raise await self._unreadable(body, refused, source, peer) from refused

    async def _unreadable(
        self, body: bytes, refused: Refused, source: SourceChanged, peer: str
    ) -> Answer:
        """What to tell of a body that is in the quarantine from now on."""
        await self._intake.quarantine(
            self.protocol, body, reason=f"{refused.detail}: {refused.remedy}", peer=peer,
            source=source.source, offset=refused.offset, restricted=None,
        )  # fmt: skip
        return Answer(400, "Cannot be read", refused.detail, refused.remedy)

    async def _put_each(
        self, columns: Columns, source: SourceChanged, keys: list[bytes | None]
    ) -> tuple[NDArray[np.bool_], list[dict[str, Any]]]:
        """See ``together.Put``: what is unknown or ahead of the clock is left to ``put``."""
        received = self._intake.now()
        index = self._intake.registry.datastream_index(columns.datastream)
        taken = np.asarray((index != UNKNOWN) & (columns.time <= received + AHEAD))
        if not taken.any():
            return taken, []
        batch = placed.batch(columns, taken, index, source.number, received, columns.result_time)
        mine = [keys[row] for row in np.flatnonzero(taken).tolist()]
        appended = await self._intake.append_each(batch, source, mine)
        self._counts["messages"] += len(mine)
        self._last_at = received
        return taken, [
            {
                "accepted": 1, "held": 0, "duplicate": duplicate, "position": position,
                "refused": [],
            }
            for position, duplicate in appended
        ]  # fmt: skip

    def _connected(self) -> int:
        return 1 if self._server is None else len(self._server.server_state.connections)

    async def put(
        self, columns: Columns, source: SourceChanged, key: bytes | None, peer: str
    ) -> tuple[int, dict[str, Any]]:
        """Columns to disk; returns HTTP status and the answer with what became of each row."""
        received = self._intake.now()
        refused = [{"row": int(number), "reason": reason} for number, reason in columns.refused]
        index = self._intake.registry.datastream_index(columns.datastream)
        early = columns.time > received + AHEAD
        unknown = index == UNKNOWN
        known = ~(unknown | early)
        row = columns.row if columns.row is not None else np.arange(len(columns))
        refused += [
            {"row": int(row[i]), "reason": "its time lies ahead of the city's clock: set yours"}
            for i in np.flatnonzero(early).tolist()
        ]
        held = 0
        strange = np.flatnonzero(unknown & ~early)
        if len(strange):
            held = await self._hold(columns, strange, source, key, peer)
        duplicate, position = False, 0
        if known.any():
            batch = placed.batch(
                columns, known, index, source.number, received, columns.result_time
            )
            position, duplicate = await self._intake.append(batch, source, key)
        answer: dict[str, Any] = {
            "accepted": int(known.sum()), "held": held, "duplicate": duplicate,
            "position": position, "refused": refused,
        }  # fmt: skip
        self._counts["rows_refused"] += len(refused)
        if refused and not answer["accepted"] and not held:
            raise Answer(
                422, "No row was taken", f"all {len(refused)} rows were refused",
                "mend what each row's reason says", refused=refused,
            )  # fmt: skip
        return 200, answer

    async def _hold(
        self,
        columns: Columns,
        rows: Any,
        source: SourceChanged,
        key: bytes | None,
        peer: str,
    ) -> int:
        from tianmu.sense.contract import Readings

        names = [str(columns.datastream[i]) for i in rows.tolist()]
        split = [name.rpartition("/") for name in names]
        readings = Readings(
            address=[device or name for device, _, name in split],
            property=[name if device else "value" for device, _, name in split],
            time=columns.time[rows],
            value=columns.value[rows],
            quality=None if columns.quality is None else columns.quality[rows],
            sequence=None if columns.sequence is None else columns.sequence[rows],
            side=side_of(columns.side, rows.tolist()),
        )
        held_key = None if key is None else b"h" + key
        taken = await self._intake.place(readings, source=source, key=held_key, peer=peer)
        return taken.held


def _told_length(headers: Mapping[bytes, bytes]) -> int:
    """Bytes the sender says are coming; the most there may be where it does not say."""
    told = headers.get(b"content-length", b"")
    return min(int(told), LARGEST) if told.isdigit() else LARGEST


def _key(source: SourceChanged, told: bytes) -> bytes | None:
    return hashlib.sha256(source.source.encode() + b"\0" + told).digest() if told else None


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else ""


async def _columns(body: bytes, encoding: str, content_type: str) -> Columns:
    """What a body says; a large one is read beside the loop, on which fire alarms come as well."""
    if len(body) * (UNPACKS if encoding else 1) <= ON_LOOP:
        return decode(decompress(body, encoding), content_type)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(
        _BESIDE, lambda: decode(decompress(body, encoding), content_type)
    )


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Answer(400, "Cut off", "the sender hung up", "send the whole body")
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST:
            raise Answer(413, "Too large", f"more than {LARGEST} bytes", "send smaller batches")
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
