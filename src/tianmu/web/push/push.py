"""Live push (server-sent events) that survives a broken connection without loss or repeat.

One task reads the journal for everybody and makes each event once. An event's id is the cursor
behind it: the position in each topic. Who comes back with ``Last-Event-ID`` first gets what the
journal holds between that cursor and the task's, then what the task hands out, and the two meet
without gap or overlap, because joining and handing out take turns on the event loop.

Whoever is too slow to take what waits for them is cut off, and resumes by cursor. A cursor that
the journal no longer holds is answered with 410: begin anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Collection, Mapping

from starlette.responses import StreamingResponse

from tianmu.access.scope import Principal, Scope
from tianmu.store.journal.contract import Journal, Purged
from tianmu.web.answer.problem import Problem
from tianmu.web.hub import Hub
from tianmu.web.map.tiles import Tiles
from tianmu.web.push.cursor import Positions, along, cursor, frame, positions_of
from tianmu.web.push.render import KINDS, TOPICS, News, case_news, topic_news
from tianmu.web.push.subscriber import Sort, Subscriber
from tianmu.web.route.route import Ask, encode, identify
from tianmu.web.sight import exposure
from tianmu.web.vitals import vitals

log = logging.getLogger("tianmu.web.push")

BACKLOG = 200_000
"""entries that a resumed subscriber may be behind"""
READ = 4096
"""entries of a topic read at once"""
PACED = "case"
"""topic of which much comes at once in a storm, that can be told together"""
PACE, LONGEST = 4_000, 0.5
"""entries of it for each of which so much of a second passes until the next are read, and the
longest it may take: in a storm more of them then tell of one case, which is told once"""
BEAT = 10.0
"""seconds between comments that keep the connection open"""
MOST = 2_000
"""subscribers at once"""
EACH = 200
"""of one account: none takes the others' places"""


