"""Fire alarms on their page: the likeliest first, and a building as those who go there need it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tianmu.city.place.building import Building
from tianmu.facts.place import Place
from tianmu.facts.registry import DevicesRegistered
from tianmu.rehearse.panel.panel import Panel
from tianmu.rehearse.panel.script import Component
from ui.small import made, signed_in

pytestmark = pytest.mark.browser
ADDRESS = "0000000000a1"
UNIT = f"gbt26875-{ADDRESS}"
PARTS = [Component(40, 1, "1F-101"), Component(40, 2, "1F-102"), Component(23, 9, "1F-button")]
MILL = Building(
    code="mill", name={"zh": "面粉厂", "en": "The mill"}, panel=ADDRESS,
    use={"zh": "面粉加工", "en": "Flour"}, holds={"zh": "粉尘", "en": "Dust"},
    manager="王伟", manager_phone="10090000001",
)  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A city with one building, in which two detectors of a zone and a button alarm."""
    for world in made(tmp_path_factory.mktemp("city")):
        hub = world.hub
        hub.city = replace(hub.city, buildings={ADDRESS: MILL})
        properties = {
            kind: tuple(hub.city.kinds[kind].properties)
            for kind in ("fire_transmission_unit", "fire_system", "fire_component")
        }
        place = Place(longitude=119.49, latitude=31.42, division=world.towns()[0])
        devices = Panel(ADDRESS, "", 0, components=PARTS).devices(properties, place=place)

        def register(tx: Any, hub: Any = hub, devices: Any = devices) -> DevicesRegistered:
            made: DevicesRegistered = hub.registry.registration(
                devices, at=hub.clock(), actor="test"
            )
            return made

        hub.registrar.write(register)
        for part in PARTS:
            name = f"{UNIT}-1-1-{part.type}-{part.address}"
            world.raise_alarm(
                name, rule="fire_component.fire", identity=f"fire_component.fire@{name}/state",
                matter="liyang:event:fire_alarm",
            )  # fmt: skip
        world.settle()
        yield world


def test_an_officer_sees_what_is_likely_and_whom_to_call(small: Any, browser: Browser) -> None:
    page = signed_in(small, browser, "commander", (1600, 1000))
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{small.url}/scenarios/fire-alarms")
    with small.client("commander") as one:
        assert one.get("/api/scenarios/fire-alarms/present").json()["degree"] == 5
    alarms = page.locator("[data-table=alarms] tbody tr")
    expect(alarms).to_have_count(3)
    expect(alarms.first).to_contain_text("面粉厂")
    expect(page.locator("[data-degree] .big")).to_have_text("几乎可以确定")
    alarms.first.locator(f"[data-thing='{UNIT}']").click()
    picture = page.locator("[data-picture]")
    expect(picture).to_contain_text("粉尘")
    expect(picture).to_contain_text("100****0001")
    expect(picture).not_to_contain_text("10090000001")
    picture.get_by_role("button", name="显示完整号码").click()
    page.locator("dialog input").last.fill("火警核实")
    page.get_by_role("button", name="显示完整号码").last.click()
    expect(picture.locator("[data-reaches]")).to_contain_text("10090000001")
    picture.get_by_role("button", name="查岗").click()
    page.get_by_role("button", name="查岗").last.click()
    expect(page.get_by_text("已下发查岗")).to_be_visible()
    with small.client("audit_admin") as auditor:
        verbs = {entry["verb"] for entry in auditor.get("/api/audit").json()["items"]}
    assert {"thing.reveal", "panel.duty_check"} <= verbs
    page.keyboard.press("Escape")
    page.get_by_role("button", name="English").click()
    expect(page.locator("[data-table=alarms]")).to_contain_text("manual call point")
    assert faults == []
    page.context.close()
