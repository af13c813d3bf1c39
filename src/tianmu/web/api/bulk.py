"""Registering devices in bulk, and what a city without devices of its own is filled with."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import msgspec
import numpy as np
from starlette.concurrency import run_in_threadpool

from tianmu.facts.registry import DevicesRegistered
from tianmu.store.records import Transaction
from tianmu.store.registry import write_segment
from tianmu.web.hub import Hub
from tianmu.web.problem import Problem
from tianmu.web.route import Ask, Asking, Routes

routes = Routes("devices")

LARGEST = 512 << 20
"""bytes of one upload"""
PARQUET, CSV = "application/vnd.apache.parquet", "text/csv"
_one_at_a_time = asyncio.Semaphore(1)


class BulkRegistered(msgspec.Struct, frozen=True, kw_only=True):
    devices: int
    datastreams: int
    first_device: int
    count_devices: int
    """devices of the city now"""


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


@routes("POST", "/api/devices/bulk", may="device.write", gives=BulkRegistered)
async def post_devices_bulk(ask: Asking) -> BulkRegistered:
    """Register devices from a Parquet or CSV body: one row a device, all of them or none.

    Columns `device`, `kind`; optional `name`, `longitude`, `latitude`, `precision`, `division`,
    `department`, `origin`, `source`, `address` (on the wire), `properties` (list; in CSV separated
    by blanks; left out: all of the kind). A million rows take seconds.
    """
    body = bytearray()
    async for part in ask.request.stream():
        body += part
        if len(body) > LARGEST:
            raise Problem(413, "too-large", f"more than {LARGEST} bytes", "send several files")
    kind = ask.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    async with _one_at_a_time:
        return await run_in_threadpool(_register, ask, bytes(body), kind)


def _register(ask: Ask, body: bytes, kind: str) -> BulkRegistered:
    hub = ask.hub
    table = _table(body, kind)
    _check(hub, table)
    table = _located(hub, table)
    with hub.registrar.bulk() as (first_device, first_datastream):
        try:
            segment = write_segment(
                hub.data,
                table,
                properties={k.code: list(k.properties) for k in hub.city.kinds.values()},
                first_device=first_device,
                first_datastream=first_datastream,
            )
        except ValueError as error:
            raise Problem(422, "invalid", str(error), "mend the rows named") from error

        def make(tx: Transaction) -> DevicesRegistered:
            ask.note(tx, "device.register", segment.name, devices=segment.count_devices)
            return hub.registry.registration_of(segment, at=hub.clock(), actor=ask.who.account)

        fact = hub.registrar.write(make)
    return BulkRegistered(
        devices=fact.count_devices,
        datastreams=fact.count_datastreams,
        first_device=fact.first_device,
        count_devices=hub.registry.count_devices,
    )


def _table(body: bytes, kind: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if kind == PARQUET:
        try:
            return pq.read_table(io.BytesIO(body))
        except (pa.ArrowInvalid, OSError) as error:
            raise Problem(400, "not-parquet", str(error), "send a whole Parquet file") from error
    if kind == CSV:
        try:
            rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig")), strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise Problem(400, "not-csv", str(error), "send CSV in UTF-8 with a head") from error
        columns: dict[str, list[Any]] = {}
        for name in rows[0] if rows else ():
            columns[name] = [row[name] or None for row in rows]
        for name in ("longitude", "latitude", "precision"):
            if name in columns:
                columns[name] = [_number(v, name, i) for i, v in enumerate(columns[name], 2)]
        if "properties" in columns:
            columns["properties"] = [(v or "").split() or None for v in columns["properties"]]
        return pa.table(columns)
    raise Problem(415, "wrong-type", f"{kind or 'no content type'} is not read here",
                  f"send {PARQUET} or {CSV}")  # fmt: skip


def _number(text: str | None, name: str, line: int) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise Problem(
            422, "invalid", f"line {line}: {name} {text!r} is no number", "write degrees or metres"
        ) from error


def _located(hub: Hub, table: Any) -> Any:
    """The table with the divisions that it leaves out, by the points, as for a single device."""
    import pyarrow as pa

    if not {"longitude", "latitude"} <= set(table.column_names) or not table.num_rows:
        return table
    here = "division" in table.column_names
    told = table["division"].to_pylist() if here else [None] * table.num_rows
    points = [
        table[name].to_numpy(zero_copy_only=False).astype(np.float64)
        for name in ("longitude", "latitude")
    ]
    empty = np.array([not one for one in told]) & np.isfinite(points[0]) & np.isfinite(points[1])
    rows = np.flatnonzero(empty)
    if not len(rows):
        return table
    for row, code in zip(
        rows.tolist(), hub.city.places.divisions_at(*(p[rows] for p in points)), strict=True
    ):
        told[row] = code or None
    column = pa.array(told, pa.string())
    if here:
        return table.set_column(table.column_names.index("division"), "division", column)
    return table.append_column("division", column)


def _check(hub: Hub, table: Any) -> None:
    """Kinds and divisions are the pack's; ids are new. Says the first that is not."""
    import pyarrow.compute as pc

    for name, known in (("kind", hub.city.kinds), ("division", hub.city.divisions)):
        if name not in table.column_names:
            continue
        for value in pc.unique(table[name]).to_pylist():
            if value and value not in known:
                raise Problem(
                    422, "invalid", f"{name} {value!r} is not in the pack",
                    f"use a {name} of the pack, or add it there",
                )  # fmt: skip
    if "device" in table.column_names and table.num_rows:
        ids = [str(one) for one in table["device"].to_pylist()]
        taken = hub.registry.device_index(ids) != 0xFFFFFFFF
        if taken.any():
            first = ids[int(taken.argmax())]
            raise Problem(
                409, "taken", f"device {first!r} is registered already ({int(taken.sum())} are)",
                "leave out those that are there, or give others an id of their own",
            )  # fmt: skip
