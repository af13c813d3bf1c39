"""Feeds of others: asked when they are due, followed where they may lead, each alert once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tianmu.city.charter.outbound import SETTING, Outbound
from tianmu.facts.address import Allowed
from tianmu.facts.registry import SourceChanged
from tianmu.sense import hold
from tianmu.sense.cap import asking as cap_asking
from tianmu.sense.cap.asking import Asking
from tianmu.sense.cap.feed import read
from tianmu.sense.cap.xml import BadXml
from tianmu.store.records import DiskFull
from waiting import until

from ..door import run
from .bureau import Bureau, alert, reference

LINKS = 6
FEED = "https://bureau.example/feed.xml"


def atom(*entries: str) -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><id>x</id>{"".join(entries)}</feed>'


def entry(address: str, media: str = "application/cap+xml") -> str:
    page = '<link rel="alternate" type="text/html" href="https://bureau.example/page"/>'
    return f'<entry>{page}<link rel="alternate" type="{media}" href="{address}"/></entry>'


def inline(body: bytes) -> str:
    return f'<entry><content type="text/xml">{body.decode().split("?>")[1]}</content></entry>'


def rss(*addresses: str) -> str:
    items = "".join(f"<item><title>t</title><link>{one}</link></item>" for one in addresses)
    return f'<rss version="2.0"><channel><title>t</title>{items}</channel></rss>'


class Web:
    """What stands at which address; counts who asks."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.etag = ""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        address = str(request.url)
        self.asked.append(address)
        if address == FEED and self.etag and request.headers.get("if-none-match") == self.etag:
            return httpx.Response(304)
        if address not in self.pages:
            return httpx.Response(404)
        more = {"etag": self.etag} if address == FEED and self.etag else {}
        return httpx.Response(200, content=self.pages[address], headers=more)


def asking(bureau: Bureau, web: Callable[[httpx.Request], Any]) -> Asking:
    return Asking(bureau.door.intake, bureau.bulletins, Allowed(), httpx.MockTransport(web))


async def again(one: Asking) -> None:
    for fed in one._fed.values():
        fed.due = 0.0
    await one.look()


def test_alerts_and_links_are_found_in_either_sort_of_feed() -> None:
    told = read(atom(entry("a.xml"), inline(alert()), entry("b")).encode(), FEED)
    assert told.links == ("https://bureau.example/a.xml", "https://bureau.example/b")
    (inside,) = told.alerts
    assert b"a1" in inside
    assert read(rss("https://o.example/1", "2").encode(), FEED).links == (
        "https://o.example/1", "https://bureau.example/2",
    )  # fmt: skip
    assert read(alert(), FEED).alerts == (alert(),)


@run
async def test_a_feed_is_asked_and_what_it_links_to_is_fetched_once(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path, settings={"feed": FEED, "every_s": 60})
    web = Web()
    one, two = "https://bureau.example/1.xml", "https://bureau.example/2.xml"
    web.pages = {FEED: atom(entry(one)).encode(), one: alert("1")}
    feeds = asking(bureau, web)
    assert (await feeds.look(), await feeds.look()) == (1, 0), "not before it is due"
    assert bureau.stages() == {"1": "in_force"}
    web.pages |= {
        FEED: atom(entry(two), entry(one)).encode(),
        two: alert("2", kind="Update", references=reference("1")),
    }
    web.etag = '"v2"'
    await again(feeds)
    await again(feeds)
    assert web.asked == [FEED, one, FEED, two, FEED]
    assert bureau.stages() == {"1": "updated", "2": "in_force"}
    # whoever starts again asks for all of it, and takes none twice
    await asking(bureau, web).look()
    assert len(bureau.facts()) == 2
    assert bureau.levels("warned-city/rainstorm") == [3]
    bureau.close()


@run
async def test_what_cannot_be_fetched_is_asked_for_again(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path, settings={"feed": FEED})
    web = Web()
    web.etag = '"v1"'
    one = "https://bureau.example/1.xml"
    feeds = asking(bureau, web)
    await feeds.look()  # the feed itself is not there
    assert bureau.bulletins.counts["feed_faults"] == 1
    web.pages = {FEED: atom(entry(one)).encode()}
    await again(feeds)
    web.pages[one] = alert("1")
    await again(feeds)
    assert bureau.stages() == {"1": "in_force"}
    web.asked.clear()
    await again(feeds)
    assert web.asked == [FEED]
    bureau.close()


@run
async def test_links_lead_to_named_hosts_alone(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path, settings={"feed": FEED, "hosts": ["cdn.example"]})
    web = Web()
    inside, cdn = "http://169.254.169.254/latest", "https://cdn.example/1.xml"
    web.pages = {
        FEED: atom(entry(inside), entry("file:///etc/passwd"), entry(cdn)).encode(),
        cdn: alert("1"), inside: alert("2"),
    }  # fmt: skip
    await asking(bureau, web).look()
    assert web.asked == [FEED, cdn] and bureau.stages() == {"1": "in_force"}
    bureau.close()


