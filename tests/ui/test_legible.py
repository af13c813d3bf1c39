"""Every page can be read and reached: contrast, names, focus, what is cut off, size for a thumb."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ui.legible import faults, small_targets, unseen_focus
from ui.small import ASKED, case_of, made, signed_in

pytestmark = pytest.mark.browser
WIDE = """one => { const e = document.querySelector(one); const range = document.createRange();
  range.selectNodeContents(e); const size = parseFloat(getComputedStyle(e).fontSize);
  return Math.abs(range.getBoundingClientRect().width - 2 * size) < 1; }"""
"""whether two Chinese letters are as wide as two squares of the type's size"""
PAGES = {
    "duty_officer": (
        "hall", "desk", "desk/cases/{case}", "desk/alarms", "desk/handover", "desk/room/{case}",
        "admin/load",
    ),
    "system_admin": tuple(
        f"admin/{one}"
        for one in (
            "accounts", "organisation", "roster", "devices", "past", "unknown", "sources",
            "quarantine", "connections", "rules", "plans", "pack",
        )
    ),
    "audit_admin": ("admin/audit",),
    "": ("login", "trust"),
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def speak(page: Page, language: str) -> None:
    page.emulate_media(reduced_motion="reduce")  # colours do not pass over when the theme changes
    page.add_init_script(f"document.cookie = 'tianmu_language={language}; Path=/';{ASKED}")


@pytest.mark.parametrize("role", PAGES)
def test_what_stands_on_a_page_can_be_read(small: Any, browser: Browser, role: str) -> None:
    case = case_of(small, "d50")
    page = (
        signed_in(small, browser, role) if role else browser.new_context(locale="zh-CN").new_page()
    )
    speak(page, "en")
    found: dict[str, list[str]] = {}
    for path in PAGES[role]:
        link = page.locator(f"nav a[href='/{path}']")
        if path.startswith("admin/") and "/admin/" in page.url:
            link.click()  # without a new start of the pages
        else:
            page.goto(f"{small.url}/{path.format(case=case)}")
        expect(page.locator("h1:visible, h2:visible, main:visible").first).to_be_visible()
        expect(page.locator(".bones")).to_have_count(0)
        for theme in ("night", "day") if path != "hall" else ("hall",):
            page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            if told := faults(page):
                found[f"{path} {theme}"] = told
        if told := unseen_focus(page, 8):
            found[f"{path} focus"] = told
    page.context.close()
    assert not found, "\n".join(f"{k}: {one}" for k, v in found.items() for one in v)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_thumb_meets_what_it_aims_at(small: Any, browser: Browser, language: str) -> None:
    small.account(f"crew-{language}", ["department_worker", "grid_worker"])
    page = signed_in(small, browser, "", (390, 844), f"crew-{language}")
    speak(page, language)
    found: dict[str, list[str]] = {}
    for path in ("orders", "report", "patrol", "outbox"):
        page.goto(f"{small.url}/field/{path}")
        expect(page.locator("nav.bar")).to_be_visible()
        # Chinese is no row of boxes: a letter of ours is as wide as it is high
        word = page.locator("nav.bar button span").first
        expect(word).to_have_text("任务" if language == "zh" else "Tasks")
        if language == "zh":
            page.wait_for_function(WIDE, arg="nav.bar button span")
        for theme in ("sun", "night"):
            page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            if told := faults(page) + small_targets(page):
                found[f"{path} {theme}"] = told
    page.context.close()
    assert not found, "\n".join(f"{k}: {one}" for k, v in found.items() for one in v)
