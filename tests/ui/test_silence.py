"""A line that was cut without a word: the page takes it for dead by what no longer comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from ui.small import made, signed_in
from waiting import eventually

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def test_a_line_that_has_fallen_silent_is_opened_where_it_broke(
    small: Any, browser: Browser
) -> None:
    page = signed_in(small, browser, "duty_officer")
    page.clock.install()
    page.goto(f"{small.url}/desk")
    live = page.locator(".link").first
    expect(live).to_contain_text("实时")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def reopened() -> bool:
        page.clock.fast_forward(60_000)  # in which nothing came, unless it came just now
        page.wait_for_timeout(200)
        return any("/api/push?after=" in url for url in asked)

    eventually(reopened, what="the line is opened where it broke")
    expect(live).to_contain_text("实时")
    page.context.close()
