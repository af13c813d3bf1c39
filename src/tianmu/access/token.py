"""Secrets that open something: made here, shown once, kept as SHA-256 digests only.

Three sorts: one-time links (sign a person in once), tokens of accounts (``kiosk`` for a wall
screen, ``api`` for a program), and tokens of sources (kept in their ``SourceChanged`` fact).
256 random bits need no slow hash.
"""

from __future__ import annotations

import hashlib
import secrets

import msgspec
from sqlalchemy import Connection, insert, select, update

from tianmu.access.table import link as link_table
from tianmu.access.table import token as table

HOUR = 3_600_000_000


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of a token: never the secret."""

    token: str
    kind: str
    account: str
    name: str
    actor: str
    created_at: int
    expires_at: int = 0
    revoked_at: int = 0


class NoToken(LookupError):
    """The token or link does not exist, was used, was revoked, or its time is over."""


def secret() -> str:
    """A new secret of 256 bits, safe in URLs and headers."""
    return secrets.token_urlsafe(32)


def digest(plain: str) -> str:
    """What is kept of a secret (SHA-256, hex): also the form of ``SourceChanged.token_digest``."""
    return hashlib.sha256(plain.encode()).hexdigest()


def make_link(
    connection: Connection, account: str, *, at: int, actor: str, lasts: int = 24 * HOUR
) -> str:
    """A one-time link's secret. Older unused links of the account end with it."""
    end_links(connection, account, at=at)
    plain = secret()
    connection.execute(
        insert(link_table).values(
            digest=digest(plain),
            account=account,
            created_at=at,
            expires_at=at + lasts,
            actor=actor,
        )
    )
    return plain


def end_links(connection: Connection, account: str, *, at: int) -> None:
    """Unused links of the account let nobody in any more."""
    connection.execute(
        update(link_table)
        .where(link_table.c.account == account, link_table.c.used_at == 0)
        .values(used_at=at)
    )


def use_link(connection: Connection, plain: str, *, at: int) -> str:
    """Use a link up; the account it lets in. ``NoToken`` when it does not (any more)."""
    row = connection.execute(
        select(link_table.c.account).where(
            link_table.c.digest == digest(plain),
            link_table.c.used_at == 0,
            link_table.c.expires_at > at,
        )
    ).first()
    if row is None:
        raise NoToken("this link was used already or its time is over; ask for a new one")
    connection.execute(
        update(link_table).where(link_table.c.digest == digest(plain)).values(used_at=at)
    )
    return str(row.account)


def issue(
    connection: Connection,
    *,
    kind: str,
    account: str,
    name: str,
    actor: str,
    at: int,
    lasts: int = 0,
) -> tuple[Token, str]:
    """A token of an account and its secret; the secret cannot be read again. ``lasts`` µs, 0 =
    until revoked."""
    if kind not in {"kiosk", "api"}:
        raise ValueError(f"a token is of kind kiosk or api, not {kind!r}")
    plain = secret()
    made = Token(
        token=secrets.token_hex(6),
        kind=kind,
        account=account,
        name=name,
        actor=actor,
        created_at=at,
        expires_at=at + lasts if lasts else 0,
    )
    connection.execute(insert(table).values(**msgspec.structs.asdict(made), digest=digest(plain)))
    return made, plain


def find(connection: Connection, plain: str, kind: str, *, at: int) -> Token:
    """The token with this secret; ``NoToken`` when it opens nothing (any more)."""
    row = (
        connection.execute(
            select(table).where(
                table.c.digest == digest(plain), table.c.kind == kind, table.c.revoked_at == 0
            )
        )
        .mappings()
        .first()
    )
    if row is None or (row["expires_at"] and row["expires_at"] <= at):
        raise NoToken("this token is not known, was revoked, or its time is over")
    return Token(**{str(k): v for k, v in row.items() if k != "digest"})


def listed(connection: Connection, account: str = "") -> list[Token]:
    """Tokens (of one account), newest first, revoked ones too."""
    wanted = select(table).order_by(table.c.created_at.desc())
    if account:
        wanted = wanted.where(table.c.account == account)
    return [
        Token(**{str(k): v for k, v in row.items() if k != "digest"})
        for row in connection.execute(wanted).mappings()
    ]


def revoke(connection: Connection, token: str, *, at: int) -> Token:
    """End a token; ``NoToken`` where there is none of this name in force."""
    result = connection.execute(
        update(table).where(table.c.token == token, table.c.revoked_at == 0).values(revoked_at=at)
    )
    if result.rowcount == 0:
        raise NoToken(f"there is no token {token!r} in force")
    row = connection.execute(select(table).where(table.c.token == token)).mappings().one()
    return Token(**{str(k): v for k, v in row.items() if k != "digest"})
