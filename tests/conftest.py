"""What tests share: one city that runs, with the real processes and the real doors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sharing import pytest_xdist_make_scheduler
from tianmu.rehearse.city.city import City, Started, connect, credentials, fresh_city
from tianmu.rehearse.city.equipment import source

__all__ = ["pytest_xdist_make_scheduler"]

settings.register_profile(
    "tianmu", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("tianmu")

DEVICES = int(os.environ.get("TIANMU_TEST_DEVICES", "50000"))
"""size of the city under test: 50,000 by make test, 1,560,000 by make test-city"""


class RunningCity:
    """A city under test: its folder, and its API as any of its accounts."""

    def __init__(self, started: Started) -> None:
        self.started = started
        self.data: Path = started.data
        self._source_token = ""

    def city(self, role: str = "rehearsal") -> City:
        return connect(self.data, role)

    def environment(self) -> dict[str, str]:
        """What the documentation's shell blocks may use: addresses, a token of an account, and
        the token of an HTTP source that is registered by the API when first asked for."""
        if not self._source_token:
            self._source_token = source(self.city(), "docs", "http")
        found = credentials(self.data)
        return {
            "TIANMU_DATA": str(self.data),
            "TIANMU_URL": found["url"],
            "TIANMU_INGEST": f"http://127.0.0.1:{found['ports']['http']}",
            "TIANMU_TOKEN": found["tokens"]["rehearsal"],
            "TIANMU_SOURCE_TOKEN": self._source_token,
        }


@pytest.fixture(scope="session")
def running_city() -> Iterator[RunningCity]:
    """One city for the whole run; tests must not depend on it being empty."""
    with fresh_city() as started:
        yield RunningCity(started)


@pytest.fixture(scope="session")
def test_devices() -> int:
    return DEVICES


def pytest_report_header() -> str:
    return f"city size: {DEVICES:,} devices; python {sys.version.split()[0]}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"size that was run: {DEVICES:,} devices")
