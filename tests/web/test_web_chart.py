"""The chart of the past in Chromium, on a real server and real files: a spike among a million
observations is seen, a closer look brings finer data, and what is shown can be taken away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, Request, Route, expect, sync_playwright

from chromium import find
from tianmu.access import token
from tianmu.facts.batch import BAD, TEST, ObservationBatch
from tianmu.store.history import History
from tianmu.store.records import Records
from tianmu.web.hub import UI

pytestmark = pytest.mark.browser

DAY, HOUR, SECOND = 86_400_000_000, 3_600_000_000, 1_000_000
ROWS = 1_000_000
SOON = 20_000


@dataclass
class Scene:
    world: Any
    name: str
    alarm: str
    start: int
    spike: int


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, liyang: Any, build: Any) -> Iterator[Scene]:
    """A datastream with a million observations of six days, one spike, a hole, and some that do
    not count; an alarm from the second day on."""
    making = build(tmp_path_factory.mktemp("chart"), liyang, ui=UI)
    world = next(making)
    hub, registry = world.hub, world.hub.registry
    device, rule = next(
        (n, rule)
        for n in range(60)
        for rule in world.city.rules
        if rule["type"] == "threshold" and rule.get("kind") == registry.device(n).kind
        and rule.get("limit")
    )  # fmt: skip
    name, limit = f"d{device}/{rule['property']}", float(rule["limit"])
    start = hub.clock() - 6 * DAY
    times = start + np.arange(ROWS, dtype=np.int64) * (6 * DAY // ROWS)
    value = limit * (0.4 + 0.02 * np.sin(np.arange(ROWS) / 9000))
    quality = np.zeros(ROWS, np.uint8)
    spike = 432_100
    value[spike] = limit * 1.4
    value[900_000], quality[900_000] = 9999.0, BAD
    quality[900_100:900_110] = TEST
    kept = np.ones(ROWS, bool)
    kept[600_000:680_000] = False
    with Records(hub.data / "works.sqlite") as records:
        works = History(hub.data, records)
        works.append(
            [
                ObservationBatch(
                    datastream=np.full(
                        int(kept.sum()), int(registry.datastream_index([name])[0]), np.uint32
                    ),
                    phenomenon_time=times[kept],
                    value=value[kept],
                    received=start,
                    source=1,
                    quality=quality[kept],
                )
            ],
            {},
        )
        works.flush()
        works.close()
    at = int(times[spike])
    alarm = world.raise_alarm(
        f"d{device}", datastream=name, value=limit * 1.4, limit=limit, rule=rule["code"],
        raised_at=start + DAY, observed_at=start + DAY,
    )  # fmt: skip
    yield Scene(world, name, alarm.alarm, start, at)
    next(making, None)


@pytest.fixture(scope="module")
def signed_in(scene: Scene) -> Iterator[Page]:
    """The desk of the duty officer; a page whose script breaks fails the module."""
    hub = scene.world.hub
    link = hub.records.transact(
        lambda tx: token.make_link(tx.connection, "t-duty-officer", at=hub.clock(), actor="test")
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        context = browser.new_context(locale="zh-CN", viewport={"width": 1440, "height": 900})
        page = context.new_page()
        broke: list[str] = []
        page.on("pageerror", lambda error: broke.append(str(error)))
        page.goto(f"{scene.world.url}/open#{link}")
        page.wait_for_url("**/hall")
        yield page
        browser.close()
    assert not broke, f"the page broke: {broke}"


@pytest.fixture
def desk(signed_in: Page, scene: Scene) -> Page:
    signed_in.goto(f"{scene.world.url}/desk/alarms/{scene.alarm}")
    expect(signed_in.locator(".chart canvas")).to_be_visible(timeout=SOON)
    return signed_in


def choose(page: Page, range_: str) -> None:
    """Choose a range and wait until its data are drawn."""
    with page.expect_response("**/api/history/series?*"):
        page.locator(".chart").get_by_role("button", name=range_, exact=True).click()
    expect(page.locator(".chart .plot.busy")).to_have_count(0)
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


INK = """(canvas, part) => {
  // columns in which something of the accent's hue is drawn within a part of the height
  const { width, height } = canvas;
  const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const found = [];
  for (let x = 60; x < width; x += 1) {
    for (let y = Math.round(part[0] * height); y < part[1] * height; y += 1) {
      const i = 4 * (y * width + x);
      const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
      if (data[i + 3] > 60 && b > 90 && g > 80 && b - r > 28) { found.push(x / width); break; }
    }
  }
  return found;
}"""


def test_a_spike_among_a_million_is_drawn_at_any_zoom(desk: Page, scene: Scene) -> None:
    canvas = desk.locator(".chart canvas")
    for range_ in ("7 天", "30 天", "全部"):
        choose(desk, range_)
        # above the limit's line, where nothing but the spike reaches
        columns = canvas.evaluate(INK, [0.08, 0.25])
        assert columns, f"the spike is not seen over {range_}"
        assert max(columns) - min(columns) < 0.02, "and it alone reaches so high"
    share = (scene.spike - scene.start) / (6 * DAY)
    assert abs(columns[0] - (0.09 + 0.88 * share)) < 0.04, "it stands where it was"


def test_gaps_alarms_limits_and_what_does_not_count_are_told(desk: Page) -> None:
    choose(desk, "全部")
    foot = desk.locator(".chart footer")
    expect(foot).to_contain_text("无效 1")
    expect(foot).to_contain_text("测试 10")
    expect(foot).to_contain_text("告警 1")
    # nothing of the line's colour crosses the hole, which is a twelfth of the whole
    columns = desk.locator(".chart canvas").evaluate(INK, [0.3, 0.8])
    widest = max(np.diff(columns))
    assert 0.05 < widest < 0.1, f"the hole is {widest:.3f} of the picture"


def test_a_closer_look_asks_for_finer_data_and_gives_up_the_older_question(
    desk: Page, scene: Scene
) -> None:
    choose(desk, "7 天")
    asked: list[str] = []
    given_up: list[str] = []

    def note(request: Request) -> None:
        if "/api/history/series" in request.url:
            asked.append(request.url)

    def failed(request: Request) -> None:
        if "/api/history/series" in request.url:
            given_up.append(request.url)

    def slow(route: Route) -> None:
        time.sleep(0.4)
        try:
            route.continue_()
        except Exception:  # given up meanwhile: there is nothing to go on with
            return

    desk.on("request", note)
    desk.on("requestfailed", failed)
    desk.route("**/api/history/series?*", slow)
    box = desk.locator(".chart .canvas")
    box.focus()
    for _ in range(3):
        desk.keyboard.press("+")
        desk.wait_for_timeout(250)
    expect(desk.locator(".chart .plot.busy")).to_have_count(0, timeout=SOON)
    desk.unroute("**/api/history/series?*")
    assert len(asked) >= 2 and given_up, "an older question is given up when a newer one comes"
    before = desk.locator(".chart footer").inner_text()
    area = box.bounding_box()
    assert area
    desk.mouse.move(area["x"] + area["width"] / 2, area["y"] + 80)
    with desk.expect_response("**/api/history/series?*"):
        desk.mouse.wheel(0, -300)
        desk.mouse.wheel(0, -300)
    expect(desk.locator(".chart footer")).not_to_have_text(before)
    before = desk.locator(".chart footer").inner_text()
    desk.mouse.down()
    desk.mouse.move(area["x"] + area["width"] / 2 + 200, area["y"] + 80, steps=5)
    desk.mouse.up()
    expect(desk.locator(".chart footer")).not_to_have_text(before)
    desk.remove_listener("request", note)
    desk.remove_listener("requestfailed", failed)


def test_what_is_shown_can_be_taken_away(desk: Page, scene: Scene, tmp_path: Path) -> None:
    choose(desk, "1 小时")
    with desk.expect_download() as begun:
        desk.locator(".chart .export").get_by_role("link", name="Parquet").click()
    path = tmp_path / begun.value.suggested_filename
    begun.value.save_as(path)
    assert path.name.endswith(".parquet")
    table = pq.read_table(path)
    span = table["time"].cast("int64").to_numpy()
    assert set(table["datastream"].to_pylist()) == {scene.name}
    assert 0 < span.max() - span.min() <= HOUR
    assert pq.read_metadata(path).metadata[b"complete"] == b"true"


def test_a_chart_says_what_went_wrong_and_tries_again(desk: Page, scene: Scene) -> None:
    problem = {
        "type": "/docs/api#took-too-long", "title": "Service Unavailable", "status": 503,
        "detail": "there was no answer within 15 s", "instance": "/", "remedy": "ask for less",
    }  # fmt: skip
    desk.route("**/api/history/series?*", lambda route: route.fulfill(status=503, json=problem))
    desk.reload()
    state = desk.locator(".chart [role=alert]")
    expect(state).to_contain_text("no answer within 15 s", timeout=SOON)
    desk.unroute("**/api/history/series?*")
    state.get_by_role("button").click()
    expect(desk.locator(".chart canvas")).to_be_visible(timeout=SOON)


def test_it_enlarges_and_speaks_english(desk: Page) -> None:
    desk.evaluate("document.cookie = 'tianmu_language=en; Path=/'")
    desk.reload()
    chart = desk.locator(".chart").first
    chart.get_by_role("button", name="Enlarge").click()
    large = desk.get_by_role("dialog")
    expect(large.locator("canvas")).to_be_visible(timeout=SOON)
    expect(large.locator(".canvas")).to_be_focused()
    before = large.locator("footer").inner_text()
    desk.keyboard.press("ArrowLeft")
    expect(large.locator("footer")).not_to_have_text(before)
    expect(large).to_contain_text("Export what is shown")
    desk.keyboard.press("Escape")
    expect(large).to_have_count(0)
    desk.evaluate("document.cookie = 'tianmu_language=zh; Path=/'")


def test_limits_exceeded_are_compared_by_area(desk: Page, scene: Scene) -> None:
    areas = [
        {"area": town, "name": None, "count": 1000, "exceeded": n}
        for n, town in zip((90, 30), scene.world.towns()[:2], strict=True)
    ]

    def answer(route: Route) -> None:
        told = route.fetch().json()
        route.fulfill(json={**told, "areas": areas})

    desk.goto(f"{scene.world.url}/admin/past")
    # six days were written without anybody saying to which areas they belong: that is told
    expect(desk.locator(".note")).to_contain_text("尚未汇总", timeout=SOON)
    desk.route("**/api/history/exceedances?*", answer)
    with desk.expect_response("**/api/history/exceedances?*dimension=town*"):
        desk.get_by_label("时段").select_option("30")
    rows = desk.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("9.0%")
    widths = [bar.bounding_box() for bar in desk.locator("tbody .bar").all()]
    assert widths[0] and widths[1]
    assert abs(widths[0]["width"] / widths[1]["width"] - 3) < 0.1
    desk.unroute("**/api/history/exceedances?*")
