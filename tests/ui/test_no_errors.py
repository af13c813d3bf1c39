"""Every page opens without an error in the console, a request that fails or a script that breaks,
for each kind of account that has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tianmu.scenarios.folder.load import find
from ui.small import ASKED, case_of, made, signed_in

pytestmark = pytest.mark.browser
ROUTER = Path(__file__).parents[2] / "ui" / "src" / "router.ts"
SCENARIOS = tuple(
    f"scenarios/{one.id}" for one in find().scenarios.values() if one.manifest.kind == "scenario"
)
PAGES = {
    "leader": ("hall", "desk", "desk/handover", "scenarios", "warnings", "hazards"),
    "duty_officer": ("desk/cases/{case}", "desk/alarms", "desk/duty", "desk/room/{case}",
                     *SCENARIOS, "warnings", "hazards", "admin/load", "admin/anomalies"),
    "grid_worker": ("field", "field/report", "field/patrol", "field/outbox", "hazards", "account"),
    "system_admin": tuple(
        f"admin/{one}"
        for one in ("accounts", "organisation", "roster", "devices", "past", "unknown", "sources",
                    "quarantine", "connections", "contacts", "rules", "plans", "pack")
    ),
    "audit_admin": ("admin/audit",),
}  # fmt: skip
OPENED = {"open", "trust", "login", "start"}
"""names of routes that are seen by nobody who is signed in"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def heard(page: Page) -> list[str]:
    """What goes wrong on a page from now on, as it comes."""
    found: list[str] = []

    def answered(response: Response) -> None:
        if response.status >= 400:
            found.append(f"{response.status} {response.url}")

    page.on("response", answered)
    page.on("pageerror", lambda error: found.append(f"broke: {error}"))
    page.on(
        "console",
        lambda one: (
            found.append(f"console: {one.text}")
            if one.type == "error" or "cannot fit" in one.text
            else None
        ),
    )
    page.on(
        "requestfailed",  # who leaves a page ends what it asked for
        lambda one: None if "ABORTED" in (one.failure or "") else found.append(f"lost: {one.url}"),
    )
    return found


@pytest.mark.parametrize("role", PAGES)
def test_every_page_opens_without_an_error(small: Any, browser: Browser, role: str) -> None:
    case = case_of(small, "d50")
    size = (390, 844) if role == "grid_worker" else (900, 600)  # maps are drawn by the processor
    page = signed_in(small, browser, role, size)
    page.add_init_script(ASKED)
    found = heard(page)
    wrong: dict[str, list[str]] = {}
    for path in PAGES[role]:
        found.clear()
        page.goto(f"{small.url}/{path.format(case=case)}")
        expect(page.locator("h1, h2, nav.bar").first).to_be_attached()
        expect(page.locator(".bones")).to_have_count(0)
        page.wait_for_load_state("load")
        if found:
            wrong[path] = list(found)
    page.context.close()
    assert not wrong, "\n".join(f"{path}: {one}" for path, each in wrong.items() for one in each)


def test_no_page_is_left_out() -> None:
    names = set(re.findall(r'name: "(\w+)"', ROUTER.read_text(encoding="utf-8")))
    paths = [path for each in PAGES.values() for path in each]
    seen = {"room" if "/room/" in path else path.partition("/")[0] for path in paths}
    assert names - {"login"} <= seen | OPENED
