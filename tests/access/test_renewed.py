"""A password hashed by weaker parameters than today's is hashed anew as somebody signs in by it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from argon2 import Parameters, PasswordHasher, extract_parameters

from tianmu.access import account as accounts
from tianmu.access import password
from tianmu.access.entrance import Entrance, SecondStep, SignInRefused
from tianmu.access.identity import Identity
from tianmu.access.keys import Keys
from tianmu.access.session import Sessions
from tianmu.access.table import account as table
from tianmu.access.table import password_past
from tianmu.store.records import Records

from .conftest import GOOD
from .test_factor import app, enrol, half


@pytest.fixture
def today() -> Parameters:
    return extract_parameters(password.digest(GOOD))


@pytest.fixture
def weak(records: Records, officer: str, clock: Any) -> str:
    """The hash that the officer's password has."""
    kept = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    records.transact(lambda tx: accounts.set_password(tx.connection, officer, kept, at=clock() + 1))
    clock.minutes(5)
    return kept


def row(records: Records, account: str) -> dict[str, Any]:
    asked = sa.select(table).where(table.c.account == account)
    return dict(records.read(lambda c: c.execute(asked).mappings().one()))


def past(records: Records) -> list[str]:
    asked = sa.select(password_past.c.password).order_by(password_past.c.at)
    return list(records.read(lambda c: c.execute(asked).scalars().all()))


@pytest.mark.usefixtures("shipped_passwords")
def test_it_is_renewed_as_the_session_opens_and_nothing_else_changes(
    records: Records,
    entrance: Entrance,
    sessions: Sessions,
    officer: str,
    weak: str,
    today: Parameters,
) -> None:
    before = row(records, officer)
    with pytest.raises(SignInRefused):
        entrance.by_password(officer, "Wrong-horse-8", address="::1")
    assert row(records, officer)["password"] == weak
    first = entrance.by_password(officer, GOOD, address="::1")
    after = row(records, officer)
    assert extract_parameters(after["password"]) == today
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"password", "seen_at"}, "its age, its version and its locks are what it was"
    assert past(records)[-1] == after["password"] and weak not in past(records)
    assert entrance.by_password(officer, GOOD, address="::1")
    assert row(records, officer)["password"] == after["password"], "once"
    assert sessions.principal(first) is not None
    with pytest.raises(password.WeakPassword, match="one of the last"):
        password.check(GOOD, officer, past(records))


def test_it_waits_for_the_second_step(
    records: Records,
    entrance: Entrance,
    officer: str,
    weak: str,
    today: Parameters,
    clock: Any,
    tmp_path: Any,
) -> None:
    secret = enrol(records, Keys(tmp_path / "keys"), officer, clock)
    step = half(entrance, officer)
    assert row(records, officer)["password"] == weak, "nobody has signed in yet"
    entrance.second(step.ticket, "totp", app(secret, clock()), address="::1")
    assert extract_parameters(row(records, officer)["password"]) == today


def test_a_password_that_is_the_second_step_is_renewed_too(
    records: Records, entrance: Entrance, officer: str, weak: str, today: Parameters
) -> None:
    who = Identity("https://sign-on.example", "wang-1")
    with pytest.raises(SecondStep) as step:
        entrance.by_sign_on(officer, unbound=who, address="::1")
    entrance.second(step.value.ticket, "password", GOOD, address="::1")
    assert extract_parameters(row(records, officer)["password"]) == today


def test_another_password_set_meanwhile_stays(
    records: Records, entrance: Entrance, officer: str, weak: str, clock: Any, tmp_path: Any
) -> None:
    secret = enrol(records, Keys(tmp_path / "keys"), officer, clock)
    step = half(entrance, officer)
    other = password.digest("Another-horse-9")
    records.transact(lambda tx: accounts.set_password(tx.connection, officer, other, at=clock()))
    entrance.second(step.ticket, "totp", app(secret, clock()), address="::1")
    assert row(records, officer)["password"] == other


def test_a_commit_that_fails_renews_nothing(
    records: Records,
    entrance: Entrance,
    sessions: Sessions,
    officer: str,
    weak: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def torn(*_: Any, **__: Any) -> str:
        raise OSError("the power went")

    monkeypatch.setattr(sessions, "open", torn)
    with pytest.raises(OSError, match="power"):
        entrance.by_password(officer, GOOD, address="::1")
    assert row(records, officer)["password"] == weak
