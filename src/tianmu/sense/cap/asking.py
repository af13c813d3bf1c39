"""Feeds of other bodies, asked again and again: what is new in them comes through the door of
``connector.py``. What an answer holds is bounded, and links lead to the feed's own host or to those
that the source names."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from tianmu.access.outward import Outward
from tianmu.facts.address import Allowed, Forbidden
from tianmu.facts.registry import SourceChanged
from tianmu.sense.cap import feed
from tianmu.sense.cap.connector import PROTOCOL, Bulletins
from tianmu.sense.cap.settings import Settings, settings_of
from tianmu.sense.cap.xml import MOST, BadXml
from tianmu.sense.intake import Intake
from tianmu.store.records import DiskFull

log = logging.getLogger("tianmu.gate")

PATIENCE = 20.0
"""seconds in which something of an answer has to come"""
LONGEST = 120.0
"""seconds for one look at a feed and what it links to; the rest the next time"""
LINKS = 100
"""alerts fetched after one look at a feed; the rest the next time"""
LINE = 300
"""characters of a fault that are shown"""
KNOWN = 5_000
"""addresses and documents of one feed that are not looked at again"""
LOOK = 1.0
"""seconds between two looks at which feeds are due: a slow one keeps no other waiting"""


@dataclass
class Fed:
    """One feed: what it said last, and what was fetched of it."""

    due: float = 0.0
    """by ``time.monotonic``; infinite while it is asked"""
    etag: str = ""
    modified: str = ""
    known: OrderedDict[str, None] = field(default_factory=OrderedDict)
    said: set[str] = field(default_factory=set)
    """what was wrong with it, as the log has it, since all of it was read the last time"""

    def know(self, what: str) -> None:
        """Once it is on disk. What is forgotten is taken once all the same, for a message has its
        own name."""
        self.known[what] = None
        while len(self.known) > KNOWN:
            self.known.popitem(last=False)


class TooLarge(ValueError):
    """More bytes than a message may have."""


NOT_READ = (httpx.HTTPError, httpx.InvalidURL, TooLarge, Forbidden, OSError)
"""what may come of asking an address"""


class Asking:
    """Asks the feeds of all active sources of protocol ``cap``, each when it is due."""

    def __init__(
        self, intake: Intake, door: Bulletins, allowed: Allowed,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:  # fmt: skip
        """``allowed``: from where it fetches though it is not public, or without TLS;
        ``transport``: instead of the network."""
        self._intake, self._door = intake, door
        self._allowed, self._transport = allowed, transport
        self._fed: dict[str, Fed] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._go(self._run(), "cap-asking")

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _go(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        while True:
            try:
                for source, settings in self._due():
                    self._go(self._ask(source, settings), f"cap-asking {source.source}")
            except Exception:
                log.exception("feeds could not be asked: trying again")
            await asyncio.sleep(LOOK)

    async def look(self) -> int:
        """Ask each feed that is due, all at once; how many were asked."""
        due = self._due()
        await asyncio.gather(*(self._ask(*one) for one in due))
        return len(due)

    def _due(self) -> list[tuple[SourceChanged, Settings]]:
        """What is to be asked now, which from now on is being asked."""
        mine = [s for s in self._intake.sources.all() if s.protocol == PROTOCOL and s.active]
        due: list[tuple[SourceChanged, Settings]] = []
        for source in mine:
            settings, fault = settings_of(source)
            fed = self._fed.setdefault(source.source, Fed())
            if fault:
                self._fault(source, fault, again=False)
            elif not settings.feed:
                self._door.faults.pop(source.source, None)
            elif time.monotonic() >= fed.due:
                fed.due = math.inf
                due.append((source, settings))
        for gone in self._door.faults.keys() - {one.source for one in mine}:
            del self._door.faults[gone]
        return due

    def _fault(self, source: SourceChanged, what: str, *, again: bool = True) -> None:
        """Logged once, shown until all of it could be read; ``again``: counted each time."""
        said, what = self._fed[source.source].said, what[:LINE]
        self._door.faults[source.source] = what
        if again or what not in said:
            self._door.counts["feed_faults"] += 1
        if what not in said and len(said) < LINKS:
            said.add(what)
            log.warning("feed of source %s: %s", source.source, what)

    async def _ask(self, source: SourceChanged, settings: Settings) -> None:
        """One look at a feed, at which nothing that is wrong ends the looks to come."""
        begun, fed = time.monotonic(), self._fed[source.source]
        try:
            async with asyncio.timeout(LONGEST):
                whole = await self._read(source, settings, fed)
            if whole:
                self._door.faults.pop(source.source, None)
                fed.said.clear()
        except DiskFull as full:
            self._fault(source, f"no room: {full}")
        except TimeoutError:
            self._fault(source, f"{settings.feed}: not all was read in {LONGEST:g} s")
        except NOT_READ as error:
            self._fault(source, f"{settings.feed}: {error or type(error).__name__}")
        except Exception as error:
            log.exception("feed of source %s: asking again", source.source)
            self._fault(source, f"{settings.feed}: {type(error).__name__}: {error}")
        finally:
            fed.due = begun + settings.every_s

    async def _read(self, source: SourceChanged, settings: Settings, fed: Fed) -> bool:
        """Take in what is new; whether it was all of it. Raises what ``_ask`` tells."""
        headers = {"Accept": "application/cap+xml, application/atom+xml, application/xml;q=0.9"}
        headers |= {"If-None-Match": fed.etag} if fed.etag else {}
        headers |= {"If-Modified-Since": fed.modified} if fed.modified else {}
        async with httpx.AsyncClient(
            timeout=PATIENCE,
            follow_redirects=False,
            trust_env=False,
            transport=self._transport or Outward(self._allowed),
        ) as client:
            status, body, told = await _get(client, settings.feed, headers)
            self._intake.heard(source, 0)
            if status == 304:
                return True
            try:
                listed = await asyncio.to_thread(feed.read, body, settings.feed)
            except BadXml as error:
                if (digest := _digest(body)) not in fed.known:
                    await self._door.unreadable(body, str(error), source, settings.feed)
                    fed.know(digest)
                self._fault(source, f"{settings.feed}: {error}")
                return False
            for one in listed.alerts:
                if (digest := _digest(one)) not in fed.known:
                    await self._door.put(one, source, settings.feed)
                    fed.know(digest)
            whole = await self._follow(client, listed.links, source, settings, fed)
        if whole:  # else it is read anew the next time, whether it has changed or not
            fed.etag, fed.modified = told.get("etag", ""), told.get("last-modified", "")
        return whole

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
            if not _may_follow(link, hosts):
                what = f"a link leads to {link}: name its host in `hosts` of the source"
                self._fault(source, what)
                whole = False
                continue
            try:
                _, body, _ = await _get(client, link, {"Accept": feed.CAP})
            except NOT_READ as error:
                self._fault(source, f"{link}: {error or type(error).__name__}")
                whole = False
                continue
            await self._door.put(body, source, link)
            fed.know(link)
        return whole


def _may_follow(link: str, hosts: set[str | None]) -> bool:
    try:
        where = urlsplit(link)
    except ValueError:
        return False
    return where.scheme in {"http", "https"} and where.hostname in hosts


def _digest(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


async def _get(
    client: httpx.AsyncClient, address: str, headers: dict[str, str]
) -> tuple[int, bytes, httpx.Headers]:
    """Status (200 or 304), body and headers. Raises ``httpx.HTTPError``, ``TooLarge``."""
    async with client.stream("GET", address, headers=headers) as answer:
        if answer.status_code == 304:
            return 304, b"", answer.headers
        if answer.is_redirect:
            to = answer.headers.get("location", "")[:100]
            raise httpx.HTTPError(f"it leads to {to!r}, which is not followed: name that address")
        if answer.status_code != 200:
            raise httpx.HTTPError(f"it answers {answer.status_code}")
        parts, size = [], 0
        async for part in answer.aiter_bytes():
            size += len(part)
            if size > MOST:
                raise TooLarge(f"more than {MOST} bytes")
            parts.append(part)
        return 200, b"".join(parts), answer.headers
