"""Second factors: codes by the RFCs' own vectors, taken once; recovery; what is needed of whom."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tianmu.access import audit, factor, first, password, totp
from tianmu.access.entrance import Entrance, SecondStep, SignInRefused
from tianmu.access.keys import Keys, NotOurs
from tianmu.access.policy import DAY, HOUR, MINUTE, Policy, policy_of
from tianmu.access.role import ROLES
from tianmu.access.session import Sessions
from tianmu.city.charter import admission
from tianmu.store.records import Records

from .conftest import GOOD


@pytest.fixture
def keys(tmp_path: Any) -> Keys:
    return Keys(tmp_path / "keys")


def enrol(records: Records, keys: Keys, account: str, clock: Any) -> str:
    """An app in force; its secret."""
    secret = records.transact(
        lambda tx: factor.begin_totp(tx.connection, account, keys, at=clock())
    )
    good = app(secret, clock() - 30_000_000)
    assert records.transact(
        lambda tx: factor.confirm_totp(tx.connection, account, good, keys, at=clock())
    )
    return secret


def app(secret: str, at: int) -> str:
    """What an app shows: by the secret as people type it, not by our own decoding."""
    import base64

    return totp.code(base64.b32decode(secret), at // 30_000_000)


def half(entrance: Entrance, account: str) -> SecondStep:
    with pytest.raises(SecondStep) as step:
        entrance.by_password(account, GOOD, address="::1")
    return step.value


def test_hotp_vectors_of_rfc_4226() -> None:
    key = b"12345678901234567890"
    codes = [
        "755224",
        "287082",
        "359152",
        "969429",
        "338314",
        "254676",
        "287922",
        "162583",
        "399871",
        "520489",
    ]
    assert [totp.code(key, n) for n in range(10)] == codes


@pytest.mark.parametrize(
    ("at", "sha1", "sha256", "sha512"),
    [
        (59, "94287082", "46119246", "90693936"),
        (1111111109, "07081804", "68084774", "25091201"),
        (1111111111, "14050471", "67062674", "99943326"),
        (1234567890, "89005924", "91819424", "93441116"),
        (2000000000, "69279037", "90698825", "38618901"),
        (20000000000, "65353130", "77737706", "47863826"),
    ],
)
def test_totp_vectors_of_rfc_6238(at: int, sha1: str, sha256: str, sha512: str) -> None:
    step = totp.step_of(at * 1_000_000)
    seed = b"1234567890" * 7
    for digest, length, wanted in (
        ("sha1", 20, sha1),
        ("sha256", 32, sha256),
        ("sha512", 64, sha512),
    ):
        assert totp.code(seed[:length], step, digits=8, digest=digest) == wanted


def test_a_code_is_taken_once(
    records: Records, entrance: Entrance, sessions: Sessions, officer: str, keys: Keys, clock: Any
) -> None:
    secret = enrol(records, keys, officer, clock)
    step = half(entrance, officer)
    assert step.ways == ("totp",)
    code = app(secret, clock())
    opened = entrance.second(step.ticket, "totp", code, address="::1")
    assert sessions.principal(opened) is not None
    with pytest.raises(SignInRefused, match="begin again"):  # the ticket is used up …
        entrance.second(step.ticket, "totp", code, address="::1")
    with pytest.raises(SignInRefused, match="used already"):  # … and so is the code
        entrance.second(half(entrance, officer).ticket, "totp", code, address="::1")
    for wrong in ("", "12345", "1234567", "abcdef", app(secret, clock() - 10 * MINUTE)):
        assert totp.find(secret, wrong, clock()) is None
    clock.minutes(1)
    code = app(secret, clock())
    spaced = f" {code[:3]} {code[3:]} "
    assert entrance.second(half(entrance, officer).ticket, "totp", spaced, address="::1")
    assert secret.encode() not in records.path.read_bytes()  # sealed


def test_guessing_locks(
    records: Records, entrance: Entrance, officer: str, keys: Keys, clock: Any
) -> None:
    enrol(records, keys, officer, clock)
    step = half(entrance, officer)
    for _ in range(5):
        with pytest.raises(SignInRefused, match="code is wrong"):
            entrance.second(step.ticket, "totp", "000000", address="::1")
    with pytest.raises(SignInRefused, match="begin again"):
        entrance.second(step.ticket, "totp", "000000", address="::1")
    again = half(entrance, officer)  # the password was right: it is the codes that are locked
    with pytest.raises(SignInRefused, match="locked"):
        entrance.second(again.ticket, "totp", "000000", address="::1")


def test_passwords_are_looked_at_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes 64 MiB, and whoever is signed in may send sixty at once."""
    most, under_way, lock = 0, 0, threading.Lock()

    class Hasher:
        def verify(self, *_: str) -> bool:
            nonlocal most, under_way
            with lock:
                under_way += 1
                most = max(most, under_way)
            time.sleep(0.01)
            with lock:
                under_way -= 1
            return True

    monkeypatch.setattr(password, "_hasher", Hasher())
    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(lambda _: password.matches("kept", "plain"), range(24)))
    assert most <= (os.cpu_count() or 1)


