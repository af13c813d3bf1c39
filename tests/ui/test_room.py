"""A command room in two browsers at once: both see what either does, nobody overwrites anybody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ui.small import case_of, made, photo, signed_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def say(page: Page, words: str) -> None:
    page.locator("[data-say]").fill(words)
    page.keyboard.press("Enter")


def test_two_browsers_in_one_room(small: Any, browser: Browser) -> None:
    case = case_of(small, "d3")
    one, two = (signed_in(small, browser, role) for role in ("commander", "duty_officer"))
    for page in (one, two):
        page.goto(f"{small.url}/desk/room/{case}")
        expect(page.locator(".present li")).to_have_count(2 if page is two else 1)
    expect(one.locator(".present li")).to_have_count(2)

    say(one, "两辆水罐车到场")
    say(two, "供水正常")
    for page in (one, two):
        expect(page.locator(".log ol")).to_contain_text("两辆水罐车到场")
        expect(page.locator(".log ol")).to_contain_text("供水正常")

    # a drawing of the one is on the map of the other
    one.locator("canvas").first.wait_for()
    one.locator("[data-draw=area]").click()
    sheet = one.locator("[data-sheet]")
    for x, y in ((120, 120), (220, 120), (180, 220)):
        sheet.click(position={"x": x, "y": y})
    one.keyboard.press("Enter")
    one.locator("dialog input").fill("警戒区")
    one.keyboard.press("Enter")
    expect(two.locator(".room-map .drawing")).to_have_text("警戒区")

    # both tick the same task; one of them is told that the other was first
    two.keyboard.press("Escape")
    two.locator("[data-task-new]").click()
    two.locator("dialog textarea").fill("封闭道路")
    two.keyboard.press("Control+Enter")
    for page in (one, two):
        expect(page.locator(".task")).to_contain_text("封闭道路")
    three = signed_in(small, browser, "dispatcher")
    three.route("**/api/push*", lambda route: route.abort())  # hears nothing of what others do
    three.goto(f"{small.url}/desk/room/{case}")
    expect(three.locator(".task")).to_contain_text("封闭道路")
    two.locator(".task button").click()
    expect(one.locator(".task.over")).to_be_visible()
    three.locator(".task button").click()
    expect(three.get_by_text("别人先改了")).to_be_visible()
    expect(three.locator(".task.over")).to_be_visible()
    three.context.close()

    # a page that is loaded anew has it all; who leaves is seen to have left
    two.reload()
    expect(two.locator(".room-map .drawing")).to_have_text("警戒区")
    expect(two.locator(".task.over")).to_contain_text("封闭道路")
    one.goto(f"{small.url}/desk/cases")
    expect(two.locator(".present li").filter(has_text="t-commander")).to_have_count(0)
    log = small.client("commander").get(f"/api/cases/{case}/room").json()["log"]
    assert [e["sequence"] for e in log] == list(range(1, len(log) + 1))
    assert [e["kind"] for e in log].count("task_done") == 1
    for page in (one, two):
        page.context.close()


def test_what_was_written_outlives_a_conflict(small: Any, browser: Browser) -> None:
    case = case_of(small, "d6")
    page = signed_in(small, browser, "duty_officer")
    page.goto(f"{small.url}/desk/cases/{case}")
    page.locator("[data-step=note]").click()
    page.locator("dialog textarea").fill("正在疏散三楼住户")
    told = page.request.post(
        f"{small.url}/api/cases/{case}/steps/note",
        data={"reason": "", "data": {"text": "别人先写了一句"}},
        headers={"X-Requested-With": "tianmu"},
    )
    assert told.ok, told.text()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast").first).to_contain_text("已被他人更改")
    expect(page.locator(".timeline")).to_contain_text("别人先写了一句")
    page.locator("[data-step=note]").click()
    expect(page.locator("dialog textarea")).to_have_value("正在疏散三楼住户")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".timeline")).to_contain_text("正在疏散三楼住户")
    page.locator("[data-step=note]").click()
    expect(page.locator("dialog textarea")).to_have_value("")
    page.context.close()


def test_many_cases_get_one_deed_and_a_queue_is_kept(small: Any, browser: Browser) -> None:
    cases = [case_of(small, f"d{n}") for n in (10, 11, 12)]
    page = signed_in(small, browser, "dispatcher")
    page.goto(f"{small.url}/desk/cases")
    for case in cases:
        page.locator(f'[data-row="{case}"]').wait_for()
        page.locator(f'[data-mark="{case}"]').click()
    before = {case: small.hub.manage.case(case).version for case in cases}
    small.client("commander").post(
        f"/api/cases/{cases[1]}/steps/note", json={"data": {"text": "x"}}
    )  # another was there: what the page holds of it is old, or comes anew by push
    page.keyboard.press("b")
    page.locator("[data-reason]").fill("交班前")
    page.keyboard.press("Control+Enter")
    page.locator("[data-go]").wait_for()
    expect(page.locator("dialog li")).to_have_count(3)
    assert small.hub.manage.case(cases[0]).version == before[cases[0]], "only looked at so far"
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("件已执行").first).to_be_visible()
    assert small.hub.manage.case(cases[0]).urges == 1
    assert small.hub.manage.case(cases[2]).urges == 1
    page.keyboard.press("Escape")

    # a queue has its count: due soon is what has passed the warning of its own limit; all that is
    # open is kept under a name
    items, now = small.client("dispatcher").get("/api/cases?open=true").json()["items"], time.time()
    due = [[datetime.fromisoformat(one[at]).timestamp() for at in ("warns_at", "due")]
           for one in items if one["warns_at"]]  # fmt: skip
    soon = sum(warns <= now <= ends for warns, ends in due)
    assert len(due) >= 3
    expect(page.locator("[data-queue=soon] b")).to_have_text(str(soon))
    page.locator("[data-queue=all]").click()
    shown = int(page.locator("[data-queue=all] b").inner_text())
    assert shown >= 3
    expect(page.locator("[data-row]")).to_have_count(shown)
    page.keyboard.press("o")
    page.locator("[data-keep]").click()
    page.locator("dialog input[type=text]").fill("全部在办")
    page.keyboard.press("Control+Enter")
    page.locator("[data-queue=disputed]").click()
    expect(page.locator("[data-row]")).to_have_count(0)
    page.locator('[data-filter="全部在办"]').click()
    expect(page.locator("[data-row]")).to_have_count(shown)
    page.context.close()


def test_the_alarm_sounds_again_and_louder_until_somebody_acknowledges(
    small: Any, browser: Browser
) -> None:
    alarm = small.raise_alarm("d20", matter="liyang:event:fire_alarm", priority=1)
    page = signed_in(small, browser, "dispatcher")
    page.add_init_script(
        """window.loud = [];
        const ramp = AudioParam.prototype.linearRampToValueAtTime;
        AudioParam.prototype.linearRampToValueAtTime = function (value, at) {
          if (value) window.loud.push(value);
          return ramp.call(this, value, at);
        };"""
    )
    page.clock.install()
    page.goto(f"{small.url}/desk/alarms")
    sound = page.locator("button.sound")
    page.locator(f'[data-row="{alarm.alarm}"]').wait_for()
    sound.click()
    page.clock.run_for(10_000)
    first = int(sound.get_attribute("data-chimes") or 0)
    assert first >= 4, "again and again"
    page.clock.run_for(120_000)
    assert int(sound.get_attribute("data-chimes") or 0) > first + 60, "denser"
    loud = page.evaluate("window.loud")
    assert loud[0] < 0.3 and max(loud) == 1, "louder"
    with small.client("dispatcher") as one:
        for held in one.get("/api/alarms", params={"state": "active"}).json()["items"]:
            one.post(f"/api/alarms/{held['alarm']}/acknowledge", json={"reason": ""})
    page.context.close()


def test_before_and_after_stand_side_by_side(small: Any, browser: Browser) -> None:
    case = case_of(small, "d30")
    page = signed_in(small, browser, "duty_officer")
    page.goto(f"{small.url}/desk/cases/{case}")
    for role, more in (("handle_before", b""), ("handle_after", b"\0")):
        page.get_by_label("证据内容").select_option(role)
        content = photo(more)
        page.locator("input[type=file]").set_input_files(
            {"name": f"{role}.png", "mimeType": "image/png", "buffer": content}
        )
        expect(page.get_by_role("link", name=f"{role}.png", exact=True)).to_be_visible()
    expect(page.locator("[data-pair] figcaption b")).to_have_text(["处置前", "处置后"])
    picture_there = page.locator("[data-pair] img").first
    picture_there.scroll_into_view_if_needed()
    expect(picture_there).to_have_js_property("naturalWidth", 40)
    page.context.close()
