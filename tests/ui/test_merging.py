"""What the machine put together is taken apart, and what it was not sure of is put together, by
keys at the desk: every signal moves, nothing is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ui.small import made, signed_in

pytestmark = pytest.mark.browser
FIRE = "liyang:event:fire_alarm"
LONGITUDE, LATITUDE = 119.31, 31.33
METRE = 1 / 111_195


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


@pytest.fixture
def desk(small: Any, browser: Browser) -> Iterator[Page]:
    page = signed_in(small, browser, "commander")
    yield page
    page.context.close()


def fire(small: Any, device: str, north: float) -> str:
    """A fire alarm of a device so many metres north; the alarm."""
    latitude = LATITUDE + north * METRE
    alarm = small.raise_alarm(device, matter=FIRE, longitude=LONGITUDE, latitude=latitude)
    small.settle()
    return str(alarm.alarm)


def cases(small: Any, *alarms: str) -> list[str]:
    held = small.hub.manage.case_of(list(alarms))
    return [held[alarm] for alarm in alarms]


def test_u_u_takes_a_wrong_merge_back(small: Any, desk: Page) -> None:
    one, other = fire(small, "d20", 0), fire(small, "d21", 60)
    case, same = cases(small, one, other)
    assert case == same, "so near, the machine takes them for one"
    desk.goto(f"{small.url}/desk/cases/{case}")
    expect(desk.locator("kbd", has_text="u 1")).to_be_visible()
    desk.keyboard.press("u")
    desk.keyboard.press("u")
    expect(desk.locator("kbd", has_text="u 1")).to_have_count(0)
    stayed, gone = cases(small, one, other)
    assert stayed == case and gone != case
    for held in (stayed, gone):
        state = small.hub.manage.case(held)
        assert state.open and state.signals == 1
    third = fire(small, "d22", 60)
    assert other != third
    assert cases(small, other) == [gone], "the machine does not put it back"


def test_y_takes_a_suggestion_and_u_u_takes_that_back(small: Any, desk: Page) -> None:
    one, other = fire(small, "d30", 3000), fire(small, "d31", 3000 + 112)
    case, beside = cases(small, one, other)
    assert case != beside, "too far to be sure"
    desk.goto(f"{small.url}/desk/cases/{case}")
    expect(desk.locator("[data-alike]")).to_have_count(1)
    desk.keyboard.press("y")
    expect(desk.locator("kbd", has_text="u 1")).to_be_visible()
    assert cases(small, one, other) == [case, case]
    assert small.hub.manage.case(beside).merged_into == case
    desk.keyboard.press("u")
    desk.keyboard.press("u")
    expect(desk.locator("kbd", has_text="u 1")).to_have_count(0)
    assert cases(small, one, other) == [case, beside], "the merged case is back"
    assert small.hub.manage.case(beside).open
