"""A case that went to another department leaves the open pages of the one that had it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tianmu.access.scope import WHOLE
from ui.small import made, signed_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from made(tmp_path_factory.mktemp("city"))


def ordered(small: Any) -> str:
    """A case with an order to its department; no plan ties others to it."""
    body = {
        "channel": "app", "text": "street lamp is dark", "matter": small.matter(),
        "place": {"longitude": 119.48, "latitude": 31.43},
    }  # fmt: skip
    with small.client("integrator") as program:
        report = program.post("/api/reports", json=body).json()["report"]
    small.settle()
    case = str(small.hub.manage.case_of([report], "report")[report])
    with small.client("commander") as centre:
        for step in ("verify", "file", "order"):
            held = centre.get(f"/api/cases/{case}").json()
            if step in {one["step"] for one in held["actions"]} and not held["orders"]:
                done = centre.post(f"/api/cases/{case}/steps/{step}", json={})
                assert done.status_code == 200, done.text
    return case


def transfer(small: Any, case: str, department: str) -> None:
    body = {"reason": "not theirs", "data": {"department": department}}
    with small.client("commander") as centre:
        moved = centre.post(f"/api/cases/{case}/steps/transfer", json=body)
    assert moved.status_code == 200, moved.text
    small.settle()


def test_a_transferred_case_leaves_the_queue_and_its_page(small: Any, browser: Browser) -> None:
    case = ordered(small)
    state = small.hub.manage.case(case, WHOLE)
    small.account("crew-of-lead", ["department_worker"], department=state.lead)
    page = signed_in(small, browser, "", account="crew-of-lead")
    page.goto(f"{small.url}/desk/cases/{case}")
    row = page.locator(f"[data-row='{case}']")
    expect(row).to_be_visible()
    expect(page.locator(".case .stages")).to_be_visible()
    parent = {one.code: one.parent for one in small.city.departments.values()}
    near = {state.lead, *state.joint, *(one.unit for one in state.orders)}
    near |= {parent[one] for one in near}
    other = next(one for one in parent if not {one, parent[one]} & near)
    for back in (True, False):
        transfer(small, case, other)
        expect(row).to_have_count(0)  # by push, and nothing was loaded anew
        expect(page.locator(".case .stages")).to_have_count(0)
        if back:  # and what came back goes again
            transfer(small, case, state.lead)
            expect(page.locator(".case .stages")).to_be_visible()
    page.context.close()
