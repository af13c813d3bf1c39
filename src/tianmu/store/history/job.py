"""A merge to be done: decided and committed by works, written by whoever has the time."""

from __future__ import annotations

import calendar
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tianmu.store.history.manifest import DAY, OUTSIDE, RAW, File, day_of

PARTS = 24
"""small files of a day that are merged into a middle one"""
MIDDLES = 12
"""middle files of a day that are merged into one"""
AFTER = 3_600_000_000
"""µs after its end at which a day is merged whole"""
AGAIN = 6 * 3_600_000_000
"""µs after which late observations make a merged day worth merging again, at first; each time it
takes twice as long, so that a day with endless late ones is merged some ten times in all"""
FINAL = 3
"""level of files that are a day's own, whole and exact"""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Files ``inputs`` (raw, in the order in which they hold) become ones of ``level``.

    ``replaces`` are roll-ups that go with them. Where the day's raw observations were let go
    already, ``adds`` are their roll-ups: what has come late is added to them, and goes too.
    ``raw`` false: no raw files are written.
    """

    token: str
    day: str
    level: int
    inputs: tuple[File, ...]
    replaces: tuple[File, ...] = ()
    adds: tuple[File, ...] = ()
    raw: bool = True
    rollups: bool = True
    """false: only raw files are written"""
    over: tuple[int, int] | None = None
    """the orders covered, where the inputs do not tell"""
    positions: dict[str, tuple[int, int]] = {}
    """what the journal has of it, for the files' metadata"""

    @property
    def final(self) -> bool:
        return self.level == FINAL

    @property
    def orders(self) -> tuple[int, int]:
        if self.over is not None:
            return self.over
        files = (*self.inputs, *self.adds)
        return min(f.first_order for f in files), max(f.last_order for f in files)


def new_token() -> str:
    """What begins the random part of the names of a job's files."""
    return f"j{secrets.token_hex(6)}-"


def tidying(files: Sequence[File]) -> Job | None:
    """What is to be merged of one day's files (given in order) because they are many."""
    raw = [f for f in files if f.kind == RAW]
    for level, most in ((0, PARTS), (1, MIDDLES)):
        inputs = tuple(f for f in raw if f.level == level)
        if len(inputs) >= most:
            return Job(
                token=new_token(),
                day=inputs[0].day,
                level=level + 1,
                inputs=inputs,
                replaces=_rollups_of(files, inputs),
            )
    return None


def compaction(files: Sequence[File]) -> Job | None:
    """The merge of a whole day, None where that has been done."""
    raw = tuple(f for f in files if f.kind == RAW)
    if all(f.level == FINAL for f in raw):
        return None
    adds = tuple(f for f in files if f.kind != RAW and f.level == FINAL and not _has_raw(f, raw))
    rollups = tuple(f for f in files if f.kind != RAW and f not in adds)
    return Job(
        token=new_token(),
        day=raw[0].day,
        level=FINAL,
        inputs=raw,
        replaces=rollups,
        adds=adds,
        raw=not adds,
    )


def _has_raw(rollup: File, raw: Sequence[File]) -> bool:
    """Whether the observations a roll-up was made of are still there."""
    return any(
        r.first_order <= rollup.last_order and r.last_order >= rollup.first_order for r in raw
    )


def _rollups_of(files: Sequence[File], inputs: Sequence[File]) -> tuple[File, ...]:
    orders = {(f.first_order, f.last_order) for f in inputs}
    return tuple(f for f in files if f.kind != RAW and (f.first_order, f.last_order) in orders)


def due(files: Sequence[File], now: int, after: int = AFTER) -> bool:
    """Whether one day's files are worth merging whole: it ended ``after`` µs ago, and was never
    merged, or long enough ago for what has come late since."""
    day = files[0].day
    raw = [f for f in files if f.kind == RAW]
    if day == OUTSIDE or day >= day_of(now - after) or all(f.level == FINAL for f in raw):
        return False
    merged = max((f.at for f in files if f.level == FINAL), default=0)
    if not merged:
        return True
    age = max(0, merged - _end_of(day))
    return now - merged >= max(AGAIN, age) if after else True


def _end_of(day: str) -> int:
    return (calendar.timegm(time.strptime(day, "%Y-%m-%d")) * 1_000_000) + DAY


def leftovers(folder: Path, token: str) -> list[Path]:
    """Files of a job that came to nothing."""
    return [*folder.glob(f"*/*-{token}*.parquet"), *folder.glob(f"*/.{token}*.draft")]
