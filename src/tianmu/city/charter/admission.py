"""How the city lets people in: the pack's ``[admission]``. All figures are defaults, to be set by
the city; the standards ask for such rules (GB/T 22239-2019 §8.1.4.1) and name no figures."""

from __future__ import annotations

import ipaddress

import msgspec

from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader

FILE = "city.toml"
TABLE = "admission"

ROLES = (
    "system_admin",
    "security_admin",
    "audit_admin",
    "commander",
    "duty_officer",
    "acceptor",
    "dispatcher",
    "department_worker",
    "hotline_agent",
    "grid_worker",
    "leader",
)
"""roles of persons, of which a second factor may be asked (``access.role`` says what they may)"""


class Admission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Locks, ends of sessions, and of whom a second factor is asked."""

    failures: int = 5
    """failed attempts after which an account is locked"""
    account_failures: int = 25
    """failed attempts within an hour, from all addresses together, after which it is locked where
    its person is not known"""
    address_failures: int = 30
    """failed attempts within an hour after which an address is; 0: never"""
    lock_min: float = 30.0
    """minutes of the first lock; each that follows is twice as long …"""
    lock_most_h: float = 24.0
    """… up to so many hours"""
    idle_min: float = 30.0
    """minutes without a request after which a person is signed out"""
    lasts_h: float = 12.0
    """hours after which a person signs in again, whatever they do"""
    sessions: int = 10
    """of one person at once: one more ends the oldest"""
    password_days: int = 90
    """after which a new password is asked for"""
    dormant_days: int = 90
    """without a visit after which an account has to be enabled again"""
    second_factor: tuple[str, ...] = ("system_admin", "security_admin", "audit_admin", "commander")
    """roles that need one"""
    grace_days: float = 7.0
    """after an account was made in which it may do without; 0: never"""
    admin_addresses: tuple[str, ...] = ()
    """addresses or networks from which alone administrators work; empty: any"""
    basis: str = ""


def check(reader: PackReader, document: Document, found: Admission) -> None:
    """Faults of what can be read but cannot be meant."""

    def fault(key: str, what: str, remedy: str) -> None:
        reader.fault(FILE, document.line(TABLE, key), what, remedy)

    for key, least, most in (
        ("failures", 1, 100),
        ("account_failures", 1, 10_000),
        ("address_failures", 0, 100_000),
        ("lock_min", 0.1, 60 * 24 * 366),
        ("idle_min", 1, 60 * 24),
        ("lasts_h", 0.1, 24 * 31),
        ("sessions", 1, 1000),
        ("password_days", 1, 3660),
        ("dormant_days", 1, 3660),
        ("grace_days", 0, 366),
    ):
        value = getattr(found, key)
        if not least <= value <= most:
            fault(key, f"{key} is {value:g}", f"give {least:g} to {most:g}")
    if found.account_failures < found.failures:
        fault(
            "account_failures",
            f"{found.account_failures} from everywhere are fewer than {found.failures} from one",
            "give at least as much as failures",
        )
    if found.lock_most_h * 60 < found.lock_min:
        fault(
            "lock_most_h",
            f"the longest lock ({found.lock_most_h:g} h) is shorter than the first "
            f"({found.lock_min:g} min)",
            "give at least as much as lock_min",
        )
    for network in found.admin_addresses:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            fault("admin_addresses", f"{network!r} is no network: {error}", 'give "10.1.2.0/24"')
    for role in found.second_factor:
        if role not in ROLES:
            fault(
                "second_factor", f"there is no role {role!r} of persons", f"use {', '.join(ROLES)}"
            )
