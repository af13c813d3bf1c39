"""The pages of scenarios: made from their folders, whatever is there and whatever is not."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tianmu.facts.alarm import AlarmState
from tianmu.manage.evidence.kept import Evidence
from tianmu.scenarios.folder.load import find
from ui.small import made, signed_in

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("TIANMU_PICTURES", "")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A city whose weather stations speak: hot, dry, wind from the east."""
    for world in made(tmp_path_factory.mktemp("city")):
        registry, live = world.hub.registry, world.live
        values = {"temperature": 34, "humidity": 18, "wind_speed": 9, "wind_direction": 90}
        kind = list(registry.kinds).index("weather_station")
        for station in np.flatnonzero(registry.kind == kind).tolist():
            for stream in registry.datastreams_of(station):
                live.value[stream] = values[registry.property_of(stream)]
                live.time[stream] = world.hub.clock()
                live.count[stream] = 1
        world.raise_alarm(
            "d0",
            rule="forest_camera.smoke",
            identity="forest_camera.smoke@d0/smoke_score",
            matter="liyang:event:forest_smoke",
        )
        world.settle()
        yield world


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.wait_for_timeout(1500)  # charts are drawn and the map stands
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def test_forest_fire_on_its_page(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "commander", (1920, 1080))
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{small.url}/scenarios")
    for scenario in find().scenarios.values():
        if scenario.manifest.kind == "scenario":
            expect(page.locator(f"[data-scenario={scenario.id}]")).to_be_visible()
    card = page.locator("[data-scenario=forest-fire]")
    expect(card.locator("[data-now]")).to_contain_text("火险")
    expect(card.locator("[data-alarms]")).to_have_text("活动告警 1")
    expect(card.locator("[data-cases]")).to_have_text("在办案件 1")
    expect(page.locator("[data-now]").filter(has_text="正在读取")).to_have_count(0)
    untold = page.locator("[data-scenario]").filter(has_text="暂不能判定")
    expect(untold.first).to_be_visible()
    for card in untold.all():
        expect(card.locator("[data-why]")).not_to_be_empty()
    picture(page, "scenarios")
    page.locator("[data-scenario=forest-fire]").click()
    expect(page.locator("[data-degree] .big")).to_contain_text("火险")
    expect(page.locator("[data-legend] li")).to_have_count(6)
    expect(page.locator(".ahead li")).to_have_count(3)
    expect(page.locator(".ahead")).to_contain_text("持续性预报")
    expect(page.locator(".two section").first).to_contain_text("1")
    expect(page.locator("[data-record]")).to_be_visible()
    quality = find().scenarios["forest-fire"].manifest.quality
    expect(page.locator("[data-quality] tr")).to_have_count(len(quality))
    expect(page.locator("[data-chart]")).to_have_count(4)
    assert page.locator(".plan li.now").count() >= 1
    picture(page, "forest-fire")
    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_have_text("Forest-fire danger")
    expect(page.locator(".ahead")).to_contain_text("persistence, not a forecast")
    assert faults == []
    page.context.close()


def test_a_map_shows_what_the_scenario_is_about(small: Any, browser: Browser) -> None:
    """The gas network is a part of the city: the map opens on it, with a key, and shows all of the
    city when asked to."""
    page = signed_in(small, browser, "commander")
    told: list[str] = []
    page.on("console", lambda one: told.append(one.text))
    page.goto(f"{small.url}/scenarios/gas-pipelines")
    expect(page.locator("[data-legend]")).to_contain_text("干管")
    zoom = "() => Number(document.querySelector('[data-view]').dataset.view.split(' ')[2])"
    page.wait_for_function(f"{zoom} > 12")
    page.locator("[data-part]").click()
    page.wait_for_function(f"{zoom} < 11")
    assert not [one for one in told if "cannot fit" in one]
    page.context.close()


def test_every_scenario_has_a_page_on_a_telephone(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "commander", (390, 844))
    for scenario in find().scenarios.values():
        if scenario.manifest.kind != "scenario":
            continue
        page.goto(f"{small.url}/scenarios/{scenario.id}")
        expect(page.locator("h1")).to_have_text(scenario.manifest.name["zh"])
        expect(page.locator("[data-quality] tr").first).to_be_visible()
        for language in ("English", "中文"):
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 390, f"{scenario.id} is {wide} px wide before {language}"
            page.get_by_role("button", name=language).click()
        picture(page, f"{scenario.id}-390")
    page.context.close()


