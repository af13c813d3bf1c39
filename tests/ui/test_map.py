"""The map in Chromium: which devices it shows, and a tile service that fails."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser
"""ms within which something that happened must be seen"""


def whole_number(text: str) -> int:
    return int(re.sub(r"\D", "", text) or 0)


def test_the_filter_is_sent_said_kept_and_cleared(wall: Page, base: str, running_city: Any) -> None:
    wall.goto(f"{base}/hall")
    wall.locator('[data-map="filter"]').click()
    with wall.expect_request(re.compile(r"/api/tiles/devices/\d+/\d+/\d+\.mvt\?state=never")):
        wall.locator(".filter .chip").nth(2).click()
    held = running_city.city().get("/api/tiles/devices/count", state="never")
    said = wall.locator(".filter .sum .num")
    expect(said).to_contain_text(re.compile(r"\d"))
    assert whole_number(said.inner_text()) == int(f"{held['matching']}{held['total']}")
    wall.keyboard.press("Escape")
    expect(wall.locator(".filter .panel")).to_have_count(0)
    wall.reload()
    clear = wall.locator('[data-map="clear"]')
    clear.click()
    expect(clear).to_have_count(0)


def test_a_failing_tile_service_is_said_over_the_citys_own_map(wall: Page, base: str) -> None:
    layers = [f"{base}/elsewhere/{{z}}/{{x}}/{{y}}.png"]

    def says(route: Route) -> None:
        told = {**route.fetch().json(), "layers": layers, "attribution": {"zh": "图", "en": "M"}}
        route.fulfill(body=json.dumps(told), content_type="application/json")

    wall.route("**/api/city/basemap", says)
    wall.route("**/elsewhere/**", lambda route: route.fulfill(status=503, body="closed"))
    wall.goto(f"{base}/hall")
    expect(wall.locator(".map .down")).to_be_visible()
    expect(wall.locator('[data-map="filter"]')).to_be_visible()
