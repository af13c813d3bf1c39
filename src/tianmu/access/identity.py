"""Who an account's person is at the city's own sign-on: issuer and subject, bound once.

An account that has nothing yet, neither password nor second factor, is bound to whom the sign-on
names; any other only by its person, who has proved it here.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from tianmu.access import account as accounts
from tianmu.access import audit, token
from tianmu.access.account import NoAccount
from tianmu.access.factor_table import identity as table
from tianmu.access.role import ROLES

_SEPARATE = frozenset({"system_admin", "security_admin", "audit_admin"})


@dataclass(frozen=True)
class Identity:
    """Somebody at a sign-on."""

    issuer: str
    subject: str


class NotBound(PermissionError):
    """Nobody here may be signed in for this identity; the message says why."""


def find(connection: Connection, who: Identity) -> str:
    """The account bound to an identity, or ""."""
    row = connection.execute(
        select(table.c.account).where(table.c.issuer == who.issuer, table.c.subject == who.subject)
    ).first()
    return str(row.account) if row else ""


def held(connection: Connection, account: str) -> bool:
    """Whether the account is bound to somebody of a sign-on."""
    wanted = select(table.c.subject).where(table.c.account == account)
    return connection.execute(wanted).first() is not None


def free(connection: Connection, who: Identity, account: str) -> bool:
    """Whether the account may be bound to an identity at once; False where its person has to prove
    it first. ``NotBound`` where it cannot be: an account is made here, by the system administrator,
    and is one person's."""
    try:
        found = accounts.get(connection, account)
    except NoAccount as error:
        raise NotBound(f"there is no account {account!r} here") from error
    check(connection, account)
    taken = connection.execute(
        select(table.c.subject).where(table.c.issuer == who.issuer, table.c.account == account)
    ).first()
    if taken:
        raise NotBound(f"account {account} is bound to somebody else of this sign-on")
    return not found.has_password and not found.factors


def bind(connection: Connection, who: Identity, account: str, *, at: int, address: str) -> None:
    """Bind an identity to an account, whose unused links end, and say so in the trail. ``NotBound``
    as ``free``."""
    free(connection, who, account)
    token.end_links(connection, account, at=at)
    connection.execute(
        insert(table).values(issuer=who.issuer, subject=who.subject, account=account, created_at=at)
    )
    audit.append(
        connection,
        at=at,
        actor=account,
        address=address,
        verb="identity.bind",
        object=account,
        detail={"issuer": who.issuer, "subject": who.subject},
    )


def check(connection: Connection, account: str) -> None:
    """``NotBound`` where the account is not one that a sign-on may open: those of screens and
    programs, and of the three administrators, whom whoever runs the sign-on must not become."""
    roles = accounts.get(connection, account).roles
    if any(role in ROLES and ROLES[role].machine for role in roles):
        raise NotBound(f"account {account} is a program's")
    if not _SEPARATE.isdisjoint(roles):
        raise NotBound("administrators sign in here, not by the city's sign-on")


def forget(connection: Connection, account: str) -> int:
    """Unbind the account; how many identities there were."""
    return connection.execute(delete(table).where(table.c.account == account)).rowcount
