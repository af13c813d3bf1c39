"""Passwords as a city hashes them. All other tests hash cheaply (``cheap_passwords``)."""

from __future__ import annotations

import pytest
from argon2 import Parameters, PasswordHasher, Type, extract_parameters

from tianmu.access import password
from tianmu.access.entrance import Entrance, SignInRefused
from tianmu.access.session import Sessions

from .conftest import GOOD

RFC_9106 = Parameters(
    type=Type.ID,
    version=0x13,
    salt_len=16,
    hash_len=32,
    time_cost=3,
    memory_cost=64 * 1024,
    parallelism=4,
)
"""the second recommended option of RFC 9106 §4: 64 MiB"""


def test_what_is_shipped_is_what_the_standard_recommends(shipped_passwords: PasswordHasher) -> None:
    assert extract_parameters(password.digest(GOOD)) == RFC_9106


@pytest.mark.usefixtures("shipped_passwords")
def test_one_signs_in_by_it(entrance: Entrance, sessions: Sessions, officer: str) -> None:
    with pytest.raises(SignInRefused, match="wrong"):
        entrance.by_password(officer, "Wrong-horse-7", address="::1")
    with pytest.raises(SignInRefused, match="wrong"):
        entrance.by_password("nobody", GOOD, address="::1")
    assert sessions.principal(entrance.by_password(officer, GOOD, address="::1")) is not None