def test_a_ticket_is_over_in_minutes(
    records: Records, entrance: Entrance, officer: str, keys: Keys, clock: Any
) -> None:
    secret = enrol(records, keys, officer, clock)
    step = half(entrance, officer)
    clock.minutes(5.1)
    with pytest.raises(SignInRefused, match="too long"):
        entrance.second(step.ticket, "totp", app(secret, clock()), address="::1")


def test_recovery_codes_work_once_each(
    records: Records, entrance: Entrance, officer: str, keys: Keys, clock: Any
) -> None:
    enrol(records, keys, officer, clock)
    codes = records.transact(lambda tx: factor.make_recovery(tx.connection, officer, at=clock()))
    assert len(set(codes)) == 10
    step = half(entrance, officer)
    assert step.ways == ("totp", "recovery")
    assert entrance.second(step.ticket, "recovery", codes[3].upper(), address="::1")
    with pytest.raises(SignInRefused):
        entrance.second(half(entrance, officer).ticket, "recovery", codes[3], address="::1")
    assert records.read(lambda c: factor.recovery_left(c, officer)) == 9
    again = records.transact(lambda tx: factor.make_recovery(tx.connection, officer, at=clock()))
    with pytest.raises(SignInRefused):
        entrance.second(half(entrance, officer).ticket, "recovery", codes[4], address="::1")
    assert entrance.second(half(entrance, officer).ticket, "recovery", again[0], address="::1")


def test_a_link_does_not_go_round_the_second_factor(
    records: Records, entrance: Entrance, officer: str, keys: Keys, clock: Any
) -> None:
    from tianmu.access import token

    enrol(records, keys, officer, clock)
    plain = records.transact(
        lambda tx: token.make_link(tx.connection, officer, at=clock(), actor="system")
    )
    with pytest.raises(SecondStep):
        entrance.by_link(plain, address="::1")


def test_what_was_sealed_opens_for_its_owner_only(keys: Keys, tmp_path: Any) -> None:
    kept = keys.seal("JBSWY3DP", "totp wang 1")
    assert keys.open(kept, "totp wang 1") == "JBSWY3DP"
    assert keys.seal("JBSWY3DP", "totp wang 1") != kept
    for about, held in (("totp li 1", kept), ("totp wang 1", kept[:-4] + "AAA="), ("x", "!")):
        with pytest.raises(NotOurs):
            keys.open(held, about)
    with pytest.raises(NotOurs):
        Keys(tmp_path / "other").open(kept, "totp wang 1")
    assert Keys(tmp_path / "keys").open(kept, "totp wang 1")
    assert (tmp_path / "keys" / "secrets.key").stat().st_mode & 0o077 == 0


