"""Signing in: by password, link and token; locks, idleness, ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tianmu.access import account as accounts
from tianmu.access import audit, first, password, token
from tianmu.access.entrance import Entrance, SignInRefused
from tianmu.access.session import Sessions
from tianmu.access.table import metadata
from tianmu.store.records import Records

from .conftest import GOOD


def test_password(sessions: Sessions, entrance: Entrance, officer: str, records: Records) -> None:
    secret = entrance.by_password(officer, GOOD, address="::1")
    who = sessions.principal(secret)
    assert who is not None
    assert (who.account, who.roles, who.kind, who.password) == (
        "wang",
        ("duty_officer",),
        "person",
        "good",
    )
    assert who.scope.whole
    assert secret.encode() not in records.path.read_bytes()
    sessions.sign_out(secret)
    assert sessions.principal(secret) is None
    verbs = [r.verb for r in records.read(lambda c: audit.query(c))]
    assert verbs == ["session.close", "session.open"]


def test_five_failures_lock(
    sessions: Sessions, entrance: Entrance, officer: str, clock: Any
) -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused, match="wrong"):
            entrance.by_password(officer, "Wrong-horse-7", address="::1")
    with pytest.raises(SignInRefused, match="locked") as refused:
        entrance.by_password(officer, GOOD, address="::1")
    assert refused.value.locked_until == clock() + 30 * 60_000_000
    clock.minutes(30.1)
    assert sessions.principal(entrance.by_password(officer, GOOD, address="::1"))


def test_the_answer_does_not_tell_who_exists(
    sessions: Sessions, entrance: Entrance, officer: str
) -> None:
    answers = set()
    for name in (officer, "nobody"):
        with pytest.raises(SignInRefused) as refused:
            entrance.by_password(name, "Wrong-horse-7", address="::1")
        answers.add(str(refused.value))
    assert len(answers) == 1


def test_idle_and_age(sessions: Sessions, entrance: Entrance, officer: str, clock: Any) -> None:
    secret = entrance.by_password(officer, GOOD, address="::1")
    for _ in range(20):
        clock.minutes(29)
        assert sessions.principal(secret) is not None
    clock.minutes(31)
    assert sessions.principal(secret) is None
    secret = entrance.by_password(officer, GOOD, address="::1")
    for _ in range(25):
        clock.minutes(29)
        alive = sessions.principal(secret)
    assert alive is None  # twelve hours are over


def test_a_session_survives_a_restart(
    sessions: Sessions, entrance: Entrance, officer: str, records: Records, clock: Any
) -> None:
    secret = entrance.by_password(officer, GOOD, address="::1")
    again = Sessions(records, clock, divisions={}, departments={})
    assert again.principal(secret) is not None
    clock.minutes(31)
    assert Sessions(records, clock, divisions={}, departments={}).principal(secret) is None


def test_disable_ends_at_once(
    sessions: Sessions, entrance: Entrance, officer: str, records: Records, clock: Any
) -> None:
    secret = entrance.by_password(officer, GOOD, address="::1")
    records.transact(lambda tx: accounts.disable(tx.connection, officer, at=clock()))
    sessions.forget(officer)
    assert sessions.principal(secret) is None
    with pytest.raises(SignInRefused, match="disabled"):
        entrance.by_password(officer, GOOD, address="::1")


def test_link_works_once(
    sessions: Sessions, entrance: Entrance, officer: str, records: Records, clock: Any
) -> None:
    plain = records.transact(
        lambda tx: token.make_link(tx.connection, officer, at=clock(), actor="system")
    )
    assert sessions.principal(entrance.by_link(plain, address="::1"))
    with pytest.raises(SignInRefused, match="used already"):
        entrance.by_link(plain, address="::1")
    late = records.transact(
        lambda tx: token.make_link(tx.connection, officer, at=clock(), actor="system")
    )
    clock.minutes(24 * 60 + 1)
    with pytest.raises(SignInRefused):
        entrance.by_link(late, address="::1")


def test_kiosk_lives_with_its_token(
    sessions: Sessions, entrance: Entrance, records: Records, clock: Any
) -> None:
    first.first_start(records, clock())
    made, plain = records.transact(
        lambda tx: token.issue(
            tx.connection, kind="kiosk", account="wall", name="hall", actor="system", at=clock()
        )
    )
    secret = entrance.by_kiosk(plain, address="::1")
    clock.minutes(60 * 24 * 365)
    who = sessions.principal(secret)
    assert who is not None
    assert not any(p.endswith((".write", ".acknowledge", ".command")) for p in who.permissions)
    records.transact(lambda tx: token.revoke(tx.connection, made.token, at=clock()))
    sessions.forget("wall")
    assert sessions.principal(secret) is None
    with pytest.raises(SignInRefused):
        entrance.by_kiosk(plain, address="::1")
    assert sessions.token_principal(plain) is None  # a kiosk's token opens nothing else


def test_first_start(records: Records, sessions: Sessions, entrance: Entrance, clock: Any) -> None:
    links = first.first_start(records, clock())
    assert [link.role for link in links] == [
        "system_admin",
        "security_admin",
        "audit_admin",
        "duty_officer",
    ]
    who = sessions.principal(entrance.by_link(links[0].secret, address="::1"))
    assert who is not None and who.password == "none"
    # until a password was set, a later start prints a new link; the old one is void
    again = first.first_start(records, clock())
    with pytest.raises(SignInRefused):
        entrance.by_link(links[1].secret, address="::1")
    assert entrance.by_link(again[1].secret, address="::1")
    tokens = first.probe_tokens(records, clock())
    probe = sessions.token_principal(tokens["probe-command"])
    assert probe is not None and probe.scope.probe == "probe"
    first.probe_tokens(records, clock())
    sessions.forget()
    assert sessions.token_principal(tokens["probe-command"]) is None
    assert audit.verify(records) is None


def test_a_person_who_is_called_as_a_probe_gets_no_token_of_the_start(
    records: Records, clock: Any
) -> None:
    """A city had the account before a release came to have a probe's of that name."""

    def older(tx: Any) -> None:
        accounts.create(tx.connection, "probe-lead", "A person", at=clock())
        accounts.set_roles(tx.connection, "probe-lead", ["duty_officer"])

    records.create(metadata)
    records.transact(older)
    first.first_start(records, clock())
    tokens = first.probe_tokens(records, clock())
    assert "probe-lead" not in tokens and "probe-command" in tokens


