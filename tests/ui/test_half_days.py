"""A running city of the second pack in the days before Christmas, whose eve is worked until noon:
its limits at the API and on the pages, and what becomes of them as the calendar is changed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tianmu.city.pack import locate
from tianmu.facts.clock import DrillClock
from tianmu.rehearse.city.city import City, connect, start_city
from waiting import eventually

pytestmark = pytest.mark.browser
ZONE = ZoneInfo("America/Halifax")
PASSWORD = "Before-Christmas-1234"
WEB = {"X-Requested-With": "tianmu"}
NOISE = "ellery-311:service:N01"
"""its limit is of four working hours"""


class Ellery:
    """The city, whose clock the test moves."""

    def __init__(self, folder: Path) -> None:
        self.pack = folder / "pack"
        shutil.copytree(locate("port_ellery"), self.pack)
        (folder / "passwords").write_text(f"system: {PASSWORD}\nduty: {PASSWORD}\n")
        self.clock = DrillClock.make(folder / "clock", micros("2026-12-23T15:40"))
        self.started = start_city(
            folder / "city", "--pack", str(self.pack), "--clock-file", str(self.clock.path),
            "--admin-password-file", str(folder / "passwords"),
        )  # fmt: skip
        self.own = self.of("rehearsal")

    def of(self, role: str) -> City:
        return connect(self.started.data, role)

    def move(self, to: str) -> None:
        self.clock.move(micros(to))
        self.settle()

    def settle(self) -> None:
        at = self.clock.now()
        eventually(lambda: self.clock.attended >= at, what="the city follows its clock")

    def step(self, role: str, case: str, name: str, **data: Any) -> None:
        self.of(role).post(f"/api/cases/{case}/steps/{name}", {"reason": "drill", "data": data})

    def handled(self, longitude: float) -> str:
        """A case that its department has accepted just now."""
        place = {"longitude": longitude, "latitude": 43.70, "precision": 10}
        told = {"channel": "hotline", "text": "Loud music", "matter": NOISE, "place": place}
        report = self.own.post("/api/reports", told)["report"]
        self.settle()
        case = str(self.own.get(f"/api/reports/{report}")["case"])
        for role, name in (("duty", "verify"), ("duty", "file"), ("worker:bylaw", "accept")):
            self.step(role, case, name)
        return case

    def limit(self, case: str) -> tuple[str, str]:
        """When the handling is due on the city's wall clock, and what is left in words."""
        view = self.own.get(f"/api/cases/{case}")
        [clock] = [one for one in view["deadlines"] if one["stage"].startswith("handle:")]
        [order] = [one for one in view["orders"] if one["lead"]]
        assert view["due"] == clock["due"] == order["due"]
        return wall(clock["due"]), str(clock["left"]["en"])


def micros(local: str) -> int:
    return int(datetime.fromisoformat(local).replace(tzinfo=ZONE).timestamp() * 1_000_000)


def wall(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(ZONE):%d %H:%M}"


@pytest.fixture(scope="module")
def ellery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ellery]:
    city = Ellery(tmp_path_factory.mktemp("ellery"))
    yield city
    city.started.stop()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """In English, on a machine that lives in another zone and year."""
    context = browser.new_context(
        locale="en-CA", timezone_id="Asia/Shanghai", viewport={"width": 1440, "height": 900}
    )
    yield context.new_page()
    context.close()


def look(ellery: Ellery, page: Page, case: str, natural: str, words: str) -> None:
    """The desk says of the limit how long that is by day and night, and what the city says of it.
    Signed in anew, since no session outlives a leap."""
    asked = {"account": "duty", "password": PASSWORD}
    answer = page.context.request.post(f"{ellery.own.url}/api/session", data=asked, headers=WEB)
    assert answer.ok, answer.text()
    page.goto(f"{ellery.own.url}/desk/cases/{case}")
    clock = page.locator(".case .clock")
    expect(clock).to_have_text(re.compile(f"{natural}.*{words}", re.DOTALL))


