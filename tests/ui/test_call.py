"""A call is taken at the desk: who takes it sees the open cases that it may belong to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Route, expect

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
    expect(form.locator("[data-next]")).to_be_focused()
    small.settle()
    expect(form.locator("[data-taken]")).to_contain_text(f"已并入 {held.number}")
    form.locator("[data-show]").click()
    expect(desk).to_have_url(f"{small.url}/desk/cases/{case}")
    assert small.hub.manage.case(case).signals == 2
    expect(desk.locator("main")).not_to_contain_text("13912345678")
    expect(desk.locator("main")).to_contain_text("三楼着火了")
    desk.context.close()


def test_an_answer_to_other_words_does_not_end_the_looking(small: Any, browser: Browser) -> None:
    desk = signed_in(small, browser, "hotline_agent")
    asked: list[Route] = []
    desk.route("**/api/reports/alike", lambda route: asked.append(route))
    desk.goto(f"{small.url}/desk")
    expect(desk.locator(".link").first).to_contain_text("实时")
    desk.keyboard.press("i")
    form = desk.locator("dialog")
    said = form.locator("[data-same] [role=status]")
    with desk.expect_request("**/api/reports/alike"):
        form.locator("textarea").fill("三楼着火")
    with desk.expect_request("**/api/reports/alike"):
        form.locator("textarea").fill("桥头有人落水")
        with contextlib.suppress(Error):  # the page waits for it no longer
            asked[0].fulfill(json=[])
    expect(said).to_contain_text("正在比对")
    asked[1].fulfill(json=[])
    expect(said).not_to_contain_text("正在比对")
    desk.context.close()


def test_matters_are_proposed_by_the_words_and_chosen_by_a_person(
    small: Any, browser: Browser
) -> None:
    desk = signed_in(small, browser, "hotline_agent")
    desk.goto(f"{small.url}/desk")
    expect(desk.locator(".link").first).to_contain_text("实时")
    desk.keyboard.press("i")
    form = desk.locator("dialog")
    likely = form.locator("[data-proposed] [data-matter]")
    form.locator("textarea").fill("三楼着火了")
    expect(likely.first).to_have_attribute("data-matter", FIRE)
    expect(form.locator("p b")).to_have_count(0)  # nothing is chosen by itself
    form.locator("textarea").fill("喂，听得见吗")
    expect(likely).to_have_count(0)
    form.locator("textarea").fill("三楼着火了")
    likely.first.click()
    expect(form.locator("p b")).to_have_text(small.city.matters[FIRE].name["zh"])
    expect(likely).to_have_count(0)
    form.locator("[data-cancel]").click()
    desk.context.close()


def test_what_is_written_of_a_call_is_not_lost(small: Any, browser: Browser) -> None:
    desk = signed_in(small, browser, "hotline_agent", (390, 844))
    desk.goto(f"{small.url}/desk")
    desk.locator("[data-phone] [data-call]").click()
    form = desk.locator("dialog")
    save = form.locator("[data-save]")
    form.locator("textarea").fill("桥头有人落水")
    save.click()
    expect(form.get_by_role("alert")).to_be_in_viewport()
    form.locator("input[name=address]").fill("老街桥头")
    expect(form.get_by_role("alert")).to_have_count(0)
    desk.context.set_offline(True)
    save.click()
    expect(form.get_by_role("alert")).to_contain_text("连接中断")
    expect(form.get_by_role("alert")).to_contain_text("内容还在")
    desk.context.set_offline(False)
    form.locator("header button").click()
    expect(form).to_have_count(0)
    desk.locator("[data-phone] [data-call]").click()
    expect(form.locator("[data-again]")).to_be_visible()
    expect(form.locator("textarea")).to_have_value("桥头有人落水")
    expect(form.locator("input[name=address]")).to_have_value("老街桥头")
    form.locator("[data-anew]").click()
    expect(form.locator("textarea")).to_have_value("")
    form.locator("textarea").fill("路灯不亮")
    form.locator("[data-cancel]").click()
    desk.locator("[data-phone] [data-call]").click()
    expect(form.locator("textarea")).to_have_value("")
    expect(form.locator("[data-again]")).to_have_count(0)
    desk.context.close()
