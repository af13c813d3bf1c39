"""Locks after failed attempts, of accounts and of addresses, each twice as long as the one before.

An address is an IPv4 address or an IPv6 network of 64 bits, which is what one line is given."""

from __future__ import annotations

import ipaddress

from sqlalchemy import Connection, delete, insert, select, update

from tianmu.access.factor_table import address as table
from tianmu.access.policy import DAY, HOUR, POLICY, Policy
from tianmu.access.table import account as account_table

WITHIN = HOUR
"""µs in which failures of an address add up"""
FORGET = DAY
"""µs without a failure after which an address's locks are short again"""


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


def address_locked_until(connection: Connection, address: str) -> int:
    """µs until which nobody signs in from there, or one that is over, or 0."""
    row = connection.execute(
        select(table.c.locked_until).where(table.c.address == line_of(address))
    ).first()
    return int(row.locked_until) if row else 0


def address_failed(
    connection: Connection, address: str, *, at: int, policy: Policy = POLICY
) -> bool:
    """Count a failed attempt from there; True when it locked the address."""
    line = line_of(address)
    if not line or not policy.address_failures:
        return False
    connection.execute(delete(table).where(table.c.at < at - FORGET, table.c.locked_until < at))
    row = connection.execute(select(table).where(table.c.address == line)).first()
    if row is None:
        connection.execute(insert(table).values(address=line, at=at, failures=0, locks=0))
    failures = (row.failures if row and at - row.at <= WITHIN else 0) + 1
    locks = row.locks if row else 0
    locked = failures >= policy.address_failures
    connection.execute(
        update(table)
        .where(table.c.address == line)
        .values(
            at=at,
            failures=0 if locked else failures,
            locks=locks + locked,
            **({"locked_until": at + policy.lock_for(locks)} if locked else {}),
        )
    )
    return locked


def account_failed(
    connection: Connection, account: str, *, at: int, policy: Policy = POLICY
) -> bool:
    """Count a failed attempt at an account; True when it locked it."""
    held = account_table
    row = connection.execute(
        select(held.c.failures, held.c.locks).where(held.c.account == account)
    ).first()
    if row is None:
        return False
    locked = bool(row.failures + 1 >= policy.failures)
    connection.execute(
        update(held)
        .where(held.c.account == account)
        .values(
            failures=0 if locked else row.failures + 1,
            locks=row.locks + locked,
            **({"locked_until": at + policy.lock_for(row.locks)} if locked else {}),
        )
    )
    return locked