class Push:
    """Reads the journal once and tells every subscriber what is theirs to hear."""

    def __init__(self, hub: Hub, *, version: str) -> None:
        self._hub, self._version = hub, version
        self._journal: Journal | None = None
        self._positions: Positions = dict.fromkeys(TOPICS, 0)
        self._subscribers: set[Subscriber] = set()
        self._closing = asyncio.Event()
        self.sent = 0
        """events handed out, all subscribers together"""
        self._told = 0
        """epoch of the map up to which subscribers were told"""
        self.cut = 0
        """subscribers that were too slow"""

    @property
    def subscribers(self) -> int:
        return len(self._subscribers)

    @property
    def positions(self) -> Mapping[str, int]:
        """How far the task has read."""
        return self._positions

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read the journal and tell the vital signs as long as the context lasts."""
        self._journal = journal = self._hub.journal()
        self._positions = {topic: journal.last(topic) for topic in TOPICS}
        self._closing = asyncio.Event()
        tasks = [asyncio.create_task(self._follow(journal)), asyncio.create_task(self._pulse())]
        try:
            yield
        finally:
            self.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            close = getattr(journal, "close", None)
            if close is not None:
                close()

    def close(self) -> None:
        """End all streams: the city stops, and a server waits for those it still answers."""
        self._closing.set()
        for one in self._subscribers:
            one.woken.set()

    # -- the one reader --

    async def _follow(self, journal: Journal) -> None:
        loop, rest = asyncio.get_running_loop(), 0.0
        while True:
            try:
                left = max(0.0, rest - loop.time())
                await self._sleep(journal, left)
                if not self._subscribers:
                    # nobody hears: whoever comes next begins at the end, or reads it themselves
                    self._positions = {topic: journal.last(topic) for topic in TOPICS}
                    continue
                now = loop.time()
                wanted = self._wanted({one.sort for one in self._subscribers})
                resting = PACED if now < rest else ""
                news, positions, read = await asyncio.to_thread(
                    self._gather, journal, self._positions, None, wanted, resting
                )
                if self._wanted({one.sort for one in self._subscribers}) - wanted:
                    continue  # who came meanwhile wants what was not looked at: look again
                self._hand_out(news, positions)
                if not resting and read < READ:
                    rest = now + min(LONGEST, read / PACE)
            except Purged as gone:
                log.warning("push skips what is gone: %s", gone)
                self._positions = {
                    **self._positions,
                    gone.topic: max(self._positions[gone.topic], gone.first - 1),
                }
            except Exception:
                log.exception("push could not read the journal; it tries again")
                await asyncio.sleep(1)

    async def _sleep(self, journal: Journal, rest: float) -> None:
        """Until there is news; for ``rest`` seconds at most none of the paced topic."""
        positions = dict(self._positions)
        if rest:
            del positions[PACED]
        wait = getattr(journal, "wait_async", None)
        if wait is not None:
            await wait(positions, rest or 60.0)
        else:
            await asyncio.to_thread(journal.wait, positions, rest or 5.0)

    @staticmethod
    def _wanted(sorts: Collection[Sort]) -> frozenset[str]:
        """Topics of which somebody wants to hear."""
        return frozenset(
            topic for topic in TOPICS if any(sort.wants(KINDS[topic]) for sort in sorts)
        )

    def _gather(
        self,
        journal: Journal,
        after: Mapping[str, int],
        until: Mapping[str, int] | None,
        wanted: Collection[str],
        resting: str = "",
    ) -> tuple[list[tuple[News, str]], Positions, int]:
        """News after ``after`` (at most up to ``until``) of the ``wanted`` topics but for the
        ``resting`` one, each with the cursor behind it; and how many entries of the paced topic
        were read."""
        positions = dict(after)
        found: list[tuple[News, str]] = []
        count = 0
        for topic in TOPICS:
            if until is not None and positions[topic] >= until[topic]:
                continue
            if topic == resting:
                continue
            if topic not in wanted:
                positions[topic] = journal.last(topic) if until is None else until[topic]
                continue
            end = None if until is None else until[topic]
            told, last, read = self._read(journal, topic, positions[topic], end)
            count += read if topic == PACED else 0
            behind = along(positions, topic)
            found += [(news, behind(news.position)) for news in told]
            positions[topic] = last
        return found, positions, count

    def _read(
        self, journal: Journal, topic: str, after: int, until: int | None
    ) -> tuple[list[News], int, int]:
        """News of one topic, how far it was read, and how many entries that were. What this process
        has just written itself need not be read from the disk."""
        if topic == PACED:
            end = journal.last(topic) if until is None else until
            fresh = self._hub.manage.fresh.between(after, end, READ)
            if fresh:
                return case_news(self._hub, fresh), fresh[-1][0], len(fresh)
        entries = journal.read(topic, after, entries=READ)
        if until is not None:
            entries = [entry for entry in entries if entry.position <= until]
        if not entries:
            return [], after if until is None else until, 0
        return topic_news(self._hub, topic, entries), entries[-1].position, len(entries)

    def _hand_out(self, news: list[tuple[News, str]], positions: Positions) -> None:
        self._positions = positions
        if not news or not self._subscribers:
            return
        frames = [(one, frame(one.kind, one.data, after)) for one, after in news]
        self._deliver(
            {
                sort: b"".join(raw for one, raw in frames if sort.hears(one))
                for sort in {one.sort for one in self._subscribers}
            }
        )
        self.sent += len(news)

    def _deliver(self, chunks: Mapping[Sort, bytes]) -> None:
        for one in self._subscribers:
            chunk = chunks.get(one.sort)
            if chunk:
                one.give(chunk)

    async def _pulse(self) -> None:
        """The vital signs and what changed on the map, once a second, once for each scope that
        somebody looks from."""
        while True:
            await asyncio.sleep(1.0)
            for kind, permission, take in (
                ("vitals", "vitals.read", self._signs),
                ("tiles", "device.read", self._tiles),
            ):
                sorts = {one.sort for one in self._subscribers if one.sort.wants((kind,))}
                scopes = {sort.scope for sort in sorts if permission in sort.permissions}
                if not scopes:
                    continue
                try:
                    told = await asyncio.to_thread(take, scopes)
                except Exception:
                    log.exception("%s could not be taken; they are tried again", kind)
                    continue
                after = cursor(self._positions)
                self._deliver(
                    {
                        sort: frame(kind, told[sort.scope], after)
                        for sort in sorts
                        if sort.scope in told and permission in sort.permissions
                    }
                )

    def _signs(self, scopes: set[Scope]) -> dict[Scope, bytes]:
        return {scope: encode(vitals.now(self._hub, scope)) for scope in scopes}

    def _tiles(self, scopes: set[Scope]) -> dict[Scope, bytes]:
        """What changed since the last time; nothing where nothing did."""
        tiles: Tiles = self._hub.memory["tiles"]
        before, self._told = self._told, tiles.picture().epoch
        if before == self._told:
            return {}
        return {scope: encode(tiles.changes(scope, before)) for scope in scopes}

    # -- a subscriber --

    def subscribe(self, ask: Ask, last: str, kinds: frozenset[str]) -> StreamingResponse:
        """The stream of one subscriber; ``last`` is the id of the last event it has, or empty;
        ``kinds`` are the events it wants, all where there are none."""
        journal = self._journal
        if journal is None or self._closing.is_set():
            raise Problem(503, "starting", "push is not running", "try again in a second")
        if len(self._subscribers) >= MOST:
            raise Problem(
                503,
                "too-many",
                f"{MOST} subscribers are connected already",
                "close pages that nobody looks at",
                headers={"Retry-After": "30"},
            )
        who = ask.who
        if sum(one.account == who.account for one in self._subscribers) >= EACH:
            raise Problem(
                429,
                "too-many",
                f"{EACH} subscribers of {who.account} are connected already",
                "close pages that nobody looks at; screens have accounts of their own",
                headers={"Retry-After": "30"},
            )
        exposure.listens(ask)
        one = Subscriber(Sort(who.scope, who.permissions, kinds), who.account)
        after: Positions | None = None
        if last:
            after = positions_of(last)
            self._check_backlog(journal, after)
        return StreamingResponse(
            self._stream(ask, journal, one, after),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    def _check_backlog(self, journal: Journal, after: Positions) -> None:
        behind = sum(max(0, self._positions[topic] - after[topic]) for topic in TOPICS)
        ahead = [topic for topic in TOPICS if after[topic] > journal.last(topic)]
        gone = []
        for topic in TOPICS:
            try:
                journal.read(topic, after[topic], entries=1)
            except Purged:
                gone.append(topic)
        if behind > BACKLOG or ahead or gone:
            raise Problem(
                410,
                "cursor-gone",
                "what came after this cursor is not kept (any more)",
                "begin without Last-Event-ID and ask for the lists anew",
            )

    async def _stream(
        self,
        ask: Ask,
        journal: Journal,
        one: Subscriber,
        last: Positions | None,
    ) -> AsyncIterator[bytes]:
        # joining and taking the position are one turn of the loop: what comes later is handed
        # out to us, what came earlier is read from the journal up to here
        until = dict(self._positions)
        after = until if last is None else last
        self._subscribers.add(one)
        try:
            hello = encode(
                {
                    "cursor": cursor(after),
                    "version": self._version,
                    "resumed": last is not None,
                }
            )
            yield b"retry: 1000\n" + frame("hello", hello, cursor(after))
            async for missed in self._missed(journal, one, after, until):
                yield missed
            checked = asyncio.get_running_loop().time()
            while not one.cut and not self._closing.is_set():
                while one.waiting:
                    chunk = one.waiting.popleft()
                    one.size -= len(chunk)
                    yield chunk
                one.woken.clear()
                if not one.waiting and not one.cut and not self._closing.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(one.woken.wait(), BEAT)
                    if not one.waiting:
                        yield b": \n\n"
                now = asyncio.get_running_loop().time()
                if now - checked > BEAT:
                    checked = now
                    if not await asyncio.to_thread(self._still, ask, ask.who):
                        return
            if one.cut:
                self.cut += 1
        finally:
            self._subscribers.discard(one)

    async def _missed(
        self, journal: Journal, one: Subscriber, after: Positions, until: Positions
    ) -> AsyncIterator[bytes]:
        """What was told between two positions, for one that comes back."""
        wanted = self._wanted([one.sort])
        while any(after[topic] < until[topic] for topic in TOPICS):
            news, after, _ = await asyncio.to_thread(self._gather, journal, after, until, wanted)
            missed = b"".join(
                frame(item.kind, item.data, behind) for item, behind in news if one.sort.hears(item)
            )
            if missed:
                yield missed

    @staticmethod
    def _still(ask: Ask, before: Principal) -> bool:
        """Whether the session is still there and may still see what it sees. An open stream
        counts as being there."""
        _, who = identify(ask.request)
        return (
            who is not None and who.scope == before.scope and who.permissions == before.permissions
        )
