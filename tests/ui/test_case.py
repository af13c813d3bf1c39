"""A case at the desk: what to do now stands first, and the limit and the advice are told once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from ui.small import case_of, made, signed_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def step(small: Any, case: str, name: str, **data: Any) -> None:
    with small.client("duty_officer") as client:
        told = {"reason": "演练", "data": data}
        answer = client.post(f"/api/cases/{case}/steps/{name}", json=told)
        assert answer.status_code == 200, answer.text


def steps(page: Page, place: str) -> list[str]:
    found: list[str] = page.locator(f".actions {place}[data-step]").evaluate_all(
        "all => all.map(one => one.dataset.step)"
    )
    return found


def test_what_to_do_stands_in_groups(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "duty_officer")
    with small.client("duty_officer") as client:
        told = client.post("/api/reports", json={"channel": "hotline", "text": "路灯不亮"})
        assert told.status_code == 201, told.text
        small.settle()
        held = client.get("/api/cases", params={"q": "路灯不亮"}).json()["items"][0]
    page.goto(f"{small.url}/desk/cases/{held['case']}")
    expect(page.locator(".actions [data-step=verify]")).to_be_visible()
    assert steps(page, ".next > ") == ["verify", "file"]
    assert steps(page, ".button.main") == ["verify"]
    assert "void" in steps(page, ".aside ")
    assert not {"void", "return"} & set(steps(page, ".groups ")), "what is grave stands apart"
    assert {"grade", "assess", "escalate"} == set(steps(page, "[data-group=level] "))
    # the number keys count as it stands, and the first is what comes next
    keys = page.locator(".actions [data-step] kbd").all_inner_texts()
    numbers = [int(one) for one in keys if one.isdigit()]
    assert numbers == list(range(1, len(numbers) + 1))
    page.keyboard.press("1")
    expect(page.get_by_role("dialog")).to_contain_text("核实")
    page.keyboard.press("Escape")
    # the clock, and beside it one line that says of which limit and until when
    assert len(page.locator(".case .clock > *").all()) == 2
    page.context.close()


def test_the_rules_advice_is_told_until_it_is_answered(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "duty_officer")
    case = case_of(small, "d50")
    page.goto(f"{small.url}/desk/cases/{case}")
    badge = page.locator(f"[data-row={case}] [data-asked]")
    advice = page.locator("[data-advised]")
    expect(page.locator(".actions [data-step=grade]")).to_be_visible()
    expect(advice).to_have_count(0)
    step(small, case, "grade", level="IV")
    step(small, case, "assess", dead=40)
    expect(badge).to_have_text("↑Ⅰ")
    expect(advice).to_contain_text("特别重大")
    expect(advice).to_contain_class("waits")
    advice.get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[aria-checked=true], :checked").first).to_be_attached()
    dialog.locator("textarea").fill("核实属实")
    page.keyboard.press("Control+Enter")
    expect(advice).to_have_count(0)
    expect(badge).to_have_count(0)
    with small.client("duty_officer") as client:
        assert client.get(f"/api/cases/{case}").json()["level"] == "I"
    page.context.close()


def test_what_is_left_in_working_time_is_asked_anew_each_minute(
    small: Any, browser: Browser
) -> None:
    page = signed_in(small, browser, "duty_officer")
    with small.client("duty_officer") as client:
        sent = {"channel": "hotline", "text": "垃圾桶满了", "matter": "gbt30428.2-2013:event:0110"}
        report = client.post("/api/reports", json=sent).json()["report"]
        small.settle()
        case = small.hub.manage.case_of([report], "report")[report]
        for one in ("verify", "file"):
            assert client.post(f"/api/cases/{case}/steps/{one}", json={}).status_code == 200
        limits = {
            one["limit"]["unit"] for one in client.get(f"/api/cases/{case}").json()["deadlines"]
        }
        assert limits & {"work_hour", "work_day"}, limits
    page.clock.install()
    for told in ("vitals", "push**"):  # by which the page would be set back to the city's own time
        page.route(f"**/api/{told}", lambda route: route.abort())
    page.goto(f"{small.url}/desk/cases/{case}")
    expect(page.locator(".case .clock")).to_be_visible()
    with page.expect_request(lambda asked: asked.url.endswith(f"/api/cases/{case}")):
        page.clock.run_for(61_000)
    page.context.close()


def test_a_limit_counts_by_the_citys_clock_from_the_first(small: Any, browser: Browser) -> None:
    """The clock of a drill is days from the browser's: no case is "25 d" late for the second that
    it takes until the vital signs come."""
    case = case_of(small, "d2")
    with small.client("duty_officer") as client:
        due = client.get(f"/api/cases/{case}").json()["due"]
    page = signed_in(small, browser, "duty_officer")
    page.clock.install(time=datetime.now(UTC) - timedelta(days=25))
    page.route("**/api/vitals", lambda route: route.abort())
    page.route("**/api/push**", lambda route: route.abort())
    page.goto(f"{small.url}/desk/cases/{case}")
    clock = page.locator(f".case .clock time[datetime='{due}'] .num")
    expect(clock).to_be_visible()
    expect(clock).to_have_text(re.compile(r"^\d\d:\d\d$"))
    page.context.close()


def test_whoever_rules_sees_what_was_disputed(small: Any, browser: Browser) -> None:
    """Who says "not ours" stands in the dialog with the reason, and whom they name is proposed."""
    matter, place = "gbt30428.2-2013:event:0103", {"longitude": 119.47, "latitude": 31.43}
    told = {"channel": "hotline", "text": "路边违章接坡", "matter": matter, "place": place}
    with small.client("duty_officer") as client:
        report = client.post("/api/reports", json=told).json()["report"]
    small.settle()
    case = small.hub.manage.case_of([report], "report")[report]
    for one in ("verify", "file"):
        step(small, case, one)
    with small.client("duty_officer") as client:
        owner = client.get(f"/api/cases/{case}").json()["owner"]
    worker = small.account("kerbs", ["department_worker"], department=owner)
    given = {"reason": "这条路不归我们管养", "data": {"department": "transport"}}
    answer = httpx.post(
        f"{small.url}/api/cases/{case}/steps/dispute",
        json=given, headers={"Authorization": f"Bearer {worker}"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    page = signed_in(small, browser, "commander")
    page.goto(f"{small.url}/desk/cases/{case}")
    page.locator("[data-step=rule]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("这条路不归我们管养")
    expect(dialog.locator("select")).to_have_value("transport")
    page.context.close()
