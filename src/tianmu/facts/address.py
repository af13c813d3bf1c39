"""Which addresses the city may call by HTTP: public ones by TLS, and those that a setting names.
Else anybody who may name an address could have the city ask what only the city can reach. What a
name stands for is asked, and held against this, at each call: ``access/outward.py``."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
LONGEST = 2000
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SPECIAL = (
    ipaddress.IPv6Network("3fff::/20"),
    ipaddress.IPv6Network("5f00::/16"),
    ipaddress.IPv6Network("64:ff9b:1::/48"),
    ipaddress.IPv6Network("100::/64"),
)
"""Not public, though not every Python knows it: documentation (RFC 9637), segment routing (RFC
9602), translation within a network (RFC 8215), to be thrown away (RFC 6666)."""
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")


class Forbidden(ValueError):
    """The city does not call this address; the text says why and what would."""


@dataclass(frozen=True)
class Allowed:
    """What is called though it is not public, or without TLS."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    setting: str = ""
    """what names them: whoever is refused is told it"""

    @classmethod
    def of(cls, listed: Iterable[str], setting: str = "") -> Allowed:
        """Names, addresses and networks as they were checked by ``entry``."""
        hosts, networks = set[str](), list[Network]()
        for one in listed:
            try:
                networks.append(ipaddress.ip_network(one))
            except ValueError:
                hosts.add(one)
        return cls(frozenset(hosts), tuple(networks), setting)

    def has(self, host: str, address: Address | None) -> bool:
        return host in self.hosts or (
            address is not None and any(address in network for network in self.networks)
        )


def entry(text: str) -> str:
    """A host, address or network as the list of what is allowed keeps it; ``Forbidden`` for what
    is none of these."""
    text = text.strip().lower().rstrip(".")
    try:
        return str(ipaddress.ip_network(text, strict=False)) if "/" in text else _address(text)
    except ValueError as error:
        if "/" not in text and _NAME.fullmatch(text) and not text.replace(".", "").isdecimal():
            return text
        raise Forbidden(
            f"{text[:80]!r} is no host name, address or network: give oa.city.example, 10.2.0.7 "
            "or 10.2.0.0/16"
        ) from error


def _address(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        teredo = address.teredo
        return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
    return address


def _public(address: Address) -> bool:
    inner = _inner(address)
    if isinstance(inner, ipaddress.IPv6Address) and (
        inner.is_site_local or any(inner in network for network in _SPECIAL)
    ):
        return False
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def split(url: str) -> tuple[SplitResult, str, int]:
    """The parts of a URL, its host and port; ``Forbidden`` for what is no address of a receiver."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise Forbidden(f"this is no URL: {error}") from error
    if len(url) > LONGEST or any(ord(one) <= 32 or ord(one) >= 127 for one in url):
        raise Forbidden(
            f"a URL has at most {LONGEST} characters of ASCII, without blanks: escape others"
        )
    if parts.scheme not in ("https", "http") or not host:
        raise Forbidden("give a whole URL: https://oa.department.example/tianmu")
    if parts.username is not None or parts.password is not None:
        raise Forbidden(
            "a name or password in the URL is not sent: it would be shown to who reads the address"
        )
    if _literal(host) is None and not _NAME.fullmatch(host):
        raise Forbidden(f"{host!r} is no host name")
    return parts, host, port or (443 if parts.scheme == "https" else 80)


def check(url: str, allowed: Allowed) -> None:
    """What can be said without asking what the name stands for; ``Forbidden`` says what is wrong.
    A name is looked up, and held against the rules, again before each message."""
    parts, host, _ = split(url)
    address = _literal(host)
    if parts.scheme == "http" and not allowed.has(host, address):
        raise Forbidden(
            f"{host} would be called without TLS: use https, or have it named in {allowed.setting}"
        )
    if address is not None:
        hold(host, address, allowed)


def hold(host: str, address: Address, allowed: Allowed) -> None:
    """``Forbidden`` where ``host`` stands for an address that may not be called."""
    if not _public(address) and not allowed.has(host, address):
        raise Forbidden(
            f"{host} is {address}, which is not a public address: it has to be named in "
            f"{allowed.setting}"
        )
