"""Second factors of accounts: an app's codes (TOTP), passkeys, and recovery codes for the day when
both are lost. Changes go through the caller's transaction together with their line in the trail."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from tianmu.access import token, totp
from tianmu.access.factor_table import factor as table
from tianmu.access.factor_table import recovery
from tianmu.access.keys import Keys

RECOVERY = 10
"""codes, each of 80 bits, each taken once"""


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of a second factor."""

    factor: str
    account: str
    kind: str
    """``totp`` or ``passkey``"""
    name: str
    created_at: int
    confirmed_at: int
    """0: begun, and counts for nothing yet"""
    used_at: int = 0


class NoFactor(LookupError):
    """There is no such factor."""


_SHOWN = [table.c[name] for name in Factor.__struct_fields__]


def listed(connection: Connection, account: str) -> list[Factor]:
    """The account's factors in force."""
    rows = connection.execute(
        select(*_SHOWN)
        .where(table.c.account == account, table.c.confirmed_at > 0)
        .order_by(table.c.created_at)
    ).mappings()
    return [Factor(**{str(key): value for key, value in row.items()}) for row in rows]


def kinds(connection: Connection, accounts: list[str]) -> dict[str, list[str]]:
    """Account → kinds of factors it has in force."""
    held: dict[str, list[str]] = {}
    rows = connection.execute(
        select(table.c.account, table.c.kind)
        .where(table.c.account.in_(accounts), table.c.confirmed_at > 0)
        .group_by(table.c.account, table.c.kind)
        .order_by(table.c.kind)
    )
    for account, kind in rows:
        held.setdefault(account, []).append(kind)
    return held


def begin_totp(connection: Connection, account: str, keys: Keys, *, at: int) -> str:
    """A new secret for an app; counts once ``confirm_totp`` saw a code of it. One begun before and
    not confirmed is forgotten."""
    connection.execute(
        delete(table).where(
            table.c.account == account, table.c.kind == "totp", table.c.confirmed_at == 0
        )
    )
    plain, name = totp.secret(), secrets.token_hex(6)
    connection.execute(
        insert(table).values(
            factor=name,
            account=account,
            kind="totp",
            name="",
            secret=keys.seal(plain, f"totp {account} {name}"),
            created_at=at,
        )
    )
    return plain


def confirm_totp(connection: Connection, account: str, given: str, keys: Keys, *, at: int) -> bool:
    """Put the secret that was begun in force, in place of the one before, if ``given`` is a code
    of it. ``NoFactor`` where none was begun."""
    row = connection.execute(
        select(table).where(
            table.c.account == account, table.c.kind == "totp", table.c.confirmed_at == 0
        )
    ).first()
    if row is None:
        raise NoFactor("no app was begun to be enrolled; begin again")
    plain = keys.open(row.secret, f"totp {account} {row.factor}")
    step = totp.find(plain, given, at)
    if step is None:
        return False
    connection.execute(
        delete(table).where(
            table.c.account == account, table.c.kind == "totp", table.c.factor != row.factor
        )
    )
    connection.execute(
        update(table).where(table.c.factor == row.factor).values(confirmed_at=at, step=step)
    )
    return True


def use_totp(connection: Connection, account: str, given: str, keys: Keys, *, at: int) -> bool:
    """Whether ``given`` is a code of the account's app that was not taken yet; it is taken now."""
    row = connection.execute(
        select(table).where(
            table.c.account == account, table.c.kind == "totp", table.c.confirmed_at > 0
        )
    ).first()
    if row is None:
        return False
    plain = keys.open(row.secret, f"totp {account} {row.factor}")
    step = totp.find(plain, given, at, after=row.step)
    if step is None:
        return False
    connection.execute(
        update(table).where(table.c.factor == row.factor).values(step=step, used_at=at)
    )
    return True


def add_passkey(
    connection: Connection,
    account: str,
    *,
    credential: bytes,
    public: bytes,
    count: int,
    site: str,
    name: str,
    at: int,
) -> Factor:
    """A passkey whose registration was verified. ``site``: the name it was made for (RP ID)."""
    made = Factor(
        factor=secrets.token_hex(6),
        account=account,
        kind="passkey",
        name=name,
        created_at=at,
        confirmed_at=at,
    )
    connection.execute(
        insert(table).values(
            **msgspec.structs.asdict(made),
            secret=base64.b64encode(public).decode("ascii"),
            credential=base64.urlsafe_b64encode(credential).decode("ascii").rstrip("="),
            step=count,
            site=site,
        )
    )
    return made


def passkey(connection: Connection, credential: str) -> dict[str, Any] | None:
    """The passkey of this credential id (base64url): account, factor, public, count, site."""
    row = connection.execute(
        select(table).where(table.c.credential == credential, table.c.kind == "passkey")
    ).first()
    if row is None:
        return None
    return {
        "account": row.account,
        "factor": row.factor,
        "public": base64.b64decode(row.secret),
        "count": row.step,
        "site": row.site,
    }


def credentials(connection: Connection, account: str) -> list[str]:
    """Credential ids (base64url) of the account's passkeys."""
    rows = connection.execute(
        select(table.c.credential).where(table.c.account == account, table.c.kind == "passkey")
    )
    return [row.credential for row in rows]


def used(connection: Connection, factor: str, count: int, *, at: int) -> None:
    """A passkey was used; ``count`` as its authenticator counts."""
    connection.execute(update(table).where(table.c.factor == factor).values(step=count, used_at=at))


def remove(connection: Connection, account: str, factor: str) -> Factor:
    """Take one away; recovery codes end with the last. ``NoFactor`` where there is none."""
    held = [one for one in listed(connection, account) if one.factor == factor]
    if not held:
        raise NoFactor(f"the account has no second factor {factor!r}")
    connection.execute(delete(table).where(table.c.factor == factor))
    if not listed(connection, account):
        connection.execute(delete(recovery).where(recovery.c.account == account))
    return held[0]


def reset(connection: Connection, account: str) -> int:
    """Take all of an account's away, its recovery codes too; how many there were."""
    count = len(listed(connection, account))
    connection.execute(delete(table).where(table.c.account == account))
    connection.execute(delete(recovery).where(recovery.c.account == account))
    return count


def make_recovery(connection: Connection, account: str, *, at: int) -> list[str]:
    """Fresh recovery codes in place of all earlier ones; shown once, kept as digests."""
    connection.execute(delete(recovery).where(recovery.c.account == account))
    codes = []
    for _ in range(RECOVERY):
        plain = base64.b32encode(secrets.token_bytes(10)).decode("ascii").lower()
        codes.append("-".join(plain[n : n + 4] for n in range(0, 16, 4)))
    connection.execute(
        insert(recovery),
        [{"digest": _digest(account, one), "account": account, "created_at": at} for one in codes],
    )
    return codes


def use_recovery(connection: Connection, account: str, given: str, *, at: int) -> bool:
    """Whether ``given`` is a recovery code that was not taken yet; it is taken now."""
    taken = connection.execute(
        update(recovery)
        .where(recovery.c.digest == _digest(account, given), recovery.c.used_at == 0)
        .values(used_at=at)
    )
    return taken.rowcount == 1


def recovery_left(connection: Connection, account: str) -> int:
    """How many recovery codes were not taken yet."""
    return connection.execute(
        select(func.count())
        .select_from(recovery)
        .where(recovery.c.account == account, recovery.c.used_at == 0)
    ).scalar_one()


def _digest(account: str, code: str) -> str:
    plain = "".join(one for one in code.lower() if one.isalnum())
    return token.digest(f"{account} {plain}")
