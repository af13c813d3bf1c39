"""Feeds of other bodies, asked again and again: what is new in them comes through the door of
``connector.py``. What an answer holds is bounded, and links lead to the feed's own host or to those
that the source names."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from tianmu.facts.registry import SourceChanged
from tianmu.sense.cap import feed
from tianmu.sense.cap.connector import PROTOCOL, Bulletins
from tianmu.sense.cap.settings import Settings, settings_of
from tianmu.sense.cap.xml import MOST, BadXml
from tianmu.sense.intake import Intake
from tianmu.store.records import DiskFull

log = logging.getLogger("tianmu.gate")

PATIENCE = 20.0
"""seconds for one answer"""
LINKS = 100
"""alerts fetched after one look at a feed; the rest the next time"""
KNOWN = 5_000
"""addresses and documents of one feed that are not looked at again"""
LOOK = 1.0
"""seconds between two looks at which feeds are due"""


@dataclass
class Fed:
    """One feed: what it said last, and what was fetched of it."""

    due: float = 0.0
    etag: str = ""
    modified: str = ""
    known: OrderedDict[str, None] = field(default_factory=OrderedDict)
    fault: str = ""
    """why it could not be asked the last time; said once"""

    def new(self, what: str) -> bool:
        """Whether it was not known; from now on it is. What is forgotten is taken once all the
        same, for a message has its own name."""
        fresh = what not in self.known
        self.known[what] = None
        while len(self.known) > KNOWN:
            self.known.popitem(last=False)
        return fresh


class TooLarge(ValueError):
    """More bytes than a message may have."""


class Asking:
    """Asks the feeds of all active sources of protocol ``cap``, each when it is due."""

    def __init__(
        self, intake: Intake, door: Bulletins, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._intake, self._door = intake, door
        self._transport = transport
        self._fed: dict[str, Fed] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="cap-asking")

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("feeds could not be asked: trying again")
            await asyncio.sleep(LOOK)

    async def look(self) -> int:
        """Ask each feed that is due, all at once; how many were asked."""
        mine = [s for s in self._intake.sources.all() if s.protocol == PROTOCOL and s.active]
        due: list[tuple[SourceChanged, Settings]] = []
        for source in mine:
            settings, fault = settings_of(source)
            fed = self._fed.setdefault(source.source, Fed())
            if fault:
                self._fault(fed, source, fault)
            elif settings.feed and time.monotonic() >= fed.due:
                fed.due = time.monotonic() + settings.every_s
                due.append((source, settings))
        await asyncio.gather(*(self._ask(*one) for one in due))
        return len(due)

    def _fault(self, fed: Fed, source: SourceChanged, what: str) -> None:
        self._door.counts["feed_faults"] += 1
        if what != fed.fault:
            fed.fault = what
            log.warning("feed of source %s: %s", source.source, what)

    async def _ask(self, source: SourceChanged, settings: Settings) -> None:
        fed = self._fed[source.source]
        headers = {"Accept": "application/cap+xml, application/atom+xml, application/xml;q=0.9"}
        headers |= {"If-None-Match": fed.etag} if fed.etag else {}
        headers |= {"If-Modified-Since": fed.modified} if fed.modified else {}
        try:
            async with httpx.AsyncClient(
                timeout=PATIENCE, follow_redirects=False, transport=self._transport
            ) as client:
                status, body, told = await _get(client, settings.feed, headers)
                self._intake.heard(source, 0)
                if status == 304:
                    fed.fault = ""
                    return
                listed = await asyncio.to_thread(feed.read, body, settings.feed)
                for one in listed.alerts:
                    if fed.new(_digest(one)):
                        await self._door.put(one, source, settings.feed)
                whole = await self._follow(client, listed.links, source, settings, fed)
            if whole:  # else it is read anew the next time, whether it has changed or not
                fed.etag, fed.modified = told.get("etag", ""), told.get("last-modified", "")
            fed.fault = ""
        except DiskFull as full:
            self._fault(fed, source, f"no room: {full}")
        except BadXml as error:
            if fed.new(_digest(body)):
                await self._door.unreadable(body, str(error), source, settings.feed)
            self._fault(fed, source, str(error))
        except (httpx.HTTPError, httpx.InvalidURL, TooLarge, OSError) as error:
            self._fault(fed, source, f"{settings.feed}: {error or type(error).__name__}")

    async def _follow(
        self, client: httpx.AsyncClient, links: tuple[str, ...], source: SourceChanged,
        settings: Settings, fed: Fed,
    ) -> bool:  # fmt: skip
        """Fetch the alerts that a feed links to and that were not fetched yet, oldest (last) first;
        whether that is all of them."""
        hosts = {urlsplit(settings.feed).hostname, *settings.hosts}
        new = [one for one in reversed(links) if one not in fed.known]
        whole = len(new) <= LINKS
        for link in new[:LINKS]:
            where = urlsplit(link)
            if where.scheme not in {"http", "https"} or where.hostname not in hosts:
                what = f"a link leads to {where.hostname}: name it in `hosts` of the source"
                self._fault(fed, source, what)
                whole = False
                continue
            try:
                _, body, _ = await _get(client, link, {"Accept": feed.CAP})
            except (httpx.HTTPError, httpx.InvalidURL, TooLarge, OSError) as error:
                self._fault(fed, source, f"{link}: {error or type(error).__name__}")
                whole = False
                continue
            await self._door.put(body, source, link)
            fed.new(link)
        return whole


def _digest(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


async def _get(
    client: httpx.AsyncClient, address: str, headers: dict[str, str]
) -> tuple[int, bytes, httpx.Headers]:
    """Status (200 or 304), body and headers. Raises ``httpx.HTTPError``, ``TooLarge``."""
    async with client.stream("GET", address, headers=headers) as answer:
        if answer.status_code == 304:
            return 304, b"", answer.headers
        if answer.status_code != 200:
            raise httpx.HTTPError(f"it answers {answer.status_code}")
        parts, size = [], 0
        async for part in answer.aiter_bytes():
            size += len(part)
            if size > MOST:
                raise TooLarge(f"more than {MOST} bytes")
            parts.append(part)
        return 200, b"".join(parts), answer.headers
