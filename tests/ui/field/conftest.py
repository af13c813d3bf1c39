"""A phone of a worker in the field, on a TLS line to a small city that can be cut."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tianmu.access.scope import WHOLE
from tianmu.city.pack import load
from tianmu.web.hub import UI
from ui.field.crew import WORKER, order, sign_in
from ui.phone import Phone, TlsLine
from waiting import eventually
from web.world import make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    making = make_world(tmp_path_factory.mktemp("field"), load("liyang"), ui=UI)
    found = next(making)
    stop = threading.Event()
    cases = threading.Thread(target=found.hub.manage.run, args=(stop, 0.2), daemon=True)
    cases.start()
    yield found
    stop.set()
    cases.join(5)
    making.close()


@pytest.fixture(scope="module")
def line(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsLine]:
    found = TlsLine(world.url, tmp_path_factory.mktemp("tls"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def phone(world: Any, line: TlsLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    """Of a worker of the department that all orders here go to, who also reports and patrols."""
    unit = world.hub.manage.case(order(world), WHOLE).orders[0].unit
    world.account("crew", ["department_worker", "grid_worker"], department=unit)
    with sync_playwright() as playwright:
        found = Phone(playwright, line, tmp_path_factory.mktemp("phone"))
        sign_in(world, found, "crew")
        eventually(lambda: found.page.evaluate(WORKER), 15, "the service worker")
        yield found
        found.die()
    assert not found.broke, found.broke


@pytest.fixture
def page(phone: Phone) -> Iterator[Page]:
    phone.find_signal()
    yield phone.page
    phone.find_signal()
