"""From a press on a point of the map to all of its device's card, as the page shows it."""

from __future__ import annotations

import time
from typing import Any

import httpx
import numpy as np
from playwright.sync_api import Page, Response

from tianmu.rehearse import bench_city
from tianmu.rehearse.city import City

PLACES = [(700 + (n * 97) % 480, 420 + (n * 61) % 420) for n in range(120)]
"""where is pressed, until enough devices were met"""
ENOUGH = 15
"""presses that met nothing, after which the map is too near"""
MIDDLE = (960, 640)
PICKS, PAST = 12, 300
"""devices picked; observations that each has of the day before"""
HEIGHTS = 8
"""how often the map goes farther away while too few devices are met: how near the wheel brought it
depends on how the browser took its turns together"""
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


def press(page: Page, x: int, y: int, within: float = 1000) -> str:
    """Click there: ``card`` or ``list`` came of it, or nothing did."""
    page.mouse.click(x, y)
    end = time.monotonic() + within / 1000
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


def met(page: Page) -> dict[tuple[int, int], dict[str, Any]]:
    """Places with a device, and the one that is taken there, once enough of them are in sight."""
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for _ in range(HEIGHTS):
        found = looked(page)
        if len(found) >= PICKS // 2:
            return found
        page.mouse.move(*MIDDLE)
        page.mouse.wheel(0, 240)
        page.wait_for_timeout(2000)
    if not found:
        raise LookupError("no press on the map met a device, at whatever height")
    return found


def looked(page: Page) -> dict[tuple[int, int], dict[str, Any]]:
    """Places with a device on the map as it stands."""
    told: list[Any] = []

    def hear(response: Response) -> None:
        if "/api/tiles/devices/" in response.url and "json" in response.headers["content-type"]:
            told.append(response)

    page.on("response", hear)
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for n, (x, y) in enumerate(PLACES):
        told.clear()
        if len(found) >= PICKS or (not found and n >= ENOUGH):
            break
        if not press(page, x, y):
            continue
        for _ in range(100):  # a card opens before the answer is there
            if any("/numbered" in one.url for one in told):
                break
            page.wait_for_timeout(10)
        said = [one.json() for one in told if "/numbered" in one.url]
        close(page)
        if said and said[-1]:
            found[x, y] = said[-1][0]
    page.remove_listener("response", hear)
    return found


def give_past(city: City, devices: list[dict[str, Any]]) -> None:
    """A day of observations to the first property of each."""
    token = bench_city.source(city, "map-load", "http")
    now = time.time_ns() // 1_000_000
    at = np.linspace(now - 86_400_000, now - 1000, PAST).astype(int).tolist()
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        for one in devices:
            client.post(
                f"{city.gate_url}/observations",
                json={"datastream": [f"{one['device']}/{one['properties'][0]}"] * PAST,
                      "time": at, "value": (50 + np.sin(np.arange(PAST))).tolist()},
            ).raise_for_status()  # fmt: skip


def picked(page: Page, city: City) -> dict[str, Any]:
    """Milliseconds from a press to the whole card, near by already: values, chart of a day, alarms;
    where several devices lie together, from the press on a row of the list, and to that list."""
    places = met(page)
    give_past(city, list({one["device"]: one for one in places.values()}.values()))
    page.wait_for_timeout(3000)
    page.evaluate(BEGUN)
    cards: list[float] = []
    lists: list[float] = []
    for x, y in places:
        if press(page, x, y) == "list":
            row = page.locator(f"{LIST} li button").first
            row.wait_for()
            lists.append(page.evaluate("performance.now() - window.begun_"))
            row.click()
        cards.append(page.evaluate(CARD))
        close(page)
    return {
        "pick_to_card_ms": [round(one) for one in cards],
        "pick_to_card_p95_ms": round(float(np.percentile(cards, 95))) if cards else None,
        "pick_to_list_ms": [round(one) for one in lists],
    }