@run
async def _bounded(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path, settings={"feed": FEED})
    web = Web()
    web.pages = {FEED: b"<html>sorry</html>"}
    feeds = asking(bureau, web)
    await feeds.look()
    await again(feeds)
    web.pages[FEED] = atom(inline(alert("bad").replace(b"Severe", b"Grave"))).encode()
    await again(feeds)
    await again(feeds)
    rows = bureau.door.main.read(lambda c: c.execute(sa.select(hold.quarantine)).all())
    assert len(rows) == 2, "each once, however often the feed is asked"
    web.pages[FEED] = b"x" * (3 << 20)
    await again(feeds)
    assert bureau.bulletins.counts["feed_faults"] == 3
    many = [f"https://bureau.example/{n}" for n in range(LINKS + 3)]
    web.pages = {FEED: atom(*map(entry, many)).encode(), **{m: alert(m[-3:]) for m in many}}
    web.asked.clear()
    await again(feeds)
    assert len(web.asked) == LINKS + 1
    await again(feeds)
    assert set(web.asked) == {FEED, *many}
    bureau.close()


def test_bad_answers_are_kept_once_and_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cap_asking, "LINKS", LINKS)
    _bounded(tmp_path)


def test_alerts_in_one_another_do_not_grow() -> None:
    deep = "<item><alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'>"
    many = f"<rss>{deep * 15}{'x' * (1 << 20)}{'</alert></item>' * 15}</rss>"
    with pytest.raises(BadXml, match="in one another"):
        read(many.encode(), FEED)


@run
async def test_what_is_wrong_with_a_feed_is_shown_until_all_of_it_was_read(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path, settings={"feed": FEED})
    web = Web()
    one = "https://bureau.example/1.xml"
    web.pages = {FEED: atom(entry("http://[bad"), entry(one)).encode(), one: alert("1")}
    feeds = asking(bureau, web)
    await feeds.look()
    assert bureau.stages() == {"1": "in_force"}, "what cannot be an address keeps no other back"
    assert "http://[bad" in bureau.http.state()["cap_feed bureau"]
    web.pages = {}
    await again(feeds)
    state = bureau.http.state()
    assert state["cap_feed bureau"] == f"{FEED}: it answers 404"
    assert (state["cap_taken"], state["cap_feed_faults"]) == (1, 2)
    web.pages[FEED] = atom(entry(one)).encode()
    await again(feeds)
    assert "cap_feed bureau" not in bureau.http.state()
    bureau.close()


@run
async def _full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bureau = Bureau(tmp_path, settings={"feed": FEED})
    web = Web()
    web.etag = '"v1"'
    web.pages = {FEED: atom(inline(alert("1"))).encode()}
    feeds = asking(bureau, web)

    async def full(*_: object) -> None:
        raise DiskFull(tmp_path, 0, 0)

    with monkeypatch.context() as patch:
        patch.setattr(bureau.bulletins, "put", full)
        await feeds.look()
    assert "disk full" in bureau.http.state()["cap_feed bureau"] and not bureau.facts()
    await again(feeds)
    assert bureau.stages() == {"1": "in_force"}, "once there is room"
    bureau.close()


def test_what_found_no_room_is_taken_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _full(tmp_path, monkeypatch)


@run
async def _slow(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path, settings={"feed": FEED})
    quick = "https://quick.example/1.xml"
    other = SourceChanged(
        source="quick", number=9, protocol="cap", at=0, actor="test", settings={"feed": quick}
    )
    bureau.door.sources.apply(other)
    asked: list[str] = []
    never = asyncio.Event()

    async def web(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url == FEED:
            await never.wait()
        return httpx.Response(200, content=alert(f"q{len(asked)}"))

    feeds = asking(bureau, web)
    feeds.start()
    await until(bureau.stages)
    assert list(bureau.stages().values()) == ["in_force"], "the slow one is still waited for"
    feeds._fed["quick"].due = 0.0
    await until(lambda: asked.count(quick) == 2)
    assert (asked.count(quick), asked.count(FEED)) == (2, 1), "nor is it asked once more meanwhile"
    feeds.stop()
    await asyncio.sleep(0)
    bureau.close()


def test_a_slow_feed_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cap_asking, "LOOK", 0.01)
    _slow(tmp_path)


@pytest.mark.parametrize(
    ("settings", "what"),
    [({"feed": "ftp://x/y"}, "http"), ({"every_s": 1}, "10"), ({"feeds": "x"}, "feeds")],
)
def test_wrong_settings_are_named(settings: dict[str, object], what: str, tmp_path: Path) -> None:
    from tianmu.sense.cap.settings import settings_of

    bureau = Bureau(tmp_path, settings=settings)
    assert what in settings_of(bureau.source)[1]
    bureau.close()


@run
async def test_no_feed_is_fetched_from_what_only_the_city_can_reach(tmp_path: Path) -> None:
    """Whatever an administrator names, until the pack names it too."""
    asked: list[bytes] = []
    body = atom(inline(alert("1"))).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    inside = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/feed"
    bureau = Bureau(tmp_path, settings={"feed": inside})
    await Asking(bureau.door.intake, bureau.bulletins, Outbound().feeds).look()
    assert asked == [] and not bureau.facts()
    said = bureau.http.state()["cap_feed bureau"]
    assert "without TLS" in said and SETTING in said
    named = Outbound(feed_hosts=("127.0.0.0/8",)).feeds
    await Asking(bureau.door.intake, bureau.bulletins, named).look()
    assert len(asked) == 1 and bureau.stages() == {"1": "in_force"}
    server.close()
    bureau.close()


@run
async def test_redirects_are_told_and_not_followed(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path, settings={"feed": FEED})
    asked: list[str] = []

    def web(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "http://169.254.169.254/latest"})

    await asking(bureau, web).look()
    assert asked == [FEED]
    assert "169.254.169.254" in bureau.http.state()["cap_feed bureau"]
    bureau.close()
