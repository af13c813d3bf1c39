"""A day of work at the desk, in Chromium: called and answered, away and back, handed over."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tianmu.access import token
from ui.small import enter, made

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("TIANMU_PICTURES", "")
"""a folder to keep what was seen in, or nothing"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def signed_in(small: Any, browser: Browser, role: str, **more: Any) -> Page:
    name = f"t-{role}".replace("_", "-")
    records, at = small.hub.records, small.hub.clock()
    plain = records.transact(lambda tx: token.make_link(tx.connection, name, at=at, actor="test"))
    size = more.pop("size", (1440, 900))
    more |= {"locale": "zh-CN", "viewport": {"width": size[0], "height": size[1]}}
    context = browser.new_context(**more)
    enter(context, small.url, plain)
    return context.new_page()


def seen(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")


def test_a_day_of_work(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "commander")
    broke: list[str] = []
    page.on("pageerror", lambda error: broke.append(str(error)))

    # called, and answered by one key
    page.goto(f"{small.url}/desk/cases")
    page.locator(".desk .columns").wait_for()
    alarm = small.raise_alarm("d3", matter="liyang:event:fire_alarm", severity="II", priority=2)
    small.settle()
    case = str(small.hub.manage.case_of([alarm.alarm])[alarm.alarm])
    bar = page.locator("[data-contact-bar]")
    expect(bar).to_be_visible()
    page.goto(f"{small.url}/desk/cases/{case}")
    expect(page.locator("[data-case-contacts] .ladder").first).to_be_visible()
    seen(page, "called")

    def waiting() -> int:
        return sum(one.waits for one in small.hub.manage.case(case).contacts)

    for left in range(len(small.hub.manage.case(case).contacts) - 1, -1, -1):
        page.keyboard.press("h")
        page.wait_for_timeout(50)
        end = 200
        while waiting() > left and end:
            page.wait_for_timeout(50)
            end -= 1
        assert waiting() == left
    expect(bar).to_have_count(0)
    assert {one.answered_by for one in small.hub.manage.case(case).contacts} == {"t-commander"}
    expect(page.locator("[data-case-contacts] .good").first).to_be_visible()
    seen(page, "answered")

    # the roster of the week; somebody is away, another stands in, and it is undone
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.locator("[data-duty] table").wait_for()
    before = page.locator("[data-on-duty] li b").all_inner_texts()
    assert before
    seen(page, "roster")
    page.locator("[data-record]").click()
    small_account = next(
        one.account
        for one in small.city.roster.on_duty("centre-320481000000", "", small.hub.clock())
    )
    page.locator("[data-who]").select_option(small_account)
    page.locator("[data-why]").fill("培训")
    expect(page.locator(".pick .good").first).to_be_visible()
    seen(page, "absence")
    page.locator("[data-send]").click()
    row = page.locator("[data-absences] li").first
    expect(row).to_contain_text("培训")
    seen(page, "away")
    row.locator("[data-undo]").click()
    expect(page.locator("[data-absences] li.gone")).to_have_count(1)
    assert page.locator("[data-on-duty] li b").all_inner_texts() == before

    # handed over, and confirmed by the other one, thing by thing and then all
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.locator(".handed li").first).to_be_visible()
    page.locator("[data-note]").fill("写错了")
    page.locator("[data-to]").fill("t-duty-officer")
    page.locator("[data-sign]").click()
    page.locator("[data-withdraw]").click()
    expect(page.locator("[data-handover-sheet] .sig")).to_contain_text("已撤回")
    expect(page.locator("[data-withdraw]")).to_have_count(0)
    seen(page, "withdrawn")
    page.locator("[data-handover-sheet] .tools button").first.click()
    page.locator("[data-note]").fill("三号泵停用，注意水位")
    page.locator("[data-to]").fill("t-duty-officer")
    seen(page, "handover")
    page.locator("[data-sign]").click()
    expect(page.locator("[data-handover-sheet]")).to_contain_text("三号泵停用")
    other = signed_in(small, browser, "duty_officer")
    other.goto(page.url)
    items = other.locator("[data-handover-sheet] .handed li")
    expect(items.first).to_be_visible()
    other.keyboard.press("a")  # the item that the keys are on, and they go on to the next
    expect(other.locator(".handed li.yes")).to_have_count(1)
    expect(items.first).to_have_class(re.compile("yes"))
    expect(page.locator(".handed li.yes")).to_have_count(1)
    assert small.hub.manage.relief.read(1)[0]["taken_at"] == 0
    seen(other, "confirming")
    other.keyboard.press("A")
    expect(other.locator("[data-handover-sheet] .sig.yes")).to_be_visible()
    expect(page.locator("[data-handover-sheet] .sig.yes")).to_be_visible()
    assert small.hub.manage.relief.read(1)[0]["taken_at"] > 0
    page.emulate_media(media="print")
    assert page.locator(".desk header.top").is_hidden()
    assert page.locator("[data-handover-sheet] article").is_visible()
    seen(page, "printed")
    assert not broke, broke


