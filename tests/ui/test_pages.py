"""The wall and the desk in Chromium, on a real city: what people see and do."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ui.line import Line
from whole.town import Ingest, register, spot

pytestmark = pytest.mark.browser
"""ms within which something that happened must be seen"""


def complain(running_city: Any) -> str:
    """A citizen's call from a place of its own, so that it opens a case of its own; its words."""
    words = f"路灯不亮 {uuid.uuid4().hex[:8]}"
    city = running_city.city()
    city.post("/api/reports", {"channel": "hotline", "text": words, "place": spot(city)})
    return words


def whole_number(text: str) -> int:
    return int(re.sub(r"\D", "", text) or 0)


def test_a_link_opens_the_wall_once(
    browser: Browser, base: str, link: str, signed_in: dict[str, Any]
) -> None:
    assert any(cookie["name"] == "tianmu_session" for cookie in signed_in["cookies"])
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{base}/open#{link}")
    expect(page.get_by_role("alert")).to_contain_text("链接无效或已使用")
    assert link not in page.url, "the secret must leave the address bar"
    context.close()


def test_nobody_sees_the_wall_unsigned(browser: Browser, base: str) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{base}/hall")
    page.wait_for_url("**/login**")
    page.locator("[name=account]").fill("nobody")
    page.locator("[name=password]").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("账号或口令错误")
    context.close()


def test_the_wall_moves_by_push(wall: Page, base: str, running_city: Any) -> None:
    asked: list[str] = []
    wall.goto(f"{base}/hall")
    headline = wall.locator("[data-net=manage] .figure.head b")
    expect(headline).to_be_visible()
    expect(wall.locator("[data-figure=per-second]")).to_have_text(re.compile(r"^[\d,.]+"))
    before = whole_number(headline.inner_text())
    wall.on("request", lambda request: asked.append(request.url))
    words = complain(running_city)
    row = wall.locator(".cases .case", has_text=words)
    expect(row).to_have_count(1)
    expect(headline).to_have_text(re.compile(rf"^(?!{before}$)\d"))
    assert not [url for url in asked if "/api/cases" in url], "it came by push, not by asking"


def test_a_case_and_a_number_open_what_they_are_made_of(
    wall: Page, base: str, running_city: Any
) -> None:
    words = complain(running_city)
    wall.goto(f"{base}/hall")
    wall.locator(".cases .case", has_text=words).click()
    drawer = wall.get_by_role("dialog")
    expect(drawer).to_contain_text(words)
    expect(drawer.locator(".timeline li").first).to_be_visible()
    wall.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    wall.locator("[data-net=manage]").click()
    expect(wall.get_by_role("dialog").locator("table.list tr").first).to_be_visible()


def test_every_word_is_in_the_other_language(wall: Page, base: str) -> None:
    wall.goto(f"{base}/hall")
    expect(wall.locator("h1")).to_contain_text("城市运行")
    wall.get_by_role("button", name="语言").click()
    expect(wall.locator("h1")).to_contain_text("City operations")
    expect(wall.locator("html")).to_have_attribute("lang", "en")
    wall.reload()
    expect(wall.locator("h1")).to_contain_text("City operations")


