"""What an administrator sets for a feed of warnings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from ui.small import ASKED, made, signed_in


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def test_all_settings_of_a_feed_are_shown_and_kept(small: Any, browser: Browser) -> None:
    name = "feed-1"
    system = signed_in(small, browser, "system_admin")
    system.add_init_script(ASKED)
    system.goto(f"{small.url}/admin/sources")
    system.get_by_role("button", name="新建来源").click()
    form = system.get_by_role("dialog")
    form.get_by_label("来源", exact=True).fill(name)
    form.get_by_label("协议").select_option("cap")
    told = {
        "feed": "https://127.0.0.1/feed", "every_s": "120", "hours": "6",
        "hosts": "cdn.example\nb.example", "addresses": "city centre",
    }  # fmt: skip
    for key, value in told.items():
        form.locator(f"[data-key={key}]").fill(value)
    form.get_by_role("button", name="保存").click()
    expect(system.get_by_text("feed_hosts").last).to_be_visible()  # why it is refused
    form.locator("[data-key=feed]").fill("https://bureau.example/feed")
    form.get_by_role("button", name="保存").click()
    system.locator("[data-secret]").wait_for()
    system.keyboard.press("Escape")
    system.locator("tr", has_text=name).get_by_role("button", name="编辑").click()
    for key, value in (told | {"feed": "https://bureau.example/feed"}).items():
        expect(form.locator(f"[data-key={key}]")).to_have_value(value)
    form.locator("[data-key=hours]").fill("")
    form.locator("[data-key=every_s]").fill("")
    form.locator("[data-key=every_s]").press_sequentially("61.05")
    expect(form.locator("[data-key=every_s]")).to_have_value("61.05")
    form.get_by_label("启用").uncheck()
    late: list[Route] = []
    system.route(
        "**/api/sources?*", lambda one: late.append(one)
    )  # the list that is asked for after saving
    form.get_by_role("button", name="保存").click()
    expect(form).to_have_count(0)
    system.locator("tr", has_text=name).get_by_role("button", name="编辑").click()
    expect(form.locator("[data-key=hours]")).to_have_value("")
    expect(form.locator("[data-key=every_s]")).to_have_value("61.05")
    for one in late:
        one.continue_()
    system.unroute("**/api/sources?*")
    system.context.close()
