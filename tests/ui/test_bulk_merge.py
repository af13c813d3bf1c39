"""Three cases chosen at the desk go into the one that is named, and come back, in one deed each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ui.small import ASKED, case_of, made, signed_in

pytestmark = pytest.mark.browser
SAID = {
    "zh": (
        "将把 2 件并入 {into}，全部执行或全不执行",
        "合并 · 2 件并入 {into}",
        "撤销",
        "已撤销 2 / 2 件",
    ),
    "en": ("2 will go into {into}, all or none", "Merge · 2 into {into}", "Undo", "2 of 2 undone"),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def choose(page: Page, small: Any, cases: list[str]) -> None:
    page.goto(f"{small.url}/desk/cases")
    for case in cases:
        page.locator(f"[data-mark='{case}']").check()
    page.locator("[data-many]").click()
    page.locator("label", has=page.locator("[data-bulk=merge]")).click()


@pytest.mark.parametrize(
    ("language", "size", "first"), [("zh", (1440, 900), 40), ("en", (390, 844), 43)]
)
def test_three_become_one_and_three_again(
    small: Any, browser: Browser, language: str, size: tuple[int, int], first: int
) -> None:
    cases = [case_of(small, f"d{n}") for n in range(first, first + 3)]
    held = small.hub.manage.case
    before = {case: held(case) for case in cases}
    into, *others = cases[1], cases[0], cases[2]
    willing, merged, undo, undone = SAID[language]
    page = signed_in(small, browser, "commander", size)
    page.add_init_script(f"document.cookie = 'tianmu_language={language}; Path=/';{ASKED}")
    choose(page, small, cases)
    expect(page.locator(f"[data-into='{cases[0]}']")).to_be_checked()  # the oldest
    page.locator(f"[data-into='{into}']").check()
    look, go = page.locator("[data-look]"), page.locator("[data-go]")
    expect(look).to_be_disabled()
    page.locator("[data-reason]").fill("one fire")
    look.click()
    number = before[into].number
    expect(page.get_by_text(willing.format(into=number))).to_be_visible()
    go.click()
    toast = page.locator(".toast", has_text=merged.format(into=number))
    expect(toast).to_be_visible()
    expect(page.locator("dialog")).to_have_count(0)
    assert [held(case).merged_into for case in others] == [into, into]
    assert held(into).signals == 3
    expect(page.locator(f"[data-row='{others[0]}']")).to_have_count(0)
    toast.get_by_role("button", name=undo, exact=True).click()
    expect(page.locator(".toast", has_text=undone)).to_be_visible()
    expect(page.locator(f"[data-row='{others[0]}']")).to_have_count(1)
    for case in cases:
        now, was = held(case), before[case]
        assert (now.open, now.signals, now.level) == (True, 1, was.level)
        assert now.open_orders == was.open_orders
    page.context.close()
