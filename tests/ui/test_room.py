"""A command room in two browsers at once: both see what either does, nobody overwrites anybody."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tianmu.access import token
from tianmu.city.pack import load
from tianmu.web.hub import UI

pytestmark = pytest.mark.browser
TESTS = Path(__file__).resolve().parents[1]
SEEN = 15_000


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("room_city", TESTS / "web" / "conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["room_city"] = module
    spec.loader.exec_module(module)
    yield from module.make_world(tmp_path_factory.mktemp("city"), load("liyang"), ui=UI)


def signed_in(small: Any, browser: Browser, role: str) -> Page:
    """A browser of its own, signed in as the account of a role."""
    name = f"t-{role}".replace("_", "-")
    records, at = small.hub.records, small.hub.clock()
    plain = records.transact(lambda tx: token.make_link(tx.connection, name, at=at, actor="test"))
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"{small.url}/open#{plain}")
    page.wait_for_url(lambda url: "/open" not in url)
    return page


def case_of(small: Any, device: str) -> str:
    alarm = small.raise_alarm(device, matter="liyang:event:fire_alarm")
    small.settle()
    return str(small.hub.manage.case_of([alarm.alarm])[alarm.alarm])


def say(page: Page, words: str) -> None:
    page.locator("[data-say]").fill(words)
    page.keyboard.press("Enter")


def test_two_browsers_in_one_room(small: Any, browser: Browser) -> None:
    case = case_of(small, "d3")
    one, two = (signed_in(small, browser, role) for role in ("commander", "duty_officer"))
    for page in (one, two):
        page.goto(f"{small.url}/desk/room/{case}")
        expect(page.locator(".present li")).to_have_count(2 if page is two else 1, timeout=SEEN)
    expect(one.locator(".present li")).to_have_count(2, timeout=SEEN)

    say(one, "两辆水罐车到场")
    say(two, "供水正常")
    for page in (one, two):
        expect(page.locator(".log ol")).to_contain_text("两辆水罐车到场", timeout=SEEN)
        expect(page.locator(".log ol")).to_contain_text("供水正常", timeout=SEEN)

    # a drawing of the one is on the map of the other
    one.locator("canvas").first.wait_for()
    one.locator("[data-draw=area]").click()
    sheet = one.locator("[data-sheet]")
    for x, y in ((120, 120), (220, 120), (180, 220)):
        sheet.click(position={"x": x, "y": y})
    one.keyboard.press("Enter")
    one.locator("dialog input").fill("警戒区")
    one.keyboard.press("Enter")
    expect(two.locator(".room-map .drawing")).to_have_text("警戒区", timeout=SEEN)

    # both tick the same task; one of them is told that the other was first
    two.keyboard.press("Escape")
    two.locator("[data-task-new]").click()
    two.locator("dialog textarea").fill("封闭道路")
    two.keyboard.press("Control+Enter")
    for page in (one, two):
        expect(page.locator(".task")).to_contain_text("封闭道路", timeout=SEEN)
    three = signed_in(small, browser, "dispatcher")
    three.route("**/api/push*", lambda route: route.abort())  # hears nothing of what others do
    three.goto(f"{small.url}/desk/room/{case}")
    expect(three.locator(".task")).to_contain_text("封闭道路", timeout=SEEN)
    two.locator(".task button").click()
    expect(one.locator(".task.over")).to_be_visible(timeout=SEEN)
    three.locator(".task button").click()
    expect(three.get_by_text("别人先改了")).to_be_visible()
    expect(three.locator(".task.over")).to_be_visible()
    three.context.close()

    # a page that is loaded anew has it all; who leaves is seen to have left
    two.reload()
    expect(two.locator(".room-map .drawing")).to_have_text("警戒区", timeout=SEEN)
    expect(two.locator(".task.over")).to_contain_text("封闭道路")
    one.goto(f"{small.url}/desk/cases")
    expect(two.locator(".present li").filter(has_text="t-commander")).to_have_count(0, timeout=SEEN)
    log = small.client("commander").get(f"/api/cases/{case}/room").json()["log"]
    assert [e["sequence"] for e in log] == list(range(1, len(log) + 1))
    assert [e["kind"] for e in log].count("task_done") == 1
    for page in (one, two):
        page.context.close()
