"""Places and names as the API says them."""

from __future__ import annotations

import msgspec

from tianmu.access.masking import mask_address
from tianmu.city.city import City
from tianmu.city.place import naming
from tianmu.facts.place import Place
from tianmu.facts.text import Text


class PlaceSaid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    longitude: float | None = None
    latitude: float | None = None
    precision: float | None = None
    """metres"""
    division: str = ""
    address: str = ""


def said(place: Place) -> PlaceSaid:
    """A place whose address is no one's: a device's, a case's as the city wrote it."""
    return PlaceSaid(
        longitude=place.longitude,
        latitude=place.latitude,
        precision=place.precision,
        division=place.division,
        address=place.address,
    )


def masked(place: Place, city: City) -> PlaceSaid:
    """A place a person told: house and door are masked."""
    whole = said(place)
    return msgspec.structs.replace(whole, address=mask_address(place.address, upper_names(city)))


def division_name(city: City, code: str) -> Text | None:
    """What a division is called; None for an unknown or empty code."""
    found = city.divisions.get(code)
    return found.name if found else None


def department_name(city: City, code: str) -> Text | None:
    """What a department is called; None for an unknown or empty code."""
    found = city.departments.get(code)
    return found.name if found else None


def upper_names(city: City) -> list[str]:
    """Names of all tiers but the lowest: what of an address may stay."""
    lowest = max((tier.number for tier in city.tiers), default=0)
    return naming.upper_names(city.divisions.values(), lowest)