def test_an_alarm_whose_cause_is_over_says_so(small: Any, browser: Browser) -> None:
    """It stays among the open ones until it is acknowledged, and not among what is still there."""
    rule = "street_camera.crowd"
    for device, more in (
        ("d2", {"state": AlarmState.RETURNED_UNACKNOWLEDGED, "condition": False}),
        ("d3", {}),
    ):
        small.raise_alarm(device, rule=rule, identity=f"{rule}@{device}/crowd", **more)
    small.settle()
    page = signed_in(small, browser, "commander")
    page.goto(f"{small.url}/scenarios/model-street")
    expect(page.locator("[data-gone]")).to_have_text("其中 1 条现象已消失，待确认")
    expect(page.locator("[data-state]")).to_have_text("已恢复·待确认")
    page.get_by_role("button", name="English").click()
    expect(page.locator("[data-gone]")).to_have_text("1 of them over, to be acknowledged")
    page.context.close()


def test_the_first_hour_of_a_chart_is_words_and_no_dot(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "commander")
    hour = small.hub.clock() // 3_600_000_000 * 3_600
    hours = [datetime.fromtimestamp(hour - n * 3600, UTC).isoformat() for n in range(3)]

    def rows(count: int) -> dict[str, Any]:
        told = {"at": hours[:count][::-1]}
        return told | {name: [float(n) for n in range(count)] for name in ("mean", "low", "high")}

    answer = rows(1)
    page.route("**/api/history/areas*", lambda route: route.fulfill(json=answer))
    page.goto(f"{small.url}/scenarios/model-street")
    chart = page.locator("[data-chart=garbage]")
    expect(chart.locator("[data-alone]")).to_be_visible()
    expect(chart.locator("svg")).to_have_count(0)
    answer.update(rows(3))
    page.reload()
    expect(chart.locator("polyline")).to_have_count(1)
    expect(chart.locator("[data-since]")).to_contain_text("起有数据")
    page.context.close()


def test_whoever_may_not_see_alarms_is_told(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "system_admin")
    page.goto(f"{small.url}/scenarios/forest-fire")
    expect(page.get_by_role("alert").first).to_be_visible()
    page.goto(f"{small.url}/scenarios/no-such")
    expect(page.get_by_role("alert").first).to_be_visible()
    page.context.close()


def test_a_box_is_drawn_over_the_picture_where_it_is(small: Any, browser: Browser) -> None:
    """On the scenario's page and in the case: a frame of the same size, fitted as the picture."""
    shot = io.BytesIO()
    Image.new("RGB", (320, 180), (90, 100, 110)).save(shot, "JPEG")
    about = Evidence(name="stall.jpg", media_type="image/jpeg", role="handle_before")
    kept = small.hub.manage.evidence.keep(shot.getvalue(), about)
    box = {"box": [0.25, 0.5, 0.5, 1.0], "text": {"zh": "店外经营", "en": "Outside"}}
    told = {"pictures": [{**kept, "width": 320, "height": 180, "boxes": [box]}]}
    rule, matter = "street_camera.off_store_operation", "gbt30428.2-2013:event:0405"
    alarm = small.raise_alarm(
        "d1", rule=rule, identity=f"{rule}@d1/off_store_operation", matter=matter, told=told,
        text={"zh": "店外经营：d1", "en": "Trading outside the shop: d1"},
    )  # fmt: skip
    small.settle()
    case = small.hub.manage.case_of([alarm.alarm])[alarm.alarm]
    page = signed_in(small, browser, "commander", (1600, 1000))
    for where in ("/scenarios/model-street", f"/desk/cases/{case}"):
        page.goto(f"{small.url}{where}")
        drawn = page.locator("[data-boxes] rect").first
        expect(drawn).to_be_visible()
        drawn.scroll_into_view_if_needed()
        page.wait_for_function("[...document.images].every((one) => one.complete)")
        frame = page.locator(".boxed").first.bounding_box()
        rect = drawn.bounding_box()
        assert frame is not None and rect is not None
        # a picture of 16:9 lies in the middle of its frame, with room above or beside it
        scale = min(frame["width"] / 320, frame["height"] / 180)
        left = frame["x"] + (frame["width"] - 320 * scale) / 2
        top = frame["y"] + (frame["height"] - 180 * scale) / 2
        line = 320 / 220 * scale
        assert abs(rect["x"] - (left + 80 * scale)) <= line + 1, (where, rect, frame)
        assert abs(rect["y"] - (top + 90 * scale)) <= line + 1
        assert abs(rect["width"] - 80 * scale) <= 2 * line + 2
        picture(page, "boxes-" + where.split("/")[1])
    page.context.close()
