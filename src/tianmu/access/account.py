"""Accounts: a person (or a program) who may sign in. Changes go through the caller's transaction
together with their line in the audit trail."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection, delete, desc, func, insert, or_, select, update

from tianmu.access import factor, lock
from tianmu.access import role as roles_
from tianmu.access.policy import POLICY, Policy
from tianmu.access.table import account as table
from tianmu.access.table import account_role, password_past, session, token
from tianmu.access.token import end_links

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What others may know of an account; never its password."""

    account: str
    name: str
    language: str = "zh"
    phone: str = ""
    division: str = ""
    department: str = ""
    tier: int = 1
    level: int = 4
    """highest data level it sees"""
    probe: str = ""
    active: bool = True
    roles: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    """kinds of second factors in force"""
    has_password: bool = False
    password_at: int = 0
    locked_until: int = 0
    """until when some way of it is locked, from somewhere"""
    created_at: int = 0
    seen_at: int = 0
    version: int = 1


class NoAccount(LookupError):
    """There is no account of this name."""


class AccountTaken(ValueError):
    """There is one already, or the name cannot be one."""


class Changed(ValueError):
    """The account is not in the version that the caller saw."""


def _read(connection: Connection, rows: Sequence[dict[str, object]]) -> list[Account]:
    names = [str(row["account"]) for row in rows]
    held: dict[str, list[str]] = {}
    for name, role in connection.execute(
        select(account_role.c.account, account_role.c.role)
        .where(account_role.c.account.in_(names))
        .order_by(account_role.c.role)
    ):
        held.setdefault(name, []).append(role)
    factors, locked = factor.kinds(connection, names), lock.latest(connection, names)
    hidden = {"password", "failures", "locks", "active"}
    return [
        msgspec.convert(
            {
                **{str(k): v for k, v in row.items() if k not in hidden},
                "active": bool(row["active"]),
                "has_password": bool(row["password"]),
                "roles": held.get(str(row["account"]), []),
                "factors": factors.get(str(row["account"]), []),
                "locked_until": locked.get(str(row["account"]), 0),
            },
            Account,
        )
        for row in rows
    ]


def get(connection: Connection, account: str) -> Account:
    """The account; ``NoAccount`` where there is none."""
    row = connection.execute(select(table).where(table.c.account == account)).mappings().first()
    if row is None:
        raise NoAccount(f"there is no account {account!r}")
    return _read(connection, [dict(row)])[0]


def page(
    connection: Connection, *, after: str = "", limit: int = 100, q: str = ""
) -> list[Account]:
    """Accounts in order of their names, those after ``after``; ``q`` in account or name."""
    wanted = select(table).where(table.c.account > after).order_by(table.c.account).limit(limit)
    if q:
        wanted = wanted.where(
            or_(
                table.c.account.contains(q, autoescape=True),
                table.c.name.contains(q, autoescape=True),
            )
        )
    return _read(connection, [dict(row) for row in connection.execute(wanted).mappings()])


def names(connection: Connection, accounts: Collection[str]) -> dict[str, str]:
    """Account → what its person is called."""
    rows = connection.execute(
        select(table.c.account, table.c.name).where(table.c.account.in_(sorted(accounts)))
    )
    return {row.account: row.name for row in rows}


def places(connection: Connection, accounts: Collection[str]) -> dict[str, tuple[str, str]]:
    """Account → (division, department) that it belongs to."""
    rows = connection.execute(
        select(table.c.account, table.c.division, table.c.department).where(
            table.c.account.in_(sorted(accounts))
        )
    )
    return {row.account: (row.division or "", row.department or "") for row in rows}


def count(connection: Connection) -> int:
    """How many accounts there are."""
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def first_at(connection: Connection) -> int:
    """When the first account was made (µs), which is when the city began; 0 where there is none."""
    return connection.execute(select(func.min(table.c.created_at))).scalar_one() or 0


def create(
    connection: Connection,
    account: str,
    name: str,
    *,
    at: int,
    language: str = "zh",
    phone: str = "",
    division: str = "",
    department: str = "",
    tier: int = 1,
    probe: str = "",
) -> Account:
    """A new account without password or roles: a one-time link lets its owner in."""
    if not _NAME.fullmatch(account):
        raise AccountTaken(
            f"{account!r} cannot name an account: 2 to 64 small letters, digits, '.', '_', '-', "
            "'@', a letter or digit first"
        )
    if connection.execute(select(table.c.account).where(table.c.account == account)).first():
        raise AccountTaken(f"there is an account {account!r} already; choose another name")
    connection.execute(
        insert(table).values(
            account=account,
            name=name,
            language=language,
            phone=phone,
            division=division,
            department=department,
            tier=tier,
            probe=probe,
            created_at=at,
            seen_at=at,
        )
    )
    return get(connection, account)


