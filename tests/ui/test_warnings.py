"""The pages of warnings and of the hazard ledger, at the desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ui.small import made, signed_in

pytestmark = pytest.mark.browser
SEEN = 15_000
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
    duty.locator("[data-draft]").click(timeout=SEEN)
    form = duty.locator("dialog form")
    form.locator("input[required]").nth(0).fill("大风黄色预警")
    form.locator("input[required]").nth(1).fill("Yellow warning: gale")
    form.locator("select").first.select_option("gale")
    form.locator("label:has(input[value=yellow])").click()
    duty.locator("dialog footer .main").click()
    detail = duty.locator("[data-warning]")
    expect(detail).to_contain_text("大风黄色预警", timeout=SEEN)
    expect(detail.locator("[data-confirm]")).to_have_count(0)  # somebody else's to do
    other = signed_in(small, browser, "commander", (390, 844))
    other.goto(duty.url)
    other.locator("[data-confirm]").click(timeout=SEEN)
    fits(other)
    other.locator("dialog .risk").click()
    expect(other.locator("[data-stage=in_force] [data-cap]")).to_be_visible(timeout=SEEN)
    expect(other.locator(".messages")).to_contain_text("运行管理中心")  # offices, and no account
    expect(duty.locator("[data-stage=in_force]")).to_be_visible(timeout=SEEN)  # by push
    wall = signed_in(small, browser, "kiosk", (1920, 1080))
    wall.goto(f"{small.url}/hall")
    expect(wall.locator("[data-warnings]")).to_contain_text("大风黄色预警", timeout=SEEN)
    other.locator("[data-cancel]").click()
    other.locator("dialog textarea").fill("风已停")
    other.locator("dialog .risk").click()
    expect(other.locator("[data-alone]")).to_be_visible(timeout=SEEN)  # the commander, and why
    expect(other.locator("[data-confirm]")).to_have_count(0)
    duty.locator("[data-confirm]").click(timeout=SEEN)
    duty.locator("dialog .risk").click()
    expect(wall.locator("[data-warnings]")).to_have_count(0, timeout=SEEN)
    for page in (duty, other, wall):
        page.context.close()


def test_a_hazard_is_entered_put_right_and_signed_off(small: Any, browser: Browser) -> None:
    grid = signed_in(small, browser, "grid_worker", (390, 844))
    grid.goto(f"{small.url}/hazards")
    grid.locator("[data-enter]").click(timeout=SEEN)
    grid.locator("dialog input").first.fill("消防通道被占用")
    grid.locator("dialog footer .main").click()
    detail = grid.locator("[data-hazard]")
    expect(detail).to_contain_text("消防通道被占用", timeout=SEEN)
    fits(grid)
    picture = {"name": "after.png", "mimeType": "image/png", "buffer": PNG}
    detail.locator("input[type=file]").set_input_files([picture])  # type: ignore[list-item]
    expect(detail.locator(".files li")).to_have_count(1, timeout=SEEN)
    detail.locator("[data-step=rectify]").click()
    grid.locator("dialog footer .main").click()
    expect(grid.locator("[data-stage=rectified]")).to_be_visible(timeout=SEEN)
    expect(detail.locator("[data-step=sign]")).to_have_count(0)
    duty = signed_in(small, browser, "duty_officer")
    duty.goto(f"{small.url}/hazards")
    duty.locator("[data-view=to_sign]").click(timeout=SEEN)
    duty.get_by_text("消防通道被占用").click(timeout=SEEN)
    duty.locator("[data-step=sign]").click(timeout=SEEN)
    duty.locator("dialog footer .main").click()
    expect(duty.locator("[data-stage=closed]")).to_be_visible(timeout=SEEN)
    expect(grid.locator("[data-stage=closed]")).to_be_visible(timeout=SEEN)  # by push
    for page in (grid, duty):
        page.context.close()
