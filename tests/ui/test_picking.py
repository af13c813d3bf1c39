"""Picking a device on the map in Chromium: by mouse and keyboard, one and several."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from whole.town import Ingest, register

pytestmark = pytest.mark.browser
SOON = 20_000
"""ms within which something that happened must be seen"""
CARD, LIST = "[data-card][data-whole]", ".picklist"


def middle(city: Any) -> dict[str, float]:
    """Where the middle of the map stands while it shows the whole city."""
    west, south, east, north = city.get("/api/city")["bbox"]
    up = [math.asinh(math.tan(math.radians(one))) for one in (south, north)]
    return {
        "longitude": (west + east) / 2,
        "latitude": math.degrees(math.atan(math.sinh(sum(up) / 2))),
    }


VIEW = ".map [data-view]"
NEARER = f"zoom => Number(document.querySelector('{VIEW}').dataset.view.split(' ')[2]) > zoom"
NEAR = 16
"""height from which a device is a point of its own"""


def view(page: Page) -> tuple[float, float, float]:
    """Longitude, latitude and height of what the map looks at, as it stood when it last rested."""
    longitude, latitude, zoom = (page.locator(VIEW).get_attribute("data-view") or "").split()
    return float(longitude), float(latitude), float(zoom)


def nearer(page: Page, where: dict[str, float]) -> Locator:
    """The map, so near that devices are points; its middle stays."""
    expect(page.locator('[data-map="filter"]')).to_be_visible()
    page.wait_for_function("() => performance.getEntriesByName('map').length")
    canvas = page.locator(".map canvas")  # hidden until its first whole picture
    canvas.focus()
    while (before := view(page)[2]) < NEAR:  # each once the one before has come to rest
        page.keyboard.press("Shift+Equal")
        page.wait_for_function(NEARER, arg=before)
    longitude, latitude, _ = view(page)
    assert longitude == pytest.approx(where["longitude"], abs=1e-5)
    assert latitude == pytest.approx(where["latitude"], abs=1e-5)
    return canvas


def pick_until(page: Page, canvas: Locator, wanted: str) -> None:
    """Press Enter on the map until what is wanted comes of it: tiles come when they come."""
    end = time.monotonic() + 3 * SOON / 1000
    while time.monotonic() < end:
        canvas.focus()
        try:
            with page.expect_request("**/devices/numbered*", timeout=1_500):
                page.keyboard.press("Enter")
        except PlaywrightTimeout:
            if page.locator(f"{CARD}, {LIST}").count():  # of a square, not of points
                page.keyboard.press("Escape")
            continue  # nothing is under the cross yet
        # One that was asked for is waited for: a second press would ask anew and drop it.
        page.locator(f"{CARD}, {LIST}").first.wait_for()
        if page.locator(wanted).count():
            return
        page.keyboard.press("Escape")
        expect(page.locator(f"dialog[open], {LIST}")).to_have_count(0)
    raise AssertionError(f"no {wanted} came")


def test_a_point_opens_its_card_and_points_that_lie_together_a_list(
    wall: Page, base: str, running_city: Any
) -> None:
    city = running_city.city()
    where = middle(city)
    first = register(city, "gas_detector", "pick-a", place=where)
    stream = f"{first}/methane_lel"
    now = int(time.time() * 1000)
    calm = [{"datastream": stream, "time": now - n * 1000, "value": 1.5} for n in range(5)]
    assert Ingest(city).send(calm).json()["accepted"] == 5
    wall.goto(f"{base}/hall")
    canvas = nearer(wall, where)

    pick_until(wall, canvas, CARD)
    wall.keyboard.press("Escape")
    expect(wall.locator("dialog[open]")).to_have_count(0)
    box = canvas.bounding_box()
    assert box is not None
    wall.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    card = wall.locator(CARD)
    expect(card).to_contain_text(first)
    expect(card.locator("tr.on")).to_contain_text("1.5")
    expect(card.locator(".plot canvas")).to_be_visible()
    expect(card.locator("li")).to_have_count(0)
    row = {"datastream": stream, "time": int(time.time() * 1000), "value": 72.5}
    assert Ingest(city).send([row]).json()["accepted"] == 1
    expect(card.locator("li").first).to_be_visible()
    expect(card.locator("tr.on")).to_contain_text("72.5")
    wall.keyboard.press("Escape")
    expect(wall.locator("dialog[open]")).to_have_count(0)

    second = register(city, "gas_detector", "pick-b", place=where)
    pick_until(wall, canvas, LIST)
    rows = wall.locator(f"{LIST} li button")
    expect(rows).to_have_count(2)
    for name in (first, second):
        shown = rows.filter(has_text=name).locator("b")
        assert shown.evaluate("e => e.scrollWidth <= e.clientWidth"), "the id is cut off"
    wall.keyboard.press("Escape")
    expect(wall.locator(LIST)).to_have_count(0)
    pick_until(wall, canvas, LIST)
    wall.keyboard.press("ArrowDown")
    named = rows.nth(1).locator("b").inner_text()
    wall.keyboard.press("Enter")
    expect(wall.locator(CARD)).to_contain_text(named)
    expect(wall.locator(LIST)).to_have_count(0)
    wall.keyboard.press("Escape")

    held: list[Route] = []
    wall.route("**/devices/numbered*", lambda route: held.append(route))
    canvas.focus()
    with wall.expect_request("**/devices/numbered*"):
        wall.keyboard.press("Enter")
    for _ in range(3):
        wall.keyboard.press("ArrowRight")
        wall.wait_for_timeout(450)
    wall.keyboard.press("Enter")
    expect(wall.locator(".toast")).to_contain_text("十字处没有设备")
    with wall.expect_response("**/devices/numbered*"):
        held[0].continue_()
    wall.wait_for_timeout(300)
    expect(wall.locator(f"{LIST}, dialog[open]")).to_have_count(0)
