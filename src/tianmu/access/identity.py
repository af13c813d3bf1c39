"""Who an account's person is at the city's own sign-on: issuer and subject, bound once."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from tianmu.access import account as accounts
from tianmu.access.account import NoAccount
from tianmu.access.factor_table import identity as table
from tianmu.access.role import ROLES

_SEPARATE = frozenset({"system_admin", "security_admin", "audit_admin"})


class NotBound(PermissionError):
    """Nobody here may be signed in for this identity; the message says why."""


def find(connection: Connection, issuer: str, subject: str) -> str:
    """The account bound to an identity, or ""."""
    row = connection.execute(
        select(table.c.account).where(table.c.issuer == issuer, table.c.subject == subject)
    ).first()
    return str(row.account) if row else ""


def bind(connection: Connection, issuer: str, subject: str, account: str, *, at: int) -> None:
    """Bind an identity to the account that the sign-on names the first time it is seen. Raises
    ``NotBound``: an account is made here, by the system administrator, and is one person's."""
    try:
        accounts.get(connection, account)
    except NoAccount as error:
        raise NotBound(f"there is no account {account!r} here") from error
    taken = connection.execute(
        select(table.c.subject).where(table.c.issuer == issuer, table.c.account == account)
    ).first()
    if taken:
        raise NotBound(f"account {account} is bound to somebody else of this sign-on")
    connection.execute(
        insert(table).values(issuer=issuer, subject=subject, account=account, created_at=at)
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
