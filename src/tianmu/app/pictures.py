"""Pictures of recognised events: kept for a while, and as evidence where an alarm needs them.

Pictures may show people, so none is kept for ever that no case holds: one that no alarm needed goes
after the pack's ``sighting_days``, one whose alarm came to no case after its ``picture_days``, and
so does any other file of evidence that is found to belong to nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tianmu.access import audit
from tianmu.facts.topic import ALARM, OBSERVATION, OBSERVATION_LIFE
from tianmu.manage.evidence.kept import Evidence, EvidenceStore
from tianmu.manage.evidence.scanning import scanner
from tianmu.manage.reader import READER as CASES
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

if TYPE_CHECKING:  # gate keeps pictures too, and has no need of the web
    from tianmu.web.hub import Hub

log = logging.getLogger("tianmu.hub")

DAY_S = 86_400.0
EVERY_S = 3600.0
"""seconds between two looks for pictures that no case holds"""
LOST_S = 3600.0
"""seconds since which a file lies there whose case was never told: its attaching is over"""
PATIENCE_S = 60.0
"""seconds that hub may take to come to the end of the alarms, else the next look does it"""
VERB, FOUND = "evidence.let_go", "evidence.found"
WATCH = "watch"
"""reader of observations who makes alarms of them"""


class Pictures:
    """Under ``<data>/recognised`` by their content, as evidence is; ``scan`` as for evidence."""

    def __init__(self, data: Path, scan: str = "", days: float = 2.0) -> None:
        self._kept_s = days * DAY_S
        self._store = EvidenceStore(data / "recognised", scan=scanner(scan))
        self._evidence = EvidenceStore(data / "evidence")

    def keep(self, content: bytes, name: str, at: int) -> dict[str, Any]:
        about = Evidence(name=name, media_type="image/jpeg", at=at)
        kept = self._store.keep(content, about)
        with contextlib.suppress(FileNotFoundError):  # infected: it lies elsewhere
            os.utime(self._store.path(kept["digest"]))
        return kept

    def show(self, digest: str) -> bool:
        return self._evidence.lend(self._store.path(digest), digest)

    def let_go(self) -> int:
        oldest = time.time() - self._kept_s
        count = 0
        for where in ("??/*", "quarantine/*"):
            for file in self._store.folder.glob(where):
                with contextlib.suppress(FileNotFoundError):
                    if file.stat().st_mtime < oldest:
                        file.unlink()
                        count += 1
        return count


async def tidy(hub: Hub, stop: asyncio.Event) -> None:
    """In hub, which alone knows what cases hold: let go what no case holds, until ``stop``."""
    searched = -DAY_S
    while not stop.is_set():
        try:
            if time.monotonic() - searched >= DAY_S:
                await asyncio.to_thread(find, hub)
                searched = time.monotonic()
            await asyncio.to_thread(let_go, hub, stop.is_set)
        except Exception:
            log.exception("pictures that no case holds: trying again in %.0f s", EVERY_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_S)


def find(hub: Hub) -> int:
    """Mark files of evidence that no case and no hazard holds, though nobody lends or attaches
    them, as lent from now on: they go after ``picture_days``. How many."""
    if not hub.city.retention.picture_days:
        return 0
    found = hub.manage.evidence.mark_lost(hub.manage.held, time.time() - LOST_S)
    if found:
        log.warning("%d file(s) of evidence that nothing holds were found and marked", found)
        _note(hub, FOUND, {"files": found})
    return found


def _note(hub: Hub, verb: str, detail: dict[str, Any]) -> None:
    hub.records.transact(
        lambda tx: audit.append(
            tx.connection, at=hub.clock(), actor="@system", verb=verb, object="evidence",
            detail=detail,
        )
    )  # fmt: skip


def let_go(hub: Hub, stopped: Callable[[], bool] = lambda: False) -> int:
    """Remove pictures that were lent to alarms ``picture_days`` ago and that no case holds; how
    many. What a case holds is left alone, and so is all while an alarm of that time may not have
    come to its case yet. It is written down before it is done; after a kill -9 in between, the
    next look does it."""
    days, evidence = hub.city.retention.picture_days, hub.manage.evidence
    if not days:
        return 0
    before = time.time() - days * DAY_S
    lent = evidence.lent(before)
    if not lent or not _come_to_cases(hub, round(before * 1e6), stopped):
        return 0
    held = hub.manage.held(lent)
    gone = len(set(lent) - held)
    if gone:
        _note(hub, VERB, {"pictures": gone, "days": days})
    count = evidence.give_back(lent, held, before)
    log.info("%d picture(s) of alarms that came to no case were let go after %g days", count, days)
    return count


def _come_to_cases(hub: Hub, before: int, stopped: Callable[[], bool]) -> bool:
    """Whether all that was observed before then (µs) has come to the cases, if to any: watch has
    read it, and hub the alarms that watch made of it."""
    try:
        with (
            SqliteJournal(hub.data) as journal,
            Records(hub.data / "watch.sqlite", readonly=True) as watch,
        ):
            for topic in (OBSERVATION.name, OBSERVATION_LIFE.name):
                unread = journal.read(topic, _read(watch, WATCH, topic), entries=1)
                if unread and unread[0].at < before:
                    return False
            last, patience = journal.last(ALARM.name), time.monotonic() + PATIENCE_S
            while _read(hub.records, CASES, ALARM.name) < last:
                if stopped() or time.monotonic() > patience:
                    return False
                time.sleep(0.2)  # how far cases have read is looked up: nobody is woken by it
            return True
    except (FileNotFoundError, sa.exc.OperationalError):
        return False  # watch has never run


def _read(records: Records, reader: str, topic: str) -> int:
    return records.positions().get((reader, topic), 0)
