"""The entrance: how a person, a wall screen or the city's own sign-on gets a session.

Whoever has a second factor is asked for it after password, link or sign-on; a passkey is two
factors in itself. Every attempt is a line of the trail, and failures lock account and address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tianmu.access import account as accounts
from tianmu.access import audit, factor, lock, passkey, password, token
from tianmu.access.account import Account, NoAccount
from tianmu.access.keys import Keys, NotOurs
from tianmu.access.session import FOREVER, Sessions
from tianmu.access.ticket import Tickets
from tianmu.access.token import NoToken
from tianmu.store.records import Records, Transaction

TRIES = 5
"""wrong codes after which a sign-in begins anew"""


class SignInRefused(PermissionError):
    """Not signed in; the message gives away nothing about which accounts exist."""

    def __init__(self, message: str, locked_until: int = 0) -> None:
        super().__init__(message)
        self.locked_until = locked_until


class SecondStep(Exception):
    """The first factor was right; ``ticket`` and one of ``ways`` open the session."""

    def __init__(self, ticket: str, ways: tuple[str, ...]) -> None:
        super().__init__("a second factor is asked for")
        self.ticket, self.ways = ticket, ways


@dataclass
class _Half:
    """A sign-in that waits for its second step."""

    account: str
    way: str
    tries: int = 0


class Entrance:
    """Opens sessions; ``Sessions`` keeps them."""

    def __init__(
        self, sessions: Sessions, records: Records, clock: Callable[[], int], keys: Keys
    ) -> None:
        self._sessions, self._records, self._clock, self._keys = sessions, records, clock, keys
        self.tickets = Tickets(clock)

    def by_password(self, account: str, plain: str, *, address: str, agent: str = "") -> str:
        """The secret of a new session; ``SecondStep`` or ``SignInRefused``. Takes some 50 ms
        (Argon2id): call it off the event loop."""
        self._not_locked(address)
        found = self._found(account)
        kept = self._records.read(lambda c: accounts.kept_password(c, account))
        right = password.matches(kept, plain)
        if found is not None and found.locked_until > self._clock():
            raise self._locked(found, address)
        if found is None or not right:
            self.failed(account, address, reason="password")
            raise SignInRefused("account or password is wrong")
        self._awake(found, address)
        return self._first(found, "password", address, agent)

    def by_link(self, plain: str, *, address: str, agent: str = "") -> str:
        """Use a one-time link up; else like ``by_password``."""
        self._not_locked(address)
        now = self._clock()

        def use(tx: Transaction) -> Account:
            found = accounts.get(tx.connection, token.use_link(tx.connection, plain, at=now))
            if not found.active:
                raise NoToken("the account of this link is disabled")
            return found

        try:
            found = self._records.transact(use)
        except NoToken as error:
            self.failed("", address, reason="link")
            raise SignInRefused(str(error)) from error
        return self._first(found, "link", address, agent)

    def by_kiosk(self, plain: str, *, address: str, agent: str = "") -> str:
        """A session for a wall screen by its kiosk token: lives as long as the token."""
        self._not_locked(address)
        now = self._clock()

        def open_(tx: Transaction) -> str:
            held = token.find(tx.connection, plain, "kiosk", at=now)
            found = accounts.get(tx.connection, held.account)
            if not found.active:
                raise NoToken("the account of this token is disabled")
            return self._sessions.open(
                tx.connection, found, "kiosk", address, agent, "token",
                of_token=held.token, expires=held.expires_at or FOREVER,
            )  # fmt: skip

        try:
            return self._records.transact(open_)
        except NoToken as error:
            self.failed("", address, reason="kiosk token")
            raise SignInRefused(str(error)) from error

    def by_sign_on(self, account: str, *, strong: bool, address: str, agent: str = "") -> str:
        """Whom the city's own sign-on vouches for; ``strong``: by more than one factor there."""
        found = self._found(account)
        if found is None:
            raise SignInRefused("there is no account for this sign-on")
        self._awake(found, address)
        if strong:
            return self._open(found, "sign-on, strong", address, agent)
        return self._first(found, "sign-on", address, agent)

    def second(self, ticket: str, way: str, code: str, *, address: str, agent: str = "") -> str:
        """The second step, by an app's code (``totp``) or a ``recovery`` code."""
        half: _Half | None = self.tickets.look("second", ticket)
        if half is None:
            raise SignInRefused("this sign-in took too long or was ended; begin again")
        self._not_locked(address)
        found = self._found(half.account)
        if found is None or found.locked_until > self._clock():
            self.tickets.take("second", ticket)
            raise self._locked(found, address)
        now = self._clock()

        def use(tx: Transaction) -> str:
            good = (
                factor.use_totp(tx.connection, found.account, code, self._keys, at=now)
                if way == "totp"
                else factor.use_recovery(tx.connection, found.account, code, at=now)
            )
            if not good:
                return ""
            if self.tickets.take("second", ticket) is None:
                raise SignInRefused("this sign-in was finished already; begin again")
            accounts.seen(tx.connection, found.account, at=now)
            return self._sessions.open(
                tx.connection, found, "person", address, agent, f"{half.way}, {way}"
            )

        try:
            secret = self._records.transact(use)
        except NotOurs as error:
            self.note(found.account, address, reason="key")
            raise SignInRefused(
                "this factor cannot be checked any more: a security administrator can reset it"
            ) from error
        if secret:
            self._sessions.trim(found.account)
            return secret
        half.tries += 1
        if half.tries >= TRIES:
            self.tickets.take("second", ticket)
        self.failed(found.account, address, reason=way)
        raise SignInRefused("the code is wrong, was used already, or its time is over")

    def passkey_request(self, site: passkey.Site) -> tuple[str, Any]:
        """A ticket and what the browser is to be asked for."""
        challenge = token.secret().encode()
        return self.tickets.give("passkey", challenge), passkey.request(site, challenge)

    def by_passkey(
        self,
        ticket: str,
        credential: dict[str, Any],
        site: passkey.Site,
        *,
        address: str,
        agent: str = "",
    ) -> str:
        """A session by a passkey of this site."""
        self._not_locked(address)
        challenge: bytes | None = self.tickets.take("passkey", ticket)
        if challenge is None:
            raise SignInRefused("this sign-in took too long; begin again")
        used = passkey.credential_id(credential)
        held = self._records.read(lambda c: factor.passkey(c, used)) if used else None
        if held is None or held["site"] != site.name:
            self.failed("", address, reason="passkey")
            raise SignInRefused("this passkey is not known here")
        found = self._found(held["account"])
        if found is None or found.locked_until > self._clock():
            raise self._locked(found, address)
        try:
            count = passkey.proven(site, credential, challenge, held["public"], held["count"])
        except passkey.Refused as error:
            self.failed(held["account"], address, reason="passkey")
            raise SignInRefused(str(error)) from error
        self._awake(found, address)
        return self._open(
            found, "passkey", address, agent,
            lambda connection, now: factor.used(connection, held["factor"], count, at=now),
        )  # fmt: skip

    def failed(self, account: str, address: str, *, reason: str) -> None:
        """A failed attempt: counted against the account (where there is one) and the address."""
        now, policy = self._clock(), self._sessions.policy

        def write(tx: Transaction) -> None:
            known = bool(account) and self._known(tx.connection, account)
            locked = known and lock.account_failed(tx.connection, account, at=now, policy=policy)
            shut = lock.address_failed(tx.connection, address, at=now, policy=policy)
            audit.append(
                tx.connection,
                at=now,
                actor=account if known else "",
                address=address,
                verb="session.open",
                outcome="refused",
                detail={"reason": reason, "locked": locked, "address_locked": shut},
            )

        self._records.transact(write)

    def _known(self, connection: Connection, account: str) -> bool:
        try:
            accounts.get(connection, account)
        except NoAccount:
            return False
        return True

    def _found(self, account: str) -> Account | None:
        try:
            return self._records.read(lambda c: accounts.get(c, account))
        except NoAccount:
            return None

    def _first(self, found: Account, way: str, address: str, agent: str) -> str:
        """The first factor was right: a session, or the second step."""
        if not found.factors:
            return self._open(found, way, address, agent)
        ways = (*found.factors, *(("recovery",) if self._left(found.account) else ()))
        raise SecondStep(self.tickets.give("second", _Half(found.account, way)), ways)

    def _left(self, account: str) -> int:
        return self._records.read(lambda c: factor.recovery_left(c, account))

    def _open(
        self,
        found: Account,
        way: str,
        address: str,
        agent: str,
        also: Callable[[Connection, int], None] | None = None,
    ) -> str:
        now = self._clock()

        def open_(tx: Transaction) -> str:
            accounts.seen(tx.connection, found.account, at=now)
            if also is not None:
                also(tx.connection, now)
            return self._sessions.open(tx.connection, found, "person", address, agent, way)

        secret = self._records.transact(open_)
        self._sessions.trim(found.account)
        return secret

    def _not_locked(self, address: str) -> None:
        until = self._records.read(lambda c: lock.address_locked_until(c, address))
        if until > self._clock():
            raise SignInRefused(
                "too many failed attempts from this address: it is locked for a while", until
            )

    def _locked(self, found: Account | None, address: str) -> SignInRefused:
        self.note(found.account if found else "", address, reason="locked")
        return SignInRefused(
            "too many failed attempts: the account is locked for a while",
            found.locked_until if found else 0,
        )

    def _awake(self, found: Account, address: str) -> None:
        if not found.active:
            self.note(found.account, address, reason="disabled")
            raise SignInRefused("the account is disabled; a system administrator can enable it")
        if found.seen_at and self._clock() - found.seen_at > self._sessions.policy.dormant:
            self.note(found.account, address, reason="dormant")
            raise SignInRefused(
                "the account was not used for long and sleeps; a system administrator can enable it"
            )

    def note(self, actor: str, address: str, *, reason: str) -> None:
        """Write a refusal that counts for no lock to the trail."""
        now = self._clock()
        self._records.transact(
            lambda tx: audit.append(
                tx.connection,
                at=now,
                actor=actor,
                verb="session.open",
                address=address,
                outcome="refused",
                detail={"reason": reason},
            )
        )
