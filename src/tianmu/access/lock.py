"""Locks after failed attempts, each twice as long as the one before.

What is guessed at is counted by itself: wrong passwords close the way by password, wrong codes the
second step, and nothing closes the way by passkey, link or token, which nobody guesses. Three
things are counted of each:

- an account from one address, so that whoever guesses from elsewhere shuts nobody out;
- an account from all addresses together, against guessing from many; this lock does not hold where
  its person signed in from lately;
- an address at all accounts together.

An address is an IPv4 address or an IPv6 network of 64 bits, which is what one line is given. Names
that are no account are counted like those that are: an answer tells nobody which they are.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from tianmu.access.factor_table import attempt as table
from tianmu.access.policy import DAY, HOUR, POLICY, Policy
from tianmu.access.table import session

PASSWORD, CODE = "password", "code"
"""what is guessed at; a code is an app's or a recovery code"""
WITHIN = HOUR
"""µs in which failures of an address, and those of an account from all of them, add up"""
FORGET = DAY
"""µs without a failure, and after a lock, after which locks are short again"""
FAMILIAR = 30 * DAY
"""µs for which an address is known from which the account's person signed in"""
LONGEST = 64
"""characters of a name that may be an account's"""


@dataclass(frozen=True)
class Locked:
    """What a failed attempt has locked."""

    account: bool = False
    address: bool = False


def line_of(address: str) -> str:
    """What is locked of an address; "" for what is none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def locked_until(connection: Connection, account: str, factor: str, address: str) -> int:
    """µs until which this account is locked for this factor at this address, or one that is over,
    or 0."""
    account, line = account[:LONGEST], line_of(address)
    here = _until(connection, account, factor, line)
    anywhere = _until(connection, account, factor, "") if line else 0
    if anywhere > here and not _familiar(connection, account, line, anywhere):
        return anywhere
    return here


def address_locked_until(connection: Connection, factor: str, address: str) -> int:
    """µs until which nobody gets in by this factor from there, or one that is over, or 0."""
    line = line_of(address)
    return _until(connection, "", factor, line) if line else 0


def failed(
    connection: Connection,
    account: str,
    factor: str,
    address: str,
    *,
    at: int,
    policy: Policy = POLICY,
) -> Locked:
    """Count a failed attempt; what it locked."""
    c, line = table.c, line_of(address)
    connection.execute(delete(table).where(c.at < at - FORGET, c.locked_until < at - FORGET))
    account, here, anywhere, shut = account[:LONGEST], False, False, False
    if account:
        here = _count(connection, account, factor, line, policy.failures, at, policy)
    if account and line:
        most = policy.account_failures
        anywhere = _count(connection, account, factor, "", most, at, policy, WITHIN)
    if line and policy.address_failures:
        most = policy.address_failures
        shut = _count(connection, "", factor, line, most, at, policy, WITHIN)
    return Locked(here or anywhere, shut)


def opened(connection: Connection, account: str, address: str) -> None:
    """The account's person got in from there: its failures are forgotten."""
    c = table.c
    connection.execute(
        delete(table).where(c.account == account, c.line.in_({line_of(address), ""}))
    )


def forget(connection: Connection, account: str, factor: str = "") -> None:
    """End the locks of an account, of one factor or of all."""
    gone = delete(table).where(table.c.account == account)
    connection.execute(gone.where(table.c.factor == factor) if factor else gone)


def latest(connection: Connection, accounts: list[str]) -> dict[str, int]:
    """Account → µs until which some way of it is locked, from somewhere."""
    rows = connection.execute(
        select(table.c.account, func.max(table.c.locked_until))
        .where(table.c.account.in_(accounts), table.c.account != "")
        .group_by(table.c.account)
    )
    return {str(row[0]): int(row[1]) for row in rows}


def _until(connection: Connection, account: str, factor: str, line: str) -> int:
    row = connection.execute(
        select(table.c.locked_until).where(*_is(account, factor, line))
    ).first()
    return int(row.locked_until) if row else 0


def _familiar(connection: Connection, account: str, line: str, until: int) -> bool:
    """Whether the account's person signed in from there not long before a lock."""
    wanted = (
        select(session.c.address)
        .where(session.c.account == account, session.c.created_at > until - FAMILIAR)
        .distinct()
    )
    return any(line_of(row.address) == line for row in connection.execute(wanted))


def _count(
    connection: Connection,
    account: str,
    factor: str,
    line: str,
    most: int,
    at: int,
    policy: Policy,
    within: int = 0,
) -> bool:
    """Count one more; True when it locked."""
    row = connection.execute(select(table).where(*_is(account, factor, line))).first()
    if row is None:
        connection.execute(insert(table).values(account=account, factor=factor, line=line, at=at))
    old = row is None or (within and at - row.at > within)
    failures = (0 if old or row is None else row.failures) + 1
    locks = row.locks if row else 0
    locked = failures >= most
    connection.execute(
        update(table)
        .where(*_is(account, factor, line))
        .values(
            at=at,
            failures=0 if locked else failures,
            locks=locks + locked,
            **({"locked_until": at + policy.lock_for(locks)} if locked else {}),
        )
    )
    return locked


def _is(account: str, factor: str, line: str) -> tuple[Any, ...]:
    c = table.c
    return c.account == account, c.factor == factor, c.line == line
