"""/field with the line cut: nothing is lost, nothing counts twice, whoever was first is shown, and
the app opens where there is no line at all."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tianmu.access.scope import WHOLE
from tianmu.web.answer import moment
from ui.field.crew import attach, command, nothing_waits, order, sign_in, steps, take_along
from ui.phone import Phone
from waiting import eventually

pytestmark = pytest.mark.browser


def test_what_is_done_without_a_line_is_sent_once(world: Any, phone: Phone, page: Page) -> None:
    case = order(world)
    take_along(phone, case)
    expect(page.locator(f"[data-case={case}] .due")).to_contain_text("前")
    phone.go("/field/report")  # its map and matters are on the phone from then on
    expect(page.locator("button.class").first).to_be_visible()
    eventually(lambda: any("layers" in one for one in phone.kept("kept")), 15, "the map")

    phone.lose_signal()
    phone.die()
    phone.start(f"/field/orders/{case}")
    page = phone.page
    expect(page.locator(".strip.off")).to_be_visible()
    page.locator("[data-step=accept]").click()
    page.locator("[name=submit]").click()
    page.locator("[data-step=feed_back]").click()
    page.locator("[name=text]").fill("已更换灯具，恢复照明")
    page.locator("[name=submit]").click()
    expect(page.get_by_role("alert")).to_contain_text("请拍一张处置后照片")
    attach(page, "handle_after")
    eventually(lambda: any(one.get("taken") for one in phone.kept("drafts")), 5, "the draft")
    page.reload()  # it is there again, with its photo
    page.locator("[data-step=feed_back]").click()
    expect(page.locator("[name=text]")).to_have_value("已更换灯具，恢复照明")
    expect(page.locator("figure img")).to_be_visible()
    page.locator("[name=submit]").click()
    # what is sent off while the phone still writes stays a draft
    eventually(lambda: len(phone.kept("deeds")) == 3, 15, "the result and its photo")

    words = f"井盖破损 {uuid.uuid4().hex[:8]}"
    phone.go("/field/report")
    page.locator("button.class").first.click()
    page.locator("[data-matter]").first.click()
    attach(page, "near")
    page.locator("[name=text]").fill(words)
    expect(page.locator(".hint", has_text="精度约")).to_be_visible()
    page.locator("form [name=submit]").click()
    expect(page.locator("[data-state=waiting]")).to_have_count(5)
    assert {one for one in phone.kept("files") if one} and max(phone.kept("files")) < 700_000

    phone.die()
    phone.start("/field/outbox")
    page = phone.page
    expect(page.locator("[data-state=waiting]")).to_have_count(5)
    before = world.hub.clock()
    phone.find_signal()
    expect(page.locator("[data-state=sent]")).to_have_count(5)
    assert phone.kept("files") == []

    accepted, done = steps(world, case, "accept"), steps(world, case, "feed_back")
    photos = steps(world, case, "evidence")
    assert (len(accepted), len(done), len(photos)) == (1, 1, 1)
    assert moment.read(accepted[0]["done_at"]) < before <= moment.read(accepted[0]["at"]) + 1000
    assert done[0]["data"]["evidence"] == [photos[0]["data"]["digest"]]
    assert photos[0]["data"]["place"]["longitude"] == pytest.approx(119.4842)
    content = world.hub.manage.evidence.read(photos[0]["data"]["digest"])
    assert content.startswith(b"\xff\xd8\xff")
    assert b"13912345678" not in content and b"Exif" not in content
    with world.client("commander") as centre:
        found = centre.get("/api/cases", params={"q": words}).json()["items"]
        assert len(found) == 1
        whole = centre.get(f"/api/cases/{found[0]['case']}").json()
    assert len(whole["members"]) == len(whole["evidence"]) == 1
    assert whole["members"][0]["channel"] == "grid"


def test_an_answer_that_was_lost_counts_once(world: Any, phone: Phone, page: Page) -> None:
    case = order(world)
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    page.locator("[data-step=note]").click()
    page.locator("[name=text]").fill("道路狭窄，请派小车")
    lost = phone.line.lost
    phone.line.lose = sent = f"POST /api/cases/{case}/steps/note".encode()
    page.locator("[name=submit]").click()
    eventually(lambda: phone.line.lost > lost, 10, "an answer is lost")
    eventually(lambda: nothing_waits(phone), 20, "sent again")
    assert len(steps(world, case, "note")) == 1
    assert phone.line.asked.count(sent) == 2, "by the browser itself, or by us"


def test_what_changed_meanwhile_is_shown(world: Any, phone: Phone, page: Page) -> None:
    case = order(world)
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    phone.lose_signal()
    page.locator("[data-step=accept]").click()
    page.locator("[name=submit]").click()
    expect(page.locator("[data-step=feed_back]")).to_be_visible()
    page.locator("[data-step=note]").click()
    page.locator("[name=text]").fill("已出发")
    page.locator("[name=submit]").click()
    order_ = world.hub.manage.case(case, WHOLE).orders[0].order
    command(world, case, "note", data={"text": "harmless"})
    command(world, case, "cancel", reason="duplicate", data={"order": order_})
    phone.find_signal()
    page.locator("[data-tab=outbox]").click()
    refused = page.locator("[data-state=refused]")
    expect(refused).to_have_count(1)
    expect(refused).to_contain_text("您离线期间案件有变化")
    expect(refused.locator("li")).to_have_count(2)
    assert page.locator("[data-state=waiting]").count() == 1, "the one after it is held back"
    page.locator("[name=insist]").click()
    expect(refused).to_contain_text("案件现状已不允许这一步")
    page.locator("[name=give-up]").click()
    page.locator("[name=drop]").click()
    expect(refused).to_have_count(0)
    eventually(lambda: nothing_waits(phone))
    assert steps(world, case, "accept") == []


def mark(world: Any, case: str) -> None:
    """A mark of a limit is passed: nobody's change."""

    def pass_it(work: Any) -> None:
        draft = work.draft(case)
        draft.add("warn", {"marks": []})
        work.take(work.state(case), draft)

    world.hub.manage._work(pass_it)


