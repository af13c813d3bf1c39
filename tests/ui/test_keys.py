"""The desk without a mouse: what Tab comes to is pressed by Enter, the row that the keys are on is
told to who listens, and several cases are merged and come apart again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ui.small import ASKED, case_of, made, signed_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


@pytest.fixture
def desk(small: Any, browser: Browser) -> Iterator[Page]:
    page = signed_in(small, browser, "commander")
    page.add_init_script(ASKED)
    yield page
    page.context.close()


def row(case: str) -> str:
    return f"[data-row='{case}']"


def test_enter_presses_what_tab_has_come_to(small: Any, desk: Page) -> None:
    case = case_of(small, "d30")
    desk.goto(f"{small.url}/desk/cases")
    expect(desk.locator(row(case))).to_be_visible()
    desk.keyboard.press("j")
    expect(desk.locator(".cursor")).to_be_focused()
    desk.get_by_role("button", name="筛选", exact=True).first.focus()
    desk.keyboard.press("Enter")
    expect(desk.locator(".filters select").first).to_be_visible()
    assert "/desk/cases" in desk.url and case not in desk.url, "and not the page's own Enter"
    desk.locator(row(case)).focus()
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**/desk/cases/{case}")
    desk.locator("header a", has_text="告警").first.focus()
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/desk/alarms")


def test_escape_leaves_the_search_then_the_case_then_what_was_searched(
    small: Any, desk: Page
) -> None:
    case = case_of(small, "d31")
    desk.goto(f"{small.url}/desk/cases/{case}")
    expect(desk.locator("[data-step]").first).to_be_visible()
    desk.keyboard.press("/")
    box = desk.locator("label.search input")
    expect(box).to_be_focused()
    desk.keyboard.type("nothing is called so")
    expect(desk.locator(row(case))).to_have_count(0)
    desk.keyboard.press("Escape")
    expect(box).not_to_be_focused()
    assert desk.url.endswith(case), "the case that was open stays open"
    desk.keyboard.press("Escape")
    desk.wait_for_url("**/desk/cases")
    expect(box).to_have_value("nothing is called so")  # one goes on through what was found
    desk.keyboard.press("Escape")
    expect(box).to_have_value("")
    expect(desk.locator(row(case))).to_be_visible()


def test_a_signal_leaves_its_case_by_the_number_that_is_seen(small: Any, desk: Page) -> None:
    case = case_of(small, "d36")
    case_of(small, "d36")
    assert small.hub.manage.case(case).signals == 2
    desk.goto(f"{small.url}/desk/cases/{case}")
    first = desk.locator("[data-signals] kbd", has_text="u 1")
    expect(first).to_have_count(1)
    expect(first).not_to_be_in_viewport()  # orders, contacts and units stand above
    desk.keyboard.press("u")
    expect(first).to_be_in_viewport()
    desk.keyboard.press("1")
    expect(desk.locator(".toast", has_text="已移出")).to_be_visible()
    assert small.hub.manage.case(case).signals == 1


def test_news_leave_the_buttons_of_a_dialog_free(small: Any, desk: Page) -> None:
    case = case_of(small, "d37")
    desk.set_viewport_size({"width": 1440, "height": 900})
    desk.goto(f"{small.url}/desk/cases/{case}")
    desk.locator("[data-step=note]").click()
    desk.locator("dialog textarea").fill("正在疏散")
    desk.route("**/steps/note", lambda route: route.abort())
    desk.keyboard.press("Control+Enter")
    toast = desk.locator(".toast")
    expect(toast).to_be_visible()
    desk.locator("[data-step=note]").click()
    told, foot = toast.bounding_box(), desk.locator("dialog footer").bounding_box()
    assert told and foot and told["y"] + told["height"] <= foot["y"]


def test_two_cases_become_one_and_two_again(small: Any, desk: Page) -> None:
    cases = [case_of(small, f"d{n}") for n in (33, 34)]
    held = small.hub.manage.case
    desk.goto(f"{small.url}/desk/cases")
    for case in cases:
        expect(desk.locator(row(case))).to_be_visible()
    chosen = 0
    while chosen < 2:  # down the queue, whatever else is in it
        desk.keyboard.press("j")
        now = desk.evaluate("document.activeElement.dataset.row")
        if now in cases:
            desk.keyboard.press("v")
            chosen += 1
            expect(desk.locator(f"[data-mark='{now}']")).to_be_checked()
    desk.keyboard.press("b")
    dialog = desk.locator("dialog")
    expect(dialog).to_be_visible()
    for _ in range(20):
        if desk.evaluate("document.activeElement.dataset.bulk") == "merge":
            break
        desk.keyboard.press("ArrowRight")
    expect(desk.locator("[data-bulk=merge]")).to_be_checked()
    for _ in range(5):
        desk.keyboard.press("Tab")
        if desk.evaluate("document.activeElement.tagName") == "TEXTAREA":
            break
    desk.keyboard.type("one fire")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("[data-go]")).to_be_enabled()
    desk.keyboard.press("Control+Enter")
    expect(dialog).to_have_count(0)
    toast = desk.locator(".toast", has_text="合并")
    expect(toast.locator("kbd")).to_have_text("U")
    assert sorted(held(case).open for case in cases) == [False, True]
    desk.keyboard.press("Shift+U")
    expect(desk.locator(".toast", has_text="已撤销 1 / 1 件")).to_be_visible()
    assert [(held(case).open, held(case).signals) for case in cases] == [(True, 1)] * 2
