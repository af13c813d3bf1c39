"""The city: its names and codes, its map layers, its organisation."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import zlib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from tianmu.access import tls
from tianmu.city import layer
from tianmu.city.city import City
from tianmu.facts.text import Text
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.problem import Problem
from tianmu.web.hub import Hub
from tianmu.web.route.route import PUBLIC, Asking, Routes, encode

routes = Routes("city")


class TierSaid(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    name: Text
    centre: Text = {}


class DivisionSaid(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    kind: str
    tier: int
    parent: str
    lon: float | None
    lat: float | None
    precision: float | None
    """metres"""


class DepartmentSaid(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    kind: str
    division: str = ""


class PropertySaid(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    unit: str
    states: dict[str, Text] = {}


class KindSaid(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    category: str
    icon: str
    properties: list[PropertySaid]


class MatterSaid(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    code: str
    name: Text
    kind: str
    class_name: Text
    synonyms: list[str]
    """other words that people use for it: it is found by them"""


class LevelSaid(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    number: int
    text: Text
    colour: str
    tier: int


class ProfileSaid(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    levels: list[LevelSaid]
    reading: Text = {}


class CategorySaid(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text


class DeskSaid(msgspec.Struct, frozen=True, kw_only=True):
    """How the city's desks work."""

    room_level: int
    """cases of this level number or a graver one have a command room by themselves"""
    bulk_most: int
    """cases that one deed may be done to at once"""
    soon_share: float
    """after this share of a limit it is due soon, where its level names none"""


class CitySaid(msgspec.Struct, frozen=True, kw_only=True):
    """What a screen needs to know of the city."""

    code: str
    name: Text
    center: tuple[float, float]
    bbox: tuple[float, float, float, float]
    time_zone: str
    languages: list[str]
    tiers: list[TierSaid]
    divisions: list[DivisionSaid]
    departments: list[DepartmentSaid]
    categories: list[CategorySaid] = []
    kinds: list[KindSaid]
    matters: list[MatterSaid]
    profile: ProfileSaid
    layers: list[str] = []
    desk: DeskSaid
    notes: list[Text]
    """what is approximate or a default, said on every screen"""


@dataclass(frozen=True)
class Kept:
    """A body that changes with the pack only: made once, compressed once."""

    body: bytes
    packed: bytes
    etag: str

    @classmethod
    def of(cls, body: bytes) -> Kept:
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        return cls(
            body,
            packer.compress(body) + packer.flush(),
            hashlib.sha256(body).hexdigest()[:24],
        )

    def answer(self, request: Request, media: str) -> Response:
        """304 where the asker has it already."""
        headers = {
            "ETag": f'"{self.etag}"',
            "Cache-Control": "private, no-cache",
            "Vary": "Accept-Encoding, Cookie",
        }
        if f'"{self.etag}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(self.packed, media_type=media, headers=headers)
        return Response(self.body, media_type=media, headers=headers)


_kept: dict[tuple[str, str], Kept] = {}
_lock = threading.Lock()


def _keep(city: City, name: str, make: Any) -> Kept:
    key = (city.digest, name)
    with _lock:
        if key not in _kept:
            if len(_kept) > 50:
                _kept.clear()
            _kept[key] = Kept.of(make())
        return _kept[key]


def brief(hub: Hub) -> CitySaid:
    """The city as screens see it."""
    desk = msgspec.to_builtins(hub.city.desk)
    return msgspec.convert({**layer.brief(hub.city), "desk": desk}, CitySaid)


@routes("GET", "/api/city", may="city.read", gives=CitySaid)
def get_city(ask: Asking) -> Response:
    """Names and codes of the city: divisions, departments, device kinds, matters, levels."""
    hub = ask.hub
    kept = _keep(hub.city, "city", lambda: encode(brief(hub)))
    return kept.answer(ask.request, "application/json")


class WorkedSaid(msgspec.Struct, frozen=True, kw_only=True):
    """When people work, day by day."""

    first: str
    """``YYYY-MM-DD`` by the city's calendar"""
    days: list[list[tuple[int, int]]]
    """of each day from the first on: spans from and to which minute after midnight; empty: free"""


@routes("GET", "/api/city/working-days", may="city.read", gives=WorkedSaid)
def get_working_days(
    ask: Asking,
    first: Annotated[str, Query(pattern=r"^\d{4}-\d{2}-\d{2}$")],
    days: Annotated[int, Query(ge=1, le=1000)] = 30,
) -> WorkedSaid:
    """The working hours of so many days by the city's calendar: holidays, days that are worked for
    them and half days included. What limits in working time run over."""
    try:
        wanted = [date.fromisoformat(first) + timedelta(days=n) for n in range(days)]
    except (ValueError, OverflowError) as error:
        raise Problem(422, "invalid", f"{first} is no day", "give first as YYYY-MM-DD") from error
    calendar = ask.hub.city.calendar
    return WorkedSaid(first=first, days=[list(calendar.hours(day)) for day in wanted])


