"""The wall as it is read from eight metres: no name is cut, no word is small, rows are whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tianmu.facts.origin import Origin
from tianmu.facts.registry import SourceChanged
from ui.small import made, signed_in

pytestmark = pytest.mark.browser
LONG = {
    "zh": "部件火警：溧阳市人民医院住院部三层东侧走廊感烟探测器",
    "en": "Fire alarm from a panel: smoke detector in the third floor's east corridor, "
    "in-patient block of Liyang People's Hospital",
}
CUT = """[...document.querySelectorAll('.hall *')].filter(e => e.checkVisibility()
  && !e.closest('[inert], .unseen, .told') && e.textContent.trim()
  && getComputedStyle(e).overflow !== 'visible' && !e.matches('ul, section, .panel, .centre *')
  && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1))
  .map(e => e.className + ': ' + e.textContent.trim().slice(0, 60))"""
"""words that a box cuts off; what a person told may be, the drawer has it all"""
PART = """[...document.querySelectorAll('.hall .fit')].flatMap(list => [...list.children]
  .filter(row => !row.inert && row.getBoundingClientRect().bottom
    > list.getBoundingClientRect().bottom + 1).map(row => row.textContent.slice(0, 60)))"""
SMALL = """Math.min(...[...document.querySelectorAll('.hall *')]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
    && e.checkVisibility() && !e.closest('.unseen, .maplibregl-control-container'))
  .map(e => parseFloat(getComputedStyle(e).fontSize)))"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    for world in made(tmp_path_factory.mktemp("city")):
        for n in range(9):
            world.raise_alarm(f"d{n}", matter="liyang:event:fire_alarm", text=LONG)
        world.settle()
        yield world


@pytest.fixture(scope="module")
def wall(small: Any, browser: Browser) -> Iterator[Page]:
    page = signed_in(small, browser, "duty_officer", (1920, 1080))
    yield page
    page.context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_names_are_whole(small: Any, wall: Page, language: str) -> None:
    wall.context.add_cookies([{"name": "tianmu_language", "value": language, "url": small.url}])
    wall.goto(f"{small.url}/hall")
    for size in ((1920, 1080), (1600, 900), (1366, 768)):
        wall.set_viewport_size({"width": size[0], "height": size[1]})
        expect(wall.locator(".cases .case").first).to_contain_text(LONG[language])
        expect(wall.locator(".source").first).to_be_visible()
        wall.wait_for_function(f"() => !({PART}).length && !({CUT}).length")
        shown = wall.locator(".cases li:not([inert]) .case").count()
        assert 1 <= shown <= 9
        if shown < 9:
            expect(wall.locator(".cases .rest")).to_contain_text(str(9 - shown))
        assert wall.evaluate(SMALL) >= 18 * size[1] / 1080 - 0.1


def test_what_is_grave_does_not_sink_below_what_is_new(small: Any, wall: Page) -> None:
    with small.client("duty_officer") as officer:
        oldest = officer.get("/api/cases", params={"open": True, "sort": "opened"}).json()["items"]
        case = oldest[-1]["case"]
        told = {"reason": "演练", "data": {"level": "I"}}
        graded = officer.post(f"/api/cases/{case}/steps/grade", json=told)
        assert graded.status_code == 200, graded.text
    expect(wall.locator(".cases .case").first).to_have_attribute("data-case", case)
    assert oldest[0]["case"] != case
    expect(wall.locator(f'.cases [data-case="{oldest[0]["case"]}"]')).to_have_count(1)


def test_sources_that_have_no_room_are_counted_and_one_press_away(small: Any, wall: Page) -> None:
    def more(n: int) -> Any:
        name = {"zh": f"模拟来源{n}", "en": f"Simulated smoke detectors of district {n}"}
        return lambda tx: SourceChanged(
            source=f"more-{n}", number=n, protocol="http", origin=Origin.SEEDED, name=name,
            at=small.hub.clock(), actor="test",
        )  # fmt: skip

    for n in range(2, 10):
        small.hub.registrar.write(more(n))
    wall.context.add_cookies([{"name": "tianmu_language", "value": "en", "url": small.url}])
    wall.set_viewport_size({"width": 1440, "height": 900})
    wall.goto(f"{small.url}/hall")
    panel = wall.locator("section", has=wall.locator(".source"))
    expect(panel.locator("h2 .num")).to_have_text("9")
    wall.wait_for_function(f"() => !({PART}).length && !({CUT}).length")
    shown = panel.locator("li:not([inert]) .source").count()
    assert 3 <= shown < 9
    expect(panel.locator("[data-rest]")).to_contain_text(str(9 - shown))
    panel.locator("[data-rest] button").click()
    expect(wall.get_by_role("dialog").locator("tbody tr")).to_have_count(9)
