"""A small city in this process for the pages' tests, and browsers signed in to it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page

from tianmu.access import token
from tianmu.city.pack import load
from tianmu.web.hub import UI
from web.world import make_world

TESTS = Path(__file__).resolve().parents[1]
ASKED = (
    "localStorage.setItem('tianmu.password.asked',"
    " 't-system-admin t-security-admin t-audit-admin');"
)
"""run in a page: the administrators were asked for a password of their own before"""


def made(folder: Path) -> Iterator[Any]:
    """The world of tests/web with the built pages."""
    yield from make_world(folder, load("liyang"), ui=UI)


def signed_in(
    small: Any, browser: Browser, role: str, size: tuple[int, int] = (1440, 900), account: str = ""
) -> Page:
    """A page of a browser of its own, signed in as the account of a role, or as the one named;
    empty still."""
    name = account or f"t-{role}".replace("_", "-")
    records, at = small.hub.records, small.hub.clock()
    plain = records.transact(lambda tx: token.make_link(tx.connection, name, at=at, actor="test"))
    sized = {"width": size[0], "height": size[1]}
    context = browser.new_context(locale="zh-CN", viewport=sized)
    enter(context, small.url, plain)
    return context.new_page()


def enter(context: BrowserContext, url: str, secret: str) -> None:
    """Use a one-time link as its page does, without drawing the map of the hall that it opens."""
    answer = context.request.post(
        f"{url}/api/session/link", data={"token": secret}, headers={"X-Requested-With": "tianmu"}
    )
    assert answer.status == 200, answer.text()


def case_of(small: Any, device: str) -> str:
    """A case of a fire alarm of this device."""
    alarm = small.raise_alarm(device, matter="liyang:event:fire_alarm")
    small.settle()
    return str(small.hub.manage.case_of([alarm.alarm])[alarm.alarm])


def photo(mark: bytes = b"") -> bytes:
    """A picture of 40 × 30 px; with another mark another file, the same to look at."""
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(picture, "PNG")
    return picture.getvalue() + mark
