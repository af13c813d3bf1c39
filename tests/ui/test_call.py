"""A call is taken at the desk: who takes it sees the open cases that it may belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from ui.small import case_of, made, signed_in

pytestmark = pytest.mark.browser
FIRE = "liyang:event:fire_alarm"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def test_a_call_is_taken_beside_the_cases_it_may_belong_to(small: Any, browser: Browser) -> None:
    case = case_of(small, "d4")
    held = small.hub.manage.case(case)
    desk = signed_in(small, browser, "hotline_agent")
    desk.goto(f"{small.url}/desk")
    expect(desk.locator(f'[data-row="{case}"]')).to_be_visible()
    desk.keyboard.press("i")
    form = desk.locator("dialog")
    save = form.locator("[data-save]")
    expect(form.locator("textarea")).to_be_focused()
    save.click()
    expect(form.get_by_role("alert")).to_contain_text("先写明")
    form.locator("textarea").fill("三楼着火了，有人被困")
    save.click()
    expect(form.get_by_role("alert")).to_contain_text("否则无法派遣")
    form.locator("input[name=matter]").fill("着火")  # as people call it
    form.locator(f'[data-matter="{FIRE}"]').click()
    expect(form.locator("p b")).to_have_text(small.city.matters[FIRE].name["zh"])
    form.locator("input[name=phone]").fill("13912345678")
    expect(form.locator("[data-use]")).to_have_count(0)  # nothing is known of where
    form.locator("select[name=division]").select_option(held.division)
    form.locator("[data-use]").click()
    expect(form.locator("canvas")).to_be_visible()
    save.click()
    expect(form.locator("[data-taken]")).to_be_visible()
    small.settle()
    expect(form.locator("[data-taken]")).to_contain_text(f"已并入 {held.number}")
    form.locator("[data-show]").click()
    expect(desk).to_have_url(f"{small.url}/desk/cases/{case}")
    assert small.hub.manage.case(case).signals == 2
    expect(desk.locator("main")).not_to_contain_text("13912345678")
    expect(desk.locator("main")).to_contain_text("三楼着火了")
    desk.context.close()