@routes("GET", "/api/city/map/{layer}.geojson", may="city.read", media="application/geo+json")
def get_map_layer(ask: Asking, layer: str) -> Response:
    """A map layer: outline, towns, lakes, streets, grids or units."""
    city = ask.hub.city

    def make() -> bytes:
        return json.dumps(
            json.loads(city.map_layer(layer)), ensure_ascii=False, separators=(",", ":")
        ).encode()

    try:
        kept = _keep(city, f"layer/{layer}", make)
    except KeyError as error:
        raise Problem(
            404,
            "not-found",
            f"the pack has no map layer {layer!r}",
            f"use one of {', '.join(city.layers())}",
        ) from error
    return kept.answer(ask.request, "application/geo+json")


class BasemapSaid(msgspec.Struct, frozen=True, kw_only=True):
    """The city's own tile service, for who has a session: its key stands in the layers."""

    name: Text = {}
    attribution: Text = {}
    layers: list[str] = []
    """URL templates, the lowest first; none where the city has no service"""
    max_zoom: int = 18
    tile_size: int = 256
    problem: str = ""
    """why it cannot be used"""


@routes("GET", "/api/city/basemap", may="city.read", gives=BasemapSaid)
def get_basemap(ask: Asking) -> BasemapSaid:
    """The tile service that the pack names for under the map, with its key."""
    own = ask.hub.city.basemap
    if own is None:
        return BasemapSaid()
    key, problem = "", ""
    if own.key_env:
        key = os.environ.get(own.key_env, "").strip()
        problem = "" if key else f"the environment variable {own.key_env} is not set"
    elif own.key_file:
        try:
            key = Path(own.key_file).read_text().strip()
        except OSError as error:
            problem = f"the key's file cannot be read: {error.strerror}"
    return BasemapSaid(
        name=own.name,
        attribution=own.attribution,
        layers=[] if problem else [one.replace("{key}", quote(key)) for one in own.layers],
        max_zoom=own.max_zoom,
        tile_size=own.tile_size,
        problem=problem,
    )


class OrganisationSaid(msgspec.Struct, frozen=True, kw_only=True):
    tiers: list[TierSaid]
    divisions: list[DivisionSaid]
    departments: list[OrganisationDepartment]


class OrganisationDepartment(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    kind: str
    division: str
    parent: str
    phone: str
    basis: str
    """empty where verified; else what it rests on"""


@routes("GET", "/api/organisation", may="organisation.read", gives=OrganisationSaid)
def get_organisation(ask: Asking) -> OrganisationSaid:
    """Divisions, departments and centres, with what each rests on."""
    said = brief(ask.hub)
    return OrganisationSaid(
        tiers=said.tiers,
        divisions=said.divisions,
        departments=[
            OrganisationDepartment(
                code=one.code,
                name=one.name,
                kind=str(one.kind),
                division=one.division,
                parent=one.parent,
                phone=one.phone,
                basis=one.basis,
            )
            for one in ask.hub.city.departments.values()
        ],
    )


class CityCard(msgspec.Struct, frozen=True, kw_only=True):
    name: Text
    languages: list[str]
    version: str
    authority: bool
    """whether /api/tls/ca.pem gives the city's own certificate authority"""
    authority_name: str = ""
    """what devices list it as"""
    authority_until: Instant | None = None
    fingerprint: str = ""
    """SHA-256 of the authority, ``AB:CD:…``, to be compared with what ``tianmu up`` printed"""


@routes("GET", "/api/about", may=PUBLIC, gives=CityCard)
def get_about(ask: Asking) -> CityCard:
    """What the sign-in page shows: the city's name and languages."""
    hub = ask.hub
    card = CityCard(
        name=hub.city.name,
        languages=list(hub.city.languages),
        version=hub.version,
        authority=hub.authority is not None,
    )
    if hub.authority is None:
        return card
    about = tls.about(hub.authority)
    return msgspec.structs.replace(
        card,
        authority_name=about.name,
        authority_until=moment.say(about.until),
        fingerprint=about.fingerprint,
    )


@routes("GET", "/api/tls/ca.pem", may=PUBLIC, media="application/x-x509-ca-cert")
def get_authority(ask: Asking) -> Response:
    """The certificate of the city's own authority, to be installed once by whoever visits."""
    if ask.hub.authority is None:
        raise Problem(
            404,
            "not-found",
            "this city has no authority of its own",
            "start it with --tls local to have one",
        )
    return Response(
        ask.hub.authority.read_bytes(),
        media_type="application/x-x509-ca-cert",
        headers={"Content-Disposition": 'attachment; filename="tianmu-ca.crt"'},
    )
