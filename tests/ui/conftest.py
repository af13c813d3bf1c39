"""Chromium, signed in to the running city by the link that ``tianmu up`` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from chromium import find

ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-compositing",  # maps only are drawn by the emulated GPU: it is slow
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=30_000)  # as long as Playwright waits for everything else
WALL, DESK = {"width": 1920, "height": 1080}, {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed with its module: while it is open, Playwright keeps an event loop running in this
    thread, and tests elsewhere want one of their own."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=find(), args=ARGUMENTS)
        yield made
        made.close()


@pytest.fixture(scope="session")
def base(running_city: Any) -> str:
    return str(running_city.environment()["TIANMU_URL"])


@pytest.fixture(scope="session")
def link(running_city: Any) -> str:
    """The secret of the one-time link; whoever uses it first has the session."""
    return str(json.loads((running_city.data / "run" / "hub.json").read_text())["link"])


@pytest.fixture(scope="session")
def signed_in(base: str, link: str) -> dict[str, Any]:
    """The session of the duty officer who came by the link; in a browser of its own, since the
    link works once and the session outlives the module's browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=ARGUMENTS)
        context = browser.new_context(locale="zh-CN", viewport=WALL)
        page = context.new_page()
        page.goto(f"{base}/open#{link}")
        page.wait_for_url("**/hall")
        state: dict[str, Any] = dict(context.storage_state())
        browser.close()
    return state


def watched(context: BrowserContext) -> Iterator[Page]:
    """A page that fails the test when its own script broke."""
    page = context.new_page()
    broke: list[str] = []
    page.on("pageerror", lambda error: broke.append(str(error)))
    yield page
    context.close()
    assert not broke, f"the page broke: {broke}"


@pytest.fixture
def wall(browser: Browser, signed_in: dict[str, Any]) -> Iterator[Page]:
    more = {"locale": "zh-CN", "viewport": WALL}
    yield from watched(browser.new_context(storage_state=signed_in, **more))


@pytest.fixture
def desk(browser: Browser, signed_in: dict[str, Any]) -> Iterator[Page]:
    more = {"locale": "zh-CN", "viewport": DESK}
    yield from watched(browser.new_context(storage_state=signed_in, **more))