def test_a_limit_runs_across_a_half_day(ellery: Ellery, page: Page) -> None:
    ellery.move("2026-12-23T15:45")
    eve = ellery.handled(-61.345)
    due = ellery.limit(eve)[0]
    assert "24 11:45" <= due <= "24 11:47", "75 minutes of the 23rd, 165 of the eve"
    # what the city says is rounded up to a minute, the page counts down; the deeds took seconds
    for at, natural, words in (
        (
            "2026-12-23T16:00",
            "19 h 4[3456]",
            "3 working hours 4[567] minutes left, due tomorrow 11:4",
        ),
        (
            "2026-12-23T22:00",
            "13 h 4[3456]",
            "2 working hours 4[567] minutes left, due tomorrow 11:4",
        ),
        ("2026-12-24T11:00", "4[3456]:", "4[567] working minutes left, due today 11:4"),
    ):
        ellery.move(at)
        assert re.match(words, ellery.limit(eve)[1]), at
        look(ellery, page, eve, natural, words)


def test_a_limit_of_the_eve_goes_on_after_christmas(ellery: Ellery, page: Page) -> None:
    ellery.move("2026-12-24T11:15")
    case = ellery.handled(-61.36)
    due = ellery.limit(case)[0]
    assert "28 12:15" <= due <= "28 12:17", "45 minutes of the eve, 195 of Monday"
    for at, natural, words in (
        (
            "2026-12-24T14:00",
            "3 d 22 h",
            "3 working hours 1[567] minutes left, due 28 December 12:1",
        ),
        ("2026-12-28T09:30", "2 h 4[3456]", "2 working hours 4[567] minutes left, due today 12:1"),
    ):
        ellery.move(at)
        assert re.match(words, ellery.limit(case)[1]), at
        look(ellery, page, case, natural, words)


def test_what_is_open_follows_a_calendar_that_is_changed_and_what_is_closed_does_not(
    ellery: Ellery,
) -> None:
    ellery.move("2026-12-29T15:45")
    case, closed = ellery.handled(-61.345), ellery.handled(-61.33)
    for role, name, data in (
        ("worker:bylaw", "handle", {}),
        ("worker:bylaw", "feed_back", {"result": "done"}),
        ("checker", "check", {"result": "pass"}),
        ("checker", "close", {}),
    ):
        ellery.step(role, closed, name, **data)
    before = ellery.own.get(f"/api/cases/{closed}")
    assert before["stage"] == "close" and before["orders"][0]["due"]
    due = ellery.limit(case)[0]
    assert "30 11:45" <= due <= "30 11:47"
    file = ellery.pack / "calendar.toml"
    was = file.read_text("utf-8")
    for more, day in ("2026-12-30", "31"), ("2026-12-30, 2026-12-31", "04"):
        # the 31st is worked until noon; New Year's Day and a weekend follow it
        free = was.replace("free = [2026-08-17]", f"free = [2026-08-17, {more}]")
        assert free != was
        reload(ellery, free)
        assert ellery.limit(case)[0] == due.replace("30 ", f"{day} ")
    assert ellery.own.get(f"/api/cases/{case}")["events"][-1]["step"] == "reckon"
    assert ellery.own.get(f"/api/cases/{closed}") == before
    reload(ellery, was)
    assert ellery.limit(case)[0] == due, "and back, to the second"
    assert ellery.own.get(f"/api/cases/{closed}") == before
    assert "drill clock" in ellery.own.get("/api/city")["name"]["en"], "it still says what it is"


def reload(ellery: Ellery, calendar: str) -> None:
    """Another calendar in force, as a system administrator puts it there."""
    (ellery.pack / "calendar.toml").write_text(calendar, "utf-8")
    with httpx.Client(base_url=ellery.own.url, headers=WEB, timeout=60) as admin:
        signed = admin.post("/api/session", json={"account": "system", "password": PASSWORD})
        assert signed.status_code == 200, signed.text
        told = [{"noun": "calendar", "added": [], "removed": [], "changed": ["free"]}]
        checked = admin.post("/api/pack/check")
        assert checked.status_code == 200, checked.text
        assert (checked.json()["faults"], checked.json()["changes"]) == ([], told)
        done = admin.post("/api/pack/reload")
        assert done.status_code == 200 and done.json()["changes"] == told, done.text
    ellery.settle()
