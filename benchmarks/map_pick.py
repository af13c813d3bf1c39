"""From a press on a point of the map to all of its device's card, as the page shows it."""

from __future__ import annotations

import math
import time
from typing import Any

import httpx
import numpy as np
from playwright.sync_api import Page

from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City

SINGLE, DOUBLE, PAST = 12, 4, 300
"""places with one device, places with two; observations of the day before that each device has"""
APART = 0.00015
"""degrees of longitude between places: about 50 points of the picture, looked at from near"""
KIND, PROPERTY = "gas_detector", "methane_lel"
TIMES, WITHIN = 4, 20.0
"""presses of the key that brings the map nearer by two; seconds until it shows devices"""
OPEN, LIST = "dialog[open]", ".picklist"
BEGUN = """() => addEventListener('click', (event) => (window.begun_ = event.timeStamp), true)"""
# The card is whole when its values and alarms are its own answer's and the chart is drawn; then one
# more frame, which shows it.
CARD = """() => new Promise((done, fail) => { const turn = () => {
  const card = document.querySelector('[data-card][data-whole]');
  const chart = card && card.querySelector('.plot canvas');
  if (chart) requestAnimationFrame(() => done(performance.now() - window.begun_));
  else if (performance.now() - window.begun_ > 9000) fail('no whole card came');
  else requestAnimationFrame(turn) }; turn() })"""


def placed(city: City) -> list[tuple[float, float]]:
    """Devices of our own on a line through the middle of the city, with a past; their places."""
    west, south, east, north = city.get("/api/city")["bbox"]
    begin, latitude = (west + east) / 2 - APART * (SINGLE + DOUBLE) / 2, (south + north) / 2
    line = [(begin + APART * n, latitude) for n in range(SINGLE + DOUBLE)]
    names = []
    for n, (longitude, latitude) in enumerate(line):
        for one in "ab" if n >= SINGLE else "a":
            names.append(f"pick-{n:02}{one}")
            place = {"longitude": longitude, "latitude": latitude}
            city.post("/api/devices", {"device": names[-1], "kind": KIND, "place": place})
    give_past(city, names)
    return line


def give_past(city: City, devices: list[str]) -> None:
    """A day of observations to each."""
    token = equipment.source(city, "map-pick", "http")
    now = time.time_ns() // 1_000_000
    at = np.linspace(now - 86_400_000, now - 1000, PAST).astype(int).tolist()
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        for one in devices:
            client.post(
                f"{city.gate_url}/observations",
                json={"datastream": [f"{one}/{PROPERTY}"] * PAST,
                      "time": at, "value": (5 + np.sin(np.arange(PAST))).tolist()},
            ).raise_for_status()  # fmt: skip


def nearer(page: Page) -> None:
    """The map so near that devices are points; its middle stays."""
    page.locator(".map canvas").focus()
    for _ in range(TIMES):
        page.keyboard.press("Shift+Equal")
        page.wait_for_timeout(700)


def height_of(latitude: float) -> float:
    """Web Mercator, the whole world from -π to π."""
    return math.asinh(math.tan(math.radians(latitude)))


def seen(page: Page, longitude: float, latitude: float) -> tuple[float, float]:
    """Where the page shows a place: the map says what it looks at (512 points a tile)."""
    box = page.locator(".map canvas").bounding_box()
    told = page.locator(".map [data-view]").get_attribute("data-view")
    assert box is not None and told is not None
    at_longitude, at_latitude, zoom = map(float, told.split())
    world = 512 * 2**zoom
    x = (longitude - at_longitude) / 360 * world
    y = (height_of(at_latitude) - height_of(latitude)) / (2 * math.pi) * world
    return box["x"] + box["width"] / 2 + x, box["y"] + box["height"] / 2 + y


def press(page: Page, x: float, y: float, within: float = 1.0) -> str:
    """Click there: ``card`` or ``list`` came of it, or nothing did."""
    page.mouse.click(x, y)
    end = time.monotonic() + within
    while time.monotonic() < end:
        if page.locator(OPEN).count():
            return "card"
        if page.locator(LIST).count():
            return "list"
        page.wait_for_timeout(10)
    return ""


def close(page: Page) -> None:
    """Whatever the press opened."""
    page.keyboard.press("Escape")
    for one in (OPEN, LIST):
        page.wait_for_selector(one, state="detached")
    page.wait_for_timeout(150)


def picked(page: Page, line: list[tuple[float, float]]) -> dict[str, Any]:
    """Milliseconds from a press to the whole card, near by already: values, chart of a day, alarms;
    where two devices lie together, from the press on a row of the list, and to that list."""
    nearer(page)
    end = time.monotonic() + WITHIN
    while not press(page, *seen(page, *line[0])):
        if time.monotonic() > end:
            raise LookupError(f"no press on the map met a device within {WITHIN:g} s")
    close(page)
    page.wait_for_timeout(3000)
    page.evaluate(BEGUN)
    cards: list[float] = []
    lists: list[float] = []
    for place in line:
        came = press(page, *seen(page, *place))
        if not came:
            raise LookupError(f"a press on the device at {place} met nothing")
        if came == "list":
            row = page.locator(f"{LIST} li button").first
            row.wait_for()
            lists.append(page.evaluate("performance.now() - window.begun_"))
            row.click()
        cards.append(page.evaluate(CARD))
        close(page)
    return {
        "pick_to_card_ms": [round(one) for one in cards],
        "pick_to_card_p95_ms": round(float(np.percentile(cards, 95))),
        "pick_to_list_ms": [round(one) for one in lists],
    }
