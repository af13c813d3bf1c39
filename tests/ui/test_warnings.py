"""The pages of warnings and of the hazard ledger, at the desk and on a phone."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tianmu.facts.bulletin import Bulletin, Part
from tianmu.facts.warning import Area
from tianmu.sense.cap import held
from ui.small import made, signed_in

pytestmark = pytest.mark.browser
HOUR = 3_600_000_000
RING = ((119.36, 31.4), (119.46, 31.4), (119.46, 31.5), (119.36, 31.4))
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def fits(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{page.url} scrolls sideways by {wide}"


def test_a_warning_is_drafted_confirmed_and_stands_on_the_wall(
    small: Any, browser: Browser
) -> None:
    duty = signed_in(small, browser, "duty_officer")
    duty.goto(f"{small.url}/warnings")
    duty.locator("[data-draft]").click()
    form = duty.locator("dialog form")
    form.locator("input[required]").nth(0).fill("大风黄色预警")
    form.locator("input[required]").nth(1).fill("Yellow warning: gale")
    form.locator("select").first.select_option("gale")
    form.locator("label:has(input[value=yellow])").click()
    duty.locator("dialog footer .main").click()
    detail = duty.locator("[data-warning]")
    expect(detail).to_contain_text("大风黄色预警")
    expect(detail.locator("[data-confirm]")).to_have_count(0)  # somebody else's to do
    other = signed_in(small, browser, "commander", (390, 844))
    other.goto(duty.url)
    other.locator("[data-confirm]").click()
    fits(other)
    other.locator("dialog .risk").click()
    expect(other.locator("[data-stage=in_force] [data-cap]")).to_be_visible()
    expect(other.locator(".messages")).to_contain_text("运行管理中心")  # offices, and no account
    expect(duty.locator("[data-stage=in_force]")).to_be_visible()  # by push
    wall = signed_in(small, browser, "kiosk", (1920, 1080))
    wall.goto(f"{small.url}/hall")
    expect(wall.locator("[data-warnings]")).to_contain_text("大风黄色预警")
    other.locator("[data-cancel]").click()
    other.locator("dialog textarea").fill("风已停")
    other.locator("dialog .risk").click()
    expect(other.locator("[data-alone]")).to_be_visible()  # the commander, and why
    expect(other.locator("[data-confirm]")).to_have_count(0)
    duty.locator("[data-confirm]").click()
    duty.locator("dialog .risk").click()
    expect(wall.locator("[data-warnings]")).to_have_count(0)
    for page in (duty, other, wall):
        page.context.close()


def test_a_hazard_is_entered_put_right_and_signed_off(small: Any, browser: Browser) -> None:
    grid = signed_in(small, browser, "grid_worker", (390, 844))
    grid.add_init_script("delete Crypto.prototype.randomUUID")  # as over http from elsewhere
    grid.goto(f"{small.url}/hazards")
    grid.locator("[data-enter]").click()
    grid.locator("dialog input").first.fill("消防通道被占用")
    grid.locator("dialog footer .main").click()
    detail = grid.locator("[data-hazard]")
    expect(detail).to_contain_text("消防通道被占用")
    fits(grid)
    picture = FilePayload(name="after.png", mimeType="image/png", buffer=PNG)
    detail.locator("input[type=file]").set_input_files([picture])
    expect(detail.locator(".files li")).to_have_count(1)
    expect(detail.locator("[data-takers]")).to_have_text("由谁检查、整改部门处置员、网格员")
    detail.locator("[data-step=rectify]").click()
    grid.locator("dialog footer .main").click()
    expect(grid.locator("[data-stage=rectified]")).to_be_visible()
    expect(detail.locator("[data-step=sign]")).to_have_count(0)
    expect(detail.locator("[data-takers]", has_text="由谁验收")).to_contain_text("值班员")
    duty = signed_in(small, browser, "duty_officer")
    duty.goto(f"{small.url}/hazards")
    duty.locator("[data-view=to_sign]").click()
    duty.get_by_text("消防通道被占用").click()
    duty.locator("[data-step=sign]").click()
    duty.locator("dialog footer .main").click()
    expect(duty.locator("[data-stage=closed]")).to_be_visible()
    expect(grid.locator("[data-stage=closed]")).to_be_visible()  # by push
    for page in (grid, duty):
        page.context.close()


def bulletin(small: Any, **more: Any) -> Bulletin:
    """A message of another body, as gate puts it on disk."""
    now = small.hub.clock()
    part = Part(
        event="rainstorm", event_name={"zh": "暴雨"}, colour="orange", severity="Severe",
        urgency="Expected", certainty="Likely", sender_name={"zh": "省气象台"},
        headline={"zh": "省气象台发布暴雨橙色预警"}, start=now - HOUR, until=now + HOUR,
        divisions=("320481001000",), areas=(Area(name={"zh": "北部"}, rings=(RING,)),),
    )  # fmt: skip
    told = Bulletin(
        **{
            "source": "bureau", "sender": "bureau@example", "identifier": uuid.uuid4().hex,
            "sent": now, "kind": "Alert", "status": "Actual", "parts": (part,), "received": now,
            **more,
        }
    )  # fmt: skip
    small.gate.create(held.metadata, room="bulletin")
    made: Any = small.gate.transact(lambda tx: held.take(tx, told))
    assert made is not None
    return made


def test_the_wall_shows_what_others_warn_of_and_the_ledgers_figures(
    small: Any, browser: Browser
) -> None:
    wall = signed_in(small, browser, "kiosk", (1920, 1080))
    wall.goto(f"{small.url}/hall")
    stands = wall.locator("[data-hazards] [data-stands]")
    expect(stands).to_be_visible()
    before = int(stands.inner_text())
    one = bulletin(small)
    strip = wall.locator("[data-warnings]")
    expect(strip).to_contain_text("省气象台发布暴雨橙色预警")  # by push
    expect(strip.locator("[data-from]")).to_have_text("省气象台")
    expect(strip).to_contain_text("昆仑街道")
    with small.client("duty_officer") as duty:
        body = {
            "title": "Blocked door", "kind": "fire", "grade": "general",
            "place": {"division": "320481001000"},
        }  # fmt: skip
        assert duty.post("/api/hazards", json=body).status_code == 201
    expect(stands).to_have_text(str(before + 1))  # by push
    desk = signed_in(small, browser, "duty_officer")
    desk.goto(f"{small.url}/desk")
    desk.locator("[data-to-hazards]").click()
    expect(desk).to_have_url(re.compile("/hazards$"))
    desk.goto(f"{small.url}/warnings")
    others = desk.locator("[data-others]")
    expect(others).to_contain_text("省气象台发布暴雨橙色预警")
    others.locator("[data-take]").first.click()
    form = desk.locator("dialog form")
    expect(form.locator("input[required]").nth(0)).to_have_value("省气象台发布暴雨橙色预警")
    desk.keyboard.press("Escape")
    expect(others).to_have_count(1)
    expect(desk.locator("[data-came]")).to_have_count(0)  # what holds stands once
    phone = signed_in(small, browser, "commander", (390, 844))
    for where in ("/warnings", "/hall"):
        phone.goto(f"{small.url}{where}")
        expect(phone.get_by_text("省气象台发布暴雨橙色预警").first).to_be_visible()
        fits(phone)
    bulletin(small, kind="Cancel", parts=(), references=(one.key,))
    expect(strip).to_have_count(0)
    expect(desk.locator("[data-others]")).to_have_count(0)
    expect(desk.locator("[data-came] .num").first).to_have_text("2")  # by push
    bulletin(small, public=False, restriction="offices alone")
    expect(desk.locator("[data-others] [data-restricted]")).to_contain_text("offices alone")
    expect(strip).to_have_count(0)  # not on the wall
    desk.goto(f"{small.url}/hall")  # who may read it sees there as well that it is not for all
    expect(desk.locator("[data-warnings] [data-restricted]")).to_contain_text("offices alone")
    wall.locator("[data-hazards] a").nth(1).click()
    expect(wall).to_have_url(re.compile("/hazards\\?view=overdue$"))
    for page in (wall, desk, phone):
        page.context.close()


def test_a_commander_publishes_alone_only_with_a_reason(small: Any, browser: Browser) -> None:
    ends = datetime.fromtimestamp((small.hub.clock() + HOUR) // 1_000_000, UTC)
    with small.client("commander") as commander:
        body = {
            "event": "gale", "colour": "blue", "headline": {"zh": "大风蓝色预警", "en": "Gale"},
            "divisions": ["320481000000"], "expires": ends.isoformat(),
        }  # fmt: skip
        name = commander.post("/api/warnings", json=body).json()["warning"]
    page = signed_in(small, browser, "commander")
    page.goto(f"{small.url}/warnings/{name}")
    page.locator("[data-alone]").click()
    page.locator("dialog .risk").click()  # without a reason nothing happens
    expect(page.locator("dialog textarea")).to_be_visible()
    page.locator("dialog textarea").fill("无人值守，水已进村")
    page.locator("dialog .risk").click()
    messages = page.locator("[data-stage=in_force] .messages")
    expect(messages).to_contain_text("紧急独自签发")
    page.context.close()


def test_what_is_not_for_the_public_is_drafted_from_with_a_mark(
    small: Any, browser: Browser
) -> None:
    bulletin(small, public=False, restriction="offices alone")
    duty = signed_in(small, browser, "duty_officer")
    duty.goto(f"{small.url}/warnings")
    duty.locator("[data-others] li:has([data-restricted]) [data-take]").first.click()
    expect(duty.locator("dialog [data-restricted]")).to_contain_text("offices alone")
    duty.locator("dialog form input[required]").nth(1).fill("Orange warning: rainstorm")
    duty.locator("dialog footer .main").click()
    expect(duty.locator("[data-pending] [data-restricted]")).to_contain_text("offices alone")
    other = signed_in(small, browser, "commander", (390, 844))
    other.goto(duty.url)
    fits(other)
    other.locator("[data-confirm]").click()
    expect(other.locator("dialog")).to_contain_text("offices alone")
    other.locator("dialog textarea").fill("the bureau gave leave")
    other.locator("dialog .risk").click()
    expect(other.locator("[data-stage=in_force] [data-cap]")).to_be_visible()
    expect(other.locator("[data-warning] [data-restricted]")).to_have_count(0)
    for page in (duty, other):
        page.context.close()