def test_one_thumb_answers_in_the_field(small: Any, browser: Browser) -> None:
    small.account("t-fire", ["department_worker"], department="fire")
    phone = signed_in(small, browser, "fire", size=(390, 844), has_touch=True, is_mobile=True)
    alarm = small.raise_alarm("d7", matter="liyang:event:fire_alarm", severity="II", priority=3)
    small.settle()
    case = str(small.hub.manage.case_of([alarm.alarm])[alarm.alarm])
    phone.goto(f"{small.url}/field")
    button = phone.locator("[data-contact-bar] [data-answer]")
    # nobody looks for this account: what it is there to do keeps the screen
    for size, share in (((844, 390), 0.2), ((390, 844), 0.16)):
        phone.set_viewport_size({"width": size[0], "height": size[1]})
        expect(button).to_be_visible()
        box = phone.locator("[data-contact-bar]").bounding_box()
        assert box is not None and box["height"] <= share * size[1], (size, box)
    expect(button).to_be_visible()
    box = button.bounding_box()
    assert box is not None and box["height"] >= 60 and box["width"] >= 90
    seen(phone, "field")
    wide = phone.evaluate("document.documentElement.scrollWidth")
    assert wide <= phone.evaluate("window.innerWidth") == 390
    button.tap()
    expect(phone.locator("[data-contact-bar]")).to_have_count(0)
    for _ in range(200):  # gone from the screen at once, on disk a moment later
        if not any(one.waits for one in small.hub.manage.case(case).contacts):
            break
        phone.wait_for_timeout(50)
    (answered,) = {one.answered_by for one in small.hub.manage.case(case).contacts}
    assert answered == "t-fire"


def test_who_told_of_it_and_what_they_were_answered(small: Any, browser: Browser) -> None:
    with small.client("integrator") as program:
        place = {"longitude": 119.61, "latitude": 31.29}
        told = {"channel": "app", "text": "路灯不亮", "matter": small.matter(), "place": place}
        report = program.post("/api/reports", json=told).json()["report"]
    small.settle()
    case = str(small.hub.manage.case_of([report], "report")[report])
    page = signed_in(small, browser, "commander")
    page.goto(f"{small.url}/desk/cases/{case}")
    row = page.locator(f"[data-answers] [data-report='{report}']")
    expect(row).to_contain_text("待答复")
    with small.client("commander") as centre:
        done = centre.post(f"/api/cases/{case}/steps/void", json={"reason": "物业已修好"})
        assert done.status_code == 200, done.text
    expect(row.locator(".answer")).to_contain_text("物业已修好")
    seen(page, "answered-reporter")
    page.context.close()


def test_whom_the_city_calls_and_by_what(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "system_admin")
    page.goto(f"{small.url}/admin/contacts")
    rows = page.locator("[data-contacts] table.list").first.locator("tbody tr")
    expect(rows).to_have_count(len(small.city.contact.ladders))
    expect(rows.first).to_contain_text("默认值，由城市设定")
    call = page.locator("[data-gateway=call]")
    expect(call).to_contain_text("未设置")
    expect(call.locator("[data-trial]")).to_be_disabled()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()


def test_an_operator_says_who_answered_by_phone(small: Any, browser: Browser) -> None:
    alarm = small.raise_alarm("d11", matter="liyang:event:fire_alarm", severity="II", priority=3)
    small.settle()
    case = str(small.hub.manage.case_of([alarm.alarm])[alarm.alarm])
    page = signed_in(small, browser, "commander")
    page.goto(f"{small.url}/desk/cases/{case}")
    # by keyboard: a click waits for two frames of a map that software draws
    page.locator("[data-case-contacts] [data-phoned]").first.press("Space")
    page.locator("dialog .button.main").press("Enter")
    expect(page.locator("[data-case-contacts] .good").first).to_be_visible()
    held = small.hub.manage.case(case).contacts[0]
    assert held.state == "answered" and held.answered_by in held.tried
    page.context.close()
