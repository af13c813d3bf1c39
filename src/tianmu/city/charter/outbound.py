"""How the city speaks to departments' own systems, and from where it fetches feeds: the pack's
``[outbound]``. All figures are defaults, to be set by the city."""

from __future__ import annotations

import msgspec

from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader
from tianmu.facts.address import Allowed, Forbidden, entry

FILE = "city.toml"
TABLE = "outbound"
SETTING = "feed_hosts in [outbound] of city.toml"


class Outbound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long one message is tried, and how hard one receiver is pressed."""

    timeout_s: float = 10.0
    """until a receiver that has not answered is given up for this time"""
    first_wait_s: float = 5.0
    """after the first failure …"""
    growth: float = 3.0
    """… so many times longer after each that follows …"""
    longest_wait_s: float = 3600.0
    """… up to this"""
    give_up_h: float = 24.0
    """after the first try: then it is a dead letter"""
    at_once: int = 4
    """messages under way to one receiver, each of another case"""
    old_secret_h: float = 24.0
    """for which the secret before is valid beside a new one"""
    keep_days: float = 30.0
    """for which what was delivered or discarded can be looked at"""
    feed_hosts: tuple[str, ...] = ()
    """hosts, addresses and networks from which feeds are fetched though they are not public, or
    without TLS. It stands here, out of reach of any account: one person alone names a feed"""
    basis: str = ""

    @property
    def feeds(self) -> Allowed:
        return Allowed.of((entry(one) for one in self.feed_hosts), SETTING)


def check(reader: PackReader, document: Document, found: Outbound) -> None:
    """Faults of what can be read but cannot be meant."""

    def fault(key: str, what: str, remedy: str) -> None:
        reader.fault(FILE, document.line(TABLE, key), what, remedy)

    for key, least, most in (
        ("timeout_s", 0.1, 60),
        ("first_wait_s", 0.01, 3600),
        ("growth", 1, 10),
        ("give_up_h", 0.0001, 24 * 14),
        ("at_once", 1, 32),
        ("old_secret_h", 0, 24 * 31),
        ("keep_days", 1, 3660),
    ):
        value = getattr(found, key)
        if not least <= value <= most:
            fault(key, f"{key} is {value:g}", f"give {least:g} to {most:g}")
    if not found.first_wait_s <= found.longest_wait_s <= 86_400:
        fault(
            "longest_wait_s",
            f"the longest wait is {found.longest_wait_s:g} s, the first {found.first_wait_s:g} s",
            "give at least first_wait_s and at most 86400",
        )
    for one in found.feed_hosts:
        try:
            entry(one)
        except Forbidden as error:
            what, _, remedy = str(error).rpartition(": ")
            fault("feed_hosts", what, remedy)
