"""Registering devices in bulk, and what a city without devices of its own is filled with."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import threading
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from fastapi import Query
from starlette.concurrency import run_in_threadpool

from tianmu.facts.registry import DevicesRegistered
from tianmu.store.records import Transaction
from tianmu.store.registry.merge import worth_merging
from tianmu.web.answer.problem import Fault, Problem, not_found
from tianmu.web.devices.clerk import Clerk, Failed
from tianmu.web.devices.upload import Ground, Job, Outcome
from tianmu.web.hub import Hub
from tianmu.web.route.route import Ask, Asking, Routes

routes = Routes("devices")

LARGEST = 512 << 20
"""bytes of one upload"""
PARQUET, CSV = "application/vnd.apache.parquet", "text/csv"
REMEMBER = 30 * 86_400 * 1_000_000
"""µs for which an upload that comes again gets the answer it got first"""
SETTLED, AT_REST = 3.0, 60.0
"""seconds without another file after which devices are merged; after a start"""
log = logging.getLogger("tianmu.web")
_one_at_a_time = asyncio.Semaphore(1)

metadata = sa.MetaData()
upload = sa.Table(
    "bulk_upload",
    metadata,
    sa.Column("digest", sa.String, primary_key=True),  # SHA-256 of the body, hex
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("answer", sa.LargeBinary, nullable=False),  # BulkRegistered as JSON
)


class BulkRegistered(msgspec.Struct, frozen=True, kw_only=True):
    rows: int
    devices: int
    """registered by this upload; with ``check`` those that would be"""
    datastreams: int
    known: int
    """rows left out, since their devices were registered already with the same content"""
    first_device: int
    count_devices: int
    """devices of the city now"""
    encoding: str = ""
    """of a CSV file, as it was read"""
    again: bool = False
    """this upload was here before: it is the answer it got then"""


class SeedingSaid(msgspec.Struct, frozen=True, kw_only=True):
    """How a city without devices is filled to be tried; all of it is marked as seeded."""

    population: int
    weights: dict[str, float]
    words: dict[str, dict[str, list[str]]]
    channels: dict[str, float]
    incidents: list[dict[str, Any]]
    reports: list[dict[str, Any]]
    kinds: list[dict[str, Any]]
    """device kinds with their shares and value models"""
    basis: str


@routes("GET", "/api/city/seeding", may="city.read", gives=SeedingSaid)
def get_seeding(ask: Asking) -> SeedingSaid:
    """Shares, incidents and report templates of the pack, for whoever plays the city."""
    city = ask.hub.city
    kinds = []
    for kind in city.kinds.values():
        plain = msgspec.to_builtins(kind)
        plain["properties"] = [msgspec.to_builtins(p) for p in kind.properties.values()]
        plain.pop("rules", None)
        kinds.append(plain)
    return msgspec.convert({**city.seeding.plain(), "kinds": kinds}, SeedingSaid)


def bring(hub: Hub) -> None:
    """What is needed here, when hub starts: the table of uploads, and nothing half received."""
    hub.records.create(metadata)
    for path in (hub.data / "registry").glob(".incoming-*"):
        path.unlink(missing_ok=True)
    hub.memory["clerk"] = Clerk(hub.data)
    if worth_merging(hub.registry):
        _merge_later(hub, AT_REST)  # it was to be done when hub ended


def close(hub: Hub) -> None:
    """Hub ends."""
    if (timer := hub.memory.pop("merging", None)) is not None:
        timer.cancel()
    hub.memory["clerk"].close()


def _merge_later(hub: Hub, wait: float = SETTLED) -> None:
    """Merge what is registered into one segment once no more files come for a while."""
    if (timer := hub.memory.pop("merging", None)) is not None:
        timer.cancel()
    timer = hub.memory["merging"] = threading.Timer(wait, _merge, (hub,))
    timer.daemon = True
    timer.start()


def _merge(hub: Hub) -> None:
    clerk: Clerk = hub.memory["clerk"]
    try:
        written = clerk.merge(Ground.of(hub.city))
        if written is not None:
            hub.registrar.write(lambda tx: hub.registry.merged(written, at=hub.clock()))
    except Failed as error:
        log.warning("devices were not merged into one segment: %s", error)
    except Exception:
        # nothing hangs on it but speed and memory: tried again with the next file or start
        log.exception("devices were not merged into one segment")


@routes("POST", "/api/devices/bulk", may="device.write", gives=BulkRegistered)
async def post_devices_bulk(
    ask: Asking,
    known: Literal["refuse", "skip"] = "refuse",
    check: bool = False,
    first_row: Annotated[int, Query(ge=1)] = 1,
) -> BulkRegistered:
    """Register devices from a Parquet or CSV body: one row a device, all of them or none.

    Columns `device`, `kind`; optional `name`, `longitude`, `latitude`, `precision`, `division`,
    `department`, `origin`, `source`, `address` (on the wire), `place_address`, `labels` (JSON),
    `properties` (list; in CSV separated by blanks; left out: all of the kind). CSV in UTF-8 or
    GB 18030 with a head. Faults are told by row and column, the first hundred of them; rows count
    from `first_row`. With `known=skip`, rows whose devices are registered already with the same
    content are left out and counted. `check` registers nothing. The same body again gets the
    answer that it got first.
    """
    kind = ask.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = {PARQUET: "parquet", CSV: "csv"}.get(kind)
    if form is None:
        raise Problem(
            415, "wrong-type", f"{kind or 'no content type'} is not read here",
            f"send {PARQUET} or {CSV}",
        )  # fmt: skip
    folder = ask.hub.data / "registry"
    folder.mkdir(exist_ok=True)
    file = folder / f".incoming-{os.getpid()}-{os.urandom(6).hex()}"
    try:
        digest = await _receive(ask, file)
        async with _one_at_a_time:
            return await run_in_threadpool(
                _register, ask, digest, file=file, form=form, skip=known == "skip", check=check,
                first_row=first_row,
            )  # fmt: skip
    finally:
        file.unlink(missing_ok=True)


@routes("GET", "/api/devices/bulk/{digest}", may="device.write", gives=BulkRegistered)
def get_devices_bulk(ask: Asking, digest: str) -> BulkRegistered:
    """What an upload was answered, by the SHA-256 of its body (hex): nobody need send it twice."""
    found = _before(ask.hub, digest)
    if found is None:
        raise not_found("upload", digest)
    return found


async def _receive(ask: Ask, file: Path) -> str:
    """The body on disk; its SHA-256."""
    digest, size = hashlib.sha256(), 0
    with file.open("wb") as out:
        async for part in ask.request.stream():
            size += len(part)
            if size > LARGEST:
                raise Problem(413, "too-large", f"more than {LARGEST} bytes", "send several files")
            digest.update(part)
            out.write(part)
    return digest.hexdigest()


def _before(hub: Hub, digest: str) -> BulkRegistered | None:
    held = hub.records.read(
        lambda c: c.execute(sa.select(upload.c.answer).where(upload.c.digest == digest)).scalar()
    )
    if held is None:
        return None
    return msgspec.structs.replace(msgspec.json.decode(held, type=BulkRegistered), again=True)


class _Moved(Exception):
    """Somebody registered devices while the file was looked through."""


def _register(ask: Ask, digest: str, **given: Any) -> BulkRegistered:
    hub, check = ask.hub, bool(given["check"])
    if not check and (held := _before(hub, digest)) is not None:
        return held
    job = Job(**{**given, "file": str(given["file"])})
    clerk: Clerk = hub.memory["clerk"]

    def look() -> Outcome:
        try:
            found = clerk.look(job, Ground.of(hub.city))
        except Failed as error:
            raise Problem(
                503, "clerk-failed", str(error), "send it again; smaller if it stays so"
            ) from error
        if found.count:
            raise _problem(found)
        return found

    for _ in range(3):
        outcome = look()
        if check or not outcome.rows:
            return _said(hub, outcome)
        with contextlib.suppress(_Moved):
            return _write(ask, digest, outcome)
    # others register without a pause: they wait now
    with hub.registrar.bulk():
        return _write(ask, digest, look())


def _write(ask: Ask, digest: str, outcome: Outcome) -> BulkRegistered:
    hub, segment = ask.hub, outcome.segment
    answer: list[BulkRegistered] = []

    def remember(tx: Transaction) -> None:
        at = hub.clock()
        answer[:] = [_said(hub, outcome)]
        tx.connection.execute(sa.delete(upload).where(upload.c.at < at - REMEMBER))
        tx.connection.execute(
            sa.insert(upload).values(digest=digest, at=at, answer=msgspec.json.encode(answer[0]))
        )

    if segment is None:
        hub.records.transact(remember)
        return answer[0]

    def make(tx: Transaction) -> DevicesRegistered:
        if hub.registry.count_devices != outcome.first_device:
            raise _Moved
        remember(tx)
        ask.note(
            tx, "device.register", segment.name, devices=segment.count_devices,
            known=outcome.known,
        )  # fmt: skip
        return hub.registry.registration_of(segment, at=hub.clock(), actor=ask.who.account)

    hub.registrar.write(make)
    if worth_merging(hub.registry):
        _merge_later(hub)
    return answer[0]


def _said(hub: Hub, outcome: Outcome) -> BulkRegistered:
    segment = outcome.segment
    return BulkRegistered(
        rows=outcome.rows,
        devices=outcome.devices,
        datastreams=segment.count_datastreams if segment else 0,
        known=outcome.known,
        first_device=outcome.first_device,
        count_devices=hub.registry.count_devices + (segment.count_devices if segment else 0),
        encoding=outcome.encoding,
    )


def _problem(outcome: Outcome) -> Problem:
    first = outcome.faults[0]
    more = f" (and {outcome.count - 1} more)" if outcome.count > 1 else ""
    where = f"row {first.row}" if first.row else "the file"
    return Problem(
        409 if outcome.taken else 422,
        "taken" if outcome.taken else "invalid",
        f"{where}{f', column {first.column}' if first.column else ''}: {first.what}{more}",
        first.remedy,
        faults=[
            Fault(
                where=f"rows[{one.row}].{one.column}".rstrip("."), what=f"{one.what}: {one.remedy}"
            )
            for one in outcome.faults
        ],
    )
