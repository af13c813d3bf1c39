"""A city whose people have passwords, for what a machine's account may not do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tianmu.rehearse.city.city import City, connect, fresh_city

from .town import PASSWORDS


@pytest.fixture(scope="session")
def password_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("people") / "passwords"
    path.write_text("".join(f"{name}: {word}\n" for name, word in PASSWORDS.items()))
    path.chmod(0o600)
    return path


@pytest.fixture(scope="session")
def staffed_city(password_file: Path) -> Iterator[City]:
    """A running city in which ``system``, ``security``, ``audit`` and ``duty`` can sign in."""
    with fresh_city("--admin-password-file", str(password_file)) as started:
        yield connect(started.data)
