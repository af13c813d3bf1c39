"""What a city may set for a source of CAP messages (``SourceChanged.settings``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from tianmu.facts import address
from tianmu.facts.address import Allowed
from tianmu.facts.registry import SourceChanged
from tianmu.sense.cap import signature
from tianmu.sense.cap.meaning import UNSAID


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    feed: str = ""
    """address of a feed (Atom, RSS) or of one alert that is asked; empty: the source sends"""
    every_s: Annotated[float, msgspec.Meta(ge=10, le=86_400)] = 60.0
    """seconds between two questions"""
    hosts: tuple[str, ...] = ()
    """hosts beside the feed's from which alerts are fetched that it links to"""
    addresses: tuple[str, ...] = ()
    """by which a private message is for this city; none: no private message is taken"""
    certificate: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    """PEM: what is not signed by it is refused; empty: signatures are not looked at"""
    authority: Annotated[str, msgspec.Meta(max_length=100_000)] = ""
    """PEM, one or more: what is not signed by a certificate of ``signer`` for which one of them
    vouches is refused; in place of ``certificate``"""
    signer: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """common name of the certificate that the sender signs with"""
    hours: Annotated[float, msgspec.Meta(gt=0, le=744)] = UNSAID
    """that a message holds which does not say when it ends"""


DEFAULT = Settings()


def check(settings: Mapping[str, Any], allowed: Allowed | None = None) -> Settings:
    """Raises ``ValueError`` that says what is wrong with them; with ``allowed`` also where the feed
    may not be fetched, as far as its address alone says it."""
    told = msgspec.convert(settings, Settings, strict=False)
    where = urlsplit(told.feed)
    if told.feed and (where.scheme not in {"http", "https"} or not where.hostname):
        raise ValueError(f"feed {told.feed[:100]!r} is no http or https address")
    if told.certificate:
        signature.certificate(told.certificate)
    if told.authority:
        signature.authorities(told.authority)
    if told.authority and told.certificate:
        raise ValueError("certificate and authority are both given: leave one")
    if bool(told.authority) != bool(told.signer.strip()):
        raise ValueError(
            "authority and signer go together: whom else the authority vouches for may not warn"
        )
    if told.feed and allowed is not None:
        address.check(told.feed, allowed)
    return told


def settings_of(source: SourceChanged) -> tuple[Settings, str]:
    """The settings, and what is wrong with them (then the defaults hold)."""
    try:
        return check(source.settings), ""
    except ValueError as error:
        return DEFAULT, f"settings of source {source.source}: {error}; the defaults hold"