@pytest.mark.parametrize(
    "size", [(1280, 720), (1440, 1000), (1920, 1080), (3840, 1080), (3840, 2160)]
)
def test_the_wall_fits_its_screen(wall: Page, base: str, size: tuple[int, int]) -> None:
    wall.set_viewport_size({"width": size[0], "height": size[1]})
    wall.goto(f"{base}/hall")
    expect(wall.locator("[data-net=manage]")).to_be_visible()
    overflow = wall.evaluate(
        "[document.documentElement.scrollWidth - innerWidth,"
        " document.documentElement.scrollHeight - innerHeight]"
    )
    assert max(overflow) <= 0, f"{overflow} px stand over the edge"
    columns = wall.evaluate(
        "getComputedStyle(document.querySelector('.hall')).gridTemplateColumns.split(' ').length"
    )
    assert columns == (5 if size == (3840, 1080) else 3)
    wall.locator('[data-map="filter"]').click()
    expect(wall.locator(".filter .panel")).to_be_visible()
    share = size[1] / 1080
    least = wall.evaluate(
        "Math.min(...[...document.querySelectorAll('.hall *')]"
        ".filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())"
        " && e.checkVisibility() && !e.closest('.unseen') && !e.classList.contains('unseen')"
        " && !e.closest('.maplibregl-control-container'))"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    # 18 px at 1080 lines is what can be read from eight metres; units stand beside large figures
    assert least >= (18 if size[0] / size[1] > 1.6 else 12) * share - 0.1, (
        f"something is {least} px high"
    )
    wall.get_by_role("button", name="语言").click()  # English is longer
    expect(wall.locator("h1")).to_contain_text("City operations")
    last = wall.evaluate(
        "Math.max(...[...document.querySelectorAll('[data-net] *')]"
        ".map(e => e.getBoundingClientRect().right))"
    )
    assert last <= size[0], "one of the five nets is cut off"
    sources = wall.locator(".hall .list li:not([inert]) .source").count()
    told = wall.locator(".hall [data-rest]")
    more = whole_number(told.inner_text()) if told.count() else 0
    held = wall.evaluate("fetch('/api/vitals').then(one => one.json()).then(v => v.sources.length)")
    assert sources + more == held, "what does not fit is counted"


def test_the_desk_is_worked_by_keyboard(desk: Page, base: str, running_city: Any) -> None:
    words = complain(running_city)
    desk.goto(f"{base}/desk")
    row = desk.locator("[data-row]", has_text=words)
    expect(row).to_have_count(1)
    desk.keyboard.press("/")
    desk.keyboard.type(words)
    expect(desk.locator("[data-row]")).to_have_count(1)
    desk.keyboard.press("Escape")
    desk.keyboard.press("j")
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/desk/cases/*")
    expect(desk.locator("article h2")).to_contain_text(words)
    expect(desk.locator(".timeline li").first).to_be_visible()

    desk.keyboard.press("n")
    desk.get_by_role("dialog").locator("textarea").fill("已电话核实")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator(".timeline")).to_contain_text("已电话核实")

    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog")).to_contain_text("键盘操作")
    desk.keyboard.press("Escape")
    desk.keyboard.press("g")
    desk.keyboard.press("a")
    desk.wait_for_url("**/desk/alarms")


def test_a_step_moves_the_case_on(desk: Page, base: str, running_city: Any) -> None:
    words = complain(running_city)
    desk.goto(f"{base}/desk")
    desk.locator("[data-row]", has_text=words).click()
    verify = desk.locator("[data-step=verify]")
    expect(verify).to_be_visible()
    verify.click()
    desk.keyboard.press("Control+Enter")
    expect(desk.locator(".stages .here")).not_to_have_text("待核实")


def test_somebody_else_was_first(
    desk: Page, browser: Browser, base: str, signed_in: dict[str, Any], running_city: Any
) -> None:
    words = complain(running_city)
    desk.goto(f"{base}/desk")
    desk.locator("[data-row]", has_text=words).click()
    expect(desk.locator("[data-step=note]")).to_be_visible()
    number = desk.url.rsplit("/", 1)[1]
    desk.locator("[data-step=verify]").click()
    dialog = desk.get_by_role("dialog")
    expect(dialog).to_be_visible()
    told = desk.request.post(
        f"{base}/api/cases/{number}/steps/note",
        data={"reason": "", "data": {"text": "别人先写了一句"}},
        headers={"X-Requested-With": "tianmu"},
    )
    assert told.ok, told.text()
    desk.keyboard.press("Control+Enter")
    expect(desk.locator(".toast").first).to_contain_text("已被他人更改")
    expect(desk.locator(".timeline")).to_contain_text("别人先写了一句")


def test_an_alarm_is_acknowledged_by_a_key(desk: Page, base: str, running_city: Any) -> None:
    city = running_city.city()
    device = register(city, "gas_detector", "ui-gas")
    desk.goto(f"{base}/desk/alarms")
    expect(desk.locator(".queue")).to_be_visible()
    now = int(time.time() * 1000)
    row = {"datastream": f"{device}/methane_lel", "time": now, "value": 72.5}
    assert Ingest(city).send([row]).json()["accepted"] == 1
    desk.keyboard.press("/")
    desk.keyboard.type(device)
    row = desk.locator("[data-row]").first
    expect(row).to_be_visible()
    expect(desk.locator(".sound.ringing, .sound.off")).to_be_visible()
    desk.keyboard.press("Escape")
    desk.keyboard.press("j")
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/desk/alarms/*")
    expect(desk.locator("article .value b")).to_contain_text("72.5")
    desk.keyboard.press("a")
    expect(desk.locator("article .under")).to_contain_text("已确认")
    expect(desk.locator("article ol")).to_contain_text("确认")


def test_a_broken_line_is_said_and_mended(desk: Page, base: str, running_city: Any) -> None:
    line = Line(base)
    desk.goto(f"{line.base}/desk")
    expect(desk.locator(".queue .bar")).to_be_visible()
    before = complain(running_city)
    expect(desk.locator("[data-row]", has_text=before)).to_have_count(1)
    line.cut()
    expect(desk.locator(".banner")).to_contain_text("与服务器的连接中断")
    expect(desk.locator(".banner .num")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    words = complain(running_city)
    line.mend()
    expect(desk.locator("[data-row]", has_text=words)).to_have_count(1)
    expect(desk.locator("[data-row]", has_text=before)).to_have_count(1)
    expect(desk.locator(".banner")).to_have_count(0)
    line.close()


def test_chinese_is_drawn_with_our_own_fonts(wall: Page, base: str) -> None:
    """On a machine without Chinese fonts and without a network: the face comes with the page."""
    asked: list[str] = []
    wall.on("request", lambda request: asked.append(request.url))
    wall.goto(f"{base}/hall")
    expect(wall.locator("[data-net=manage]")).to_be_visible()
    faces = wall.evaluate(
        "document.fonts.load('500 24px \"Noto Sans SC Variable\"', '城市运行案件告警')"
        ".then(found => found.filter(face => face.status === 'loaded').length)"
    )
    assert faces > 0
    assert all(url.startswith((base, "blob:", "data:")) for url in asked), asked
