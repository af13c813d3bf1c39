"""Letting go of old entries, of topics that allow it: only what every reader has passed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pysqlite3 import dbapi2

from tianmu.facts import clock
from tianmu.facts.topic import TOPICS
from tianmu.store.journal.file import connect
from tianmu.store.live.snapshot import snapshot_positions
from tianmu.store.records import Records, Transaction

_END = 1 << 62
_CHUNK = 256
"""entries purged in one commit: appends wait no longer than that takes"""


@dataclass(frozen=True)
class Horizon:
    """How much of a lane stays: entries younger than ``hours``, but no more than ``most_bytes`` of
    the file (defaults, to be set by the city)."""

    hours: float = 48.0
    most_bytes: int = 20 << 30


@dataclass(frozen=True)
class Purge:
    """What a purge did."""

    entries: int
    held_by: tuple[str, ...]
    """readers (``reader:topic``) that have not passed what should have gone"""


def positions(data: Path) -> dict[tuple[str, str], int]:
    """(reader, topic) → how far it has read, of all readers in all files of the city.

    Raises ``OperationalError`` where a file is there and cannot be read: its readers would look as
    if they were not."""
    found: dict[tuple[str, str], int] = {}
    for stem in sorted({topic.file for topic in TOPICS.values()}):
        try:
            with contextlib.closing(connect(data / f"{stem}.sqlite", readonly=True)) as connection:
                for reader, topic, position in connection.execute(
                    "SELECT reader, topic, position FROM journal_reader"
                ):
                    found[reader, topic] = position
        except FileNotFoundError:
            continue
        except dbapi2.OperationalError as error:
            if "no such table" not in str(error):  # its process is just making it
                raise
    return found


def let_go(records: Records, data: Path, horizon: Horizon) -> Purge:
    """``purge`` with what the readers of the city and the snapshots of live need: what a process
    that owns purgeable topics calls once in a while."""
    return purge(records, horizon, positions(data), needed=snapshot_positions(data))


def purge(
    records: Records,
    horizon: Horizon,
    readers: Mapping[tuple[str, str], int],
    *,
    needed: Mapping[str, int] | None = None,
    now: int | None = None,
) -> Purge:
    """Purge the topics of ``records`` that may be (``Topic.purge``), a chunk at a time.

    ``readers`` are those of ``positions(data)``; ``needed`` says for topics up to where a snapshot
    has them, if that is not a read position of its own. Nothing goes that one of them has not
    passed, nor one of the topic's own readers (``Topic.readers``) that has never read.
    """
    moment = clock.now() if now is None else now
    oldest = moment - int(horizon.hours * 3_600_000_000)
    entries = 0
    held: list[str] = []
    for topic in TOPICS.values():
        if topic.file != records.path.stem or not topic.purge:
            continue
        passed = dict.fromkeys(topic.readers, 0)
        passed |= {r: p for (r, t), p in readers.items() if t == topic.name}
        if needed and topic.name in needed:
            passed["snapshot"] = needed[topic.name]
        limit = min(passed.values(), default=_END)
        while True:
            chunk = partial(
                _chunk, topic=topic.name, limit=limit, oldest=oldest, most_bytes=horizon.most_bytes
            )
            gone, blocked = records.transact(chunk, urgent=True)
            entries += gone
            if blocked:
                held += [f"{r}:{topic.name}" for r, p in passed.items() if p == limit]
            if blocked or not gone:
                break
    return Purge(entries, tuple(held))


def _chunk(
    tx: Transaction, topic: str, limit: int, oldest: int, most_bytes: int
) -> tuple[int, bool]:
    """Entries purged, and whether a reader stood in the way."""
    execute = tx.raw.execute
    pages, free, size = (
        execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    surplus = (pages - free) * size - most_bytes
    rows = execute(
        "SELECT e.position, e.at, length(e.payload) FROM journal_entry e"
        " JOIN journal_topic t ON t.id = e.topic WHERE t.name = ? ORDER BY e.position LIMIT ?",
        (topic, _CHUNK),
    ).fetchall()
    upto = 0
    for position, at, length in rows:
        if at >= oldest and surplus <= 0:
            break
        if position > limit:
            return (tx.drop(topic, upto) if upto else 0), True
        upto = position
        surplus -= length
    return (tx.drop(topic, upto) if upto else 0), False
