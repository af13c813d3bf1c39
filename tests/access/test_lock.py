"""What a failed attempt closes, and what it must not: locks by what is guessed at and from where;
and tickets, which a flood of others pushes out nobody's of."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tianmu.access import account as accounts
from tianmu.access import factor, passkey, password, token, totp
from tianmu.access.entrance import Entrance, SecondStep, SignInRefused
from tianmu.access.keys import Keys
from tianmu.access.passkey import Site
from tianmu.access.policy import POLICY
from tianmu.access.session import Sessions
from tianmu.access.ticket import EACH, Tickets
from tianmu.store.records import Records, Transaction

GOOD, WRONG = "Correct-horse-7", "Wrong-horse-7"
DESK, ELSEWHERE = "10.1.2.3", "203.0.113.9"
SITE = Site("city.lan:8620")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are slow to look at, on purpose; here it is what comes of it that counts."""
    monkeypatch.setattr(password, "matches", lambda kept, plain: bool(kept) and kept == plain)


@pytest.fixture
def officer(records: Records, sessions: Sessions, clock: Any) -> str:
    def make(tx: Transaction) -> None:
        accounts.create(tx.connection, "wang", "王", at=clock())
        accounts.set_roles(tx.connection, "wang", ["duty_officer"])
        accounts.set_password(tx.connection, "wang", GOOD, at=clock())

    records.transact(make)
    return "wang"


def guess(entrance: Entrance, account: str, address: str, times: int = 5) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused, match="wrong"):
            entrance.by_password(account, WRONG, address=address)


def enrol(records: Records, account: str, clock: Any, keys: Keys) -> bytes:
    def put(tx: Transaction) -> bytes:
        plain = base64.b32decode(factor.begin_totp(tx.connection, account, keys, at=clock()))
        given = totp.code(plain, totp.step_of(clock()) - 1)
        assert factor.confirm_totp(tx.connection, account, given, keys, at=clock())
        return plain

    return records.transact(put)


def test_whoever_knows_a_name_shuts_nobody_out(
    sessions: Sessions, entrance: Entrance, officer: str
) -> None:
    guess(entrance, officer, ELSEWHERE)
    with pytest.raises(SignInRefused, match="locked"):
        entrance.by_password(officer, GOOD, address=ELSEWHERE)
    assert sessions.principal(entrance.by_password(officer, GOOD, address=DESK))
    # who got in there did not open it for the others
    with pytest.raises(SignInRefused, match="locked"):
        entrance.by_password(officer, GOOD, address=ELSEWHERE)


