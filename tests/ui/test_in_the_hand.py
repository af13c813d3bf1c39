"""The desk, the command room and the wall held in a hand, upright and turned sideways: what has no
room beside the rest is reached by scrolling, never cut off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from ui.small import case_of, made, signed_in
from waiting import eventually

pytestmark = pytest.mark.browser
UPRIGHT, SIDEWAYS = (390, 844), (844, 390)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def phone(small: Any, browser: Browser) -> Iterator[Page]:
    case_of(small, "d1")
    page = signed_in(small, browser, "duty_officer", UPRIGHT)
    yield page
    page.context.close()


def turn(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


def reached(page: Page, one: Locator) -> None:
    """It can be brought wholly into view, and stays there once the page has grown to its size."""

    def stays() -> bool:
        one.scroll_into_view_if_needed()
        try:
            expect(one).to_be_in_viewport(ratio=0.99, timeout=1_000)
        except AssertionError:  # what was still loading pushed it away
            return False
        return True

    eventually(stays, what=f"{one} is in view")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"the page is {wide} px wider than its screen"


@pytest.mark.parametrize("size", [UPRIGHT, SIDEWAYS, (1024, 768)])
def test_who_is_at_the_desk_can_sign_out(small: Any, phone: Page, size: tuple[int, int]) -> None:
    turn(phone, size)
    phone.goto(f"{small.url}/desk")
    reached(phone, phone.get_by_role("button", name="退出登录"))


@pytest.mark.parametrize("size", [UPRIGHT, SIDEWAYS])
def test_a_command_room_is_told_and_read(small: Any, phone: Page, size: tuple[int, int]) -> None:
    turn(phone, size)
    phone.goto(f"{small.url}/desk/room/{case_of(small, 'd2')}")
    words = phone.locator("[data-say]")
    reached(phone, words)
    report = f"水罐车到场，屏宽 {size[0]}"
    words.fill(report)
    phone.get_by_role("button", name="发送").click()
    told = phone.locator(".log li", has_text=report)
    reached(phone, told)
    reached(phone, phone.locator("[data-task-new]"))


def test_the_wall_turned_sideways_shows_whole_rows(small: Any, phone: Page) -> None:
    turn(phone, UPRIGHT)
    phone.goto(f"{small.url}/hall")
    expect(phone.locator(".cases .case").first).to_be_visible()
    turn(phone, SIDEWAYS)
    reached(phone, phone.locator(".cases li:not([inert]) .case").first)
    least = phone.evaluate(
        "Math.min(...[...document.querySelectorAll('.hall .panel *')]"
        ".filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())"
        " && e.checkVisibility() && !e.closest('.unseen, [inert]'))"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert least >= 12, f"words of {least} px"


def test_what_is_reported_keeps_its_margin(small: Any, browser: Browser) -> None:
    """In the language whose words are long, in whatever face the phone has."""
    page = signed_in(small, browser, "grid_worker", UPRIGHT)
    page.add_init_script("document.cookie = 'tianmu_language=en; Path=/'")
    page.goto(f"{small.url}/field/report")
    page.add_style_tag(
        content=".field { font-family: monospace !important; --font-text: monospace }"
    )
    expect(page.locator(".tile.class").first).to_be_visible()
    beyond = """() => {
      const edge = document.querySelector('textarea').getBoundingClientRect().right;
      return [...document.querySelectorAll('form *')].filter(e => e.checkVisibility()
        && !e.closest('.unseen, .maplibregl-map') && e.getBoundingClientRect().right > edge + 0.5)
        .map(e => e.className + ' ' + e.textContent.trim().slice(0, 40)); }"""
    assert page.evaluate(beyond) == []
    page.locator(".tile.class").first.click()
    expect(page.locator("[data-matter]").first).to_be_visible()
    assert page.evaluate(beyond) == []
    page.context.close()
