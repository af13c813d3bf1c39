"""The entrance: how a person, a wall screen or the city's own sign-on gets a session.

Whoever has a second factor is asked for it after password, link or sign-on; a passkey is two
factors in itself. Every attempt is a line of the trail. Wrong passwords lock the way by password,
wrong codes the second step (``lock``); what nobody can guess locks nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from tianmu.access import account as accounts
from tianmu.access import audit, factor, lock, passkey, password, token
from tianmu.access.account import Account, NoAccount
from tianmu.access.half import Half
from tianmu.access.identity import Identity, NotBound
from tianmu.access.keys import Keys, NotOurs
from tianmu.access.policy import MINUTE
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
        self._not_shut(lock.PASSWORD, address)
        found = self._found(account)
        kept = self._kept(account)
        right = password.matches(kept, plain) and found is not None
        if not self.judged(account, lock.PASSWORD, address, lambda tx: right) or found is None:
            raise SignInRefused("account or password is wrong")
        self._awake(found, address)
        half = Half(account, "password")
        half.came_with(kept, plain)
        return self._first(found, half, address, agent)

    def by_link(self, plain: str, *, address: str, agent: str = "") -> str:
        """Use a one-time link up; else like ``by_password``."""
        now = self._clock()

        def use(tx: Transaction) -> Account:
            found = accounts.get(tx.connection, token.use_link(tx.connection, plain, at=now))
            if not found.active:
                raise NoToken("the account of this link is disabled")
            return found

        try:
            found = self._records.transact(use)
        except NoToken as error:
            self.note("", address, reason="link")
            raise SignInRefused(str(error)) from error
        return self._first(found, Half(found.account, "link"), address, agent)

    def by_kiosk(self, plain: str, *, address: str, agent: str = "") -> str:
        """A session for a wall screen by its kiosk token: lives as long as the token."""
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
            self.note("", address, reason="kiosk token")
            raise SignInRefused(str(error)) from error

    def by_sign_on(
        self,
        account: str,
        *,
        strong: bool = False,
        fresh: bool = False,
        unbound: Identity | None = None,
        address: str,
        agent: str = "",
    ) -> str:
        """Whom the city's own sign-on vouches for; ``strong``: by more than one factor there,
        ``fresh``: it asked them anew. ``unbound``: who they are there, where that is not bound to
        the account yet; it is, once they have proved to be the account's person here."""
        found = self._found(account)
        if found is None:
            raise SignInRefused("there is no account for this sign-on")
        self._awake(found, address)
        way = "sign-on, fresh" if fresh else "sign-on"
        if unbound is not None and not found.factors:
            half = Half(account, way, (lock.PASSWORD,), unbound)
            raise SecondStep(self.tickets.give("second", half, account), half.ways)
        if strong and unbound is None:
            return self._open(found, f"{way}, strong", address, agent)
        return self._first(found, Half(account, way, identity=unbound), address, agent)

    def second(self, ticket: str, way: str, code: str, *, address: str, agent: str = "") -> str:
        """The second step, by an app's code (``totp``), a ``recovery`` code, or the ``password``,
        whichever was asked for."""
        half: Half | None = self.tickets.look("second", ticket)
        if half is None or way not in half.ways:
            raise SignInRefused("this sign-in took too long or was ended; begin again")
        kind = lock.PASSWORD if way == lock.PASSWORD else lock.CODE
        self._not_shut(kind, address)
        found = self._found(half.account)
        if found is None:
            raise SignInRefused("this sign-in took too long or was ended; begin again")
        self.not_locked(found.account, kind, address)
        if not self._right(found.account, kind, way, code, address):
            half.tries += 1
            if half.tries >= TRIES:
                self.tickets.take("second", ticket)
            raise SignInRefused(
                "the password is wrong"
                if kind == lock.PASSWORD
                else "the code is wrong, was used already, or its time is over"
            )
        if self.tickets.take("second", ticket) is None:
            raise SignInRefused("this sign-in was finished already; begin again")
        if kind == lock.PASSWORD:
            half.came_with(self._kept(found.account), code)
        return self._open(found, f"{half.way}, {way}", address, agent, half)

    def proven(self, account: str, code: str, *, address: str) -> bool:
        """Whether ``code`` is one of the account's app or a recovery code, which is used up;
        a wrong one counts. ``SignInRefused`` where it is locked."""
        self._not_shut(lock.CODE, address)
        self.not_locked(account, lock.CODE, address)
        way = "totp" if code.replace(" ", "").isdecimal() else "recovery"
        return self._right(account, lock.CODE, way, code, address)

    def _right(self, account: str, kind: str, way: str, code: str, address: str) -> bool:
        now = self._clock()
        if way == lock.PASSWORD:
            same = password.matches(self._kept(account), code)
            return self.judged(account, kind, address, lambda tx: same, reason=way)

        def use(tx: Transaction) -> bool:
            if way == "totp":
                return factor.use_totp(tx.connection, account, code, self._keys, at=now)
            return factor.use_recovery(tx.connection, account, code, at=now)

        try:
            return self.judged(account, kind, address, use, reason=way)
        except NotOurs as error:
            self.note(account, address, reason="key")
            raise SignInRefused(
                "this factor cannot be checked any more: a security administrator can reset it"
            ) from error

    def passkey_request(self, site: passkey.Site) -> tuple[str, Any]:
        """A ticket and what the browser is to be asked for."""
        challenge = token.secret().encode()
        return self.tickets.seal("passkey", challenge), passkey.request(site, challenge)

    def by_passkey(
        self,
        ticket: str,
        credential: dict[str, Any],
        site: passkey.Site,
        *,
        second: str = "",
        address: str,
        agent: str = "",
    ) -> str:
        """A session by a passkey of this site; ``second``: the ticket of the sign-in it is the
        second step of, if it is of any."""
        challenge = self.tickets.unseal("passkey", ticket)
        if challenge is None:
            raise SignInRefused("this sign-in took too long; begin again")
        used = passkey.credential_id(credential)
        held = self._records.read(lambda c: factor.passkey(c, used)) if used else None
        if held is None or held["site"] != site.name:
            self.note("", address, reason="passkey")
            raise SignInRefused("this passkey is not known here")
        try:
            count = passkey.proven(site, credential, challenge, held["public"], held["count"])
        except passkey.Refused as error:
            self.note(held["account"], address, reason="passkey")
            raise SignInRefused(str(error)) from error
        found = self._found(held["account"])
        if found is None:
            raise SignInRefused("this passkey is not known here")
        self._awake(found, address)
        half: Half | None = self.tickets.take("second", second) if second else None
        if half is not None and half.account != found.account:
            half = None

        def also(tx: Transaction, now: int) -> None:
            factor.used(tx.connection, held["factor"], count, at=now)

        return self._open(found, "passkey", address, agent, half, also)

    def judged(
        self,
        account: str,
        kind: str,
        address: str,
        right: Callable[[Transaction], bool],
        *,
        reason: str = "",
    ) -> bool:
        """Whether ``right`` says so of an attempt at what can be guessed (``lock.PASSWORD``,
        ``lock.CODE``). A wrong one is counted against the account, whether or not there is one, and
        the address. The lock is looked at and the attempt counted in one transaction: of many that
        come at once no more are judged than of those that come one after another.
        ``SignInRefused`` where it is locked by then."""
        now, policy = self._clock(), self._sessions.policy

        def write(tx: Transaction) -> bool | None:
            shut = lock.address_locked_until(tx.connection, kind, address)
            if max(shut, lock.locked_until(tx.connection, account, kind, address)) > now:
                return None
            if right(tx):
                return True
            locked = lock.failed(tx.connection, account, kind, address, at=now, policy=policy)
            known = self._known(tx.connection, account)
            audit.append(
                tx.connection,
                at=now,
                actor=account if known else "",
                address=address,
                verb="session.open",
                outcome="refused",
                detail={
                    "reason": reason or kind,
                    "locked": locked.account and known,
                    "address_locked": locked.address,
                },
            )
            return False

        found = self._records.transact(write)
        if found is None:
            self._not_shut(kind, address)
            self.not_locked(account, kind, address)
        return bool(found)

    def _known(self, connection: Connection, account: str) -> bool:
        try:
            accounts.get(connection, account)
        except NoAccount:
            return False
        return True

    def _kept(self, account: str) -> str:
        return self._records.read(lambda c: accounts.kept_password(c, account))

    def _found(self, account: str) -> Account | None:
        try:
            return self._records.read(lambda c: accounts.get(c, account))
        except NoAccount:
            return None

    def _first(self, found: Account, half: Half, address: str, agent: str) -> str:
        """The first factor was right: a session, or the second step."""
        if not found.factors:
            return self._open(found, half.way, address, agent, half)
        half.ways = (*found.factors, *(("recovery",) if self._left(found.account) else ()))
        raise SecondStep(self.tickets.give("second", half, found.account), half.ways)

    def _left(self, account: str) -> int:
        return self._records.read(lambda c: factor.recovery_left(c, account))

    def _open(
        self,
        found: Account,
        way: str,
        address: str,
        agent: str,
        half: Half | None = None,
        also: Callable[[Transaction, int], None] | None = None,
    ) -> str:
        now = self._clock()

        def open_(tx: Transaction) -> str:
            accounts.seen(tx.connection, found.account, at=now)
            lock.opened(tx.connection, found.account, address)
            if also is not None:
                also(tx, now)
            if half is not None:
                half.finish(tx, now, address)
            return self._sessions.open(tx.connection, found, "person", address, agent, way)

        try:
            secret = self._records.transact(open_)
        except NotBound as error:
            raise SignInRefused(str(error)) from error
        self._sessions.trim(found.account)
        return secret

    def _not_shut(self, kind: str, address: str) -> None:
        until = self._records.read(lambda c: lock.address_locked_until(c, kind, address))
        if until > self._clock():
            raise SignInRefused(
                "too many failed attempts from this address: it is locked for another "
                f"{self._minutes_to(until)} min",
                until,
            )

    def not_locked(self, account: str, kind: str, address: str) -> None:
        """``SignInRefused`` where the account is locked for this kind of attempt from there."""
        until = self._records.read(lambda c: lock.locked_until(c, account, kind, address))
        if until > self._clock():
            known = self._found(account) is not None
            self.note(account if known else "", address, reason="locked")
            raise SignInRefused(
                "too many failed attempts: the account is locked for another "
                f"{self._minutes_to(until)} min",
                until,
            )

    def _minutes_to(self, until: int) -> int:
        """Whole minutes after which it is over."""
        return -((self._clock() - until) // MINUTE)

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
