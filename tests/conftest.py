"""What tests share: one city that runs, with the real processes and the real doors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from sharing import pytest_xdist_make_scheduler
from tianmu.access import password
from tianmu.rehearse.city.city import City, Started, connect, credentials, fresh_city
from tianmu.rehearse.city.equipment import source

__all__ = ["pytest_xdist_make_scheduler"]

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    # else each run rewrites and each process that a test starts compiles everything anew
    sys.dont_write_bytecode = False

settings.register_profile(
    "tianmu", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("tianmu")

SHIPPED = password._hasher
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Argon2id with the least that it can do: tests hash thousands of passwords in their own process.
A city that a test starts hashes as shipped: the product has nothing to make it weaker by"""

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


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password, "_hasher", CHEAP)
        yield


@pytest.fixture
def shipped_passwords(monkeypatch: pytest.MonkeyPatch) -> PasswordHasher:
    """Passwords as a city hashes them; what asks for it takes some 0.1 s for each."""
    monkeypatch.setattr(password, "_hasher", SHIPPED)
    return SHIPPED


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