def _bump(connection: Connection, account: str, version: int | None, **values: object) -> None:
    changed = update(table).where(table.c.account == account)
    if version is not None:
        changed = changed.where(table.c.version == version)
    result = connection.execute(changed.values(version=table.c.version + 1, **values))
    if result.rowcount == 0:
        now = get(connection, account).version
        raise Changed(f"account {account} is in version {now}, not {version}; read it again")


def set_roles(
    connection: Connection, account: str, roles: Sequence[str], *, version: int | None = None
) -> Account:
    """Give exactly these roles; ``role.RoleConflict`` where they may not stand together. Its
    sessions keep their person but get the new permissions at once."""
    wanted = roles_.check(roles)
    _bump(connection, account, version)
    connection.execute(delete(account_role).where(account_role.c.account == account))
    if wanted:
        connection.execute(
            insert(account_role), [{"account": account, "role": role} for role in wanted]
        )
    return get(connection, account)


def set_level(
    connection: Connection, account: str, level: int, *, version: int | None = None
) -> Account:
    """Let it see data up to this level; its sessions get that at once."""
    _bump(connection, account, version, level=level)
    return get(connection, account)


def change(
    connection: Connection,
    account: str,
    *,
    version: int | None = None,
    **values: str | int,
) -> Account:
    """Change name, language, phone, division, department or tier."""
    allowed = {"name", "language", "phone", "division", "department", "tier"}
    if not values.keys() <= allowed:
        raise ValueError(f"cannot change {', '.join(sorted(values.keys() - allowed))}")
    _bump(connection, account, version, **values)
    return get(connection, account)


def enable(connection: Connection, account: str, *, at: int) -> Account:
    """Let it sign in (again): also ends its locks and a dormancy."""
    _bump(connection, account, None, active=1, seen_at=at)
    lock.forget(connection, account)
    return get(connection, account)


def disable(connection: Connection, account: str, *, at: int) -> Account:
    """Shut it out: its sessions and tokens end with it."""
    _bump(connection, account, None, active=0)
    for one in (session, token):
        connection.execute(
            update(one).where(one.c.account == account, one.c.revoked_at == 0).values(revoked_at=at)
        )
    return get(connection, account)


def past_passwords(connection: Connection, account: str) -> list[str]:
    """Hashes of the last passwords, the one in force among them."""
    rows = connection.execute(
        select(password_past.c.password)
        .where(password_past.c.account == account)
        .order_by(desc(password_past.c.at))
        .limit(POLICY.past)
    )
    return [row.password for row in rows]


def set_password(connection: Connection, account: str, kept: str, *, at: int) -> None:
    """Keep a hash made by ``password.digest`` of a password that passed ``password.check``. Unused
    links end: whoever has one would come in beside the owner."""
    _bump(connection, account, None, password=kept, password_at=at)
    end_links(connection, account, at=at)
    lock.forget(connection, account, lock.PASSWORD)
    connection.execute(insert(password_past).values(account=account, at=at, password=kept))
    old = connection.execute(
        select(password_past.c.at)
        .where(password_past.c.account == account)
        .order_by(desc(password_past.c.at))
        .offset(POLICY.past)
    )
    for row in old.all():
        connection.execute(
            delete(password_past).where(
                password_past.c.account == account, password_past.c.at == row.at
            )
        )


def renew_password(connection: Connection, account: str, old: str, new: str) -> None:
    """Keep ``new``, another hash of the same password, in place of ``old``. Nothing else of the
    account changes, nor does anything where ``old`` is not in force any more."""
    for held in (table, password_past):
        connection.execute(
            update(held).where(held.c.account == account, held.c.password == old)
            .values(password=new)
        )  # fmt: skip


def kept_password(connection: Connection, account: str) -> str:
    """The hash in force, or "" where there is no account or no password."""
    row = connection.execute(select(table.c.password).where(table.c.account == account)).first()
    return str(row.password) if row else ""


def seen(connection: Connection, account: str, *, at: int) -> None:
    """It signed in."""
    connection.execute(update(table).where(table.c.account == account).values(seen_at=at))


def password_state(account: Account, at: int, policy: Policy = POLICY) -> str:
    """``good``, ``none`` (came by a link, may set one) or ``expired`` (must set a new one)."""
    if not account.has_password:
        return "none"
    return "expired" if at - account.password_at > policy.age else "good"


def factor_state(account: Account, at: int, policy: Policy = POLICY) -> str:
    """``good``, ``asked`` (its roles need a second factor; it may do without for now) or
    ``needed`` (nothing else before it has one)."""
    if account.factors or policy.second_factor.isdisjoint(account.roles):
        return "good"
    return "asked" if at - account.created_at < policy.grace else "needed"