def test_guessing_from_many_addresses_closes_those_the_account_does_not_know(
    entrance: Entrance, officer: str, clock: Any
) -> None:
    entrance.by_password(officer, GOOD, address=DESK)
    clock.minutes(600)
    for n in range(POLICY.account_failures // POLICY.failures):
        guess(entrance, officer, f"203.0.113.{n}")
    with pytest.raises(SignInRefused, match="locked"):
        entrance.by_password(officer, GOOD, address="198.51.100.7")  # whence nobody guessed
    assert entrance.by_password(officer, GOOD, address=DESK)


def test_wrong_passwords_close_the_way_by_password_alone(
    records: Records, sessions: Sessions, entrance: Entrance, officer: str, clock: Any,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any,
) -> None:  # fmt: skip
    """All from one address: of the account, and of the address at all accounts together."""

    def hang(tx: Transaction) -> str:
        accounts.create(tx.connection, "wall", "wall", at=clock())
        accounts.set_roles(tx.connection, "wall", ["kiosk"])
        return token.issue(
            tx.connection, kind="kiosk", account="wall", name="hall", actor="system", at=clock()
        )[1]

    kiosk = records.transact(hang)
    link = records.transact(
        lambda tx: token.make_link(tx.connection, officer, at=clock(), actor="system")
    )
    secret = enrol(records, officer, clock, Keys(tmp_path / "keys"))
    records.transact(
        lambda tx: factor.add_passkey(
            tx.connection, officer, credential=b"abc", public=b"k", count=0, site=SITE.name,
            name="", at=clock(),
        )
    )  # fmt: skip
    with pytest.raises(SecondStep) as step:
        entrance.by_password(officer, GOOD, address=DESK)
    guess(entrance, officer, DESK)
    for n in range(25):
        guess(entrance, f"nobody{n}", DESK, 1)
    with pytest.raises(SignInRefused, match="address: it is locked"):
        entrance.by_password(officer, GOOD, address=DESK)
    # a passkey, a screen's token, the second step and a link are not guessed at by passwords
    monkeypatch.setattr(passkey, "proven", lambda *_: 1)
    ticket, _ = entrance.passkey_request(SITE)
    opened = entrance.by_passkey(ticket, {"id": "YWJj"}, SITE, address=DESK)
    assert sessions.principal(opened)
    assert entrance.by_kiosk(kiosk, address=DESK)
    code = totp.code(secret, totp.step_of(clock()))
    assert entrance.second(step.value.ticket, "totp", code, address=DESK)
    with pytest.raises(SecondStep):
        entrance.by_link(link, address=DESK)


def test_forged_passkeys_links_and_tokens_close_nothing(
    entrance: Entrance, officer: str, records: Records, clock: Any
) -> None:
    records.transact(
        lambda tx: factor.add_passkey(
            tx.connection, "wang", credential=b"abc", public=b"k", count=0, site=SITE.name,
            name="", at=clock(),
        )
    )  # fmt: skip
    for _ in range(40):
        ticket, _ = entrance.passkey_request(SITE)
        with pytest.raises(SignInRefused, match="proves nothing"):
            entrance.by_passkey(ticket, {"id": "YWJj"}, SITE, address=DESK)
        with pytest.raises(SignInRefused):
            entrance.by_kiosk("x", address=DESK)
        with pytest.raises(SignInRefused):
            entrance.by_link("x", address=DESK)
    with pytest.raises(SecondStep):
        entrance.by_password(officer, GOOD, address=DESK)


def test_a_lock_tells_nobody_which_accounts_there_are(entrance: Entrance, officer: str) -> None:
    said = []
    for name in (officer, "nobody", "x" * 5000):
        guess(entrance, name, ELSEWHERE)
        with pytest.raises(SignInRefused) as refused:
            entrance.by_password(name, WRONG, address=ELSEWHERE)
        said.append(str(refused.value))
    assert len(set(said)) == 1 and "locked" in said[0]


def test_who_enables_an_account_opens_it_and_the_list_tells_of_locks(
    entrance: Entrance, officer: str, records: Records, clock: Any
) -> None:
    guess(entrance, officer, DESK)
    held = records.read(lambda c: accounts.get(c, officer))
    assert held.locked_until == clock() + 30 * 60_000_000
    records.transact(lambda tx: accounts.enable(tx.connection, officer, at=clock()))
    assert records.read(lambda c: accounts.get(c, officer)).locked_until == 0
    assert entrance.by_password(officer, GOOD, address=DESK)


def test_a_flood_of_what_anybody_may_begin_pushes_nobodys_out(clock: Any) -> None:
    tickets = Tickets(clock)
    kept, begun = tickets.give("second", "wang's", "wang"), tickets.seal("passkey", b"challenge")
    for n in range(20_000):
        tickets.seal("passkey", b"%d" % n)
    for n in range(2 * EACH):
        last = tickets.give("second", n, "li")
    assert tickets.take("second", kept) == "wang's"
    assert tickets.take("second", kept) is None
    assert tickets.look("second", last) == 2 * EACH - 1
    assert len(tickets._held) == EACH
    assert tickets.unseal("sign-on", begun) is None  # of another kind
    assert tickets.unseal("passkey", begun) == b"challenge"
    assert tickets.unseal("passkey", begun) is None  # spent
    assert Tickets(clock).unseal("passkey", tickets.seal("passkey", b"x")) is None  # not ours
    for forged in ("", "x", begun[:-2], "é" * 40):
        assert tickets.unseal("passkey", forged) is None
    old, late = tickets.seal("passkey", b"x"), tickets.give("second", "x", "wang")
    clock.minutes(5.1)
    assert tickets.unseal("passkey", old) is None and tickets.take("second", late) is None
    tickets.give("second", "x", "wang")
    assert len(tickets._held) == 1 and len(tickets._owned) == 1


@pytest.mark.parametrize("kind", ["password", "code"])
def test_guesses_that_come_at_once_are_no_more_than_those_that_come_one_after_another(
    records: Records,
    entrance: Entrance,
    officer: str,
    clock: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """All have seen that nothing is locked before the first of them is counted."""
    many = 24
    barrier, looked, look = threading.Barrier(many), set[int](), entrance.not_locked
    ticket = ""
    if kind == "code":
        enrol(records, officer, clock, Keys(tmp_path / "keys"))
        with pytest.raises(SecondStep) as step:
            entrance.by_password(officer, GOOD, address=DESK)
        ticket = step.value.ticket

    def wait() -> None:
        if threading.get_ident() not in looked:
            looked.add(threading.get_ident())
            barrier.wait(20)

    def slow(kept: str, plain: str) -> bool:
        wait()
        return kept == plain

    def not_locked(*given: Any) -> None:
        look(*given)
        wait()

    monkeypatch.setattr(*((password, "matches", slow) if kind == "password" else
                          (entrance, "not_locked", not_locked)))  # fmt: skip

    def one(_: int) -> str:
        with pytest.raises(SignInRefused) as told:
            if kind == "password":
                entrance.by_password(officer, WRONG, address=DESK)
            else:
                entrance.second(ticket, "totp", "000000", address=DESK)
        return str(told.value)

    with ThreadPoolExecutor(many) as pool:
        said = list(pool.map(one, range(many)))
    assert sum("wrong" in one for one in said) == POLICY.failures
    assert sum("locked" in one for one in said) == many - POLICY.failures
