"""Sessions: who is signed in. The secret is in the person's cookie, its digest is kept.

``Sessions`` is what the rest of the house asks: it turns a secret into a ``Principal``, in memory
after the first time. One process (hub) writes, so its memory is never behind; a change of an
account's roles, scope or state must call ``forget``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, insert, or_, select, update

from tianmu.access import account as accounts
from tianmu.access import audit, level, token
from tianmu.access import role as roles
from tianmu.access.account import Account, NoAccount
from tianmu.access.policy import MINUTE, POLICY, Policy
from tianmu.access.scope import Principal, scope_of
from tianmu.access.table import account as account_table
from tianmu.access.table import metadata
from tianmu.access.table import session as table
from tianmu.access.token import NoToken
from tianmu.store.records import Records, Transaction

FRESH = 15 * MINUTE
"""µs after a sign-in that proves the person in which no other proof is asked for (default, to be
set)"""
FOREVER = 2**62


@dataclass
class _Held:
    account: str
    kind: str
    token: str
    seen_at: int
    written_at: int
    expires_at: int
    principal: Principal


class Sessions:
    """Signing in and out over the tables of this room.

    ``divisions`` and ``departments`` map a code to its parent, for scopes; both may be replaced
    by ``use`` when the pack changes.
    """

    def __init__(
        self,
        records: Records,
        clock: Callable[[], int],
        *,
        divisions: Mapping[str, str],
        departments: Mapping[str, str],
        policy: Policy = POLICY,
    ) -> None:
        self._records, self._clock, self.policy = records, clock, policy
        self._divisions, self._departments = divisions, departments
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()
        records.create(metadata)

    def use(
        self,
        divisions: Mapping[str, str],
        departments: Mapping[str, str],
        policy: Policy | None = None,
    ) -> None:
        """Take the divisions, departments and policy of another pack."""
        self._divisions, self._departments = divisions, departments
        self.policy = policy or self.policy
        self.forget()

    def forget(self, account: str | None = None) -> None:
        """Read the account (or all) again at the next request."""
        with self._lock:
            gone = [d for d, h in self._held.items() if account in (None, h.account)]
            for digest in gone:
                self._write_seen(digest, self._held.pop(digest))

    def principal(self, plain: str) -> Principal | None:
        """Whose session this is, or None when it is none (any more). Counts as a visit."""
        now, digest = self._clock(), token.digest(plain)
        with self._lock:
            held = self._held.get(digest)
            if held is None:
                held = self._load(digest)
                if held is None:
                    return None
                self._held[digest] = held
            if now >= held.expires_at or (
                held.kind == "person" and now - held.seen_at > self.policy.idle
            ):
                del self._held[digest]
                return None
            held.seen_at = now
            if now - held.written_at > MINUTE:
                self._write_seen(digest, held)
            return held.principal

    def fresh(self, session: str) -> bool:
        """Whether the session (by digest) was opened just now by what proves its person: a one-time
        link (who forgot the password came to set another), a passkey, or the city's own sign-on,
        which asked them anew."""
        since, way = self._clock() - FRESH, table.c.way
        wanted = select(table.c.digest).where(
            table.c.digest == session,
            or_(way.startswith("link"), way == "passkey", way.startswith("sign-on, fresh")),
            table.c.created_at > since,
        )
        return self._records.read(lambda c: c.execute(wanted).first()) is not None

    def knows(self, plain: str) -> bool:
        """Whether this is the secret of a session or token in memory: quick, counts as no visit."""
        return token.digest(plain) in self._held

    def token_principal(self, plain: str) -> Principal | None:
        """Whose ``api`` token this is (``Authorization: Bearer``), or None."""
        now, digest = self._clock(), token.digest(plain)
        with self._lock:
            held = self._held.get(digest)
            if held is None or held.kind != "token":
                try:
                    found = self._records.read(lambda c: token.find(c, plain, "api", at=now))
                    owner = self._records.read(lambda c: accounts.get(c, found.account))
                except (NoToken, NoAccount):
                    return None
                if not owner.active:
                    return None
                held = _Held(
                    account=owner.account,
                    kind="token",
                    token=found.token,
                    seen_at=now,
                    written_at=now,
                    expires_at=found.expires_at or FOREVER,
                    principal=self._principal(owner, "token", found.token),
                )
                self._held[digest] = held
            if now >= held.expires_at:
                del self._held[digest]
                return None
            return held.principal

    def sign_out(self, plain: str, *, address: str = "") -> None:
        """End the session; nothing of it stays in memory."""
        digest, now = token.digest(plain), self._clock()
        with self._lock:
            held = self._held.pop(digest, None)

        def close(tx: Transaction) -> None:
            tx.connection.execute(
                update(table)
                .where(table.c.digest == digest, table.c.revoked_at == 0)
                .values(revoked_at=now)
            )
            if held is not None:
                audit.append(
                    tx.connection,
                    at=now,
                    actor=held.account,
                    role=held.principal.role,
                    address=address,
                    verb="session.close",
                )

        self._records.transact(close)

    def end_all(self, connection: Connection, account: str, *, at: int, but: str = "") -> None:
        """End the account's sessions (but one, by digest), in the caller's transaction; call
        ``forget`` when it is through."""
        connection.execute(
            update(table)
            .where(table.c.account == account, table.c.revoked_at == 0, table.c.digest != but)
            .values(revoked_at=at)
        )

    def trim(self, account: str) -> None:
        """End the oldest sessions of a person who has more at once than the policy lets stand."""
        now = self._clock()
        live = (
            select(table.c.digest)
            .where(
                table.c.account == account,
                table.c.kind == "person",
                table.c.revoked_at == 0,
                table.c.expires_at > now,
                table.c.seen_at > now - self.policy.idle - MINUTE,
            )
            .order_by(table.c.created_at.desc())
            .offset(self.policy.sessions)
        )

        def end(tx: Transaction) -> int:
            old = [row.digest for row in tx.connection.execute(live)]
            if old:
                tx.connection.execute(
                    update(table).where(table.c.digest.in_(old)).values(revoked_at=now)
                )
                audit.append(
                    tx.connection,
                    at=now,
                    actor=account,
                    verb="session.end",
                    detail={"sessions": len(old), "why": f"more than {self.policy.sessions}"},
                )
            return len(old)

        if self._records.transact(end):
            self.forget(account)

    def open(
        self,
        connection: Connection,
        found: Account,
        kind: str,
        address: str,
        agent: str,
        way: str,
        *,
        of_token: str = "",
        expires: int = 0,
    ) -> str:
        """The secret of a new session, in the caller's transaction. Whoever calls has made sure of
        who it is; ``way`` says how."""
        now = self._clock()
        plain = token.secret()
        connection.execute(
            insert(table).values(
                digest=token.digest(plain),
                account=found.account,
                kind=kind,
                token=of_token,
                way=way,
                address=address,
                agent=agent[:200],
                created_at=now,
                seen_at=now,
                expires_at=expires or now + self.policy.lasts,
            )
        )
        audit.append(
            connection,
            at=now,
            actor=found.account,
            role=found.roles[0] if found.roles else "",
            address=address,
            verb="session.open",
            detail={"by": way, "kind": kind, **({"token": of_token} if of_token else {})},
        )
        return plain

    def _load(self, digest: str) -> _Held | None:
        def read(connection: Connection) -> _Held | None:
            row = connection.execute(
                select(table).where(table.c.digest == digest, table.c.revoked_at == 0)
            ).first()
            if row is None:
                return None
            if row.token:
                alive = [
                    one
                    for one in token.listed(connection, row.account)
                    if one.token == row.token and not one.revoked_at
                ]
                if not alive:
                    return None
            owner = accounts.get(connection, row.account)
            if not owner.active:
                return None
            return _Held(
                account=owner.account,
                kind=row.kind,
                token=row.token,
                seen_at=row.seen_at,
                written_at=row.seen_at,
                expires_at=row.expires_at,
                principal=self._principal(owner, row.kind, digest),
            )

        return self._records.read(read)

    def _principal(self, owner: Account, kind: str, session: str) -> Principal:
        return Principal(
            account=owner.account,
            name=owner.name,
            roles=owner.roles,
            permissions=level.within(roles.permissions(owner.roles), owner.level),
            scope=scope_of(
                owner.roles,
                owner.division,
                owner.department,
                owner.probe,
                divisions=self._divisions,
                departments=self._departments,
            ),
            kind=kind,
            division=owner.division,
            department=owner.department,
            tier=owner.tier,
            level=owner.level,
            probe=owner.probe,
            language=owner.language,
            session=session,
            password=accounts.password_state(owner, self._clock(), self.policy)
            if kind == "person"
            else "good",
            factor=accounts.factor_state(owner, self._clock(), self.policy)
            if kind == "person"
            else "good",
        )

    def _write_seen(self, digest: str, held: _Held) -> None:
        if held.kind == "token" or held.seen_at == held.written_at:
            return
        seen = held.written_at = held.seen_at

        def write(tx: Transaction) -> None:
            tx.connection.execute(
                update(table).where(table.c.digest == digest).values(seen_at=seen)
            )
            tx.connection.execute(
                update(account_table)
                .where(account_table.c.account == held.account)
                .values(seen_at=seen)
            )

        self._records.write(write)
