"""What the pack says of letting people in, in this room's words: times in µs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from tianmu.city.charter.admission import Admission

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True)
class Policy:
    """The figures are defaults, to be set by the city; the standard names none."""

    length: int = 8
    classes: int = 3
    """of small letters, capitals, digits, others"""
    past: int = 5
    """so many last ones are not taken again"""
    age: int = 90 * DAY
    """µs after which a new one is asked for"""
    failures: int = 5
    account_failures: int = 25
    """from all addresses together"""
    address_failures: int = 30
    """0: addresses are not locked"""
    lock: int = 30 * MINUTE
    """the first one; each that follows is twice as long …"""
    lock_most: int = 24 * HOUR
    """… up to this"""
    dormant: int = 90 * DAY
    """µs without a visit after which an account has to be enabled again"""
    idle: int = 30 * MINUTE
    """µs without a request after which a person is signed out (GB/T 22239-2019 §8.1.4.1 b). An
    open live push counts as being there."""
    lasts: int = 12 * HOUR
    """µs after which a person signs in again, whatever they do"""
    sessions: int = 10
    """of one person at once"""
    second_factor: frozenset[str] = frozenset(Admission().second_factor)
    """roles that need one (§8.1.4.1 d)"""
    grace: int = 7 * DAY
    """µs after an account was made in which it may do without"""

    admin_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """from which alone administrators work (§8.1.4.4 c); empty: any"""

    def admits(self, roles: Iterable[str], address: str) -> bool:
        """Whether an account of these roles may work from this address."""
        if not self.admin_networks or not any(role.endswith("_admin") for role in roles):
            return True
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self.admin_networks)

    def lock_for(self, locks: int) -> int:
        """µs of a lock after so many earlier ones."""
        return min(self.lock << min(locks, 20), self.lock_most)


POLICY = Policy()


def policy_of(admission: Admission) -> Policy:
    """The pack's figures as a policy."""
    return Policy(
        age=admission.password_days * DAY,
        failures=admission.failures,
        account_failures=admission.account_failures,
        address_failures=admission.address_failures,
        lock=round(admission.lock_min * MINUTE),
        lock_most=round(admission.lock_most_h * HOUR),
        dormant=admission.dormant_days * DAY,
        idle=round(admission.idle_min * MINUTE),
        lasts=round(admission.lasts_h * HOUR),
        sessions=admission.sessions,
        second_factor=frozenset(admission.second_factor),
        grace=round(admission.grace_days * DAY),
        admin_networks=tuple(map(ipaddress.ip_network, admission.admin_addresses)),
    )
