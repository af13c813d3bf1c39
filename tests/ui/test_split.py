"""The split screen of a case at the desk: map, timeline and evidence at once, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from ui.legible import faults
from ui.small import case_of, made, photo, signed_in
from waiting import eventually

pytestmark = pytest.mark.browser
SIZES = [(1366, 768), (1440, 900), (1920, 1080)]
PARTS = (".context > .map", ".story", ".context > .below")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def case(small: Any) -> str:
    """A case of an alarm, with a picture from before the work and one from after it, each taken at
    a place of its own."""
    found = case_of(small, "d40")
    with small.client("duty_officer") as officer:
        for number, role in enumerate(("handle_before", "handle_after")):
            done = officer.post(
                f"/api/cases/{found}/evidence",
                files={"file": (f"{role}.png", photo(role.encode()), "image/png")},
                data={"role": role, "longitude": f"119.{number + 4}", "latitude": "31.4"},
            )
            assert done.status_code == 201, done.text
    return found


def box(part: Locator) -> dict[str, float]:
    found = part.bounding_box()
    assert found is not None
    return dict(found)


def off_middle(spot: Locator, canvas: Locator) -> float:
    """Pixels by which a spot is off the middle of the map."""
    ring, whole = box(spot), box(canvas)
    return max(
        abs(ring[side] + ring[length] / 2 - whole[side] - whole[length] / 2)
        for side, length in (("x", "width"), ("y", "height"))
    )


def opened(small: Any, browser: Browser, case: str) -> Page:
    page = signed_in(small, browser, "duty_officer")
    page.goto(f"{small.url}/desk/cases/{case}")
    expect(page.locator(".timeline li").first).to_be_visible()
    page.keyboard.press("z")
    expect(page.locator(".columns.divided")).to_be_visible()
    return page


def test_the_timeline_leads_the_map_and_the_evidence(
    small: Any, browser: Browser, case: str
) -> None:
    page = opened(small, browser, case)
    expect(page.locator("[data-pair] img")).to_have_count(2)
    before, later = (box(one) for one in page.locator("[data-pair] figure").all())
    beside = before["x"] + before["width"] <= later["x"] and before["y"] == later["y"]
    assert beside or before["y"] + before["height"] <= later["y"], "where it is narrow, below"
    assert (before["width"], before["height"]) == (later["width"], later["height"])
    canvas = page.locator(".map canvas").first
    expect(canvas).to_be_visible()

    page.keyboard.press("j")  # the newest: the picture from after the work
    after = page.locator("[data-entry].on")
    spot = page.locator(".map .spot")
    expect(spot).to_have_attribute("data-at", "119.5 31.4")
    expect(page.locator("[data-pair] figure.on img")).to_have_attribute("alt", re.compile("after"))
    newest = after.get_attribute("data-entry")
    eventually(lambda: off_middle(spot, canvas) < 8, what="the map goes to the place")

    page.keyboard.press("j")
    expect(spot).to_have_attribute("data-at", "119.4 31.4")
    assert after.get_attribute("data-entry") != newest
    page.keyboard.press("k")
    expect(spot).to_have_attribute("data-at", "119.5 31.4")
    opening = page.locator("[data-entry='1'] button")
    opening.click()
    expect(spot).not_to_have_attribute("data-at", re.compile("31.4$"))
    without = page.locator("[data-entry]", has=page.locator("button:not(:has(svg))")).first
    without.locator("button").click()
    expect(page.locator("[data-spot]")).to_contain_text("该记录没有位置，显示案件位置")

    page.keyboard.press("Escape")  # the entry, then the split screen, then the case
    expect(page.locator("[data-entry].on")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".columns.divided")).to_have_count(0)
    expect(page.locator(".queue")).to_be_visible()
    assert case in page.url
    page.context.close()


def test_it_fits_the_screen_in_both_themes_and_languages(
    small: Any, browser: Browser, case: str
) -> None:
    page = opened(small, browser, case)
    page.emulate_media(reduced_motion="reduce")  # colours do not pass over when the theme changes
    for size, key in product(SIZES, ("t", "l")):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.keyboard.press(key)
        boxes = [box(page.locator(one)) for one in PARTS]
        for part in boxes:
            assert part["width"] >= 0.17 * size[0]
            assert part["height"] >= 0.5 * size[1]
            assert part["x"] >= 0 and part["x"] + part["width"] <= size[0] + 1
            assert part["y"] + part["height"] <= size[1] + 1
        for one, next_ in pairwise(boxes):
            assert one["x"] + one["width"] <= next_["x"] + 1
        assert faults(page) == []
    page.context.close()


def test_sizes_are_kept_for_each_account(small: Any, browser: Browser, case: str) -> None:
    page = opened(small, browser, case)
    width = box(page.locator(".story"))["width"]
    for _ in range(3):
        page.keyboard.press("[")
    wider = box(page.locator(".story"))["width"]
    assert wider > width + 60
    bar = page.locator("[data-bar='1']")
    bar.focus()
    page.keyboard.press("ArrowRight")
    moved = box(page.locator(".story"))["width"]
    assert moved > wider + 15
    page.keyboard.press("End")
    assert bar.get_attribute("aria-valuenow") == bar.get_attribute("aria-valuemax")
    least = box(page.locator(".context > .below"))["width"]
    assert least >= 0.17 * 1440, "nothing is dragged shut"
    grip = box(page.locator("[data-bar='0']"))
    page.mouse.move(grip["x"] + 3, grip["y"] + 200)
    page.mouse.down()
    page.mouse.move(grip["x"] - 117, grip["y"] + 200, steps=4)
    page.mouse.up()
    assert abs(box(page.locator("[data-bar='0']"))["x"] - grip["x"] + 120) < 8
    kept = [box(page.locator(one))["width"] for one in PARTS]
    page.reload()
    expect(page.locator(".timeline li").first).to_be_visible()
    again = [box(page.locator(one))["width"] for one in PARTS]
    assert all(abs(a - b) < 2 for a, b in zip(kept, again, strict=True))
    page.keyboard.press("c")  # from sizes of one's own to the even ones, then the map wide
    page.keyboard.press("c")
    assert box(page.locator(PARTS[0]))["width"] > 0.55 * 1440

    # another account in the same browser begins with its own
    name = page.evaluate("Object.keys(localStorage).find(k => k.startsWith('tianmu.desk.split.'))")
    assert name.endswith("t-duty-officer")
    page.context.close()
    other = signed_in(small, browser, "commander")
    other.add_init_script(f"localStorage.setItem('{name}', '{{\"on\":true}}')")
    other.goto(f"{small.url}/desk/cases/{case}")
    expect(other.locator(".timeline li").first).to_be_visible()
    expect(other.locator(".columns.divided")).to_have_count(0)
    other.context.close()


def test_a_phone_shows_one_thing_and_the_way_to_the_field(
    small: Any, browser: Browser, case: str
) -> None:
    page = signed_in(small, browser, "duty_officer", (390, 844))
    kept = "tianmu.desk.split.t-duty-officer"
    page.add_init_script(f"localStorage.setItem('{kept}', '{{\"on\":true}}')")
    page.goto(f"{small.url}/desk/cases/{case}")
    expect(page.locator(".timeline li").first).to_be_visible()
    expect(page.locator(".columns.divided")).to_have_count(0)
    expect(page.locator("[data-split]")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("[data-back]").click()
    expect(page).to_have_url(re.compile("/desk/cases$"))
    expect(page.locator(f'[data-row="{case}"]')).to_be_visible()
    expect(page.locator("[data-phone] a")).to_have_count(0)  # it carries out no orders
    page.context.close()
    crew = signed_in(small, browser, "grid_worker", (390, 844))
    crew.goto(f"{small.url}/desk")
    crew.locator("[data-phone] a").click()
    expect(crew).to_have_url(re.compile("/field"))
    crew.context.close()


def test_no_key_sends_what_is_not_shown(small: Any, browser: Browser, case: str) -> None:
    page = opened(small, browser, case)
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "POST" else None)
    for key in ("q", "w", "e", "y", "u", "u", "v", "b", "d", "o", "/"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert sent == []
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("n")  # what is shown still works
    expect(page.get_by_role("dialog")).to_be_visible()
    page.context.close()
