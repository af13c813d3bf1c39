"""Runs in an environment of the peer's own: batches into PostgreSQL, each its own transaction.

    python -I postgresql_client.py PORT SERIES TOWNS BATCH SECONDS CONNECTIONS

``COPY … BINARY`` of rows (datastream, time, value), first into a bare table, then into one with
the index that asking for a series needs. Prints what was reached, by table, as one JSON object.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from typing import Any

import asyncpg
import numpy as np

EPOCH = 946_684_800_000_000
"""µs from 1970 to 2000, where PostgreSQL's time begins"""
HEAD, TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
ROW = np.dtype(
    [("fields", ">i2"), ("l1", ">i4"), ("datastream", ">i4"), ("l2", ">i4"), ("time", ">i8"),
     ("l3", ">i4"), ("value", ">f8")]
)  # fmt: skip
TABLES = {
    "bare": "CREATE TABLE bare (datastream int4 NOT NULL, time timestamptz NOT NULL, "
    "value float8 NOT NULL)",
    "indexed": "CREATE TABLE indexed (LIKE bare INCLUDING ALL); "
    "CREATE INDEX ON indexed (datastream, time)",
}
SERIES = "SELECT time, value FROM indexed WHERE datastream = $1 ORDER BY time"
TOWN = (
    "SELECT town, count(*) FROM indexed JOIN place USING (datastream) WHERE value > $1 "
    "GROUP BY town"
)


def rows(order: Any, turn: int, batch: int, chance: np.random.Generator) -> bytes:
    made = np.empty(batch, ROW)
    made["fields"], made["l1"], made["l2"], made["l3"] = 3, 4, 8, 8
    made["datastream"] = order[(turn * batch + np.arange(batch)) % len(order)]
    made["time"] = time.time_ns() // 1000 - EPOCH
    made["value"] = 10_000 + chance.integers(0, 1_000_000, batch) / 100
    return HEAD + made.tobytes() + TAIL


async def load(port: int, table: str, order: Any, batch: int, seconds: float, n: int) -> float:
    """Rows a second that were committed."""
    done, turn = 0, 0
    end = time.perf_counter() + seconds

    async def worker() -> None:
        nonlocal done, turn
        chance = np.random.default_rng()
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user="peer", database="postgres"
        )
        while time.perf_counter() < end:
            turn += 1
            source = io.BytesIO(rows(order, turn, batch, chance))
            await connection.copy_to_table(table, source=source, format="binary")
            done += batch
        await connection.close()

    begin = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(n)))
    return done / (time.perf_counter() - begin)


async def median_ms(connection: Any, query: str, arguments: list[Any]) -> float:
    waits = []
    for argument in arguments:
        begin = time.perf_counter()
        await connection.fetch(query, argument)
        waits.append(time.perf_counter() - begin)
    return float(np.median(waits)) * 1000


async def main() -> None:
    port, series, towns, batch, seconds, n = (float(a) for a in sys.argv[1:])
    chance = np.random.default_rng()
    order = chance.permutation(int(series)).astype(np.int32)
    ask = await asyncpg.connect(host="127.0.0.1", port=int(port), user="peer", database="postgres")
    found: dict[str, float] = {}
    for table, definition in TABLES.items():
        await ask.execute(definition)
        found[table] = await load(int(port), table, order, int(batch), seconds, int(n))
        size, count = await ask.fetchrow(
            f"SELECT pg_total_relation_size('{table}'), count(*) FROM {table}"  # noqa: S608
        )
        found[f"{table}_bytes"] = size / count
        found[f"{table}_rows"] = count
    await ask.execute("CREATE TABLE place (datastream int4 PRIMARY KEY, town int4 NOT NULL)")
    await ask.copy_records_to_table(
        "place", records=[(i, i % int(towns)) for i in range(int(series))]
    )
    await ask.execute("ANALYZE")
    some = [int(i) for i in chance.integers(0, int(series), 50)]
    found["series_ms"] = await median_ms(ask, SERIES, some)
    found["towns_ms"] = await median_ms(ask, TOWN, [19_999.0] * 3)
    await ask.close()
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
