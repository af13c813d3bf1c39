"""Units on the desk in Chromium: proposed with reasons, how far one gets, sent with one key."""

from __future__ import annotations

import json
import uuid
from typing import Any

from playwright.sync_api import Page, expect

STEP = """async ([id, step]) => (await fetch(`/api/cases/${id}/steps/${step}`, {
  method: "POST", body: "{}",
  headers: {"X-Requested-With": "tianmu", "Content-Type": "application/json"},
})).status"""


def test_one_key_sends_the_unit_that_is_proposed_first(
    desk: Page, base: str, running_city: Any
) -> None:
    words = f"厨房起火 {uuid.uuid4().hex[:8]}"
    place = {"longitude": 119.2837, "latitude": 31.3391}
    report = {"channel": "hotline", "text": words, "matter": "liyang:event:fire_alarm"}
    running_city.city().post("/api/reports", {**report, "place": place})
    desk.goto(f"{base}/desk")
    desk.locator("[data-row]", has_text=words).click()
    desk.wait_for_url("**/desk/cases/*")
    case = desk.url.rsplit("/", 1)[1]
    for step in ("verify", "file"):
        desk.evaluate(STEP, [case, step])
    first = desk.locator(".units li").first
    expect(first).to_be_visible()
    expect(first).to_contain_text("分钟到达")
    expect(first.locator("kbd")).to_have_text("q")
    name = first.locator("button").get_attribute("data-unit")
    with desk.expect_response("**/api/isochrones?*") as drawn:
        desk.locator(".units .around").click()
    assert [one["properties"]["minutes"] for one in drawn.value.json()["features"]] == [15, 10, 5]
    with desk.expect_response(f"**/api/cases/{case}/steps/order") as sent:
        desk.keyboard.press("q")
    orders = json.loads(sent.value.text())["orders"]
    assert name in [one["force"] for one in orders]
    expect(desk.locator(f".units [data-unit='{name}']")).to_have_count(0)


def test_what_is_near_is_shown_and_a_number_told_for_a_reason(
    desk: Page, base: str, running_city: Any
) -> None:
    words = f"楼道冒烟 {uuid.uuid4().hex[:8]}"
    place = {"longitude": 119.4907, "latitude": 31.4169}
    report = {"channel": "hotline", "text": words, "matter": "liyang:event:smoke"}
    running_city.city().post("/api/reports", {**report, "place": place})
    desk.goto(f"{base}/desk")
    desk.locator("[data-row]", has_text=words).click()
    near = desk.locator(".near")
    near.locator("[data-near]").click()
    expect(near.locator("h4")).to_have_text(
        ["力量", "消火栓", "视频监控", "应急避难场所", "医疗机构", "应急物资库"]
    )
    expect(near.locator("li").first).to_contain_text("分钟")
    hospital = (
        near.locator(".kind", has=desk.get_by_text("医疗机构", exact=True)).locator("li").first
    )
    expect(hospital.locator(".phone")).to_contain_text("****")
    hospital.get_by_role("button", name="显示号码").click()
    desk.get_by_role("dialog").get_by_role("textbox").fill("送医")
    desk.get_by_role("dialog").get_by_role("button", name="显示号码").click()
    expect(hospital.locator(".phone")).not_to_contain_text("*")