@pytest.mark.parametrize("people", [True, False])
def test_what_does_not_matter_holds_nothing_up(
    world: Any, phone: Phone, page: Page, people: bool
) -> None:
    case = order(world)
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    phone.lose_signal()
    page.locator("[data-step=accept]").click()
    page.locator("[name=submit]").click()
    page.locator("[data-step=feed_back]").wait_for()
    page.locator("[data-step=note]").click()
    page.locator("[name=text]").fill("已出发")
    page.locator("[name=submit]").click()
    mark(world, case)
    if people:
        command(world, case, "note", data={"text": "the resident will be there"})
        command(world, case, "urge", reason="it is dark")
    phone.find_signal()
    eventually(lambda: len(steps(world, case, "accept")) == 1)
    eventually(lambda: nothing_waits(phone))
    assert len(steps(world, case, "note")) == 1 + people


def test_a_session_that_is_over_locks_and_loses_nothing(
    world: Any, phone: Phone, page: Page
) -> None:
    case = order(world)
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    phone.lose_signal()
    page.locator("[data-step=note]").click()
    page.locator("[name=text]").fill("无信号，稍后再报")
    page.locator("[name=submit]").click()
    page.evaluate(
        """() => new Promise(resolve => {
          const asked = indexedDB.open("tianmu-field");
          asked.onsuccess = () => {
            const kept = asked.result.transaction("kept", "readwrite").objectStore("kept");
            kept.get("who").onsuccess = event =>
              kept.put({ ...event.target.result, lockAt: Date.now() - 1 }, "who").onsuccess =
                () => { asked.result.close(); resolve(1); };
          };
        })"""
    )
    phone.go("/field")
    expect(page.locator("main h2")).to_have_text("登录已到期")
    assert not any("items" in one for one in phone.kept("kept")), "nothing of the cases is left"
    assert not nothing_waits(phone)
    # somebody else on the same phone neither sees nor sends it
    phone.find_signal()
    world.account("other", ["grid_worker"])
    page.context.clear_cookies()
    sign_in(world, phone, "other")
    page.locator("[data-tab=outbox]").click()
    expect(page.locator("main")).to_contain_text("crew 在本机有 1 项未发送")
    assert steps(world, case, "note") == []
    page.context.clear_cookies()
    sign_in(world, phone, "crew")
    eventually(lambda: len(steps(world, case, "note")) == 1)