def test_who_needs_one_and_from_when(
    records: Records, sessions: Sessions, entrance: Entrance, keys: Keys, clock: Any
) -> None:
    links = {link.role: link.secret for link in first.first_start(records, clock())}
    who = sessions.principal(entrance.by_link(links["system_admin"], address="::1"))
    assert who is not None and who.factor == "asked"
    who = sessions.principal(entrance.by_link(links["duty_officer"], address="::1"))
    assert who is not None and who.factor == "good"
    clock.now += 8 * DAY
    again = {link.role: link.secret for link in first.first_start(records, clock())}
    secret = entrance.by_link(again["system_admin"], address="::1")
    who = sessions.principal(secret)
    assert who is not None and who.factor == "needed"
    enrol(records, keys, "system", clock)
    sessions.forget("system")
    who = sessions.principal(secret)
    assert who is not None and who.factor == "good"


def test_each_lock_is_twice_as_long(
    sessions: Sessions, entrance: Entrance, officer: str, clock: Any
) -> None:
    lasted = []
    for _ in range(4):
        for _ in range(5):
            with pytest.raises(SignInRefused, match="wrong"):
                entrance.by_password(officer, "Wrong-horse-7", address="::1")
        with pytest.raises(SignInRefused, match="locked") as refused:
            entrance.by_password(officer, GOOD, address="::1")
        lasted.append((refused.value.locked_until - clock()) // MINUTE)
        clock.now = refused.value.locked_until + 1
    assert lasted == [30, 60, 120, 240]
    assert Policy().lock_for(30) == 24 * HOUR
    entrance.by_password(officer, GOOD, address="::1")  # who got in starts anew
    for _ in range(5):
        with pytest.raises(SignInRefused, match="wrong"):
            entrance.by_password(officer, "Wrong-horse-7", address="::1")
    with pytest.raises(SignInRefused) as refused:
        entrance.by_password(officer, GOOD, address="::1")
    assert refused.value.locked_until - clock() == 30 * MINUTE


def test_an_address_that_tries_many_accounts_is_locked(
    sessions: Sessions, entrance: Entrance, officer: str, clock: Any
) -> None:
    sessions.policy = replace(sessions.policy, address_failures=6)
    # one line has an IPv6 network, not an address
    for n in range(6):
        with pytest.raises(SignInRefused, match="wrong"):
            entrance.by_password(f"nobody{n}", GOOD, address=f"2001:db8::{n}")
    with pytest.raises(SignInRefused, match="address"):
        entrance.by_password(officer, GOOD, address="2001:db8::ffff")
    assert entrance.by_password(officer, GOOD, address="2001:db8:0:1::1")
    clock.minutes(31)
    assert entrance.by_password(officer, GOOD, address="2001:db8::1")
    for n in range(6):
        with pytest.raises(SignInRefused, match="wrong"):
            entrance.by_password(f"nobody{n}", GOOD, address="2001:db8::1")
    clock.minutes(31)  # the second lock lasts an hour
    with pytest.raises(SignInRefused, match="address"):
        entrance.by_password(officer, GOOD, address="2001:db8::1")
    clock.minutes(30)
    assert entrance.by_password(officer, GOOD, address="2001:db8::1")
    # slow failures do not add up
    for n in range(12):
        with pytest.raises(SignInRefused, match="wrong"):
            entrance.by_password(f"nobody{n}", GOOD, address="192.0.2.7")
        clock.minutes(61)


def test_one_session_too_many_ends_the_oldest(
    records: Records, sessions: Sessions, entrance: Entrance, officer: str, clock: Any
) -> None:
    sessions.policy = replace(sessions.policy, sessions=2)
    opened = []
    for _ in range(3):
        clock.minutes(1)
        opened.append(entrance.by_password(officer, GOOD, address="::1"))
    assert [sessions.principal(one) is not None for one in opened] == [False, True, True]
    told = records.read(lambda c: audit.query(c, verb="session.end"))
    assert len(told) == 1 and told[0].actor == officer


def test_the_packs_figures_are_the_policy() -> None:
    assert policy_of(admission.Admission()) == Policy()
    persons = {code for code, role in ROLES.items() if not role.machine}
    assert persons == set(admission.ROLES)