def test_password_file(
    records: Records, sessions: Sessions, entrance: Entrance, clock: Any, tmp_path: Path
) -> None:
    file = tmp_path / "passwords"
    file.write_text(f"# first passwords\nsystem: {GOOD}\n\naudit: Other-horse-8\n")
    links = first.first_start(records, clock(), first.read_passwords(file))
    assert [link.account for link in links] == ["security", "duty"]
    assert entrance.by_password("system", GOOD, address="::1")
    for wrong, says in (
        ("system short", "expected"),
        ("king: " + GOOD, "expected"),
        ("duty: abc", ":1: the password has 3"),
    ):
        file.write_text(wrong)
        with pytest.raises(first.PasswordFile, match=says):
            first.read_passwords(file)


def test_password_policy(records: Records, officer: str, clock: Any) -> None:
    for weak in ("Ab1-", "abcdefghij", "abcdefgh12", "Wang-12345678", "x" * 300):
        with pytest.raises(password.WeakPassword):
            password.check(weak, officer)
    past = records.read(lambda c: accounts.past_passwords(c, officer))
    with pytest.raises(password.WeakPassword, match="last 5"):
        password.check(GOOD, officer, past)
    password.check("Another-horse-9", officer, past)


def test_password_grows_old(
    sessions: Sessions, entrance: Entrance, officer: str, clock: Any
) -> None:
    clock.minutes(60 * 24 * 89)
    entrance.by_password(officer, GOOD, address="::1")
    clock.minutes(60 * 24 * 2)
    who = sessions.principal(entrance.by_password(officer, GOOD, address="::1"))
    assert who is not None and who.password == "expired"
    clock.minutes(60 * 24 * 91)
    with pytest.raises(SignInRefused, match="sleeps"):
        entrance.by_password(officer, GOOD, address="::1")
