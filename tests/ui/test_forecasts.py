"""Forecasts on a scenario's page, and the cause of an alarm on its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ui.small import made, signed_in
from web.foretold import HOUR, foretell

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("TIANMU_PICTURES", "")
MATTER = "liyang:event:water_quality"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A city whose station is forecast, with two alarms on one river that hang together."""
    for world in made(tmp_path_factory.mktemp("city")):
        foretell(world)
        known = world.city.waters.stations_by_name
        upper, lower = _two(world)
        now = world.hub.clock()
        for device, station, at in (("d0", upper, now - 9 * HOUR), ("d1", lower, now)):
            known[device] = station
            world.raise_alarm(
                device, alarm=f"spill-{device}", rule="surface_water_station.nh3n_iii",
                identity=f"nh3n@{device}", matter=MATTER, raised_at=at, observed_at=at,
                text={"zh": "氨氮超Ⅲ类", "en": "Ammonia above class III"},
            )  # fmt: skip
        world.settle()
        yield world


def _two(world: Any) -> tuple[Any, Any]:
    """A station and one below it, some hours of flow apart."""
    from tianmu.prevent.cause.ways import Ways

    ways = Ways(world.city, world.city.networks["rivers"])
    placed = [one for one in world.city.waters.stations.values() if one.reach]
    seconds, _ = ways.network.between([ways.spot((o.code,), None, None) for o in placed])
    pairs = [
        (abs(seconds[a, b] - 9 * 3600), a, b)
        for a in range(len(placed))
        for b in range(len(placed))
        if 0 < seconds[a, b] < float("inf")
    ]
    _, a, b = min(pairs)
    return placed[a], placed[b]


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.wait_for_timeout(1500)  # charts are drawn and the map stands
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def test_a_scenario_shows_its_forecasts(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "commander")
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{small.url}/scenarios/forest-fire")
    one = page.locator("[data-forecast=temperature]")
    expect(one.locator("canvas")).to_be_visible()
    expect(one.locator("[data-exceeds]")).to_contain_text("37")
    expect(one.locator("[data-foretold]")).to_have_text("预警中")
    expect(one.locator("[data-foretold-alarms]")).to_contain_text("越限预警 1 条")
    expect(one.locator(".figures dd").first).to_contain_text("90%")
    expect(page.locator("[data-forecast=wind]")).to_contain_text("尚未生成预测")
    picture(page, "forecasts-zh")
    one.locator(".spans button").nth(1).click()
    page.get_by_role("button", name="English").click()
    expect(one.locator("[data-exceeds]")).to_contain_text("likely to pass 37")
    expect(one).to_contain_text("Limit told: right / false / missed")
    picture(page, "forecasts-en")
    assert faults == []
    page.context.close()


def test_an_alarm_shows_its_cause(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "commander")
    page.goto(f"{small.url}/desk/alarms/spill-d1")
    expect(page.locator("[data-caused-by]")).to_contain_text("上游")
    picture(page, "alarm-cause")
    page.locator("[data-caused-by] a").click()
    expect(page.locator("[data-causes]")).to_contain_text("d1")
    listed = page.locator("[data-row^=spill]")
    expect(listed).to_have_count(2)
    expect(listed.nth(0)).to_contain_text("可能引起 1 条告警")
    expect(listed.nth(1)).to_contain_text("可能由上一条引起")
    assert [row.get_attribute("data-row") for row in listed.all()] == ["spill-d0", "spill-d1"]
    picture(page, "alarm-list-cause")
    page.context.close()


def test_forecasts_fit_a_telephone(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "commander", (390, 844))
    page.goto(f"{small.url}/scenarios/forest-fire")
    expect(page.locator("[data-forecast=temperature] canvas")).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
    page.context.close()
