"""The administration on a phone: sections from a list, rows of tables as cards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from ui.small import ASKED, made, signed_in

pytestmark = pytest.mark.browser
SIDEWAYS = "() => document.querySelector('main').scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def test_a_row_is_a_card_that_says_what_stands_in_it(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "system_admin", (390, 844))
    page.context.add_init_script(ASKED)
    page.goto(f"{small.url}/admin/devices")
    kind = page.locator('td[data-of="类型"]').first
    expect(kind).to_be_visible()
    assert page.evaluate(SIDEWAYS) <= 0
    page.locator(".jump").select_option("roster")
    expect(page).to_have_url(f"{small.url}/admin/roster")
    expect(page.locator('td[data-of="岗位"]').first).to_be_attached()
    assert page.evaluate(SIDEWAYS) <= 0
    page.context.close()
