"""The first start of a city: three separate administrators, a duty officer, and no password.

Each gets a one-time link, or (by ``--admin-password-file``) a first password. The file has one
line for each account, ``account: password``; the accounts are ``system``, ``security``, ``audit``
and ``duty``; empty lines and lines that begin with ``#`` are skipped. It should be readable by its
owner only, and may be removed after the first start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from tianmu.access import account as accounts
from tianmu.access import audit, password, token
from tianmu.access.account import NoAccount
from tianmu.access.table import metadata
from tianmu.store.records import Records, Transaction

FIRST: tuple[tuple[str, str, str], ...] = (
    ("system", "system_admin", "系统管理员 System administrator"),
    ("security", "security_admin", "安全管理员 Security administrator"),
    ("audit", "audit_admin", "审计管理员 Audit administrator"),
    ("duty", "duty_officer", "值班员 Duty officer"),
)
"""account, role, name: each the first of its role; more are made by the administrators"""

PROBES: tuple[tuple[str, str], ...] = (
    ("probe-command", "probe_command"),
    ("probe-lead", "probe_lead"),
    ("probe-check", "probe_check"),
    ("probe-handle", "probe_handle"),
)
PROBE = "probe"
"""the mark on everything that the probe's accounts make or touch"""
WALL = "wall"


class PasswordFile(ValueError):
    """The file of first passwords cannot be used; the message names the line."""


@dataclass(frozen=True)
class FirstLink:
    """A one-time link for one account: ``secret`` goes after ``/open#``."""

    account: str
    role: str
    name: str
    secret: str


def read_passwords(path: Path) -> dict[str, str]:
    """First passwords by account. ``PasswordFile`` names the line that cannot be used."""
    known = [account for account, _, _ in FIRST]
    found: dict[str, str] = {}
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PasswordFile(f"{path}: it cannot be read as UTF-8 text: {error}") from error
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        account, colon, plain = line.partition(":")
        account, plain = account.strip(), plain.strip()
        if not colon or account not in known:
            raise PasswordFile(
                f"{path}:{number}: expected 'account: password' with one of the accounts "
                f"{', '.join(known)}"
            )
        try:
            password.check(plain, account)
        except password.WeakPassword as error:
            raise PasswordFile(f"{path}:{number}: {error}; choose another one") from error
        found[account] = plain
    return found


def first_start(
    records: Records, at: int, passwords: Mapping[str, str] | None = None
) -> list[FirstLink]:
    """Make the first accounts where there are none; a one-time link for each that has no
    password. Empty at every later start, unless nobody has used the links yet."""
    records.create(metadata)
    given = dict(passwords or {})
    hashes = {account: password.digest(plain) for account, plain in given.items()}

    def make(tx: Transaction) -> list[FirstLink]:
        connection = tx.connection
        links: list[FirstLink] = []
        fresh = accounts.count(connection) == 0
        for account, role, name in FIRST:
            if fresh:
                accounts.create(connection, account, name, at=at)
                accounts.set_roles(connection, account, [role])
                audit.append(
                    connection,
                    at=at,
                    actor="start",
                    verb="account.create",
                    object=account,
                    detail={"roles": [role]},
                )
                if account in hashes:
                    accounts.set_password(connection, account, hashes[account], at=at)
            held = _held(connection, account)
            if held and not held.has_password and role in held.roles and held.active:
                links.append(FirstLink(account, role, name, _link(connection, account, at)))
        if fresh:
            accounts.create(connection, WALL, "大屏 Wall", at=at)
            accounts.set_roles(connection, WALL, ["kiosk"])
        for account, role in PROBES:
            if _held(connection, account) is None:  # a later version may have more of them
                accounts.create(connection, account, account, at=at, probe=PROBE)
                accounts.set_roles(connection, account, [role])
                if not fresh:
                    audit.append(
                        connection, at=at, actor="start", verb="account.create", object=account,
                        detail={"roles": [role]},
                    )  # fmt: skip
        return links

    return records.transact(make)


def wall_link(records: Records, at: int, account: str = "duty") -> str:
    """The secret of a one-time link that opens the wall signed in as the duty officer: what
    ``tianmu up`` prints for whoever started the city. "" where that account is gone."""

    def make(tx: Transaction) -> str:
        held = _held(tx.connection, account)
        return _link(tx.connection, account, at) if held and held.active else ""

    return records.transact(make)


def probe_tokens(records: Records, at: int) -> dict[str, str]:
    """Fresh tokens of the probe's accounts by account; those of earlier starts end. Whoever
    calls keeps them readable by the owner of the data folder only."""

    def make(tx: Transaction) -> dict[str, str]:
        made: dict[str, str] = {}
        for account, _ in PROBES:
            held = _held(tx.connection, account)
            if held is None or not held.active or held.probe != PROBE:
                continue  # a person of an older city may have been called so
            for old in token.listed(tx.connection, account):
                if not old.revoked_at:
                    token.revoke(tx.connection, old.token, at=at)
            _, made[account] = token.issue(
                tx.connection, kind="api", account=account, name="probe", actor="start", at=at
            )
        return made

    return records.transact(make)


def _held(connection: Connection, account: str) -> accounts.Account | None:
    try:
        return accounts.get(connection, account)
    except NoAccount:
        return None


def _link(connection: Connection, account: str, at: int) -> str:
    plain = token.make_link(connection, account, at=at, actor="start")
    audit.append(connection, at=at, actor="start", verb="link.create", object=account)
    return plain
